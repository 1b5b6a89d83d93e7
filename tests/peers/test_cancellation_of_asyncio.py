"""What asyncio's own waits keep, and what they lose, when they are cancelled.

docs/explanation/cancellation.md lists them, and its verdicts rest on these tests. Where the moment
matters, the wait is cancelled at every step after the arrival of what it waits for.
"""

from __future__ import annotations

import asyncio
import functools
import select
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import pytest

from multi_await import multi_await
from tests.machinery.tools import cancelled_after, steps, ticks

STEPS = range(5)  # more than any wait takes


async def cancelled_now(task: asyncio.Future[Any]) -> tuple[Any, ...]:
    """Cancel it; return what it still returned if that was too late."""
    task.cancel()
    await asyncio.wait([task])
    return () if task.cancelled() else (task.result(),)


async def waiting(awaitable: Awaitable[Any]) -> asyncio.Future[Any]:
    """Start a task, and return it once it waits."""
    task = asyncio.ensure_future(awaitable)
    await steps(3)
    return task


# -- safe: what was not returned is still where it was ---------------------------------------------


@pytest.mark.parametrize("step", STEPS)
async def test_a_cancelled_queue_get_leaves_the_item_in_the_queue(step: int) -> None:
    queue = asyncio.Queue[str]()
    getting = await waiting(queue.get())
    queue.put_nowait("item")
    await steps(step)
    got = await cancelled_now(getting)
    assert len(got) + queue.qsize() == 1


async def test_a_cancelled_queue_get_passes_its_wake_up_on_to_the_next_in_line() -> None:
    queue = asyncio.Queue[str]()
    first, second = await waiting(queue.get()), await waiting(queue.get())
    queue.put_nowait("item")
    assert await cancelled_now(first) == ()
    assert await second == "item"


@pytest.mark.parametrize("step", STEPS)
async def test_a_cancelled_queue_put_has_put_nothing(step: int) -> None:
    queue = asyncio.Queue[str](1)
    queue.put_nowait("full")
    putting = await waiting(queue.put("item"))
    assert queue.get_nowait() == "full"
    await steps(step)
    put = await cancelled_now(putting)
    assert queue.qsize() == len(put)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", [asyncio.Lock, asyncio.Semaphore, asyncio.BoundedSemaphore])
async def test_a_cancelled_acquire_holds_nothing_and_lets_the_next_in_line_have_it(
    kind: Callable[[], asyncio.Lock | asyncio.Semaphore], step: int
) -> None:
    lock = kind()
    await lock.acquire()
    first, second = await waiting(lock.acquire()), await waiting(lock.acquire())
    lock.release()
    await steps(step)
    if await cancelled_now(first):
        lock.release()
    assert await second
    lock.release()
    assert not lock.locked()


async def test_after_a_cancelled_wait_an_event_is_still_set_unless_it_was_cleared() -> None:
    event = asyncio.Event()
    first, second = await waiting(event.wait()), await waiting(event.wait())
    event.set()
    assert await cancelled_now(first) == ()
    assert await event.wait()
    event.clear()
    assert await second, "who waited when it was set is told, even if it is no longer"
    third = await waiting(event.wait())
    event.set()
    event.clear()
    assert await cancelled_now(third) == (), "and who was cancelled then has missed it"


@pytest.mark.parametrize(
    "read",
    [
        asyncio.StreamReader.readline,
        lambda reader: reader.readuntil(b"\n"),
        lambda reader: reader.readexactly(10),
        lambda reader: reader.read(100),
    ],
    ids=["readline", "readuntil", "readexactly", "read(100)"],
)
@pytest.mark.parametrize("step", STEPS)
async def test_a_cancelled_read_leaves_in_the_stream_what_it_did_not_return(
    read: Callable[[asyncio.StreamReader], Coroutine[Any, Any, bytes]], step: int
) -> None:
    reader = asyncio.StreamReader()
    reading = await waiting(read(reader))
    reader.feed_data(b"half ")
    await steps(step)
    got = list(await cancelled_now(reading))
    reading = await waiting(read(reader))
    reader.feed_data(b"line\n")
    await steps(step)
    got += await cancelled_now(reading)
    reader.feed_eof()
    assert b"".join(got) + await reader.read() == b"half line\n"


async def test_written_data_is_sent_even_if_drain_is_cancelled() -> None:
    ours, theirs = socket.socketpair()
    _, writer = await asyncio.open_connection(sock=ours)
    reader, their_writer = await asyncio.open_connection(sock=theirs)
    data = b"x" * 4_000_000
    async with ticks():  # keep a task busy while the data is on its way
        writer.write(data)
        assert await cancelled_now(await waiting(writer.drain())) == ()
        assert await reader.readexactly(len(data)) == data
        for each in (writer, their_writer):
            each.close()
            await each.wait_closed()


