"""Why some functions must not be polled inline."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import queue
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import anyio
import pytest

from multi_await import inline, multi_await
from tests.machinery.ends import aiohttp_websocket, on_the_real_clock, websocket
from tests.machinery.tools import steps


@on_the_real_clock
async def test_a_thread_polled_inline_loses_values_that_arrive_between_calls() -> None:
    items: queue.SimpleQueue[str] = queue.SimpleQueue()
    futures: list[asyncio.Future[str]] = []

    async def get() -> str:  # like asyncio.to_thread
        futures.append(asyncio.get_running_loop().run_in_executor(None, items.get))
        return await futures[-1]

    async with multi_await(inline(get)) as m:
        assert m.select_nowait() is None
        items.put("lost")
        await asyncio.wait(futures)
        await steps(3)
        items.put("delivered")
        assert await m.select() == (0, "delivered")


@on_the_real_clock
async def test_an_anyio_stream_polled_inline_loses_items_that_arrive_between_calls() -> None:
    theirs, ours = anyio.create_memory_object_stream[str](2)
    async with theirs, ours, multi_await(inline(ours.receive)) as m:
        call = asyncio.create_task(m.select())
        await steps(10)
        call.cancel()
        await asyncio.wait([call])
        theirs.send_nowait("lost")
        await steps(3)
        theirs.send_nowait("delivered")
        assert await m.select() == (0, "delivered")


@contextlib.asynccontextmanager
async def bad_text_on_a_websocket() -> AsyncIterator[Callable[[], Coroutine[Any, Any, Any]]]:
    async with websocket(close_timeout=0.001) as (ours, theirs):
        theirs.transport.pause_reading()  # so that it does not answer our close
        theirs.transport.write(b"\x81\x01\xff")
        yield ours.recv
        theirs.transport.abort()


@contextlib.asynccontextmanager
async def aiohttp_with_a_timeout() -> AsyncIterator[Callable[[], Coroutine[Any, Any, Any]]]:
    async with aiohttp_websocket() as (ours, _):
        yield functools.partial(ours.receive, 0.001)


@pytest.mark.parametrize(
    "kind",
    [bad_text_on_a_websocket, aiohttp_with_a_timeout],
)
@on_the_real_clock
async def test_a_function_that_uses_a_timeout_cancels_the_caller_if_polled_inline(
    kind: Callable[
        [], contextlib.AbstractAsyncContextManager[Callable[[], Coroutine[Any, Any, Any]]]
    ],
) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the rest of the damage
    async with kind() as function, multi_await(inline(function)) as m:
        with pytest.raises(asyncio.CancelledError):
            await m.select()
