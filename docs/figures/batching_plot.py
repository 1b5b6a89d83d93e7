"""Draws what batching saves, batching_plot.svg, from what the example measured of itself.

    python docs/figures/batching_plot.py              draws; needs matplotlib
    python docs/figures/batching_plot.py --measure    measures first, for three minutes

It measures into batching_plot.json, and keeps the report of a run at full speed beside it.

The text of the drawing is text, its colours are those of the page's theme, and it is as wide as the
page lets it be. Nothing in it depends on the day or on where it was drawn.
"""

import argparse
import importlib
import io
import json
import os
import platform
import re
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DEMO = HERE.parent / "examples/last_active_demo.py"
MEASURED = HERE / "batching_plot.json"
REPORT = HERE / "last_active_demo.txt"
DRAWN = HERE / "batching_plot.svg"

SECONDS = 5
RUNS = 3
LOADS = (100, 250, 500, 1000, 1500, 2000)  # page views per second

# In matplotlib's drawing each colour stands for one of the theme's.
THEME = {
    "#010101": "var(--color-foreground-primary)",
    "#020202": "var(--color-foreground-muted)",
    "#030303": "var(--color-brand-primary)",
    "#040404": "var(--color-background-border)",
}
TEXT, MUTED, BRAND, BORDER = THEME


def measure() -> dict[str, Any]:
    """Run the demo with and without batching, at each load."""
    runs = []
    for _ in range(RUNS):
        for load in LOADS:
            for batching in (True, False):
                report = demo(load, batching)
                runs.append({"views_per_second": load, "batching": batching, **report})
    return {
        "measured_by": "python docs/figures/batching_plot.py --measure",
        "machine": f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"{platform.system()}, {os.cpu_count()} cores",
        "seconds": SECONDS,
        "runs": runs,
    }


def demo(load: int, batching: bool) -> dict[str, float]:
    """Run the demo at this load; return its report."""
    options = [f"--seconds={SECONDS}", f"--views-per-second={load}"]
    if not batching:
        options.append("--without-batching")
    with tempfile.TemporaryDirectory() as directory:
        saved = Path(directory, "report.json")
        run_demo(*options, f"--save={saved}")
        report = json.loads(saved.read_text(encoding="utf-8"))
        return {name: round(number, 3) for name, number in report.items()}


def run_demo(*options: str) -> str:
    """Run the demo; return what it printed."""
    command = [sys.executable, str(DEMO), *options]
    return subprocess.check_output(command, text=True)  # noqa: S603


def written(measured: dict[str, Any]) -> str:
    """As JSON, with a line for each run."""
    text = json.dumps({**measured, "runs": ["RUNS"]}, indent=2)
    return text.replace('"RUNS"', ",\n    ".join(map(json.dumps, measured["runs"]))) + "\n"


def transactions(measured: dict[str, Any], batching: bool) -> dict[int, float]:
    """Transactions per second, by load: the most of all runs, which is the least disturbed one."""
    return {
        load: max(
            run["batches"] / measured["seconds"]
            for run in measured["runs"]
            if (run["views_per_second"], run["batching"]) == (load, batching)
        )
        for load in sorted({run["views_per_second"] for run in measured["runs"]})
    }


def description(measured: dict[str, Any]) -> str:
    """What the drawing shows, in words."""
    without, batches = transactions(measured, False), transactions(measured, True)
    rows = (
        f"{load:,} views: {without[load]:,.0f} without batching, {batches[load]:,.0f} with it"
        for load in without
    )
    return f"Transactions per second, by page views per second. {'; '.join(rows)}."


def draw(measured: dict[str, Any]) -> str:
    """The drawing, to be put into a page."""
    # Imported here and so, all else, type checkers included, works without it.
    matplotlib = importlib.import_module("matplotlib")
    matplotlib_figure = importlib.import_module("matplotlib.figure")

    matplotlib.rcParams.update(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "batching",
            "font.size": 12,
            "text.color": TEXT,
            "axes.edgecolor": MUTED,
            "axes.labelcolor": TEXT,
            "xtick.color": MUTED,
            "ytick.color": MUTED,
            "xtick.labelcolor": TEXT,
            "ytick.labelcolor": TEXT,
        }
    )
    # 342 points wide, which is what a phone has: the text is as large there as it is here.
    figure = matplotlib_figure.Figure(figsize=(4.75, 3.4))
    axes = figure.add_axes((0.135, 0.165, 0.845, 0.72))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=BORDER, linewidth=0.8)
    axes.set_axisbelow(True)
    for batching, colour in ((False, TEXT), (True, BRAND)):
        line = transactions(measured, batching)
        axes.plot(line.keys(), line.values(), color=colour)
        for run in measured["runs"]:
            if run["batching"] == batching:
                y = run["batches"] / measured["seconds"]
                axes.plot(run["views_per_second"], y, color=colour, marker=".", markersize=6)
    without, batches = transactions(measured, False), transactions(measured, True)
    middle, most = sorted(batches)[len(batches) // 2 - 1], max(batches)
    name(axes, "without batching", (middle, without[middle]), (10, -8), TEXT)
    name(axes, f"with batching: {batches[most]:.0f}", (most, 0), (-150, 7), BRAND)
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, most * 1.05)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_title("transactions per second", loc="left", fontsize=12, x=-0.13)
    axes.set_xlabel("page views per second")

    drawn = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(drawn, format="svg", transparent=True, metadata=nothing)
    return for_a_page(drawn.getvalue(), "What batching saves", description(measured))


def name(
    axes: Any, text: str, point: tuple[float, float], offset: tuple[int, int], colour: str
) -> None:
    """Put a line's name beside a point of it."""
    axes.annotate(text, point, offset, textcoords="offset points", color=colour)


def for_a_page(svg: str, title: str, text: str) -> str:
    """Only the element itself: named and described, in the page's colours, font and width."""
    box = re.findall(r'viewBox="([^"]+)"', svg)[0]
    inside = svg.partition("</defs>")[2]
    for stand_in, colour in THEME.items():
        inside = inside.replace(stand_in, colour)
    inside = re.sub(r"font-family: [^;\"]+;? ?", "", inside)
    inside = re.sub(r"\s+\n", "\n", inside)
    used = set(re.findall(r"#(\w+)", inside))
    inside = re.sub(r' id="(\w+)"', lambda found: found[0] if found[1] in used else "", inside)
    style = "display: block; width: 100%; max-width: 36rem; height: auto; stroke-linejoin: round"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{box}" style="{style}" role="img" '
        f'aria-labelledby="batching-plot-title batching-plot-desc">\n'
        f'<title id="batching-plot-title">{title}</title>\n'
        f'<desc id="batching-plot-desc">{text}</desc>{inside}'
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--measure", action="store_true", help="run the example first")
    if parser.parse_args().measure:
        REPORT.write_text(run_demo(), encoding="utf-8")
        MEASURED.write_text(written(measure()), encoding="utf-8")
    DRAWN.write_text(draw(json.loads(MEASURED.read_text(encoding="utf-8"))), encoding="utf-8")