async def test_a_cancelled_sleep_starts_from_the_beginning() -> None:
    await cancelled_after(2, asyncio.sleep(3))
    await asyncio.sleep(3)
    assert asyncio.get_running_loop().time() == 5


async def within_timeout(queue: asyncio.Queue[str]) -> str:
    async with asyncio.timeout(1):
        return await queue.get()


async def within_wait_for(queue: asyncio.Queue[str]) -> str:
    return await asyncio.wait_for(queue.get(), 1)


@pytest.mark.parametrize("get", [within_timeout, within_wait_for])
@pytest.mark.parametrize("step", STEPS)
async def test_a_timeout_around_a_queue_get_loses_no_item(
    get: Callable[[asyncio.Queue[str]], Coroutine[Any, Any, str]], step: int
) -> None:
    queue = asyncio.Queue[str]()
    getting = await waiting(get(queue))
    queue.put_nowait("item")
    await steps(step)
    got = await cancelled_now(getting)
    assert len(got) + queue.qsize() == 1


@pytest.mark.skipif(sys.version_info < (3, 12), reason="3.11's returns the item: it was rewritten")
async def test_wait_for_passes_a_cancellation_on_even_if_its_value_has_just_arrived() -> None:
    queue = asyncio.Queue[str]()
    getting = await waiting(within_wait_for(queue))
    queue.put_nowait("item")
    assert await cancelled_now(getting) == ()
    assert queue.get_nowait() == "item"


async def test_a_cancelled_wait_cancels_none_of_its_tasks() -> None:
    task = asyncio.ensure_future(asyncio.sleep(1, "done"))
    for wait in (asyncio.wait([task]), asyncio.shield(task)):
        assert await cancelled_now(await waiting(wait)) == ()
    assert await task == "done"


# -- its place in line is lost ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Queue.get", "Queue.put", "Lock.acquire", "Semaphore.acquire"])
async def test_a_task_that_waits_again_after_a_cancellation_goes_last_in_line(kind: str) -> None:
    queue, full = asyncio.Queue[int](), asyncio.Queue[int](1)
    full.put_nowait(0)
    lock, semaphore = asyncio.Lock(), asyncio.Semaphore(0)
    await lock.acquire()
    kinds: dict[str, tuple[Callable[[], Coroutine[Any, Any, Any]], Callable[[], object]]] = {
        "Queue.get": (queue.get, functools.partial(queue.put_nowait, 1)),
        "Queue.put": (functools.partial(full.put, 1), full.get_nowait),
        "Lock.acquire": (lock.acquire, lock.release),
        "Semaphore.acquire": (semaphore.acquire, semaphore.release),
    }
    wait, go = kinds[kind]
    first, second = await waiting(wait()), await waiting(wait())
    assert await cancelled_now(first) == ()
    first = await waiting(wait())
    go()
    await second
    await steps(3)
    assert not first.done()
    assert await cancelled_now(first) == ()


# -- unsafe: something is lost ---------------------------------------------------------------------


async def test_a_cancelled_read_to_the_end_of_a_stream_loses_what_it_had_gathered() -> None:
    reader = asyncio.StreamReader()
    reading = await waiting(reader.read())
    reader.feed_data(b"gathered")
    await steps(3)
    assert await cancelled_now(reading) == ()
    reader.feed_data(b" and the rest")
    reader.feed_eof()
    assert await reader.read() == b" and the rest"


async def notified(condition: asyncio.Condition) -> None:
    async with condition:
        await condition.wait()


async def test_a_cancelled_wait_for_a_condition_first_reacquires_the_lock() -> None:
    condition = asyncio.Condition()
    task = await waiting(notified(condition))
    async with condition:
        task.cancel()
        await steps(10)
        assert not task.done()
    await asyncio.wait([task])
    assert task.cancelled()


@pytest.mark.skipif(sys.version_info < (3, 13), reason="lost before: python/cpython#112202")
async def test_the_notification_of_a_cancelled_task_goes_to_the_next_in_line_from_3_13() -> None:
    condition = asyncio.Condition()
    first, second = await waiting(notified(condition)), await waiting(notified(condition))
    async with condition:
        condition.notify()
    assert await cancelled_now(first) == ()
    await second


async def test_a_barrier_counts_a_cancelled_task_and_lets_the_others_through() -> None:
    barrier = asyncio.Barrier(2)
    first = await waiting(barrier.wait())
    second = asyncio.ensure_future(barrier.wait())
    while barrier.n_waiting:  # until the second has come and the barrier opens
        await steps(1)
    assert await cancelled_now(first) == ()
    assert await second == 1
    first = await waiting(barrier.wait())
    assert "waiters:1/2" in repr(barrier), "it waits for a round that the other has behind it"
    assert await cancelled_now(first) == ()


