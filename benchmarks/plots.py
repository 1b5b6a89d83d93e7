"""The results as two charts: cost by number of sources, and cost by peer.

Text in a chart is real text, its colours are those of the page's theme, and nothing in it depends
on the date or on the machine that drew it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from benchmarks.peers import FLOOR, OURS, PEERS
from benchmarks.report import Results, marked, number
from benchmarks.workloads import WORKLOADS

WIDTH = 342  # the width of a phone: text is as large there as elsewhere
TEXT, MUTED = "var(--color-foreground-primary)", "var(--color-foreground-muted)"
BRAND, BORDER = "var(--color-brand-primary)", "var(--color-background-border)"
MOST = 1000  # higher costs are off the scale
ROW = 13  # the distance between the baselines of two lines of text
MARKS = {  # the outline of the mark for each workload
    "backlog": "M -3.5 0 a 3.5 3.5 0 1 0 7 0 a 3.5 3.5 0 1 0 -7 0",
    "wake": "M -3.2 -3.2 H 3.2 V 3.2 H -3.2 Z",
    "bounded": "M 0 -4 L 4 3.4 H -4 Z",
}


def draw(results: Results) -> dict[str, str]:
    """The charts by name, without those that were not measured."""
    drawn = {}
    if results.of(workload="wake") and len(results.sizes) > 1:
        drawn["sources"] = over_sources(results, "wake")
    if 64 in results.sizes and any(results.of(workload=name) for name in MARKS):
        drawn["peers"] = over_peers(results, 64)
    return drawn


# -- cost by number of sources ---------------------------------------------------------------------


def over_sources(results: Results, workload: str) -> str:
    """A line for each peer; both axes are logarithmic."""
    left, right, top, bottom = 36.0, 204.0, 26.0, 300.0
    sizes = results.sizes
    x = Scale(sizes[0], sizes[-1], left, right)
    y = Scale(1, MOST, bottom, top)
    lines = {
        name: [(size, ratio) for size, ratio in line if ratio <= MOST]
        for name, line in measured(results, workload, sizes).items()
    }
    lines = {name: line for name, line in lines.items() if line}
    parts = [text(0, 12, f"{WORKLOADS[workload].title.lower()}: times the floor", TEXT)]
    for power in (1, 10, 100, 1000):
        parts += [rule(left, y(power), right, y(power), BORDER)]
        parts += [text(left - 4, y(power) + 4, f"{power:,}", TEXT, "end")]
    parts += [text(x(size), bottom + 15, short_number(size), TEXT, "middle") for size in sizes]
    parts += [text((left + right) / 2, bottom + 31, "N sources", TEXT, "middle")]
    ends = {name: y(line[-1][1]) for name, line in lines.items()}
    places = apart(ends, top, bottom)
    for name, line in sorted(lines.items(), key=lambda found: is_ours(found[0])):
        colour, width = (BRAND, 2) if is_ours(name) else (MUTED, 1)
        points = " ".join(f"{x(size):.1f},{y(ratio):.1f}" for size, ratio in line)
        style = f"fill: none; stroke: {colour}; stroke-width: {width}"
        parts += [f'<polyline points="{points}" style="{style}"/>']
        end, place = x(line[-1][0]), places[name]
        parts += [rule(end, ends[name], right + 8, place, BORDER, 0.7)]
        parts += [
            text(right + 10, place + 4, short(name, results), BRAND if is_ours(name) else TEXT)
        ]
    described = (
        f"{short(name, results)}: "
        + ", ".join(f"{number(ratio)} at {size:,}" for size, ratio in line)
        for name, line in lines.items()
    )
    title = f"{WORKLOADS[workload].title}: what an event costs, over the number of sources"
    words = f"In multiples of the floor. {'; '.join(described)}. Beyond 1,000 nothing is drawn."
    return svg("sources", title, words, 336, parts)


def measured(
    results: Results, workload: str, sizes: Sequence[int]
) -> dict[str, list[tuple[int, float]]]:
    """The ratios of each peer, without `async for`, which is the same as `select()`."""
    found = {}
    for name in PEERS:
        if name not in (WORKLOADS[workload].floor.name, OURS[1].name):
            ratios = [
                (size, results.ratio(workload=workload, size=size, peer=name)) for size in sizes
            ]
            found[name] = [(size, ratio) for size, ratio in ratios if ratio is not None]
    return found


def apart(wanted: dict[str, float], top: float, bottom: float) -> dict[str, float]:
    """Positions for labels that don't overlap, as close as possible to the ideal ones."""
    names = sorted(wanted, key=lambda name: wanted[name])
    places: dict[str, float] = {}
    least = top
    for name in names:
        least = places[name] = max(wanted[name], least)
        least += ROW
    most = bottom
    for name in reversed(names):
        most = places[name] = min(places[name], most)
        most -= ROW
    return places


