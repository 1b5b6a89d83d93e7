"""The batching plot shows the figures recorded beside it, in the colours of the page."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree as ET

import last_active_demo as demo
import pytest

DOCS = Path(__file__).parents[2] / "docs"
SVG = (DOCS / "figures/batching_plot.svg").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def plot() -> ModuleType:
    """The script that measures and draws."""
    spec = importlib.util.spec_from_file_location("plot", DOCS / "figures/batching_plot.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def measured(plot: ModuleType) -> Any:
    return json.loads(plot.MEASURED.read_text(encoding="utf-8"))


def test_the_plot_is_drawn_from_the_measurements(plot: ModuleType, measured: Any) -> None:
    svg = ET.fromstring(SVG)  # noqa: S314 -- our own
    assert [element.tag.rpartition("}")[2] for element in svg][:2] == ["title", "desc"]
    assert svg[1].text == plot.description(measured)
    assert svg.attrib["aria-labelledby"].split() == [svg[0].attrib["id"], svg[1].attrib["id"]]


def test_the_plot_has_no_colour_font_or_style_of_its_own() -> None:
    assert not re.findall(r"#[0-9a-f]{6}\b|font-family|<style|rgb\(|\bblack\b", SVG)


def test_the_page_states_the_measured_figures(plot: ModuleType, measured: Any) -> None:
    page = (DOCS / "tutorials/batching.md").read_text(encoding="utf-8")
    page = " ".join(page.split())
    assert measured["machine"] in page
    without = [run for run in measured["runs"] if not run["batching"]]
    most = max(without, key=lambda run: run["batches"])["batches"] / measured["seconds"]
    assert f"at most {most:,.0f} transactions a second" in page
    load = max(run["views_per_second"] for run in without)
    best = max(
        (run for run in without if run["views_per_second"] == load),
        key=lambda run: run["batches"],
    )
    assert f"At {load:,} views a second" in page
    assert f"was {best['oldest_unwritten_view']:.1f} seconds old" in page
    batching = [run["oldest_unwritten_view"] for run in measured["runs"] if run["batching"]]
    assert f"no view was older than {max(batching):.2f} seconds" in page


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to stop a server with")
@pytest.mark.parametrize("options", [[], ["--without-batching"]])
def test_the_demo_reports_batches_or_a_transaction_per_view(
    tmp_path: Path, options: list[str]
) -> None:
    save = tmp_path / "report.json"
    command = [sys.executable, demo.__file__, "--seconds=1", "--views-per-second=200"]
    subprocess.run([*command, *options, f"--save={save}"], check=True, timeout=60)  # noqa: S603
    report = json.loads(save.read_text(encoding="utf-8"))
    assert report["page_views"] >= 200
    if options:
        assert report["batches"] > 10
    else:
        assert report["batches"] <= 10
