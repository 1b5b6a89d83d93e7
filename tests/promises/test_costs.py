"""What an event costs, in units without noise: steps of our code, passes through the loop, memory.

`make bench` measures speed itself. A change that increases one of these numbers makes every program
slower and needs a reason; a change that decreases one updates it here.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from multi_await import MultiAwait, SourceLike, multi_await
from tests.machinery.tools import steps, ticks

PACKAGE = str(Path(inspect.getfile(MultiAwait)).parent)
EVENTS = 50
SIZES = [2, 1024]

# How many of our bytecode instructions one event takes, and how often a function of ours starts or
# resumes: on the Python that needs the most, which is the newest.
MOST = {
    ("backlog", "select"): (103, 4),
    ("backlog", "__anext__"): (104, 4),
    ("backlog", "get"): (242, 9),
    ("wake", "select"): (427, 16),
    ("wake", "get"): (639, 23),
    ("functions", "select"): (186, 8),
}

pytestmark = [
    pytest.mark.skipif(sys.flags.dev_mode, reason="debug mode notes more of each event"),
    pytest.mark.in_order,
]


no_coverage = pytest.mark.skipif(
    "coverage" in sys.modules, reason="what coverage notes down is memory too"
)


class Counts:
    """Instructions and calls in the package's own code."""

    instructions = 0
    calls = 0

    def instruction(self, code: CodeType, offset: int) -> None:
        self.instructions += code.co_filename.startswith(PACKAGE)

    def call(self, code: CodeType, offset: int) -> None:
        self.calls += code.co_filename.startswith(PACKAGE)


@contextmanager
def counted() -> Iterator[Counts]:
    monitoring: Any = getattr(sys, "monitoring")  # noqa: B009 -- of 3.12, and mypy checks for 3.11
    counts, tool, events = Counts(), 4, monitoring.events
    monitoring.use_tool_id(tool, "costs")
    try:
        monitoring.register_callback(tool, events.INSTRUCTION, counts.instruction)
        for event in (events.PY_START, events.PY_RESUME):
            monitoring.register_callback(tool, event, counts.call)
        monitoring.set_events(tool, events.INSTRUCTION | events.PY_START | events.PY_RESUME)
        yield counts
    finally:
        monitoring.set_events(tool, 0)
        monitoring.free_tool_id(tool)


async def backlog(call: str, size: int) -> Counts:
    """The first queue always has something."""
    queues = [asyncio.Queue[int]() for _ in range(size)]
    async with multi_await(*[queue.get for queue in queues]) as m:
        m.select_nowait()
        for number in range(EVENTS + 1):
            queues[0].put_nowait(number)
        await getattr(m, call)()
        with counted() as counts:
            for _ in range(EVENTS):
                await getattr(m, call)()
    return counts


async def wake(call: str, size: int) -> Counts:
    """The consumer sleeps each time, until one queue gets one item."""
    queues = [asyncio.Queue[int]() for _ in range(size)]
    loop = asyncio.get_running_loop()
    async with multi_await(*[queue.get for queue in queues]) as m:
        m.select_nowait()
        with counted() as counts:
            for number in range(EVENTS):
                loop.call_soon(queues[0].put_nowait, number)
                await getattr(m, call)()
    return counts


async def functions(call: str, size: int) -> Counts:
    """Functions whose coroutines never wait, in a task each time."""

    async def function() -> int:
        return 1

    if asyncio.get_running_loop().get_task_factory() is not None:
        pytest.skip("what a task costs is the factory's")
    never = asyncio.Event()
    sources: list[SourceLike[Any]] = [function, *[never.wait] * (size - 1)]
    async with multi_await(*sources) as m:
        m.pause(0)
        m.select_nowait()
        m.resume(0)
        with counted() as counts:
            for _ in range(EVENTS):
                await getattr(m, call)()
    return counts


WORKLOADS: dict[str, Callable[[str, int], Awaitable[Counts]]] = {
    "backlog": backlog,
    "wake": wake,
    "functions": functions,
}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring came with 3.12")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("workload", "call"), MOST)
async def test_an_event_takes_no_more_steps_than_recorded(
    workload: str, call: str, size: int
) -> None:
    counts = await WORKLOADS[workload](call, size)
    instructions, calls = MOST[workload, call]
    assert instructions * 0.9 < counts.instructions / EVENTS <= instructions
    assert calls - 1 < counts.calls / EVENTS <= calls


@pytest.mark.parametrize("size", SIZES)
async def test_a_woken_call_resumes_two_event_loop_passes_later(
    size: int,
) -> None:
    """A bare `await queue.get()` resumes one pass later."""
    queues = [asyncio.Queue[int]() for _ in range(size)]
    async with multi_await(*[queue.get for queue in queues]) as m, ticks() as ticked:

        async def woken_after(wait: Callable[[], Awaitable[object]]) -> int:
            await wait()
            return ticked()

        for wait, passes in [(queues[0].get, 1), (m.select, 2), (m.get, 2)]:
            blocked = asyncio.ensure_future(woken_after(wait))
            await steps(20)  # the first polls of many sources take some
            put = ticked()
            queues[0].put_nowait(1)
            assert await blocked - put == passes


@no_coverage
@pytest.mark.parametrize("size", SIZES)
async def test_a_ready_event_temporarily_takes_less_than_600_bytes(size: int) -> None:
    queues = [asyncio.Queue[int]() for _ in range(size)]
    async with multi_await(*[queue.get for queue in queues]) as m:
        for number in range(3):
            queues[0].put_nowait(number)
        await m.select()
        await m.select()
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            await m.select()
            assert tracemalloc.get_traced_memory()[1] - before < 600
        finally:
            tracemalloc.stop()


@no_coverage
async def test_an_idle_queue_takes_less_than_1_kib_and_less_than_a_task() -> None:
    """Both figures include the waiting coroutine and its future."""
    queues = [asyncio.Queue[int]() for _ in range(1000)]
    functions = [queue.get for queue in queues]
    gc.collect()
    tracemalloc.start()
    try:
        async with multi_await(*functions) as m:
            m.select_nowait()
            sources, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        tasks = [asyncio.create_task(function()) for function in functions]
        await steps(1)
        of_tasks = tracemalloc.get_traced_memory()[0] - before
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    finally:
        tracemalloc.stop()
    assert sources < 820 * 1000
    assert sources < of_tasks
