"""once(), each() and put()."""

from __future__ import annotations

import asyncio
import functools
import gc
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from multi_await import after, each, every, multi_await, once, put, signals
from tests.conftest import Reported
from tests.machinery.tools import Gate, cancelled_after, slow_to_end, steps

# once


async def test_once_gives_one_value_and_then_ends() -> None:
    async with multi_await(once(asyncio.sleep(1, "slept"))) as m:
        assert repr(m) == "<MultiAwait 0 once(sleep) ready>"
        assert [event async for event in m] == [(0, "slept")]


async def test_once_delivers_a_failure_and_then_ends() -> None:
    gate = Gate()
    gate.fail(ValueError("failed"))
    async with multi_await(once(gate.get())) as m:
        with pytest.raises(ValueError, match="failed"):
            await m.select()
        assert [event async for event in m] == []


async def test_a_task_passed_to_once_still_belongs_to_the_caller() -> None:
    task = asyncio.ensure_future(asyncio.sleep(2, "slept"))
    async with multi_await(once(task)) as m:
        assert repr(m) == "<MultiAwait 0 once(Task) ready>"
        await cancelled_after(1, m.select())
    assert not task.done()
    assert "source 0" not in repr(task)
    assert await task == "slept"
    async with multi_await(once(task)) as m:
        assert await m.select() == (0, "slept")


async def test_the_undelivered_result_of_a_callers_future_stays_in_it() -> None:
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with multi_await(once(future)) as m:
        m.select_nowait()
        future.set_result("there")
    assert m.undelivered == ()
    assert future.result() == "there"


async def test_a_coroutine_run_by_once_is_cancelled_at_the_end_and_awaited() -> None:
    ended = list[float]()
    async with multi_await(once(slow_to_end(ended))) as m:
        m.select_nowait()
        await steps(2)
    assert ended == [5]


async def test_a_coroutine_that_once_has_not_run_is_closed_without_a_warning() -> None:
    async with multi_await(once(asyncio.sleep(1))):
        pass
    async with multi_await(once(asyncio.get_running_loop().create_future())):
        pass


def test_once_with_something_not_awaitable_raises_type_error() -> None:
    wrong: Any = asyncio.sleep
    with pytest.raises(
        TypeError, match=r"^once\(\) needs a coroutine, a Task or another awaitable"
    ):
        once(wrong)


# each


class Numbers:
    """An async iterable whose iterator is an async generator, like a websockets connection."""

    def __init__(self) -> None:
        self.log = list[str]()

    async def __aiter__(self) -> AsyncIterator[int]:
        try:
            for number in range(3):
                await asyncio.sleep(1)
                yield number
        except asyncio.CancelledError:
            self.log.append("cancelled")
            raise
        finally:
            await asyncio.sleep(1)
            self.log.append("closed")


class Iterator:
    """The caller's own iterator."""

    closed = False

    def __aiter__(self) -> Iterator:
        return self

    async def __anext__(self) -> int:
        return await asyncio.sleep(1, 1)

    async def aclose(self) -> None:
        self.closed = True


async def test_each_gives_the_items_and_ends_with_them() -> None:
    numbers = Numbers()
    async with multi_await(each(numbers), each(numbers)) as m:
        assert repr(m) == "<MultiAwait 0 each(Numbers) ready, 1 each(Numbers) ready>"
        events = [event async for event in m]
    assert [value for position, value in events if position == 0] == [0, 1, 2]
    assert [value for position, value in events if position == 1] == [0, 1, 2]
    assert numbers.log == ["closed", "closed"]


async def test_cancellation_reaches_an_iterator_only_at_the_end() -> None:
    numbers = Numbers()
    async with multi_await(each(numbers)) as m:
        for _ in range(3):
            await cancelled_after(0.2, m.select())
        assert await m.select() == (0, 0)
        await cancelled_after(0.5, m.select())
        assert numbers.log == []
    assert numbers.log == ["cancelled", "closed"]


async def test_a_generator_between_two_items_is_closed_at_the_end() -> None:
    numbers = Numbers()
    async with multi_await(each(aiter(numbers))) as m:
        assert await m.select() == (0, 0)
    assert numbers.log == ["closed"]


async def test_an_item_that_was_ready_but_not_delivered_is_in_undelivered() -> None:
    numbers = Numbers()
    async with multi_await(each(numbers)) as m:
        m.select_nowait()
        await asyncio.sleep(1.5)
    assert m.undelivered == ((0, 0),)
    assert numbers.log == ["closed"]


async def test_a_generator_that_was_never_polled_is_closed_too() -> None:
    async with multi_await(each(Numbers())):
        pass


async def test_an_iterator_passed_by_the_caller_stays_open() -> None:
    iterator = Iterator()
    async with multi_await(each(iterator)) as m:
        assert await m.select() == (0, 1)
    assert not iterator.closed


