"""Inline polling: what is polled inline, that it takes nothing ahead, and bad coroutines."""

from __future__ import annotations

import asyncio
import functools
import gc
import itertools
import socket
import types
import warnings
from collections.abc import Callable, Coroutine, Generator
from typing import Any

import pytest

from multi_await import PENDING, inline, multi_await
from tests.conftest import Reported
from tests.machinery.tools import cancelled_after, in_another_thread, slow_to_end, steps


class OwnGet(asyncio.Queue[int]):
    async def get(self) -> int:
        await asyncio.sleep(0)
        return await super().get()


class OwnPut(asyncio.Queue[int]):
    def _put(self, item: int) -> None:
        super()._put(item * 10)


async def test_asyncios_own_primitives_are_polled_without_a_task() -> None:
    reader = asyncio.StreamReader()
    lock, semaphore = asyncio.Lock(), asyncio.BoundedSemaphore(1)
    await lock.acquire()
    await semaphore.acquire()
    full = asyncio.Queue[int](1)
    full.put_nowait(0)
    functions: list[Callable[[], Coroutine[Any, Any, Any]]] = [
        asyncio.Queue[int]().get,
        asyncio.PriorityQueue[int]().get,
        OwnPut().get,
        functools.partial(full.put, 1),
        asyncio.Event().wait,
        lock.acquire,
        semaphore.acquire,
        reader.readline,
        functools.partial(asyncio.StreamReader().readuntil, b"."),
        functools.partial(functools.partial(asyncio.StreamReader().readexactly, 4)),
    ]
    async with multi_await(*functions) as m:
        assert m.select_nowait() is None
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_function_that_loses_something_when_cancelled_gets_a_task() -> None:
    condition = asyncio.Condition()
    await condition.acquire()
    functions: list[Callable[[], Coroutine[Any, Any, Any]]] = [
        OwnGet().get,
        condition.wait,
        functools.partial(asyncio.StreamReader().read, 10),
        functools.partial(asyncio.sleep, 1),
    ]
    async with multi_await(*functions) as m:
        assert m.select_nowait() is None
        assert len(asyncio.all_tasks()) == 1 + len(functions)
        await steps(2)


async def test_a_custom_coroutine_is_polled_inline_when_declared_so() -> None:
    queue = asyncio.Queue[int]()

    async def doubled() -> int:
        return 2 * await queue.get()

    source = inline(doubled)
    assert repr(source).endswith("doubled")
    async with multi_await(source, asyncio.Event().wait) as m:
        assert m.select_nowait() is None
        assert asyncio.all_tasks() == {asyncio.current_task()}
        asyncio.get_running_loop().call_later(1, queue.put_nowait, 4)
        assert await m.select() == (0, 8)
        queue.put_nowait(5)
    assert queue.get_nowait() == 5


async def test_an_inline_coroutine_that_yields_to_the_loop_resumes_on_its_next_pass() -> None:
    passes = list[int]()

    async def patient() -> str:
        for number in range(3):
            passes.append(number)
            await asyncio.sleep(0)
        return "done"

    async with multi_await(inline(patient)) as m:
        assert m.select_nowait() is None
        assert passes == [0]
        assert await m.select() == (0, "done")
    assert passes == [0, 1, 2]


async def test_a_future_that_fails_or_is_cancelled_is_the_inline_sources_failure() -> None:
    loop = asyncio.get_running_loop()
    futures = [loop.create_future() for _ in range(3)]
    waiting = iter(futures)

    async def wait() -> object:
        return await next(waiting)

    async with multi_await(inline(wait)) as m:
        loop.call_soon(futures[0].set_exception, ValueError("failed"))
        _, (failure,) = await m.get()
        assert repr(failure) == "ValueError('failed')"
        loop.call_soon(futures[1].cancel)
        _, (failure,) = await m.get()
        assert isinstance(failure, asyncio.CancelledError)


def test_inline_with_something_not_callable_raises_type_error() -> None:
    not_a_function: Any = 3
    with pytest.raises(
        TypeError, match=r"^inline\(\) needs a function that returns a coroutine, not 3"
    ):
        inline(not_a_function)


async def test_an_inline_function_that_returns_no_coroutine_fails_that_source() -> None:
    future: Any = asyncio.get_running_loop().create_future()
    async with multi_await(inline(lambda: future)) as m:
        with pytest.raises(TypeError, match=r"returned <Future pending.*, not a coroutine: pass"):
            await m.select()


@types.coroutine
def yields(what: object) -> Generator[object, None, None]:
    yield what


async def test_an_inline_coroutine_that_awaits_something_not_a_future_fails_that_source() -> None:
    closed = list[str]()

    async def bad() -> None:
        try:
            await yields("no future")
        finally:
            closed.append("bad")

    async with multi_await(inline(bad), inline(bad)) as m:
        with pytest.raises(RuntimeError, match="awaited 'no future', which is not a future") as e:
            await m.select()
        assert "source 0" in e.value.__notes__[0]
        assert closed == ["bad"]


