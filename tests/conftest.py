"""The virtual clock: async tests run on a loop whose time passes only when nobody has work.

Hours pass in a millisecond, the order of events is the same in every run, and a deadlock is a
failed test instead of one that hangs.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import selectors
from typing import Any

import pytest

Reported = list[dict[str, Any]]


class Deadlock(AssertionError):  # noqa: N818 -- it says what is the matter
    """The loop can't get on."""


class VirtualSelector(selectors.DefaultSelector):
    """Never blocks: where another would sleep, it moves its clock on."""

    now = 0.0
    busy = 0  # passes since the clock last moved

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        self.busy = 0 if timeout else self.busy + 1
        if self.busy > 100_000:
            raise Deadlock("somebody spins: the clock can't move")
        if not events:
            if timeout is None:
                raise Deadlock("every task waits, and no timer is set")
            self.now += timeout
        return events


class VirtualClockLoop(asyncio.SelectorEventLoop):
    """An event loop that lives by the clock of its selector."""

    def __init__(self) -> None:
        self.virtual = VirtualSelector()
        super().__init__(self.virtual)

    def time(self) -> float:
        return self.virtual.now


@pytest.fixture
def reported() -> Reported:
    """What was reported to the loop's exception handler; a test that asks for it expects some."""
    return []


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an async test on the virtual clock; leave the others alone."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    arguments: dict[str, Any] = {name: pyfuncitem.funcargs[name] for name in wanted}
    reported: Reported = arguments.get("reported", [])
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        runner.get_loop().set_exception_handler(lambda _, context: reported.append(context))
        runner.run(pyfuncitem.obj(**arguments))
        assert asyncio.all_tasks(runner.get_loop()) == set(), "tasks are left"
    gc.collect()
    assert "reported" in arguments or not reported, reported
    return True
