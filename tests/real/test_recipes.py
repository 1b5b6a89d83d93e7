"""Claims of the recipe pages that their programs' output does not show."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import pytest
import recipe_processes
import recipe_subprocess

from tests.machinery.ends import on_the_real_clock
from tests.real.test_examples import EXAMPLES

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")


@on_the_real_clock
async def test_a_process_that_fails_ends_its_source(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recipe_processes, "compute", math.sqrt)  # it takes no pipe
    await recipe_processes.main()
    printed, complaints = capfd.readouterr()
    assert printed == "exit code 1\n"
    assert "TypeError" in complaints


@on_the_real_clock
async def test_a_subprocess_that_exits_early_ends_the_loop_early(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recipe_subprocess, "PROGRAM", "print('all'); print('done', end='')")
    await recipe_subprocess.main()
    assert capsys.readouterr().out == "out: all\nout: done\n"


@on_the_real_clock
async def test_a_subprocess_is_shown_to_the_end_of_both_its_outputs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = "import os, sys, time; os.close(1); time.sleep(0.2); print('late', file=sys.stderr)"
    monkeypatch.setattr(recipe_subprocess, "PROGRAM", program)
    await recipe_subprocess.main()
    assert capsys.readouterr().out == "err: late\n"


@needs_signals
def test_a_server_asked_to_stop_ends_at_its_time_limit_at_the_latest() -> None:
    program = "import asyncio, recipe_shutdown; asyncio.run(recipe_shutdown.main(seconds=0))"
    ran = subprocess.run(  # noqa: S603 -- our own
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONDEVMODE": "", "PYTHONASYNCIODEBUG": ""},  # these print more
        cwd=EXAMPLES,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.stdout == "stopping on SIGTERM\n"
    assert ran.stderr.endswith("\nTimeoutError\n")