async def test_a_future_yielded_rather_than_awaited_is_refused_even_if_others_await_it() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def waits() -> None:
        await future

    async def bad() -> None:
        await yields(future)

    async with multi_await(inline(waits), inline(bad)) as m:
        with pytest.raises(RuntimeError, match="which is not a future"):
            await m.select()


async def test_an_inline_coroutine_that_awaits_another_event_loop_fails_every_time() -> None:
    """As a bare `await` does not: it would wake that loop, in its thread, and never this one."""
    readers = list[asyncio.StreamReader]()

    async def make_a_reader() -> None:
        readers.append(asyncio.StreamReader())

    in_another_thread(lambda: asyncio.run(make_a_reader()))
    async with multi_await(readers[0].readline) as m:
        for _ in range(2):
            with pytest.raises(RuntimeError, match=r"readline awaited a future of another event"):
                await m.select()


async def test_a_future_cancelled_between_two_calls_is_seen_by_its_coroutine_at_the_end() -> None:
    seen = list[BaseException]()

    async def wait() -> None:
        try:
            await given
        except BaseException as raised:
            seen.append(raised)
            raise

    given = asyncio.get_running_loop().create_future()
    async with multi_await(inline(wait)) as m:
        assert m.select_nowait() is None
        given.cancel()
    assert [type(raised) for raised in seen] == [asyncio.CancelledError]


@pytest.mark.parametrize("fails", [False, True])
async def test_the_outcome_of_a_cancelled_inline_coroutine_can_be_dropped_without_a_warning(
    fails: bool,
) -> None:
    async def swallows() -> str:
        try:
            await given
        except asyncio.CancelledError:
            if fails:
                raise ValueError("at its cancellation") from None
        return "left"

    given = asyncio.get_running_loop().create_future()
    source = inline(swallows)
    assert source.poll(lambda *_: None) is PENDING
    given.set_result("never taken")
    source.release()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        del source
        gc.collect()
    assert warned == []


async def test_a_stream_gives_each_line_once_despite_cancellations() -> None:
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    lines = list[bytes]()
    try:
        async with multi_await(reader.readline, functools.partial(asyncio.sleep, 1)) as m:
            for number in range(20):
                theirs.send(b"line %d\npart" % number)
                for _ in range(3):
                    with_timeout = asyncio.ensure_future(m.select())
                    await steps(1 + number % 4)
                    with_timeout.cancel()
                    await asyncio.wait([with_timeout])
                    if not with_timeout.cancelled() and with_timeout.result()[0] == 0:
                        lines.append(with_timeout.result()[1] or b"")
                theirs.send(b" of %d\n" % number)
                while len(lines) < 2 * number + 2:
                    match await m.select():
                        case (0, line):
                            lines.append(line)
        assert lines == [
            line
            for number in range(20)
            for line in (b"line %d\n" % number, b"part of %d\n" % number)
        ]
    finally:
        writer.close()
        theirs.close()
        await writer.wait_closed()


# How an inline coroutine must react to a cancellation, and what happens if it does not.


async def released(function: Callable[[], Coroutine[Any, Any, Any]], event: asyncio.Event) -> Any:
    """A MultiAwait whose only inline source was woken between two calls, and so was abandoned."""
    m = multi_await(inline(function))
    assert m.select_nowait() is None
    event.set()
    await steps(2)
    return m


def counting(event: asyncio.Event) -> Callable[[], Coroutine[Any, Any, int]]:
    """A coroutine function that returns how often it was called."""
    calls = itertools.count(1)

    async def counted() -> int:
        call = next(calls)
        await event.wait()
        return call

    return counted


async def test_an_abandoned_inline_coroutine_is_called_again() -> None:
    event = asyncio.Event()
    m = await released(counting(event), event)
    assert await m.select() == (0, 2)
    await m.cancel()


async def test_a_spurious_wake_does_not_advance_an_inline_coroutine() -> None:
    event = asyncio.Event()
    m = await released(counting(event), event)
    event.clear()
    assert m.select_nowait() is None
    event.set()
    assert m.select_nowait() == (0, 2)  # before its wake, which comes late
    event.clear()
    assert m.select_nowait() is None
    await steps(2)
    event.set()
    assert await m.select() == (0, 3)
    await m.cancel()


async def test_a_value_from_an_inline_coroutine_that_swallows_its_cancellation_is_not_lost() -> (
    None
):
    event = asyncio.Event()

    async def swallows() -> str:
        try:
            await event.wait()
        except asyncio.CancelledError:
            return "all the same"
        return "not cancelled"

    m = await released(swallows, event)
    assert await m.select() == (0, "all the same")
    await m.cancel()

    event.clear()
    m = await released(swallows, event)
    await m.cancel()
    assert m.undelivered == ((0, "all the same"),)

    event.clear()
    m = multi_await(inline(swallows))
    m.select_nowait()
    await m.cancel()
    assert m.undelivered == ((0, "all the same"),)


