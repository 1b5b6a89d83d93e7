"""Threads, janus and anyio as sources."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import queue
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import anyio
import janus
import pytest

from multi_await import MultiAwait, NothingToAwait, each, inline, multi_await
from tests.conftest import new_loop
from tests.machinery.ends import on_the_real_clock, python
from tests.machinery.tools import steps

T = TypeVar("T")


@on_the_real_clock
async def test_a_thread_outlives_the_block_and_what_it_then_takes_is_lost() -> None:
    items: queue.SimpleQueue[str] = queue.SimpleQueue()
    loop, begun, taken = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

    def get() -> str:
        loop.call_soon_threadsafe(begun.set)  # one that has not started can still be cancelled
        item = items.get()
        loop.call_soon_threadsafe(taken.set)
        return item

    async with multi_await(functools.partial(asyncio.to_thread, get)) as m:
        assert m.select_nowait() is None
        await begun.wait()
    items.put("for nobody")
    await taken.wait()
    assert items.empty()
    assert m.undelivered == ()


@on_the_real_clock
async def test_a_thread_that_blocks_keeps_the_process_from_exiting() -> None:
    program = """
import asyncio
from multi_await import multi_await

async def main():
    loop, begun = asyncio.get_running_loop(), asyncio.Event()

    def blocking_get():
        loop.call_soon_threadsafe(begun.set)
        print("read", input())

    async with multi_await(lambda: asyncio.to_thread(blocking_get)) as m:
        m.select_nowait()
        await begun.wait()
    print("the block has ended", flush=True)

