"""The scenarios of crossbeam-channel's tests of select, by meaning, in our own code.

docs/explanation/rust_tests.md maps its tests to these, and says what differs. A disconnected
channel is a queue with None after its last item: see `until_none`.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from multi_await import NothingToAwait, SourceLike, after, ending, every, multi_await, put
from tests.machinery.tools import SCHEDULES, pass_time
from tests.peers.go.goroutines import go, until_none

COUNT = 5 * SCHEDULES

Queue = asyncio.Queue[int]


def always(value: int) -> Callable[[], int]:
    return lambda: value


# -- one of many -----------------------------------------------------------------------------------


@pytest.mark.parametrize("which", range(5))
async def test_smoke_select_chooses_the_only_one_of_five_queues_with_an_item(which: int) -> None:
    queues = [Queue() for _ in range(5)]
    queues[which].put_nowait(5)
    async with multi_await(*[queue.get for queue in queues]) as m:
        assert await m.select() == (which, 5)


async def test_default_a_nowait_call_finds_what_is_there_and_nothing_else() -> None:
    first, second = asyncio.Queue[int | None](), Queue()
    async with multi_await(until_none(first), second.get) as m:
        assert m.select_nowait() is None
        first.put_nowait(None)
        assert m.select_nowait() is None  # it has ended, which is not an event
        second.put_nowait(2)
        assert m.select_nowait() == (1, 2)
        assert m.select_nowait() is None


async def test_timeout_after_a_timed_out_call_later_items_go_to_the_next_call() -> None:
    first, second = Queue(), Queue()
    asyncio.get_running_loop().call_later(1.5, second.put_nowait, 2)
    async with multi_await(first.get, second.get) as m:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await m.select()
        async with asyncio.timeout(1):
            assert await m.select() == (1, 2)


async def test_unblocks_a_receive_resumes_when_something_is_sent() -> None:
    first, second = Queue(1), Queue(1)
    asyncio.get_running_loop().call_later(0.5, second.put_nowait, 2)
    async with multi_await(first.get, second.get) as m:
        assert await m.select() == (1, 2)
    assert asyncio.get_running_loop().time() == 0.5


async def test_unblocks_a_send_resumes_when_there_is_room() -> None:
    full, other = Queue(1), Queue(1)
    full.put_nowait(0)
    other.put_nowait(0)
    asyncio.get_running_loop().call_later(0.5, full.get_nowait)
    async with multi_await(put(full, always(1)), put(other, always(2))) as m:
        assert await m.select() == (0, 1)
    assert (full.get_nowait(), other.get_nowait()) == (1, 0)


async def test_both_ready_a_receive_and_a_send_in_one_set_take_turns() -> None:
    incoming, outgoing = Queue(1), Queue(1)
    incoming.put_nowait(1)
    async with multi_await(incoming.get, put(outgoing, always(2))) as m:
        assert sorted([await m.select(), await m.select()]) == [(0, 1), (1, 2)]


async def test_loop_try_a_sender_or_a_receiver_that_only_polls_meets_the_select() -> None:
    incoming, outgoing, end = Queue(1), Queue(1), asyncio.Event()
    outgoing.put_nowait(0)
    met = list[str]()

    async def tries(what: str, source: SourceLike[int], queue: Queue) -> None:
        async with multi_await(source) as m:
            while not end.is_set():
                if m.select_nowait() is not None:
                    met.append(what)
                    return
                await asyncio.sleep(0)

    async with go() as start:
        start(tries("sender", put(incoming, always(1)), incoming))
        start(tries("receiver", outgoing.get, outgoing))
        async with multi_await(incoming.get, put(outgoing, always(2))) as m:
            await asyncio.sleep(0)
            await m.select()
        end.set()
        await asyncio.sleep(1)
    assert "sender" in met or "receiver" in met


# -- disconnected ----------------------------------------------------------------------------------


async def test_disconnected_the_other_sources_go_on_after_one_ends() -> None:
    first, second = asyncio.Queue[int | None](), Queue()
    first.put_nowait(None)
    asyncio.get_running_loop().call_later(0.5, second.put_nowait, 5)
    async with multi_await(until_none(first), second.get) as m:
        assert await m.select() == (1, 5)


async def test_disconnected_ending_reports_an_end_as_an_event() -> None:
    first, second = asyncio.Queue[int | None](), Queue()
    asyncio.get_running_loop().call_later(0.5, first.put_nowait, None)
    async with multi_await(ending(until_none(first), -1), second.get) as m:
        assert await m.select() == (0, -1)
        second.put_nowait(5)
        assert await m.select() == (1, 5)


async def test_default_when_disconnected_no_call_waits_for_an_ended_source() -> None:
    queue = asyncio.Queue[int | None]()
    queue.put_nowait(None)
    async with multi_await(until_none(queue)) as m:
        with pytest.raises(NothingToAwait, match="every source is exhausted"):
            m.select_nowait()
        with pytest.raises(NothingToAwait, match="every source is exhausted"):
            await m.select()


async def test_default_only_without_sources_no_call_waits() -> None:
    async with multi_await() as m:
        with pytest.raises(NothingToAwait, match="0 coroutines"):
            m.select_nowait()
        with pytest.raises(NothingToAwait, match="0 coroutines"):
            async with asyncio.timeout(0.5):
                await m.select()
    assert asyncio.get_running_loop().time() == 0


async def test_preflight_items_sent_before_the_end_are_received_first() -> None:
    queue = asyncio.Queue[int | None]()
    queue.put_nowait(1)
    queue.put_nowait(None)
    async with multi_await(until_none(queue)) as m:
        assert await m.select() == (0, 1)
        with pytest.raises(NothingToAwait):
            await m.select()


@pytest.mark.skipif(not hasattr(asyncio, "QueueShutDown"), reason="Python 3.13 has it")
@pytest.mark.parametrize("send", [False, True])
async def test_disconnect_wakes_a_blocked_call(send: bool) -> None:
    queue: Any = Queue(1)
    if send:
        queue.put_nowait(0)
    asyncio.get_running_loop().call_later(0.5, queue.shutdown)
    async with multi_await(put(queue, always(1)) if send else queue.get) as m:
        with pytest.raises(NothingToAwait):
            await m.select()
    assert asyncio.get_running_loop().time() == 0.5


# -- the same queue --------------------------------------------------------------------------------


async def test_duplicate_operations_one_queue_can_be_several_sources_and_each_delivers() -> None:
    queue = Queue()
    hit = set[int]()
    sends = [put(queue, always(0)) for _ in range(2)]
    async with multi_await(queue.get, queue.get, *sends) as m:
        for _ in range(150):  # a receive is woken once the event loop has had its turn
            hit.add((await m.select())[0])
    assert hit == {0, 1, 2, 3}


async def test_nesting_a_set_can_be_used_while_another_handles_its_event() -> None:
    queue = Queue()
    async with multi_await(put(queue, always(0))) as outer:
        assert await outer.select() == (0, 0)
        async with multi_await(queue.get) as inner:
            assert await inner.select() == (0, 0)
            assert await outer.select() == (0, 0)
            assert await inner.select() == (0, 0)


async def test_send_recv_same_channel_a_set_sends_before_it_receives_from_an_empty_queue() -> None:
    queue = Queue(1)
    async with multi_await(put(queue, always(7)), queue.get) as m:
        assert await m.select() == (0, 7)
        assert await m.select() == (1, 7)


@pytest.mark.parametrize(("tasks", "leftover"), [(44, 0), (55, 1)])
async def test_matching_many_tasks_send_or_receive_and_the_sums_agree(
    tasks: int, leftover: int
) -> None:
    queue = Queue(1)
    events = Counter[int]()
    for _ in range(leftover):
        queue.put_nowait(-1)

    async def either(number: int) -> None:
        async with multi_await(queue.get, put(queue, always(number))) as m:
            events[(await m.select())[0]] += 1

    async with asyncio.TaskGroup() as group:
        for number in range(tasks):
            group.create_task(either(number))
    assert events[1] + leftover == events[0]
    assert queue.empty()


@pytest.mark.parametrize("size", [1, 2])
async def test_channel_through_channel_a_queue_can_be_sent_through_a_queue(size: int) -> None:
    begin = asyncio.Queue[Any](size)

    async def send() -> None:
        queue = begin
        for _ in range(COUNT):
            new = asyncio.Queue[Any](size)
            async with multi_await(put(queue, functools.partial(lambda each: each, new))) as m:
                await m.select()
            queue = new

    queue = begin
    async with go() as start:
        start(send())
        for _ in range(COUNT):
            async with multi_await(queue.get) as m:
                _, queue = await m.select()


# -- many times ------------------------------------------------------------------------------------


async def test_stress_recv_items_sent_alternately_to_two_queues_arrive_alternately() -> None:
    first, second, done = Queue(), Queue(5), asyncio.Queue[None](100)

    async def send() -> None:
        for number in range(COUNT):
            for queue in (first, second):
                await queue.put(number)
                await done.get()

    async with go() as start, multi_await(first.get, second.get) as m:
        start(send())
        for number in range(COUNT):
            for position in range(2):
                assert await m.select() == (position, number)
                done.put_nowait(None)


async def test_stress_mixed_a_set_sends_and_receives_in_step_with_another_task() -> None:
    incoming, outgoing, done = Queue(1), Queue(1), asyncio.Queue[None](100)
    number = 0

    async def other() -> None:
        for expected in range(COUNT):
            await incoming.put(expected)
            assert await outgoing.get() == expected
            await done.get()

    async with go() as start, multi_await(incoming.get, put(outgoing, lambda: number)) as m:
        start(other())
        for number in range(COUNT):
            first = await m.select()
            m.pause(first[0])
            assert {first, await m.select()} == {(0, number), (1, number)}
            m.resume(first[0])
            done.put_nowait(None)


async def test_stress_timeout_items_arrive_in_order_although_both_sides_time_out() -> None:
    queue = Queue(2)
    numbers = itertools.count()

    async def until_it_works(source: SourceLike[int], number: int) -> int:
        if number % 2 == 0:
            await asyncio.sleep(0.5)
        async with multi_await(source) as m:
            while True:
                try:
                    async with asyncio.timeout(0.1):
                        return (await m.select())[1]
                except TimeoutError:
                    pass

    async def send() -> None:
        for number in range(20):
            await until_it_works(put(queue, lambda: next(numbers)), number)

    async with go() as start:
        start(send())
        got = [await until_it_works(queue.get, number) for number in range(20)]
    assert got == list(range(20))


@pytest.mark.parametrize("wait", [False, True])
@pytest.mark.parametrize("size", [0, 1])
async def test_linearizable_if_one_of_two_queues_always_has_an_item_it_is_always_found(
    size: int, wait: bool
) -> None:
    first, second = Queue(size), Queue(size)

    async def moves_it() -> None:
        while True:
            await asyncio.sleep(0)
            if not first.empty():
                second.put_nowait(1)
                first.get_nowait()

    async with go() as start, multi_await(first.get, second.get) as m:
        start(moves_it())
        for number in range(COUNT):
            first.put_nowait(1)
            for _ in range(number % 3):
                await asyncio.sleep(0)
            if wait:
                async with asyncio.timeout(0.001):
                    event: Any = await m.select()
            else:
                event = m.select_nowait()
            assert event is not None


# -- fairness --------------------------------------------------------------------------------------


async def test_fairness_always_ready_queues_and_timers_deliver_equally_often() -> None:
    first, second = Queue(), Queue()
    for _ in range(COUNT):
        first.put_nowait(0)
        second.put_nowait(0)
    hits = Counter[int]()
    async with multi_await(first.get, second.get, every(1), every(1)) as m:
        for _ in range(COUNT):
            pass_time(1)
            await asyncio.sleep(0)
            hits[(await m.select())[0]] += 1
    assert set(hits) == {0, 1, 2, 3}
    assert max(hits.values()) - min(hits.values()) <= 2


async def test_fairness_several_sends_to_one_queue_happen_equally_often() -> None:
    queue = Queue()
    hits = Counter[int]()
    async with multi_await(*[put(queue, always(0)) for _ in range(4)]) as m:
        for _ in range(COUNT):
            hits[(await m.select())[0]] += 1
    assert max(hits.values()) - min(hits.values()) <= 1


@pytest.mark.parametrize("call", ["select", "with a timeout", "select_nowait"])
async def test_unfairness_a_biased_set_takes_from_the_first_source_while_it_has_items(
    call: str,
) -> None:
    queues = [Queue() for _ in range(3)]
    for queue in queues[:2]:
        for _ in range(COUNT):
            queue.put_nowait(0)
    queues[2].put_nowait(0)
    got = list[int]()
    async with multi_await(*[queue.get for queue in queues], biased=True) as m:
        for _ in range(2 * COUNT + 1):
            if call == "select_nowait":
                event: Any = m.select_nowait()
            elif call == "select":
                event = await m.select()
            else:
                async with asyncio.timeout(1):
                    event = await m.select()
            got.append(event[0])
    assert got == COUNT * [0] + COUNT * [1] + [2]


# -- timers ----------------------------------------------------------------------------------------


async def test_fire_a_tick_that_is_due_is_found_once() -> None:
    async with multi_await(every(0.05)) as m:
        assert m.select_nowait() is None
        pass_time(0.06)
        assert m.select_nowait() == (0, 1)
        assert m.select_nowait() is None
    async with multi_await(every(0.05), after(0.2)) as m:
        assert await m.select() == (0, 1)


async def test_intervals_ticks_stay_on_schedule_and_missed_ones_are_counted() -> None:
    time = asyncio.get_running_loop().time
    async with multi_await(every(0.125)) as m:
        assert await m.select() == (0, 1)
        assert time() == 0.125
        pass_time(0.75)
        assert m.select_nowait() == (0, 6)
        assert m.select_nowait() is None
        assert await m.select() == (0, 1)
        assert time() == 1


@pytest.mark.parametrize("count", [2, 5])
async def test_fairness_of_timers_each_delivers_equally_often(count: int) -> None:
    hits = Counter[int]()
    async with multi_await(*[every(1) for _ in range(count)]) as m:
        for _ in range(10 * count):
            hits[(await m.select())[0]] += 1
    assert set(hits.values()) == {10}