async def test_a_failure_of_an_inline_coroutine_at_its_cancellation_is_not_lost(
    reported: Reported,
) -> None:
    event = asyncio.Event()

    async def fails() -> None:
        try:
            await event.wait()
        except asyncio.CancelledError:
            raise ValueError("when cancelled") from None

    m = await released(fails, event)
    with pytest.raises(ValueError, match="when cancelled"):
        await m.select()
    await m.cancel()
    assert reported == []

    event.clear()
    m = await released(fails, event)
    await m.cancel()
    assert [str(each["exception"]) for each in reported] == ["when cancelled"]


async def test_an_inline_coroutine_gets_time_for_its_clean_up() -> None:
    event, done = asyncio.Event(), list[float]()
    loop = asyncio.get_running_loop()

    async def slow() -> str:
        try:
            await event.wait()
        except asyncio.CancelledError:
            await asyncio.sleep(1)
            done.append(loop.time())
            raise
        return "woken"

    m = await released(slow, event)
    assert m.select_nowait() is None  # still cleaning up
    assert await m.select() == (0, "woken")
    assert done == [1]

    event.clear()
    m.select_nowait()
    await m.cancel()
    assert done == [1, 2]


async def test_an_inline_coroutine_is_not_cancelled_again_while_it_cleans_up() -> None:
    event, done = asyncio.Event(), list[str]()

    async def slow() -> None:
        try:
            await event.wait()
        except asyncio.CancelledError:
            await asyncio.sleep(1)
            await asyncio.sleep(1)
            done.append("cleaned up")
            raise

    m = await released(slow, event)
    await asyncio.sleep(5)  # its clean-up wakes it while there is no call
    assert await m.select() == (0, None)
    await m.cancel()
    assert done == ["cleaned up"]


async def test_the_end_leaves_no_callback_on_a_task_that_ends_later() -> None:
    ended = list[float]()
    task = asyncio.ensure_future(slow_to_end(ended))
    await steps(2)
    callbacks = repr(task).count("cb=")

    async def wait() -> None:
        await task

    async with multi_await(inline(wait)) as m:
        assert m.select_nowait() is None
        assert repr(task).count("cb=") == callbacks + 1
    await steps(2)
    assert not task.done()
    assert repr(task).count("cb=") == callbacks
    await asyncio.wait([task])
    assert ended == [5]


async def test_an_inline_coroutine_polled_before_its_wake_keeps_waiting() -> None:
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def wait() -> str:
        return await future

    async with multi_await(inline(wait)) as m:
        for _ in range(5):
            assert m.select_nowait() is None
        assert repr(future).count("source 0") == 1
        future.set_result("done")
        assert m.select_nowait() == (0, "done")


async def test_an_inline_coroutine_that_ends_when_it_is_cancelled_is_exhausted() -> None:
    event = asyncio.Event()

    async def ends() -> None:
        try:
            await event.wait()
        except asyncio.CancelledError:
            raise StopAsyncIteration from None

    m = await released(ends, event)
    assert [each async for each in m] == []
    await m.cancel()

    m = multi_await(inline(ends))
    event.clear()
    m.select_nowait()
    await m.cancel()
    assert m.undelivered == ()


async def test_a_call_cancelled_with_an_item_on_its_way_passes_the_item_on() -> None:
    queue = asyncio.Queue[int]()
    async with multi_await(queue.get) as m:
        blocked = asyncio.ensure_future(m.select())
        await steps(2)
        rival = asyncio.ensure_future(queue.get())
        await steps(1)
        queue.put_nowait(1)
        await steps(1)  # our getter is woken
        blocked.cancel()
        assert await rival == 1
        with pytest.raises(asyncio.CancelledError):
            await blocked


async def test_a_lock_freed_between_calls_is_taken_by_the_next_call() -> None:
    lock = asyncio.Lock()
    await lock.acquire()
    async with multi_await(lock.acquire) as m:
        await cancelled_after(1, m.select())
        lock.release()
        assert await m.select() == (0, True)
        assert lock.locked()
        assert m.select_nowait() is None
    lock.release()
    assert not lock.locked()


async def test_an_abandoned_coroutine_leaves_no_garbage() -> None:
    queue = asyncio.Queue[int]()
    async with multi_await(queue.get) as m:
        gc.collect()
        gc.disable()
        try:
            for _ in range(100):
                assert m.select_nowait() is None
                queue.put_nowait(1)
                await steps(2)
                assert queue.get_nowait() == 1
            assert gc.collect() == 0
        finally:
            gc.enable()