asyncio.run(main())
"""
    async with python(program, isolated=False) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert await process.stdout.readline() == b"the block has ended\n"
        process.stdin.write(b"what came later\n")  # no more is written after asyncio.run()
        assert await process.stdout.readline() == b"read what came later\n"
        assert await process.wait() == 0


@on_the_real_clock
async def test_a_function_in_a_thread_ends_its_source_with_stop_async_iteration() -> None:
    lines = iter(["one\n", "two\n"])

    def next_line() -> str:
        for line in lines:
            return line
        raise StopAsyncIteration

    async with multi_await(functools.partial(asyncio.to_thread, next_line)) as m:
        assert [line async for _, line in m] == ["one\n", "two\n"]


@on_the_real_clock
async def test_a_shut_down_janus_queue_is_an_end_on_3_13_and_a_failure_before() -> None:
    async with (
        contextlib.aclosing(janus.Queue[str]()) as items,
        multi_await(items.async_q.get) as m,
    ):
        items.sync_q.put("the last item")
        items.shutdown()
        assert await m.select() == (0, "the last item")
        expected = NothingToAwait if sys.version_info >= (3, 13) else janus.AsyncQueueShutDown
        for _ in range(3):
            with pytest.raises(expected):
                await m.select()


@on_the_real_clock
async def test_a_custom_function_ends_a_janus_queue_on_every_python() -> None:
    async def get() -> str:
        try:
            return await items.async_q.get()
        except janus.AsyncQueueShutDown:
            raise StopAsyncIteration from None

    async with contextlib.aclosing(janus.Queue[str]()) as items, multi_await(get) as m:
        items.sync_q.put("the last item")
        items.shutdown()
        assert [item async for _, item in m] == ["the last item"]


@on_the_real_clock
async def test_a_janus_queue_polled_inline_leaves_items_to_others_from_3_13() -> None:
    async with (
        contextlib.aclosing(janus.Queue[str]()) as items,
        multi_await(inline(items.async_q.get)) as m,
    ):
        assert m.select_nowait() is None
        other = asyncio.create_task(items.async_q.get())
        await steps(3)
        items.sync_q.put("for whoever takes it")
        await steps(20)
        if sys.version_info >= (3, 13):  # before, a notification is lost with its receiver
            assert other.done()
        assert items.async_q.qsize() + other.done() == 1
        other.cancel()
        await asyncio.wait([other])


@on_the_real_clock
async def test_anyios_receive_fails_on_every_call_once_the_stream_has_ended() -> None:
    theirs, ours = anyio.create_memory_object_stream[str](1)
    async with ours, multi_await(ours.receive) as m:
        async with theirs:
            await theirs.send("the last item")
        assert await m.select() == (0, "the last item")
        for _ in range(3):
            with pytest.raises(anyio.EndOfStream):
                await m.select()


@on_the_real_clock
async def test_each_of_an_anyio_stream_ends_with_the_stream() -> None:
    theirs, ours = anyio.create_memory_object_stream[str](1)
    async with ours, multi_await(each(ours)) as m:
        async with theirs:
            await theirs.send("the last item")
        assert [item async for _, item in m] == ["the last item"]


@on_the_real_clock
async def test_anyios_receive_loses_an_item_handed_to_it_as_it_is_cancelled() -> None:
    theirs, ours = anyio.create_memory_object_stream[str](1)
    async with theirs, ours:
        receiving = asyncio.create_task(ours.receive())
        await steps(3)
        theirs.send_nowait("an item")
        receiving.cancel()
        await asyncio.wait([receiving])
        assert receiving.cancelled()
        assert ours.statistics().current_buffer_used == 0


@on_the_real_clock
async def test_an_anyio_stream_read_to_its_end_inside_the_block_loses_nothing() -> None:
    theirs, ours = anyio.create_memory_object_stream[str](1)
    async with ours, multi_await(each(ours)) as m:
        assert m.select_nowait() is None
        await steps(3)
        async with theirs:
            theirs.send_nowait("handed over")
        assert [item async for _, item in m] == ["handed over"]


@on_the_real_clock
async def test_a_send_to_an_unbuffered_anyio_stream_does_not_wait_for_delivery() -> None:
    theirs, ours = anyio.create_memory_object_stream[str](0)
    async with theirs, ours:
        async with multi_await(ours.receive) as m:
            assert m.select_nowait() is None
            await theirs.send("an item")
            await steps(3)
        assert m.undelivered == ((0, "an item"),)


async def end_by_a_block(source: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async with multi_await(source) as m:
        await m.select()


async def end_by_a_task_group(source: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(source())


@pytest.mark.parametrize("end", [end_by_a_block, end_by_a_task_group])
@on_the_real_clock
async def test_a_cancelled_anyio_scope_cancels_on_every_pass_while_a_source_cleans_up(
    end: Callable[[Callable[[], Coroutine[Any, Any, None]]], Coroutine[Any, Any, None]],
) -> None:
    caller = asyncio.current_task()
    assert caller is not None
    times = 0

    async def slow_to_end() -> None:
        nonlocal times
        try:
            await asyncio.sleep(1000)
        finally:
            before = caller.cancelling()
            await steps(100)
            times = caller.cancelling() - before

    with anyio.CancelScope() as scope:
        asyncio.get_running_loop().call_later(0.001, scope.cancel)
        await end(slow_to_end)
    assert scope.cancelled_caught
    assert times >= 90, times


def test_two_threads_each_with_a_loop_get_their_own_items_concurrently() -> None:
    both = threading.Barrier(2, timeout=60)

    async def serve(name: str) -> list[str]:
        queue_of_mine, again = asyncio.Queue[str](3), asyncio.Queue[str]()
        items, got = [f"{name} {number}" for number in range(300)], list[str]()
        async with (
            asyncio.TaskGroup() as tasks,
            multi_await(queue_of_mine.get, each_of(again)) as m,
        ):
            for item in items:
                tasks.create_task(queue_of_mine.put(item))
            both.wait()  # from here on they run side by side
            while len(got) < 2 * len(items):
                position, item = await m.select()
                got.append(item)
                if position == 0:
                    again.put_nowait(item)
        assert m.undelivered == ()
        assert sorted(got) == sorted(2 * items)
        return got

    def each_of(items: asyncio.Queue[str]) -> Callable[[], Coroutine[Any, Any, str]]:
        async def get() -> str:  # a function source
            return await items.get()

        return get

    with ThreadPoolExecutor(2) as threads:
        futures = [threads.submit(run_in_a_loop, functools.partial(serve, name)) for name in "ab"]
        for name, future in zip("ab", futures, strict=True):
            assert {item[0] for item in future.result(timeout=60)} == {name}


def test_a_set_used_from_another_threads_loop_refuses_and_keeps_working() -> None:
    async def waits(m: MultiAwait[str]) -> str:
        with pytest.raises(RuntimeError, match="event loop"):
            await m.select()
        return "refused"

    async def main() -> None:
        items: asyncio.Queue[str] = asyncio.Queue()
        async with multi_await(items.get) as m:
            assert m.select_nowait() is None
            elsewhere = asyncio.to_thread(run_in_a_loop, functools.partial(waits, m))
            assert await elsewhere == "refused"
            items.put_nowait("still here")
            assert await m.select() == (0, "still here")

    run_in_a_loop(main)


def run_in_a_loop(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    async def in_time() -> T:
        async with asyncio.timeout(60):  # for debug mode on a busy machine
            return await main()

    with asyncio.Runner(loop_factory=functools.partial(new_loop, real_clock=True)) as runner:
        return runner.run(in_time())
