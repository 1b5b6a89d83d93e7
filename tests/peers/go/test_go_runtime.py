"""What the tests of Go's runtime, in src/runtime/chan_test.go, check about select.

test_go_channels.py explains what stands for what, and the names.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections import Counter

import pytest

from multi_await import MultiAwait, SourceLike, multi_await, put
from tests.machinery.tools import SCHEDULES, steps
from tests.peers.go.goroutines import go, until_none

# src/runtime/chan_test.go: what it checks about select


async def test_fairness_two_always_ready_sources_take_turns_where_go_picks_at_random() -> None:
    count = 10 * SCHEDULES
    ready = [asyncio.Queue[int]() for _ in range(2)]
    for number, queue in enumerate(ready):
        for _ in range(count + 1):
            queue.put_nowait(number)
    out, done = asyncio.Queue[int](1), asyncio.Event()
    empty = [asyncio.Queue[int]() for _ in range(2)]

    async def pass_on() -> None:
        async with multi_await(*[queue.get for queue in [*empty, *ready]]) as receiving:
            async for _, number in receiving:
                async with multi_await(put(out, functools.partial(int, number)), done.wait) as m:
                    if (await m.select())[0] == 1:
                        return

    async with go() as start:
        passing = start(pass_on())
        passed = [await out.get() for _ in range(count)]
        done.set()
        await passing
    assert passed == [0, 1] * (count // 2)


async def test_pseudorandomsend_two_sends_take_turns_where_go_picks_at_random() -> None:
    queue = asyncio.Queue[int](1)
    received = list[int]()

    async def receive() -> None:
        while True:
            received.append(await queue.get())

    async with go() as start:
        start(receive())
        async with multi_await(put(queue, lambda: 1), put(queue, lambda: 0)) as m:
            for _ in range(100):
                await m.select()
        await steps(2)
    assert Counter(received) == {0: 50, 1: 50}


@pytest.mark.parametrize("room", [1, 10])
async def test_selfselect_two_tasks_that_send_and_receive_on_one_queue_never_stall(
    room: int,
) -> None:
    queue = asyncio.Queue[int](room)
    sent, received = Counter[int](), Counter[int]()

    async def both(number: int) -> None:
        for turn in range(10 * SCHEDULES // 6):
            sources: list[SourceLike[int]] = [put(queue, lambda: number), queue.get]
            sending = 0
            if number and turn % 2:
                sources.reverse()
                sending = 1
            async with multi_await(*sources) as m:
                position, item = await m.select()
                (sent if position == sending else received)[item] += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for number in range(2):
            group.create_task(both(number))
    left = Counter(queue.get_nowait() for _ in range(queue.qsize()))
    assert sent == received + left


async def test_selectstress_sends_receives_and_selects_on_four_queues_all_finish() -> None:
    count = SCHEDULES
    queues = [asyncio.Queue[int](room) for room in (1, 1, 2, 3)]

    async def send(queue: asyncio.Queue[int]) -> None:
        for _ in range(count):
            await queue.put(0)

    async def receive(queue: asyncio.Queue[int]) -> None:
        for _ in range(count):
            await queue.get()

    async def select(order: list[int], sources: list[SourceLike[int]]) -> None:
        """Take so many items from each, with one select."""
        done = Counter[int]()
        async with multi_await(*[sources[position] for position in order]) as m:
            for _ in range(len(order) * count):
                position, _ = await m.select()
                done[position] += 1
                if done[position] == count:
                    m.pause(position)

    async with asyncio.TaskGroup() as group:
        for queue in queues:
            group.create_task(send(queue))
            group.create_task(receive(queue))
        group.create_task(select([3, 2, 0, 1], [put(queue, lambda: 0) for queue in queues]))
        group.create_task(select([0, 1, 2, 3], [queue.get for queue in queues]))
    assert all(queue.empty() for queue in queues)


async def test_selectduplicatechannel_one_queue_in_two_cases_costs_nobody_a_place_in_line() -> None:
    first, second, third = (asyncio.Queue[int](1) for _ in range(3))

    async def choose() -> None:
        async with multi_await(first.get, first.get, second.get) as m:
            assert await m.select() == (2, 7)
        await third.put(9)

    async with go() as start:
        start(choose())
        await steps(3)
        behind = asyncio.ensure_future(first.get())
        await steps(3)
        await second.put(7)
        assert await third.get() == 9
        await first.put(8)
        assert await behind == 8


async def test_nonblockselectrace_select_nowait_always_finds_the_one_ready_case() -> None:
    for passes in range(4):
        first, second = asyncio.Queue[int](1), asyncio.Queue[int](1)
        first.put_nowait(1)
        found = list[object]()

        async def look(
            m: MultiAwait[int, int], passes: int = passes, found: list[object] = found
        ) -> None:
            await steps(passes)
            found.append(m.select_nowait())

        async with multi_await(first.get, second.get) as m, go() as start:
            looking = start(look(m))
            await steps(1)
            second.put_nowait(1)
            if not first.empty():
                first.get_nowait()
            await looking
        assert found[0] is not None


async def test_multiconsumer_each_item_goes_through_exactly_one_worker() -> None:
    workers, items = 23, [2, 3, 7, 11, 13, 17, 19, 23, 27, 31]
    queue = asyncio.Queue[int | None](3 * workers)
    results = asyncio.Queue[int](3 * workers)
    total = 10 * SCHEDULES

    async def work(number: int) -> None:
        async with multi_await(until_none(queue)) as m:
            async for _, item in m:
                if item == items[number % len(items)]:
                    await asyncio.sleep(0)  # so that they are not in step
                await results.put(item)

    async def feed() -> None:
        for item in itertools.islice(itertools.cycle(items), total):
            await queue.put(item)
        for _ in range(workers):
            await queue.put(None)

    received = Counter[int]()
    async with asyncio.TaskGroup() as group:
        for number in range(workers):
            group.create_task(work(number))
        group.create_task(feed())
        async with multi_await(results.get) as m:
            for _ in range(total):
                received[(await m.select())[1]] += 1
    assert received == Counter(itertools.islice(itertools.cycle(items), total))
    assert queue.empty()
    assert results.empty()