async def test_a_failed_generator_is_exhausted_after_its_failure() -> None:
    async def fails() -> AsyncIterator[int]:
        yield 1
        raise ValueError("failed")

    async with multi_await(each(fails())) as m:
        assert await m.select() == (0, 1)
        with pytest.raises(ValueError, match="failed"):
            await m.select()
        assert [event async for event in m] == []


async def test_each_over_a_stream_needs_no_task_and_reads_nothing_ahead() -> None:
    reader = asyncio.StreamReader()
    async with multi_await(each(reader)) as m:
        await cancelled_after(1, m.select())
        assert asyncio.all_tasks() == {asyncio.current_task()}
        reader.feed_data(b"one\ntwo\nthree")
        await steps(2)
        assert await m.select() == (0, b"one\n")
    assert await reader.readline() == b"two\n"
    async with multi_await(each(reader)) as m:
        reader.feed_eof()
        assert [event async for event in m] == [(0, b"three")]


@pytest.mark.parametrize("wrong", [[1, 2], 3, Numbers.__aiter__, Numbers])
def test_each_with_something_not_async_iterable_raises_type_error(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"^each\(\) needs an asynchronous iterable, not "):
        each(wrong)


def test_each_with_a_queue_says_to_pass_its_get() -> None:
    queue: Any = asyncio.Queue[int]()
    with pytest.raises(
        TypeError, match=r", not <Queue .*>: pass its method get, without each\(\)$"
    ):
        each(queue)


# put


class Items:
    """Iterates over a queue, and returns the queue's own method for each step."""

    def __init__(self, queue: asyncio.Queue[int]) -> None:
        self._queue = queue

    def __aiter__(self) -> Items:
        return self

    @property
    def __anext__(self) -> Callable[[], Coroutine[Any, Any, int]]:
        return self._queue.get


async def test_each_releases_a_wake_that_came_between_two_calls() -> None:
    queue = asyncio.Queue[int]()
    async with multi_await(each(Items(queue))) as m:
        await cancelled_after(1, m.select())
        rival = asyncio.ensure_future(queue.get())
        await steps(1)
        queue.put_nowait(1)
        assert await rival == 1


async def test_put_asks_for_the_item_at_the_moment_it_goes_in() -> None:
    queue, calls = asyncio.Queue[int](1), list[float]()

    def supply() -> int:
        calls.append(asyncio.get_running_loop().time())
        return len(calls)

    async with multi_await(put(queue, supply), asyncio.Event().wait) as m:
        assert await m.select() == (0, 1)
        await cancelled_after(1, m.select())
        assert calls == [0], "there is no room"
        asyncio.get_running_loop().call_later(2, queue.get_nowait)
        assert await m.select() == (0, 2)
        assert calls == [0, 3]
        assert queue.get_nowait() == 2
        await steps(3)
        assert queue.empty(), "no call, no item"


async def test_a_supplier_that_raises_is_a_failure_and_puts_nothing() -> None:
    queue, other = asyncio.Queue[int](1), asyncio.Queue[int]()
    waiting = deque[int]()
    other.put_nowait(7)
    async with multi_await(put(queue, waiting.popleft), other.get) as m:
        completed, failures = await m.get()
        assert completed == (None, 7)
        assert isinstance(failures[0], IndexError)
        assert queue.empty()
        waiting.append(1)
        assert await m.select() == (0, 1)
        assert queue.get_nowait() == 1


async def test_room_that_put_does_not_use_goes_to_whoever_waits() -> None:
    queue = asyncio.Queue[str](1)
    queue.put_nowait("full")
    async with multi_await(put(queue, lambda: "ours")) as m:
        await cancelled_after(1, m.select())
        rival = asyncio.ensure_future(queue.put("the rival's"))
        await steps(1)
        assert queue.get_nowait() == "full"
        await rival
        assert queue.get_nowait() == "the rival's"
        assert await m.select() == (0, "ours")


async def test_room_that_a_failing_supplier_leaves_goes_to_whoever_waits() -> None:
    queue, nothing = asyncio.Queue[str](1), deque[str]()
    queue.put_nowait("full")
    async with multi_await(put(queue, nothing.popleft)) as m:
        blocked = asyncio.ensure_future(m.select())
        await steps(2)
        rival = asyncio.ensure_future(queue.put("the rival's"))
        await steps(1)
        queue.get_nowait()
        with pytest.raises(IndexError):
            await blocked
        await rival
        assert queue.get_nowait() == "the rival's"