async def test_a_cancelled_async_generator_has_ended() -> None:
    async def numbers() -> AsyncIterator[int]:
        for number in range(3):
            await asyncio.sleep(1)
            yield number

    iterator = numbers()
    await cancelled_after(0.5, anext(iterator))
    with pytest.raises(StopAsyncIteration):
        await anext(iterator)


async def test_cancelling_a_wait_for_a_task_or_a_future_cancels_that_too() -> None:
    task = asyncio.ensure_future(asyncio.sleep(1))
    future = asyncio.get_running_loop().create_future()

    async def wait_for_it(awaited: asyncio.Future[Any]) -> None:
        await awaited

    for awaited in (task, future):
        assert await cancelled_now(await waiting(wait_for_it(awaited))) == ()
        assert awaited.cancelled()


async def gathered(*awaitables: Awaitable[Any]) -> list[Any]:
    return await asyncio.gather(*awaitables)


async def grouped(*coroutines: Coroutine[Any, Any, Any]) -> None:
    async with asyncio.TaskGroup() as group:
        for coroutine in coroutines:
            group.create_task(coroutine)


@pytest.mark.parametrize("together", [gathered, grouped])
async def test_a_cancelled_gather_or_task_group_cancels_all_and_loses_some_results(
    together: Callable[..., Coroutine[Any, Any, Any]],
) -> None:
    queue = asyncio.Queue[str]()
    queue.put_nowait("item")
    still_at_work = asyncio.ensure_future(asyncio.sleep(1000))

    async def work() -> None:
        await still_at_work

    task = await waiting(together(queue.get(), work()))
    assert await cancelled_now(task) == ()
    assert still_at_work.cancelled()
    assert queue.empty()


async def test_data_read_from_a_socket_for_a_cancelled_task_is_lost() -> None:
    loop = asyncio.get_running_loop()
    seen = set[str]()
    for step in STEPS:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        receiving = await waiting(loop.sock_recv(ours, 100))
        theirs.send(b"bytes")
        select.select([ours], [], [])  # they have arrived, and the loop does not know yet
        await steps(step)
        if await cancelled_now(receiving):
            seen.add("returned")
        else:
            try:
                seen.add("still there" if ours.recv(100) else "")
            except BlockingIOError:
                seen.add("lost")
        ours.close()
        theirs.close()
    assert seen == {"still there", "lost", "returned"}


async def test_a_cancelled_wait_closed_makes_the_next_one_seem_cancelled() -> None:
    ours, theirs = socket.socketpair()
    _, writer = await asyncio.open_connection(sock=ours)
    assert await cancelled_now(await waiting(writer.wait_closed())) == ()
    writer.close()
    with pytest.raises(asyncio.CancelledError):
        await writer.wait_closed()
    theirs.close()


# -- what that means for a MultiAwait --------------------------------------------------------------


async def test_a_source_keeps_its_place_in_line_after_a_cancelled_call() -> None:
    queue = asyncio.Queue[str]()
    async with multi_await(queue.get) as m:
        await cancelled_after(1, m.select())
        rival = await waiting(queue.get())
        selecting = await waiting(m.select())
        queue.put_nowait("item")
        assert await selecting == (0, "item")
        assert await cancelled_now(rival) == ()


async def test_a_source_woken_between_two_calls_goes_last_in_line() -> None:
    queue = asyncio.Queue[str]()
    async with multi_await(queue.get) as m:
        await cancelled_after(1, m.select())
        rivals = [await waiting(queue.get()) for _ in range(2)]
        queue.put_nowait("for the first rival")
        await steps(3)
        selecting = await waiting(m.select())
        queue.put_nowait("for the second")
        assert [await rival for rival in rivals] == ["for the first rival", "for the second"]
        assert await cancelled_now(selecting) == ()


@pytest.mark.in_order
async def test_an_event_set_and_cleared_at_once_reaches_a_blocked_call_but_no_later_one() -> None:
    event, queue = asyncio.Event(), asyncio.Queue[str]()

    def pulse() -> None:
        event.set()
        event.clear()

    async with multi_await(queue.get, event.wait) as m:
        selecting = await waiting(m.select())
        pulse()
        assert await selecting == (1, True)
        selecting = await waiting(m.select())
        queue.put_nowait("item")
        pulse()
        assert await selecting == (0, "item")
        await steps(1)
        assert m.select_nowait() is None, "the call that it reached had another event"
        pulse()
        await steps(1)
        assert m.select_nowait() is None
