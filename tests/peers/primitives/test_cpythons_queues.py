"""What CPython's own tests of queues check, with every wait through a MultiAwait."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest

from tests.peers.primitives.cpython import Ended, Wait, done, end, needs_shutdown, rest, start
from tests.peers.primitives.shared import Queue, emptied

pytestmark = pytest.mark.in_order


@pytest.mark.parametrize(
    ("kind", "order"),
    [
        (asyncio.Queue, [1, 3, 2]),
        (asyncio.LifoQueue, [2, 3, 1]),
        (asyncio.PriorityQueue, [1, 2, 3]),
    ],
)
async def test_items_arrive_in_the_order_of_their_queue(
    kind: type[Queue], order: list[int], wait: Wait
) -> None:
    queue = kind()
    for number in (1, 3, 2):
        await wait(functools.partial(queue.put, number))
    assert [await wait(queue.get) for _ in range(3)] == order
    assert queue.empty()


async def test_a_putter_waits_until_there_is_room(wait: Wait) -> None:
    queue = Queue(2)
    puts = start(wait, *[functools.partial(queue.put, number) for number in range(3)])
    await rest()
    assert [put.done() for put in puts] == [True, True, False]
    assert await wait(queue.get) == 0
    await rest()
    assert puts[2].done()
    assert [await wait(queue.get) for _ in range(2)] == [1, 2]


async def test_a_getter_waits_until_there_is_an_item(wait: Wait) -> None:
    queue = Queue()
    asyncio.get_running_loop().call_later(10, queue.put_nowait, 1)
    assert await wait(queue.get) == 1
    assert asyncio.get_running_loop().time() == 10


async def test_a_putter_and_a_getter_take_turns_when_there_is_room_for_one_item(wait: Wait) -> None:
    queue = Queue(1)
    puts = start(wait, *[functools.partial(queue.put, number) for number in range(5)])
    assert [await wait(queue.get) for _ in range(5)] == [0, 1, 2, 3, 4]
    await asyncio.wait(puts)
    gets = start(wait, *[queue.get] * 5)
    for number in range(5):
        await wait(functools.partial(queue.put, number))
    await rest()
    assert sorted(done(*gets)) == [0, 1, 2, 3, 4]


async def test_an_item_skips_a_cancelled_task(wait: Wait) -> None:
    queue = Queue()
    first, second = start(wait, queue.get, queue.get)
    await rest()
    await end(first)
    await wait(functools.partial(queue.put, "item"))
    assert await second == "item"


async def test_an_item_is_not_lost_when_the_woken_task_is_cancelled(wait: Wait) -> None:
    queue = Queue()
    (first,) = start(wait, queue.get)
    await rest()
    queue.put_nowait(1)
    queue.put_nowait(2)
    await end(first)
    assert first.cancelled()
    assert await wait(queue.get) == 1


async def test_no_item_is_lost_when_one_of_many_woken_tasks_is_cancelled(wait: Wait) -> None:
    queue = Queue()
    gets = start(wait, queue.get, queue.get, queue.get)
    await rest()
    queue.put_nowait(1)
    queue.put_nowait(2)
    gets[0].cancel()
    await rest()
    assert gets[0].cancelled()
    assert sorted(done(*gets)) == [1, 2]


async def test_room_is_not_lost_when_the_woken_task_is_cancelled(wait: Wait) -> None:
    queue = Queue(1)
    queue.put_nowait(1)
    first, second = start(wait, *[functools.partial(queue.put, number) for number in (2, 3)])
    await rest()
    assert queue.get_nowait() == 1
    await end(first)
    assert first.cancelled()
    await second
    assert queue.get_nowait() == 3
    assert queue.empty()


async def test_a_task_cancelled_before_its_put_puts_nothing(wait: Wait) -> None:
    queue = Queue(1)
    puts = start(wait, *[functools.partial(queue.put, item) for item in "abX"])
    await rest()
    await end(puts[2])
    assert queue.get_nowait() == "a"
    await puts[1]
    assert queue.get_nowait() == "b"
    assert queue.empty()


async def test_a_cancelled_or_timed_out_task_is_no_longer_in_line(wait: Wait) -> None:
    queue, full = Queue(), Queue(1)
    full.put_nowait(1)
    for function in (queue.get, functools.partial(full.put, 2)):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await wait(function)
        (cancelled,) = start(wait, function)
        await rest()
        await end(cancelled)
    assert emptied(queue) == []
    assert emptied(full) == [1]


@pytest.mark.parametrize("kind", [asyncio.Queue, asyncio.LifoQueue, asyncio.PriorityQueue])
async def test_join_waits_until_the_last_item_is_done(kind: type[Queue], wait: Wait) -> None:
    queue = kind()
    for number in range(100):
        queue.put_nowait(number)
    total = 0

    async def work() -> None:
        nonlocal total
        while True:
            item = await wait(queue.get)
            await asyncio.sleep(item % 3)
            total += item
            queue.task_done()

    workers = [asyncio.create_task(work()) for _ in range(2)]
    await wait(queue.join)
    assert total == sum(range(100))
    await wait(queue.join)
    await end(*workers)


@needs_shutdown
async def test_shutting_down_a_queue_ends_all_its_waiters(wait: Wait) -> None:
    queue: Any = Queue()  # Any: for the checkers, shutdown() came with Python 3.13
    gets = start(wait, queue.get, queue.get)
    await rest()
    queue.shutdown()
    await rest()
    assert [type(get.exception()) for get in gets] == [Ended, Ended]
    for function in (queue.get, functools.partial(queue.put, 1)):
        with pytest.raises(Ended):
            await wait(function)


@needs_shutdown
async def test_a_shut_down_queue_gives_what_it_has_and_accepts_nothing_more(wait: Wait) -> None:
    queue: Any = Queue(1)
    queue.put_nowait("item")
    (put,) = start(wait, functools.partial(queue.put, "another"))
    (join,) = start(wait, queue.join)
    await rest()
    queue.shutdown()
    await rest()
    assert isinstance(put.exception(), Ended)
    assert await wait(queue.get) == "item"
    with pytest.raises(Ended):
        await wait(queue.get)
    assert not join.done()
    queue.task_done()
    await join


@needs_shutdown
async def test_a_queue_shut_down_immediately_has_nothing_left(wait: Wait) -> None:
    queue: Any = Queue()
    for _ in range(2):
        queue.put_nowait("item")
    assert await wait(queue.get) == "item"
    (join,) = start(wait, queue.join)
    await rest()
    queue.shutdown(immediate=True)
    with pytest.raises(Ended):
        await wait(queue.get)
    assert not join.done()
    queue.task_done()
    await join