# -- cost by peer ----------------------------------------------------------------------------------


def over_peers(results: Results, size: int) -> str:
    """A row for each peer, a mark for each workload, and its quartiles as a line."""
    left, right, top = 122.0, WIDTH - 12.0, 44.0
    x = Scale(1, MOST, left, right)
    names = [name for name in PEERS if any(cells_of(results, name, size))]
    bottom = top + ROW * 1.5 * len(names)
    parts = [text(0, 12, f"times the floor, {size} sources", TEXT)]
    place = 0.0
    for name, mark in MARKS.items():
        parts += [
            shape(mark, place + 4, 26, TEXT),
            text(place + 12, 30, WORKLOADS[name].title, TEXT),
        ]
        place += 28 + 6.5 * len(WORKLOADS[name].title)
    for power in (1, 10, 100, 1000):
        parts += [rule(x(power), top, x(power), bottom, BORDER)]
        anchor = "end" if power == MOST else "middle"
        parts += [text(x(power), bottom + 14, f"{power:,}", TEXT, anchor)]
    described = []
    for row, name in enumerate(names):
        y = top + ROW * 1.5 * (row + 0.5)
        colour = BRAND if is_ours(name) else TEXT
        parts += [text(0, y + 4, short(name, results), colour)]
        words = []
        for workload, low, ratio, high in cells_of(results, name, size):
            parts += [rule(x(low), y, x(high), y, colour, 1.5)]
            parts += [shape(MARKS[workload], x(ratio), y, colour)]
            words += [f"{WORKLOADS[workload].title.lower()} {number(ratio)}"]
        described += [f"{short(name, results)}: {', '.join(words)}"]
    title = f"What an event costs with {size} sources, by peer"
    return svg(
        "peers", title, f"In multiples of the floor. {'; '.join(described)}.", bottom + 20, parts
    )


def cells_of(results: Results, peer: str, size: int) -> Iterator[tuple[str, float, float, float]]:
    """Workload, lower quartile, median and upper quartile, if they are on the scale."""
    for workload in MARKS:
        for cell in results.of(workload=workload, size=size, peer=peer):
            if cell.ratios and peer != FLOOR.name and cell.ratio <= MOST:
                low, high = cell.spread
                yield workload, low, cell.ratio, high


# -- SVG -------------------------------------------------------------------------------------------


class Scale:
    """A logarithmic scale from values to positions."""

    def __init__(self, least: float, most: float, start: float, end: float) -> None:
        self._least, self._start = least, start
        self._by = (end - start) / math.log(most / least)

    def __call__(self, value: float) -> float:
        """The position of a value."""
        return self._start + self._by * math.log(max(value, self._least) / self._least)


def rule(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 0.8) -> str:
    """A straight line."""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'style="stroke: {colour}; stroke-width: {width}"/>'
    )


def text(x: float, y: float, words: str, colour: str, anchor: str = "start") -> str:
    """A line of text."""
    style = f"fill: {colour}; text-anchor: {anchor}"
    return f'<text x="{x:.1f}" y="{y:.1f}" style="{style}">{escape(words)}</text>'


def shape(outline: str, x: float, y: float, colour: str) -> str:
    """A mark for a workload."""
    style = f"fill: var(--color-background-primary); stroke: {colour}; stroke-width: 1.4"
    return f'<path d="{outline}" transform="translate({x:.1f} {y:.1f})" style="{style}"/>'


def svg(name: str, title: str, words: str, height: float, parts: Iterable[str]) -> str:
    """The SVG element, with a name and a description, as wide as the page allows."""
    style = (
        "display: block; width: 100%; max-width: 36rem; height: auto; font-size: 11px; "
        "stroke-linejoin: round"
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'style="{style}" role="img" '
        f'aria-labelledby="benchmark-{name}-title benchmark-{name}-desc">'
    )
    named = f'<title id="benchmark-{name}-title">{escape(title)}</title>'
    described = f'<desc id="benchmark-{name}-desc">{escape(words)}</desc>'
    return "\n".join([head, named, described, *parts, "</svg>"]) + "\n"


def is_ours(name: str) -> bool:
    """Whether a peer is a call of `MultiAwait`."""
    return name in {peer.name for peer in OURS}


def short(name: str, results: Results) -> str:
    """A shortened name."""
    before, _, after = name.replace("`", "").partition(", ")
    if before == "multi_await":
        before = after
    elif before == "a task each":
        before = after.replace("one", "tasks,")
    return marked(before, name in results.losers)


def short_number(size: int) -> str:
    """A number of sources, with 1024 as 1k."""
    return f"{size // 1024}k" if size >= 1024 else str(size)
