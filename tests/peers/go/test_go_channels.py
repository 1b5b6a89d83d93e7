"""Go's own tests of channels and select, rewritten for asyncio's queues and multi_await.

After test/chan in Go's tree, file by file, and the tests of select in its src/runtime/chan_test.go.
docs/explanation/go_tests.md says what holds, what does not apply, and why. The first word of a
test's name is the file that the test comes from.

Throughout, `asyncio.Queue(1)` stands for a channel without a buffer: asyncio has no rendezvous.
None, put last, stands for close(). What Go checks with many threads is checked with many tasks.
"""

from __future__ import annotations

import asyncio
import itertools

import pytest

from multi_await import multi_await, put
from tests.machinery.tools import SCHEDULES, steps
from tests.peers.go.goroutines import go, until_none

# doubleselect.go


async def test_doubleselect_a_select_sends_one_item_to_one_queue() -> None:
    count = 10 * SCHEDULES
    queues = [asyncio.Queue[int | None](1) for _ in range(4)]
    merged = asyncio.Queue[int | None](1)

    async def send() -> None:
        number = 0
        async with multi_await(*[put(queue, lambda: number) for queue in queues]) as m:
            for number in range(count):
                assert (await m.select())[1] == number
        for queue in queues:
            await queue.put(None)

    async def forward(queue: asyncio.Queue[int | None]) -> None:
        async with multi_await(until_none(queue)) as m:
            async for _, number in m:
                await merged.put(number)
        await merged.put(None)

    async with go() as start:
        start(send())
        forwarding = [start(forward(queue)) for queue in queues]
        received = list[int]()
        for _ in queues:
            async with multi_await(until_none(merged)) as m:
                received += [number async for _, number in m]
        await asyncio.wait(forwarding)
    assert sorted(received) == list(range(count))


# fifo.go


async def test_fifo_items_arrive_in_the_order_in_which_they_were_put() -> None:
    queue = asyncio.Queue[int](10)
    async with multi_await(put(queue, itertools.count().__next__)) as m:
        sent = [(await m.select())[1] for _ in range(10)]
        assert m.select_nowait() is None
    async with multi_await(queue.get) as m:
        assert [(await m.select())[1] for _ in range(10)] == sent == list(range(10))


async def test_fifo_each_task_in_a_chain_gets_the_item_of_its_turn() -> None:
    queue = asyncio.Queue[int](1)
    turns = [asyncio.Queue[None](1) for _ in range(11)]
    received = list[int]()

    async def link(number: int) -> None:
        async with multi_await(turns[number].get) as m:
            await m.select()
        async with multi_await(queue.get) as m:
            received.append((await m.select())[1])
        await turns[number + 1].put(None)

    async with go() as start:
        for number in range(10):
            start(link(number))
        turns[0].put_nowait(None)
        for number in range(10):
            await queue.put(number)
        await turns[10].get()
    assert received == list(range(10))


# goroutines.go


async def test_goroutines_a_long_chain_of_tasks_passes_an_item_on_and_ends() -> None:
    queues = [asyncio.Queue[str](1) for _ in range(2 * SCHEDULES)]

    async def link(left: asyncio.Queue[str], right: asyncio.Queue[str]) -> None:
        async with multi_await(right.get) as m:
            _, item = await m.select()
        async with multi_await(put(left, lambda: item)) as m:
            await m.select()

    async with asyncio.TaskGroup() as group:  # which ends when all have
        for left, right in itertools.pairwise(queues):
            group.create_task(link(left, right))
        await queues[-1].put("item")
    assert queues[0].get_nowait() == "item"


# nonblock.go


@pytest.mark.parametrize("room", [1, 2])
@pytest.mark.parametrize("item", [123, 2**40, True, False, "hello", "", None, 0])
async def test_nonblock_an_operation_that_would_wait_returns_none_and_changes_nothing(
    item: object, room: int
) -> None:
    queue, sync = asyncio.Queue[object](room), asyncio.Queue[object](1)

    async def receive() -> None:
        await sync.put(await queue.get())

    async def send() -> None:
        await queue.put(item)
        await sync.put("sent")

    async with multi_await(queue.get) as receiver, multi_await(put(queue, lambda: item)) as sender:
        assert receiver.select_nowait() is None  # an empty queue
        assert queue.empty()
        async with go() as start:
            start(receive())
            await steps(3)
            assert sender.select_nowait() == (0, item)
            assert await sync.get() == item
            start(send())
            assert await sync.get() == "sent"
            assert receiver.select_nowait() == (0, item)
        for _ in range(room):
            assert sender.select_nowait() == (0, item)
        assert sender.select_nowait() is None  # a full one
        assert queue.qsize() == room


# sendstmt.go


async def test_sendstmt_a_queue_received_from_a_queue_can_be_sent_to() -> None:
    queues, queue = asyncio.Queue[asyncio.Queue[int]](1), asyncio.Queue[int](1)
    queues.put_nowait(queue)
    async with multi_await(put(await queues.get(), lambda: 2)) as m:
        assert m.select_nowait() == (0, 2)
    assert queue.get_nowait() == 2


# zerosize.go


@pytest.mark.parametrize("empty", [None, (), b"", "", 0, False])
async def test_zerosize_an_empty_value_is_an_event_like_any_other(empty: object) -> None:
    queue = asyncio.Queue[object](1)
    async with multi_await(put(queue, lambda: empty), queue.get) as m:
        assert await m.select() == (0, empty)
        assert await m.select() == (1, empty)
    assert queue.empty()