async def test_put_keeps_waiting_if_somebody_else_took_the_room() -> None:
    queue = asyncio.Queue[str](1)
    queue.put_nowait("full")
    async with multi_await(put(queue, lambda: "ours")) as m:
        blocked = asyncio.ensure_future(m.select())
        await steps(2)
        queue.get_nowait()
        queue.put_nowait("somebody's")
        await steps(3)
        assert not blocked.done()
        assert queue.get_nowait() == "somebody's"
        assert await blocked == (0, "ours")
        assert queue.get_nowait() == "ours"
        assert queue.empty()


async def test_put_leaves_no_putter_behind() -> None:
    queue = asyncio.Queue[int](1)
    queue.put_nowait(1)
    source = put(queue, lambda: 2)  # kept alive: once freed, it would leave none anyway
    async with multi_await(source) as m:
        m.select_nowait()
        assert "_putters" in repr(queue)
        assert repr(m) == (
            "<MultiAwait 0 put(test_put_leaves_no_putter_behind.<locals>.<lambda>) pending>"
        )
    assert "_putters" not in repr(queue)
    assert [queue.get_nowait()] == [1]
    assert queue.empty()


@pytest.mark.skipif(sys.version_info < (3, 13), reason="Queue.shutdown() came with 3.13")
@pytest.mark.parametrize("full", [True, False])
async def test_put_ends_when_the_queue_is_shut_down_and_loses_no_item(full: bool) -> None:
    queue: Any = asyncio.Queue[int](1)
    if full:
        queue.put_nowait(1)
    items = deque([2, 3])
    async with multi_await(put(queue, items.popleft)) as m:
        if full:
            await cancelled_after(1, m.select())
        queue.shutdown()
        assert [event async for event in m] == []
    given = [item for _, item in m.undelivered]
    assert [*given, *items] == [2, 3]


async def test_an_item_that_a_queue_refuses_is_a_failure_and_undelivered() -> None:
    class Even(asyncio.Queue[int]):
        def put_nowait(self, item: int) -> None:
            if item % 2:
                raise ValueError(f"{item} is odd")
            super().put_nowait(item)

    queue, items = Even(), deque([2, 3, 4])
    async with multi_await(put(queue, items.popleft)) as m:
        assert await m.select() == (0, 2)
        with pytest.raises(ValueError, match="3 is odd"):
            await m.select()
        assert await m.select() == (0, 4)
    assert m.undelivered == ((0, 3),)


async def test_a_relay_with_a_bounded_buffer_works_as_in_go_with_a_nil_channel() -> None:
    inbox, outbox = asyncio.Queue[int](), asyncio.Queue[int](1)
    buffer, limit, most = deque[int](), 3, 0

    async def relay(count: int) -> None:
        nonlocal most
        async with multi_await(inbox.get, put(outbox, buffer.popleft)) as m:
            m.pause(1)
            while count:
                match await m.select():
                    case (0, item):
                        buffer.append(item)
                        if len(buffer) == 1:
                            m.resume(1)
                        if len(buffer) == limit:
                            m.pause(0)
                    case (1, _):
                        count -= 1
                        if len(buffer) == limit - 1:
                            m.resume(0)
                        if not buffer:
                            m.pause(1)
                most = max(most, len(buffer))

    async def take(count: int) -> list[int]:
        return [await asyncio.sleep(0.1, await outbox.get()) for _ in range(count)]

    for number in range(100):
        inbox.put_nowait(number)
    _, received = await asyncio.gather(relay(100), take(100))
    assert received == list(range(100))
    assert most == limit


@pytest.mark.parametrize(
    ("queue", "supplier", "message"),
    [
        ([], list, r"^put\(\) needs an asyncio.Queue to put into, not \[\]"),
        (asyncio.Queue(), 3, r"^put\(\) needs a function that returns the item, not 3"),
    ],
)
def test_a_misuse_of_put_raises_type_error(queue: Any, supplier: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        put(queue, supplier)


async def test_an_adapters_end_leaves_no_garbage() -> None:
    async def go_round() -> None:
        queue, reader = asyncio.Queue[int](1), asyncio.StreamReader()
        async with multi_await(
            queue.get,
            once(asyncio.get_running_loop().create_future()),
            each(reader),
            put(queue, functools.partial(int, 1)),
            every(1),
            after(2),
            signals(signal.SIGTERM),
        ) as m:
            for _ in range(3):
                await m.get()
        await steps(2)

    await go_round()
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            await go_round()
        assert gc.collect() == 0
    finally:
        gc.enable()


async def test_no_adapter_fails_when_it_is_ended(reported: Reported) -> None:
    queue = asyncio.Queue[int](1)
    async with multi_await(
        once(asyncio.sleep(9)), each(Numbers()), put(queue, functools.partial(int, 1))
    ) as m:
        m.get_nowait()
        await steps(3)
    assert (reported, m.undelivered) == ([], ())
