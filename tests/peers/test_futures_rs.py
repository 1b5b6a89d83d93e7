"""The scenarios of futures-rs's tests of select!, FuturesUnordered and select_all, by meaning.

The code is our own. docs/explanation/rust_tests.md maps its tests to these, and says what differs.
Its "poll once" is `select_nowait`, and its oneshot channel is a future.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from multi_await import (
    PENDING,
    Group,
    MultiAwait,
    NothingToAwait,
    Pending,
    Source,
    Wake,
    batched,
    each,
    ending,
    inline,
    multi_await,
    once,
)
from tests.machinery.tools import SCHEDULES, Gate, fails_at_the_end, steps
from tests.peers.go.goroutines import blocks, go, until_none

Queue = asyncio.Queue[int]
Closable = asyncio.Queue[int | None]


class Fault(Exception):  # noqa: N818 -- what it is
    """A failure."""


def future(value: int | None = None) -> asyncio.Future[int]:
    made = asyncio.get_running_loop().create_future()
    if value is not None:
        made.set_result(value)
    return made


def failed(number: int) -> asyncio.Future[int]:
    made = future()
    made.set_exception(Fault(number))
    return made


def stream(*items: int) -> Source[int]:
    """A stream that has all its items ready, and then ends."""
    queue = Closable()
    for item in (*items, None):
        queue.put_nowait(item)
    return until_none(queue)


def group_of(*futures: asyncio.Future[int]) -> Group[int, int]:
    """Like FuturesUnordered: any number of futures, each of which is delivered once."""
    group = Group[int, int]()
    for number, each_future in enumerate(futures):
        group.add(number, once(each_future))
    return group


# -- select! and select_biased! --------------------------------------------------------------------


@pytest.mark.parametrize("biased", [False, True])
async def test_selectmacro_of_two_futures_the_finished_one_is_delivered(biased: bool) -> None:
    done, other = future(1), future()
    async with multi_await(once(done), once(other), biased=biased) as m:
        assert await m.select() == (0, 1)
    assert not other.done()


async def test_selectmacro_streams_give_the_default_then_all_items_then_the_end() -> None:
    first, second = Closable(1), Closable(1)
    total = 0
    async with multi_await(until_none(first), until_none(second)) as m:
        assert m.select_nowait() is None
        first.put_nowait(2)
        second.put_nowait(3)
        await asyncio.sleep(0)
        while (event := m.select_nowait()) is not None:
            total += event[1]
        assert total == 5
        first.put_nowait(None)
        second.put_nowait(None)
        with pytest.raises(NothingToAwait):
            await m.select()


async def test_selectmacro_the_future_not_chosen_can_be_awaited_on_its_own() -> None:
    first, second = future(1), future(2)
    async with multi_await(once(first), once(second)) as m:
        match await m.select():
            case (0, value):
                assert (value, await second) == (1, 2)
            case (1, value):
                assert (value, await first) == (2, 1)


async def test_selectmacro_a_select_can_be_nested_in_a_case_of_another() -> None:
    async with multi_await(once(future(1))) as outer:
        _, x = await outer.select()
        async with multi_await(once(future(2))) as inner:
            _, y = await inner.select()
    assert x + y == 3


async def test_selectmacro_default_an_inline_coroutine_that_never_suspends_is_found() -> None:
    async def five() -> int:
        return 5

    async with multi_await(inline(five), inline(five)) as m:
        assert m.select_nowait() == (0, 5)
    async with multi_await(once(future()), once(future())) as m:
        assert m.select_nowait() is None


async def test_selectmacro_default_is_given_before_complete_while_items_may_still_arrive() -> None:
    queue = Closable()
    async with multi_await(until_none(queue)) as m:
        assert m.select_nowait() is None
        queue.put_nowait(None)
        await asyncio.sleep(0)
        with pytest.raises(NothingToAwait):
            m.select_nowait()


async def test_pollmacro_a_coroutine_that_suspends_once_is_ready_at_the_second_poll() -> None:
    async with multi_await(functools.partial(steps, 1)) as m:
        assert m.select_nowait() is None
        await steps(3)
        assert m.select_nowait() == (0, None)


async def test_pollmacro_an_inline_coroutine_woken_between_two_polls_starts_again() -> None:
    async with multi_await(inline(functools.partial(steps, 1))) as m:
        for _ in range(3):
            assert m.select_nowait() is None
            await steps(3)
        assert await m.select() == (0, None)


# -- stream_select!, stream::select and select_with_strategy ---------------------------------------


async def endless(value: int) -> AsyncIterator[int]:
    while True:
        yield value


async def test_streamselect_an_endless_stream_delivers_beside_a_silent_one() -> None:
    async with multi_await(each(endless(1)), Queue().get) as m:
        assert [await m.select() for _ in range(2)] == [(0, 1), (0, 1)]


async def test_streamselect_the_set_ends_after_two_finite_streams() -> None:
    async with multi_await(stream(1), stream(1)) as m:
        assert [event async for event in m] == [(0, 1), (1, 1)]


async def test_streamselect_three_endless_streams_deliver_equally_often() -> None:
    hits = Counter[int]()
    async with multi_await(*[inline(functools.partial(asyncio.sleep, 0)) for _ in range(3)]) as m:
        for _ in range(999):
            hits[(await m.select())[0]] += 1
    assert max(hits.values()) - min(hits.values()) <= 1


@pytest.mark.parametrize(
    ("first", "second", "order"),
    [
        ((1, 2, 3), (4, 5, 6), [1, 4, 2, 5, 3, 6]),
        ((1, 2, 3), (4, 5), [1, 4, 2, 5, 3]),
        ((1, 2), (4, 5, 6), [1, 4, 2, 5, 6]),
    ],
)
async def test_stream_select_two_streams_take_turns_until_one_has_ended(
    first: tuple[int, ...], second: tuple[int, ...], order: list[int]
) -> None:
    async with multi_await(stream(*first), stream(*second)) as m:
        assert [item async for _, item in m] == order


@pytest.mark.parametrize("slow_position", [0, 1])
@pytest.mark.parametrize("biased", [False, True])
async def test_select_with_strategy_goes_on_after_the_first_stream_ends(
    biased: bool, slow_position: int
) -> None:
    async def suspends_between() -> AsyncIterator[int]:
        for number in range(10):
            await asyncio.sleep(0)
            yield number

    slow, quick = each(suspends_between()), stream(10, 20)
    sources = (slow, quick) if slow_position == 0 else (quick, slow)
    async with multi_await(*sources, biased=biased) as m:
        events = [event async for event in m]
    assert [item for position, item in events if position == slow_position] == list(range(10))
    assert [item for position, item in events if position != slow_position] == [10, 20]


# -- take_until, ready_chunks ----------------------------------------------------------------------


async def test_take_until_a_stop_with_priority_ends_the_loop_at_once() -> None:
    stop, queue, got = asyncio.Event(), Queue(), list[int]()
    for number in range(1, 11):
        queue.put_nowait(number)
    async with multi_await(stop.wait, queue.get, biased=True) as m:
        async for event in m:
            if event[0] == 0:
                break
            got.append(event[1])
            if event[1] == 5:
                stop.set()
    assert got == [1, 2, 3, 4, 5]
    assert queue.get_nowait() == 6


async def test_take_until_all_items_are_delivered_if_the_stop_is_removed() -> None:
    stop = asyncio.Event()
    async with multi_await(stop.wait, stream(*range(10)), biased=True) as m:
        assert [await m.select() for _ in range(2)] == [(1, 0), (1, 1)]
        m.pause(0)
        stop.set()
        assert [await m.select() for _ in range(8)] == [(1, number) for number in range(2, 10)]
        assert await blocks(m.select())


async def test_ready_chunks_delivers_what_is_there_at_once_up_to_the_limit() -> None:
    queue = Queue(16)
    async with multi_await(batched(queue, 2)) as m:
        assert await blocks(m.select())
        queue.put_nowait(1)
        assert await m.select() == (0, [1])
        for number in [2, 3, 4]:
            queue.put_nowait(number)
        assert [await m.select(), await m.select()] == [(0, [2, 3]), (0, [4])]


# -- select of futures, select_all, select_ok ------------------------------------------------------


@pytest.mark.parametrize("first", [1, None])
@pytest.mark.parametrize("second", [2, None])
async def test_eventual_select_delivers_the_second_outcome_after_the_first(
    first: int | None, second: int | None
) -> None:
    """Each outcome is a value, or a failure if it is None."""
    futures = [future(), future()]

    async def outcome(m: MultiAwait[int, int]) -> int | None:
        try:
            return (await m.select())[1]
        except Fault:
            return None

    async with multi_await(once(futures[0]), once(futures[1])) as m:
        for each_future, value in zip(futures, [first, second], strict=True):
            assert await blocks(m.select())
            if value is None:
                each_future.set_exception(Fault())
            else:
                each_future.set_result(value)
            assert await outcome(m) == value
        with pytest.raises(NothingToAwait):
            await m.select()


async def test_eventual_select_of_many_pairs_one_half_is_delivered_and_one_dropped() -> None:
    promised = asyncio.Queue[asyncio.Future[int]]()

    async def fulfil() -> None:
        while True:
            (await promised.get()).set_result(1)

    async with go() as start:
        start(fulfil())
        for _ in range(10 * SCHEDULES):
            first, second = future(), future()
            async with multi_await(once(first), once(second)) as m:
                promised.put_nowait(first)
                assert await m.select() == (0, 1)
            assert not second.done()


async def test_select_all_delivers_three_finished_futures_once_each_in_order() -> None:
    async with multi_await(*[once(future(number)) for number in [1, 2, 3]]) as m:
        assert [event async for event in m] == [(0, 1), (1, 2), (2, 3)]


async def first_success(m: MultiAwait[*tuple[int, ...]]) -> int:
    """Like select_ok: the first value, or the last failure if no future is left."""
    failure = Fault("there was none")
    while True:
        try:
            return (await m.select())[1]
        except Fault as caught:
            failure = caught
        except NothingToAwait:
            raise failure from None


async def test_select_ok_skips_failures_before_the_first_success() -> None:
    sources = [once(each_future) for each_future in [failed(1), failed(2), future(3), future(4)]]
    async with multi_await(*sources) as m:
        assert [await first_success(m), await first_success(m)] == [3, 4]


async def test_select_ok_raises_the_last_failure_if_none_succeeds() -> None:
    async with multi_await(*[once(each) for each in [future(1), failed(2), failed(3)]]) as m:
        assert await first_success(m) == 1
        with pytest.raises(Fault, match="3"):
            await first_success(m)


# -- FuturesUnordered ------------------------------------------------------------------------------


async def test_ready_queue_delivers_futures_as_they_end_and_then_ends() -> None:
    futures = [future() for _ in range(3)]
    group = group_of(*futures)
    group.shutdown()
    async with multi_await(group) as m:
        assert m.select_nowait() is None
        futures[1].set_result(1)
        assert m.select_nowait() == (0, (1, 1))
        assert m.select_nowait() is None
        futures[0].set_result(0)
        futures[2].set_result(2)
        assert sorted([await m.select(), await m.select()]) == [(0, (0, 0)), (0, (2, 2))]
        with pytest.raises(NothingToAwait):
            m.select_nowait()


async def test_ready_queue_a_dropped_future_is_a_failure_under_its_key() -> None:
    futures = [future() for _ in range(3)]
    group = group_of(*futures)
    group.shutdown()
    async with multi_await(group) as m:
        for number in [1, 0]:
            assert m.select_nowait() is None
            futures[number].cancel()
            with pytest.raises(RuntimeError, match="cancelled"):
                m.select_nowait()
            assert group.failed == number
        futures[2].set_result(2)
        assert [event async for event in m] == [(0, (2, 2))]


async def test_ready_queue_that_is_dropped_cancels_its_coroutines_but_not_callers_tasks() -> None:
    cancelled = list[int]()

    async def waits(number: int) -> int:
        try:
            return await future()
        except asyncio.CancelledError:
            cancelled.append(number)
            raise

    task = asyncio.create_task(waits(0))
    group = group_of(task)
    for number in [1, 2, 3]:
        group.add(number, once(waits(number)))
    async with multi_await(group) as m:
        assert await blocks(m.select())
        assert cancelled == []
    assert sorted(cancelled) == [1, 2, 3]
    assert not task.done()
    assert len(group) == 0
    task.cancel()
    await asyncio.wait([task])


async def test_ready_queue_stress_one_set_is_filled_and_emptied_many_times() -> None:
    async def sends(promise: asyncio.Future[int], number: int) -> None:
        await steps(number % 3)
        promise.set_result(number)

    group, keys = Group[int, int](), itertools.count()
    async with go() as start, multi_await(group) as m:
        for count in range(1, 11):
            for _ in range(5):
                for number in range(count):
                    promise = future()
                    group.add(next(keys), once(promise))
                    start(sends(promise, number))
                got = [(await m.select())[1][1] for _ in range(count)]
                assert sorted(got) == list(range(count))
        assert m.select_nowait() is None
        assert len(group) == 0


async def test_ready_queue_a_source_that_fails_at_its_first_poll_leaves_the_set() -> None:
    async def fails() -> int:
        raise Fault

    group = Group[int, int]()
    group.add(0, once(fails()))
    group.shutdown()
    async with multi_await(group) as m:
        with pytest.raises(Fault):
            await m.select()
        assert m.failed == 0
        with pytest.raises(NothingToAwait):
            await m.select()
    assert len(group) == 0


async def test_futuresunordered_one_future_ends_and_then_the_other_two() -> None:
    futures = [future() for _ in range(3)]
    group = group_of(*futures)
    group.shutdown()
    async with multi_await(group) as m:
        futures[1].set_result(99)
        assert await m.select() == (0, (1, 99))
        futures[0].set_result(33)
        futures[2].set_result(33)
        assert [value async for _, (_, value) in m] == [33, 33]


async def test_futuresunordered_a_future_is_delivered_beside_a_pair_that_needs_both() -> None:
    first, second, third = future(), future(), future()

    async def total() -> int:
        return await second + await third

    async with multi_await(once(first), once(total())) as m:
        first.set_result(9)
        second.set_result(10)
        assert await m.select() == (0, 9)
        assert await blocks(m.select())
        third.set_result(20)
        assert await m.select() == (1, 30)
        with pytest.raises(NothingToAwait):
            await m.select()


async def test_futuresunordered_a_set_used_as_a_source_of_another_leaves_its_next_outcome() -> None:
    second, third = future(), future()
    async with (
        multi_await(once(second), once(third)) as inner,
        multi_await(once(future()), once(inner.select())) as outer,
    ):
        for _ in range(10):
            assert outer.select_nowait() is None
        second.set_result(12)
        assert await outer.select() == (1, (0, 12))
        third.set_result(3)
        assert await blocks(outer.select())
        assert await inner.select() == (1, 3)


async def test_futuresunordered_iter_cancel_futures_cancelled_one_by_one_are_all_delivered() -> (
    None
):
    futures = [future() for _ in range(3)]
    group = group_of(*futures)
    group.shutdown()
    async with multi_await(group) as m:
        assert await blocks(m.select())
        for key in group:
            futures[key].cancel()
        for _ in range(3):
            with pytest.raises(RuntimeError, match="cancelled"):
                await m.select()
        with pytest.raises(NothingToAwait):
            await m.select()


async def test_futuresunordered_len_is_right_as_futures_end_and_are_added() -> None:
    futures = [future() for _ in range(4)]
    group = Group[int, int]()
    lengths = list[int]()
    async with multi_await(group) as m:
        for key in [0, 1, 2]:
            group.add(key, once(futures[key]))
            lengths.append(len(group))
        for key in [1, 2, 3, 0]:
            futures[key].set_result(key)
            assert await m.select() == (0, (key, key))
            assert m.select_nowait() is None  # this poll finds that it has ended
            lengths.append(len(group))
            if key == 1:
                group.add(3, once(futures[3]))
                lengths.append(len(group))
    assert lengths == [1, 2, 3, 2, 3, 2, 1, 0]


class CountedSource(Source[int]):
    """Never has anything; counts its polls and ends."""

    def __init__(self) -> None:
        self.polls = 0
        self.ends = 0

    def poll(self, wake: Wake) -> Pending:
        self.polls += 1
        return PENDING

    async def aclose(self) -> None:
        self.ends += 1


@pytest.mark.parametrize("count", [10, 33])
@pytest.mark.parametrize("biased", [False, True])
async def test_futuresunordered_a_nowait_call_polls_each_source_once(
    count: int, biased: bool
) -> None:
    sources = [CountedSource() for _ in range(count)]
    async with multi_await(*sources, biased=biased) as m:
        assert m.select_nowait() is None
        assert [source.polls for source in sources] == count * [1]


@pytest.mark.parametrize("polled", [False, True])
@pytest.mark.parametrize("removed", [0, 2, 4])
async def test_futuresunordered_no_leak_each_source_is_ended_exactly_once(
    polled: bool, removed: int
) -> None:
    sources, group = [CountedSource() for _ in range(4)], Group[int, int]()
    for key, source in enumerate(sources):
        group.add(key, source)
    async with multi_await(group) as m:
        if polled:
            assert m.select_nowait() is None
        for key in range(removed):
            await group.remove(key)
        assert [source.ends for source in sources] == removed * [1] + (4 - removed) * [0]
    assert [source.ends for source in sources] == 4 * [1]


async def test_futuresunordered_clear_in_loop_one_is_delivered_and_the_others_removed() -> None:
    async def waits(number: int) -> int:
        await asyncio.sleep(1 + number)
        return number

    async with multi_await() as m:
        for _ in range(SCHEDULES):
            positions = [m.add(once(waits(number))) for number in range(24)]
            assert await m.select() == (positions[0], 0)
            for position in positions:
                assert await m.remove(position) == ()
            assert len(m) == 0
            assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_futuresunordered_a_failure_while_being_dropped_is_reported(
    reported: list[dict[str, Any]],
) -> None:
    group = Group[int, None]()
    group.add(0, once(fails_at_the_end()))
    group.add(1, once(asyncio.sleep(1000)))
    async with multi_await(group) as m:
        assert await blocks(m.select())
    assert [str(context["exception"]) for context in reported] == ["at the end"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


# -- SelectAll: a set of streams -------------------------------------------------------------------


async def test_selectall_is_terminated_an_empty_set_is_over_until_a_source_is_added() -> None:
    async with multi_await() as m:
        with pytest.raises(NothingToAwait):
            m.select_nowait()
        assert len(m) == 0
        m.add(stream(1))
        assert len(m) == 1
        assert m.select_nowait() == (0, 1)
        for _ in range(2):
            with pytest.raises(NothingToAwait):
                m.select_nowait()
        m.add(stream(2))
        assert m.select_nowait() == (1, 2)


async def test_selectall_two_streams_take_turns_and_the_longer_continues_alone() -> None:
    group = Group[str, int]()
    group.add("short", stream(0, 1, 2))
    group.add("long", stream(10, 11, 12, 13, 14))
    group.shutdown()
    async with multi_await(group) as m:
        assert [item async for _, (_, item) in m] == [0, 10, 1, 11, 2, 12, 13, 14]


async def test_selectall_delivers_from_any_stream_that_has_items_until_all_have_ended() -> None:
    a, b, c = Closable(), Closable(), Closable()
    async with multi_await(until_none(a), until_none(b), until_none(c)) as m:
        for _ in range(2):
            b.put_nowait(99)
            a.put_nowait(33)
            assert [await m.select(), await m.select()] == [(0, 33), (1, 99)]
        c.put_nowait(42)
        assert await m.select() == (2, 42)
        a.put_nowait(43)
        assert await m.select() == (0, 43)
        for queue in [a, b, c]:
            queue.put_nowait(None)
        assert [event async for event in m] == []


async def test_selectall_clear_removed_streams_keep_their_items() -> None:
    queues, group = [Queue() for _ in range(2)], Group[int, int]()
    for key, queue in enumerate(queues):
        queue.put_nowait(key)
        group.add(key, queue.get)
    async with multi_await(group) as m:
        assert await m.select() == (0, (0, 0))
        for new in [2, 3]:
            for key in group:
                assert await group.remove(key) == ()
            assert len(group) == 0
            assert m.select_nowait() is None
            group.add(new, queues[1].get)
            assert len(group) == 1
        assert await m.select() == (0, (3, 1))


async def test_selectall_iter_an_ended_stream_is_no_longer_counted() -> None:
    group = Group[int, int]()
    for key, items in enumerate([(), (1,), (2,)]):
        group.add(key, stream(*items))
    assert (len(group), list(group)) == (3, [0, 1, 2])
    async with multi_await(group) as m:
        assert await m.select() == (0, (1, 1))
        assert (len(group), list(group)) == (2, [1, 2])
        assert await m.select() == (0, (2, 2))
        assert await blocks(m.select())
        assert (len(group), list(group)) == (0, [])


async def test_selectnextsome_an_empty_set_can_get_its_first_source_in_a_running_loop() -> None:
    async def five() -> int:
        return 5

    group, total = Group[str, int](), 0
    begun = future()
    asyncio.get_running_loop().call_later(1, begun.set_result, 1)
    async with multi_await(once(begun), group) as m:
        async for event in m:
            match event:
                case (0, number):
                    total += number
                    group.add("five", once(five()))
                    group.shutdown()
                case (1, (_, number)):
                    total += number
    assert total == 6


# -- buffer_unordered, flatten_unordered -----------------------------------------------------------


async def test_buffer_unordered_at_most_four_run_and_each_end_makes_room() -> None:
    most, gates = 4, [Gate() for _ in range(9)]
    offered = asyncio.Queue[int]()
    for number in range(9):
        offered.put_nowait(number)
    group, order = Group[int, int](), list[int]()
    async with multi_await(offered.get, group) as m:

        async def run() -> None:
            async for event in m:
                if event[0] == 0:
                    group.add(event[1], once(gates[event[1]].get()))
                    if len(group) == most:
                        m.pause(0)
                else:
                    order.append(event[1][0])
                    m.resume(0)

        assert await blocks(run())
        assert [gate.calls for gate in gates] == 4 * [1] + 5 * [0]
        for number in [0, 2, 1, 3, 4, 7, 8, 6, 5]:
            gates[number].open(number)
            assert await blocks(run())
            assert len(group) <= most
    assert order == [0, 2, 1, 3, 4, 7, 8, 6, 5]


@pytest.mark.parametrize("most", [1, 3, 10])
async def test_flatten_unordered_delivers_the_items_of_a_few_streams_at_a_time(
    most: int,
) -> None:
    async def numbers(base: int) -> AsyncIterator[int]:
        for number in range(6):
            await asyncio.sleep(number % 2)
            yield 6 * base + number

    async def outer() -> AsyncIterator[AsyncIterator[int]]:
        for base in range(10):
            yield numbers(base)

    group, keys = Group[int, int | None](), itertools.count()
    got, open_at_most = list[int](), 0
    async with multi_await(ending(each(outer()), None), group) as m:
        async for event in m:
            match event:
                case (0, None):
                    group.shutdown()
                case (0, inner):
                    group.add(next(keys), ending(each(inner), None))
                    open_at_most = max(open_at_most, len(group))
                    if len(group) == most:
                        m.pause(0)
                case (1, (_, None)):
                    m.resume(0)
                case (1, (_, number)):
                    got.append(number)
    assert sorted(got) == list(range(60))
    assert open_at_most == most
