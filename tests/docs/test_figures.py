"""The timelines in the docs are drawn from runs of the programs beside them."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "docs/figures"
EXAMPLES = ROOT / "docs/examples"
PROGRAMS = ["wait_again", "by_hand_loses", "select_keeps"]


@pytest.fixture(scope="module")
def timelines() -> ModuleType:
    """The script that draws them."""
    spec = importlib.util.spec_from_file_location("timelines", FIGURES / "timelines.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look for it there
    spec.loader.exec_module(module)
    return module


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_running_each_program_draws_the_timeline_in_the_docs(
    timelines: ModuleType,
) -> None:
    drawn = timelines.draw()
    assert list(drawn) == [f"{program}.svg" for program in PROGRAMS]
    assert drawn == {name: text(FIGURES / name) for name in drawn}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_timeline_shows_the_run_recorded_beside_its_program(
    timelines: ModuleType, program: str
) -> None:
    run = timelines.record(program)
    fates = [item.fate for item in run.items.values()]
    printed = text(EXAMPLES / f"{program}.out")
    assert "\n".join(run.lines) + "\n" == printed
    counts = re.search(r"put (\d+), received (\d+), still in a queue (\d+)", printed)
    assert counts is not None
    put, received, left = map(int, counts.groups())
    assert len(fates) == put
    assert fates.count("received") == received
    assert fates.count("still there") == left
    assert text(FIGURES / f"{program}.svg").count(">lost</text>") == put - received - left


def test_the_tutorials_table_counts_what_the_programs_print() -> None:
    page = text(ROOT / "docs/tutorials/go_select.md")
    rows = re.findall(r"^\| \[.+\]\(#.+\) \| (\d) \| (\d) \| (\d) \|$", page, re.MULTILINE)
    for program, row in zip(PROGRAMS, rows, strict=True):
        received, kept, lost = map(int, row)
        printed = text(EXAMPLES / f"{program}.out")
        assert f"put 4, received {received}, still in a queue {kept}\n" in printed
        assert received + kept + lost == 4


def test_timelines_on_one_page_have_distinct_ids_a_title_and_a_description() -> None:
    ids = list[str]()
    for program in PROGRAMS:
        svg = ET.fromstring(text(FIGURES / f"{program}.svg"))  # noqa: S314 -- our own
        own = [element.attrib["id"] for element in svg.iter() if "id" in element.attrib]
        assert svg.attrib["role"] == "img"
        assert svg.attrib["aria-labelledby"].split() == own
        assert [element.tag.rpartition("}")[2] for element in svg][:2] == ["title", "desc"]
        assert all(element.text for element in list(svg)[:2])
        ids += own
    assert len(set(ids)) == len(ids)
