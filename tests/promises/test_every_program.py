"""Every small program does only what the model says may happen (machinery/every_program.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from multi_await._core import calls
from tests.conftest import new_loop
from tests.machinery.every_program import (
    BUDGET,
    SETTINGS,
    Program,
    Setting,
    every_program,
    length_for,
)
from tests.machinery.tools import LENGTH

PARTS = 10  # which run in parallel


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_every_small_program_behaves_as_the_model_says(
    setting: Setting,
    part: int,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    monkeypatch.setattr(calls, "BUDGET", BUDGET)
    length = length_for(setting, LENGTH)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        count = runner.run(every_program(Program(setting), length, part, PARTS))
    record_property("programs", count)
