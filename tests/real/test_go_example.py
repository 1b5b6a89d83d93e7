"""The Go program of the first tutorial, and the Python programs that do the same."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs/examples"
GO = shutil.which("go")


def printed(name: str) -> str:
    return (EXAMPLES / name).read_text(encoding="utf-8")


def test_go_and_python_print_the_same() -> None:
    assert printed("go_select.out") == printed("go_select.go.out")
    assert printed("by_hand.out") == printed("go_select.go.out")


@pytest.mark.skipif(GO is None, reason="Go is not installed")
def test_the_go_program_prints_what_is_recorded(tmp_path: Path) -> None:
    assert GO is not None
    run = subprocess.run(  # noqa: S603 -- our own program
        [GO, "run", str(EXAMPLES / "go_select.go")],
        env={**os.environ, "GOTOOLCHAIN": "local", "GOCACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (run.stderr, run.stdout) == ("", printed("go_select.go.out"))
