"""The Go programs of the docs, and the Python programs that do the same."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs/examples"
PROGRAMS = sorted(path.name for path in EXAMPLES.glob("*.go"))
SAME = ("go_select", "from_go_priority", "from_go_relay", "from_go_send_default", "from_go_timer")
GO = shutil.which("go")


def printed(name: str) -> str:
    return (EXAMPLES / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("program", SAME)
def test_go_and_python_print_the_same(program: str) -> None:
    assert printed(f"{program}.out") == printed(f"{program}.go.out")


def test_a_handwritten_loop_prints_the_same_as_go() -> None:
    assert printed("by_hand.out") == printed("go_select.go.out")


def test_ending_tells_a_worker_about_the_end_as_gos_ok_does() -> None:
    hangs, ends = printed("from_go_ok.out").split("\n\n")
    assert ends == printed("from_go_ok.go.out")
    assert "still waits" in hangs


def test_a_queue_keeps_a_senders_order_as_unbuffered_channels_do() -> None:
    two_queues, one_queue = printed("from_go_order.out").split("\n\n")
    assert one_queue == printed("from_go_order.go.out")
    assert two_queues != one_queue


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Go's build cache: its own packages are compiled once, not once per program."""
    return tmp_path_factory.mktemp("go")


@pytest.mark.skipif(GO is None, reason="Go is not installed")
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_go_program_prints_the_recorded_output(program: str, cache: Path) -> None:
    assert GO is not None
    run = subprocess.run(  # noqa: S603 -- our own program
        [GO, "run", str(EXAMPLES / program)],
        env={**os.environ, "GOTOOLCHAIN": "local", "GOCACHE": str(cache)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (run.stderr, run.stdout) == ("", printed(f"{program}.out"))
