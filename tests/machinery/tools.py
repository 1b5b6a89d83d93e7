"""Tools for many tests: a source opened by hand, passes through the loop, cancellation."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

# How many schedules the tests of schedules try; `make test-deep` tries 600.
SCHEDULES = int(os.environ.get("SCHEDULES", 60))
# The length of the programs of which every one is run, in operations.
LENGTH = int(os.environ.get("LENGTH", 4 if SCHEDULES >= 600 else 2))


def dropped_without_end(test: Any) -> Any:
    """For a test of a MultiAwait that nothing can end, because its event loop is gone.

    A coroutine that is suspended in a queue can't clean up then either, and complains when it is
    collected, which must happen in this test and not in another.
    """
    test = pytest.mark.filterwarnings("ignore:<MultiAwait .* was dropped before its end")(test)
    test = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")(test)
    return pytest.mark.usefixtures("collected")(test)


class Gate:
    """`gate.get` is a function source: a call ends when the gate is opened, or made to fail."""

    def __init__(self) -> None:
        self.calls = 0
        self._opened = asyncio.Event()
        self._value: Any = None
        self._failure: BaseException | None = None

    async def get(self) -> Any:
        self.calls += 1
        await self._opened.wait()
        if self._failure is not None:
            raise self._failure
        return self._value

    def open(self, value: Any) -> None:
        self._value = value
        self._opened.set()

    def fail(self, failure: BaseException) -> None:
        self._failure = failure
        self._opened.set()


async def slow_to_end(ended: list[float]) -> None:
    """Waits for a long time, and takes five seconds to clean up when it is cancelled."""
    try:
        await asyncio.sleep(1000)
    finally:
        await asyncio.sleep(5)
        ended.append(asyncio.get_running_loop().time())


async def fails_at_the_end() -> None:
    """Waits for a long time, and fails when it is cancelled."""
    try:
        await asyncio.sleep(1000)
    finally:
        raise ValueError("at the end")


def waiting_calls(m: Any) -> list[Callable[[], Awaitable[object]]]:
    """All calls of a MultiAwait that may wait."""
    return [m.get, m.select, m.get_or_raise]


def nowait_calls(m: Any) -> list[Callable[[], object]]:
    """All calls of a MultiAwait that never wait."""
    return [m.get_nowait, m.select_nowait]


async def steps(count: int) -> None:
    """Let the event loop make so many passes."""
    for _ in range(count):
        await asyncio.sleep(0)


def in_another_thread(function: Callable[[], object]) -> None:
    """Call it in another thread, and raise here what it raises there."""
    with ThreadPoolExecutor() as pool:
        pool.submit(function).result()


def pass_time(seconds: float) -> None:
    """Advance the virtual clock without a turn of the event loop, as a long computation does."""
    loop: Any = asyncio.get_running_loop()
    getattr(loop, "virtual", loop).now += seconds


async def cancelled_after(seconds: float, awaitable: Awaitable[object]) -> None:
    """Run it in a task, cancel it after so many seconds, and expect the cancellation."""
    task = asyncio.ensure_future(awaitable)
    await asyncio.sleep(seconds)
    assert task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@contextlib.asynccontextmanager
async def ticks() -> AsyncIterator[Callable[[], int]]:
    """Count how often another task had its turn."""
    count = 0

    async def tick() -> None:
        nonlocal count
        while True:
            count += 1
            await asyncio.sleep(0)

    ticking = asyncio.ensure_future(tick())
    try:
        yield lambda: count
    finally:
        ticking.cancel()
        await asyncio.wait([ticking])
