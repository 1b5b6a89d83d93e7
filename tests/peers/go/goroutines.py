"""What Go's tests use everywhere, for asyncio: range over a channel, `go`, and what blocks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from multi_await import Source, inline
from tests.machinery.tools import steps

T = TypeVar("T")


def until_none(queue: asyncio.Queue[T | None]) -> Source[T]:
    """Go's `range`: ends at a None in the queue."""

    async def receive() -> T:
        item = await queue.get()
        if item is None:
            raise StopAsyncIteration
        return item

    return inline(receive)


@contextlib.asynccontextmanager
async def go() -> AsyncIterator[Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]]:
    """`go(f())`; when the program ends, so do its goroutines, wherever they are."""
    tasks = list[asyncio.Task[None]]()

    def start(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        tasks.append(asyncio.create_task(coroutine))
        return tasks[-1]

    try:
        yield start
    finally:
        await steps(1)  # so that all have started
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert [task for task in tasks if not task.cancelled() and task.exception()] == []


async def blocks(call: Awaitable[object]) -> bool:
    """Whether it waits; in virtual time, whatever does not wait takes no time."""
    begin = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(1):
            await call
    except TimeoutError:
        return True
    assert asyncio.get_running_loop().time() == begin
    return False
