"""The scenarios of tokio's tests of select!, Interval, recv_many and StreamMap, by meaning.

The code is our own. docs/explanation/rust_tests.md maps its tests to these, and says what differs.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest

from multi_await import (
    Group,
    NothingToAwait,
    after,
    batched,
    ending,
    every,
    inline,
    multi_await,
    once,
)
from tests.machinery.tools import pass_time, ticks
from tests.peers.go.goroutines import blocks, go, until_none

Queue = asyncio.Queue[int]
Closable = asyncio.Queue[int | None]


def future(value: int | None = None) -> asyncio.Future[int]:
    made = asyncio.get_running_loop().create_future()
    if value is not None:
        made.set_result(value)
    return made


# -- select! ---------------------------------------------------------------------------------------


async def test_one_ready_the_completed_source_is_delivered() -> None:
    async with multi_await(once(future()), once(future(1))) as m:
        assert await m.select() == (1, 1)


async def test_select_streams_delivers_all_items_of_two_streams_and_ends() -> None:
    first, second = Closable(), Closable()

    async def send() -> None:
        for queue, item in [(second, 1), (first, 2), (second, 3)]:
            queue.put_nowait(item)
            await asyncio.sleep(0)
        first.put_nowait(None)
        second.put_nowait(None)

    async with go() as start, multi_await(until_none(first), until_none(second)) as m:
        start(send())
        assert [item async for _, item in m] == [1, 2, 3]


async def test_sync_two_only_one_of_two_ready_coroutines_runs() -> None:
    begun = list[int]()

    async def counts(number: int) -> int:
        begun.append(number)
        return number

    sources = [inline(functools.partial(counts, number)) for number in range(2)]
    async with multi_await(*sources) as m:
        assert await m.select() == (0, 0)
    assert begun == [0]


async def test_move_uncompleted_futures_the_future_not_chosen_is_still_usable() -> None:
    first, second = future(1), future(2)
    async with multi_await(once(first), once(second)) as m:
        assert await m.select() == (0, 1)
        assert await m.select() == (1, 2)
    assert (await first, await second) == (1, 2)


async def test_disable_with_if_a_paused_source_is_never_polled() -> None:
    async def never() -> int:
        raise AssertionError("it was asked")

    queue = Queue()
    async with multi_await(never, queue.get) as m:
        m.pause(0)
        assert await blocks(m.select())
        queue.put_nowait(1)
        assert await m.select() == (1, 1)


@pytest.mark.parametrize("biased", [False, True])
async def test_use_future_in_if_condition_a_paused_timer_does_not_tick(
    biased: bool,
) -> None:
    async with multi_await(after(0.01), once(future(1)), biased=biased) as m:
        m.pause(0)
        pass_time(1)
        assert await m.select() == (1, 1)
        assert await blocks(m.select())


async def test_join_with_select_two_sources_deliver_once_each_in_either_order() -> None:
    first, second = future(), future()
    asyncio.get_running_loop().call_later(1, second.set_result, 456)
    asyncio.get_running_loop().call_later(2, first.set_result, 123)
    async with multi_await(once(first), once(second)) as m:
        assert [event async for event in m] == [(1, 456), (0, 123)]


async def test_future_panics_after_poll_a_completed_source_is_never_polled_again() -> None:
    calls = 0

    async def ends() -> int:
        nonlocal calls
        calls += 1
        raise StopAsyncIteration

    awaited = future()
    async with multi_await(ends, once(awaited)) as m:
        assert await blocks(m.select())
        assert await blocks(m.select())
        awaited.set_result(1)
        assert await m.select() == (1, 1)
    assert calls == 1


async def test_many_branches_sixty_four_sources_deliver_one_after_another() -> None:
    async with multi_await(*[once(future(number)) for number in range(64)]) as m:
        assert [event async for event in m] == [(number, number) for number in range(64)]


async def test_biased_one_not_ready_delivers_the_first_ready_source() -> None:
    async with multi_await(once(future()), once(future(2)), once(future(3)), biased=True) as m:
        assert await m.select() == (1, 2)


async def test_biased_eventually_ready_a_later_wake_still_takes_precedence() -> None:
    async def later() -> None:
        await asyncio.sleep(0)

    async def at_once() -> None:
        pass

    async with multi_await(once(later()), once(later()), once(at_once()), biased=True) as m:
        order = [position async for position, _ in m]
    assert sorted(order) == [0, 1, 2]
    assert order.index(0) < order.index(1)


async def test_deterministic_select_the_same_program_always_chooses_the_same() -> None:
    async def chosen() -> list[int]:
        queues = [Queue() for _ in range(10)]
        for queue in queues:
            queue.put_nowait(0)
        async with multi_await(*[queue.get for queue in queues]) as m:
            return [(await m.select())[0] for _ in range(10)]

    assert await chosen() == await chosen() == list(range(10))


async def test_no_branch_without_sources_a_call_does_not_wait() -> None:
    async with multi_await() as m:
        with pytest.raises(NothingToAwait):
            await m.select()


@pytest.mark.parametrize("biased", [False, True])
async def test_select_is_budget_aware_the_event_loop_gets_a_turn_after_128_events(
    biased: bool,
) -> None:
    queue = Queue()
    for number in range(300):
        queue.put_nowait(number)
    async with ticks() as passed, multi_await(queue.get, biased=biased) as m:
        before = passed()  # a task that starts eagerly has had its turn
        for _ in range(128):
            await m.select()
        assert passed() == before
        await m.select()
        assert passed() > before


# -- Interval --------------------------------------------------------------------------------------


def now() -> float:
    return asyncio.get_running_loop().time()


async def tick(m: Any) -> tuple[int, float]:
    """The value of the next tick, and when it came."""
    _, value = await m.select()
    return value, round(now(), 3)


@pytest.mark.parametrize("seconds", [0, -1])
def test_interval_zero_duration_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="every"):
        every(seconds)


async def test_missed_ticks_arrive_as_one_with_their_count_and_the_next_is_on_schedule() -> None:
    async with multi_await(every(0.3, first=0)) as m:
        assert await tick(m) == (1, 0)
        assert await tick(m) == (1, 0.3)
        pass_time(0.65)
        assert await tick(m) == (2, 0.95)
        assert await tick(m) == (1, 1.2)


async def test_reset_the_next_tick_comes_one_period_from_now() -> None:
    timer = every(0.3, first=0)
    async with multi_await(timer) as m:
        assert [await tick(m), await tick(m)] == [(1, 0), (1, 0.3)]
        pass_time(0.1)
        timer.reset()
        assert [await tick(m), await tick(m)] == [(1, 0.7), (1, 1.0)]


async def test_reset_immediately_the_next_tick_comes_now() -> None:
    timer = every(0.3, first=0)
    async with multi_await(timer) as m:
        assert [await tick(m), await tick(m)] == [(1, 0), (1, 0.3)]
        pass_time(0.1)
        timer.reset(0)
        assert [await tick(m), await tick(m)] == [(1, 0.4), (1, 0.7)]


@pytest.mark.parametrize("seconds", [0.02, 0.04, 1])
async def test_reset_after_sets_the_next_tick_and_keeps_the_period(
    seconds: float,
) -> None:
    timer = every(0.3, first=0)
    async with multi_await(timer) as m:
        assert [await tick(m), await tick(m)] == [(1, 0), (1, 0.3)]
        pass_time(0.1)
        timer.reset(seconds)
        then = round(0.4 + seconds, 3)
        assert [await tick(m), await tick(m)] == [(1, then), (1, round(then + 0.3, 3))]


# -- recv_many -------------------------------------------------------------------------------------


async def test_recv_many_delivers_all_in_order_and_never_more_than_asked_for() -> None:
    queue = Queue(2)

    async def send() -> None:
        for number in [1, 2, 7, 0]:
            await queue.put(number)

    got = list[int]()
    async with go() as start, multi_await(batched(queue, 3)) as m:
        start(send())
        while len(got) < 4:
            _, some = await m.select()
            assert 1 <= len(some) <= 3
            got += some
        assert await blocks(m.select())
    assert got == [1, 2, 7, 0]


@pytest.mark.parametrize(("most", "batches"), [(1, [[7], [13], [100]]), (32, [[7, 13, 100]])])
async def test_recv_many_delivers_as_many_as_are_there(most: int, batches: list[list[int]]) -> None:
    queue = Queue()
    for number in [7, 13, 100]:
        queue.put_nowait(number)
    async with multi_await(batched(queue, most)) as m:
        assert [(await m.select())[1] for _ in batches] == batches


async def test_recv_many_refuses_zero() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        batched(Queue(), 0)


@pytest.mark.skipif(not hasattr(asyncio, "QueueShutDown"), reason="Python 3.13 has it")
async def test_recv_many_delivers_the_rest_of_a_closed_queue_and_then_the_end() -> None:
    queue: Any = Queue()
    queue.put_nowait(1)
    queue.shutdown()
    async with multi_await(batched(queue, 4)) as m:
        assert [event async for event in m] == [(0, [1])]


# -- StreamMap -------------------------------------------------------------------------------------


async def test_streammap_single_entry_delivers_its_items_under_its_key() -> None:
    queue, group = Closable(), Group[str, int]()
    group.add("foo", until_none(queue))
    assert "foo" in group
    assert "bar" not in group
    assert len(group) == 1
    async with multi_await(group) as m:
        for number in [1, 2]:
            assert await blocks(m.select())
            queue.put_nowait(number)
            assert await m.select() == (0, ("foo", number))
        queue.put_nowait(None)
        assert await blocks(m.select())
        assert len(group) == 0


async def test_streammap_multiple_entries_delivers_from_any_that_has_items() -> None:
    first, second, group = Closable(), Closable(), Group[str, int]()
    group.add("foo", until_none(first))
    group.add("bar", until_none(second))
    group.shutdown()
    async with multi_await(group) as m:
        first.put_nowait(1)
        assert await m.select() == (0, ("foo", 1))
        second.put_nowait(2)
        assert await m.select() == (0, ("bar", 2))
        first.put_nowait(3)
        second.put_nowait(4)
        assert {await m.select(), await m.select()} == {(0, ("foo", 3)), (0, ("bar", 4))}
        first.put_nowait(None)
        assert await blocks(m.select())
        second.put_nowait(None)
        assert [event async for event in m] == []


async def test_streammap_insert_remove_items_sent_meanwhile_stay_in_their_queue() -> None:
    queue, group = Queue(), Group[str, int]()
    async with multi_await(group) as m:
        group.add("foo", queue.get)
        assert await blocks(m.select())
        assert await group.remove("foo") == ()
        queue.put_nowait(1)
        assert await blocks(m.select())
        group.add("bar", queue.get)
        assert await m.select() == (0, ("bar", 1))


async def test_streammap_replace_requires_a_removal_first() -> None:
    first, second, group = Queue(), Queue(), Group[str, int]()
    group.add("foo", first.get)
    async with multi_await(group) as m:
        with pytest.raises(ValueError, match="foo"):
            group.add("foo", second.get)
        await group.remove("foo")
        group.add("foo", second.get)
        first.put_nowait(1)
        assert await blocks(m.select())
        second.put_nowait(2)
        assert await m.select() == (0, ("foo", 2))
    assert first.get_nowait() == 1


async def test_streammap_iter_keys_are_in_the_order_of_adding() -> None:
    group = Group[str, int]()
    for key in "bac":
        group.add(key, Queue().get)
    assert list(group) == ["b", "a", "c"]


async def test_streammap_empty_waits_for_additions_and_has_no_key_to_remove() -> None:
    group = Group[str, int]()
    async with multi_await(group) as m:
        assert await blocks(m.select())
        with pytest.raises(KeyError):
            await group.remove("foo")
        group.shutdown()
        with pytest.raises(NothingToAwait):
            await m.select()


async def test_streammap_next_many_delivers_the_items_of_several_round_by_round() -> None:
    group = Group[int, int]()
    for key in range(3):
        queue = Queue()
        for item in range(key + 1):
            queue.put_nowait(item)
        group.add(key, queue.get)
    async with multi_await(group) as m:
        got = [(await m.select())[1][1] for _ in range(6)]
    assert got == [0, 0, 0, 1, 1, 2]


async def test_streamnotifyclose_reports_an_end_under_its_key() -> None:
    queue, group = Closable(), Group[str, int]()
    group.add("foo", ending(until_none(queue), -1))
    async with multi_await(group) as m:
        queue.put_nowait(1)
        queue.put_nowait(None)
        assert [await m.select(), await m.select()] == [(0, ("foo", 1)), (0, ("foo", -1))]
        assert "foo" not in group
