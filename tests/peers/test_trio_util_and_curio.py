"""The scenarios of the tests of trio_util, and of curio's task groups and timeouts, by meaning.

The code is our own. docs/explanation/python_tests.md maps their tests to these, and says what
differs.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

import pytest

from multi_await import (
    PENDING,
    Group,
    NothingToAwait,
    Pending,
    Source,
    Wake,
    after,
    each,
    ending,
    every,
    multi_await,
    once,
    put,
)
from tests.machinery.tools import cancelled_after, slow_to_end, steps, ticks
from tests.peers.go.goroutines import blocks, go

Queue = asyncio.Queue[int]


def now() -> float:
    return round(asyncio.get_running_loop().time(), 3)


async def result_after(seconds: float, value: int) -> int:
    await asyncio.sleep(seconds)
    return value


# -- trio_util: wait_all, wait_any, move_on_when ---------------------------------------------------


async def test_wait_all_a_loop_over_the_set_ends_once_every_function_has() -> None:
    async with multi_await(once(result_after(1, 10)), once(result_after(2, 20))) as m:
        assert [event async for event in m] == [(0, 10), (1, 20)]
    assert now() == 2


async def test_wait_any_delivers_the_first_to_end_and_cancels_the_other() -> None:
    ended = list[int]()

    async def ends(seconds: int) -> None:
        await asyncio.sleep(seconds)
        ended.append(seconds)

    async with multi_await(once(ends(1)), once(ends(2))) as m:
        assert await m.select() == (0, None)
    assert ended == [1]
    assert now() == 1


async def test_move_on_when_the_body_ends_first_nothing_waits_for_the_event() -> None:
    event = asyncio.Event()
    async with multi_await(event.wait, once(result_after(1, 5))) as m:
        assert await m.select() == (1, 5)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_move_on_when_the_event_comes_the_body_ends_wherever_it_is() -> None:
    event, stages = asyncio.Event(), list[str]()

    async def body() -> None:
        await asyncio.sleep(1)
        event.set()
        stages.append("set")
        await asyncio.sleep(1000)
        stages.append("never")

    async with multi_await(event.wait, once(body())) as m:
        assert await m.select() == (0, True)
    assert stages == ["set"]
    assert now() == 1


async def test_move_on_when_with_a_deadline_ends_the_body_at_the_deadline() -> None:
    async with multi_await(after(1), once(asyncio.sleep(1000))) as m:
        assert await m.select() == (0, 1)
    assert now() == 1


async def test_run_and_cancelling_a_background_task_ends_with_the_body_or_before() -> None:
    begun = asyncio.Event()

    async def runs() -> None:
        begun.set()
        await asyncio.sleep(1000)

    async with multi_await(once(runs()), after(1)) as m:
        assert await m.select() == (1, 1)
    assert begun.is_set()
    async with multi_await(once(asyncio.sleep(1)), after(2)) as m:
        assert [event async for event in m] == [(0, None), (1, 1)]


# -- trio_util: AsyncValue, compose_values, RepeatedEvent ------------------------------------------


class Value(Source[int]):
    """A changing value: gives its current value when polled, if that is new and wanted."""

    def __init__(self, value: int, wanted: Callable[[int], bool] = lambda _: True) -> None:
        self.value = value
        self.wanted = wanted
        self.told: int | None = None
        self.wake: Wake | None = None

    def poll(self, wake: Wake) -> int | Pending:
        self.wake = wake
        if self.value == self.told or not self.wanted(self.value):
            return PENDING
        self.told = self.value
        return self.value

    def set(self, value: int) -> None:
        self.value = value
        if self.wake is not None:
            self.wake()


def even(value: int) -> bool:
    return value % 2 == 0


@pytest.mark.parametrize(
    ("wanted", "consume", "pauses", "expected"),
    [
        (None, 0, [0.1] * 3, [0, 1, 2, 3]),
        (even, 0, [0.1] * 6, [0, 2, 4, 6]),
        (lambda value: not even(value), 0, [0.1] * 6, [1, 3, 5]),
        (None, 1.0, [0.9] * 3, [0, 1, 2, 3]),
        (None, 1.0, [0.4] * 3, [0, 2, 3]),
    ],
    ids=["fast", "fast, even", "fast, odd", "a bit slow", "slow"],
)
async def test_eventual_values_a_slow_consumer_may_miss_some_but_never_the_last(
    wanted: Callable[[int], bool] | None,
    consume: float,
    pauses: list[float],
    expected: list[int],
) -> None:
    value = Value(0) if wanted is None else Value(0, wanted)

    async def publish() -> None:
        for number, pause in enumerate(pauses, 1):
            await asyncio.sleep(pause)
            value.set(number)

    got = list[int]()
    async with go() as start, multi_await(value, after(100)) as m:
        start(publish())
        async for event in m:
            if event[0] == 1:
                break
            got.append(event[1])
            await asyncio.sleep(consume)
    assert got == expected


async def test_eventual_values_aba_a_change_that_is_undone_unseen_is_not_an_event() -> None:
    value = Value(0)
    async with multi_await(value) as m:
        assert await m.select() == (0, 0)
        for number in [1, 0, 1, 0]:
            value.set(number)
        assert await blocks(m.select())
        value.set(1)
        assert await m.select() == (0, 1)


async def test_predicate_eval_scope_no_predicate_runs_outside_a_call() -> None:
    seen = list[int]()

    def wanted(value: int) -> bool:
        seen.append(value)
        return value > 20

    value = Value(0, wanted)
    async with multi_await(value) as m:
        assert await blocks(m.select())
        assert seen == [0]
        value.set(10)
        await steps(5)
        assert seen == [0]
        value.set(21)
        assert await m.select() == (0, 21)
        assert seen == [0, 21]


async def test_wait_value_misses_a_momentary_value_unless_it_is_in_a_queue() -> None:
    value, queue = Value(0, lambda value: value > 50), Queue()
    async with multi_await(value, queue.get) as m:
        waiting = asyncio.create_task(m.select())
        await steps(3)
        for number in [51, 0]:
            value.set(number)
            queue.put_nowait(number)
        assert await waiting == (1, 51)
        assert await m.select() == (1, 0)
        assert await blocks(m.select())


async def test_wait_value_held_for_one_second_each_change_restarts_the_timer() -> None:
    value, held = Value(10), after(1)
    loop = asyncio.get_running_loop()
    for when, number in [(0.5, 20), (0.75, 5), (1.25, 22)]:
        loop.call_later(when, value.set, number)
    held.stop()
    last = None
    async with multi_await(value, held) as m:
        async for event in m:
            if event[0] == 1:
                break
            last = event[1]
            held.reset() if last >= 20 else held.stop()
    assert last == 22
    assert now() == 2.25


@pytest.mark.parametrize("consume", [0, 1])
async def test_transitions_in_a_queue_are_not_lost_however_slow_the_consumer(
    consume: float,
) -> None:
    queue = asyncio.Queue[tuple[int, int]]()
    loop = asyncio.get_running_loop()
    for number in range(3):
        loop.call_later(0.1 * number, queue.put_nowait, (number + 1, number))
    got = list[tuple[int, int]]()
    async with multi_await(queue.get) as m:
        while len(got) < 3:
            got.append((await m.select())[1])
            await asyncio.sleep(consume)
    assert got == [(1, 0), (2, 1), (3, 2)]


async def test_compose_values_of_two_sources_finds_the_wanted_pair() -> None:
    queues = x, y = Queue(), Queue()
    latest = [42, 0]

    async def wanted_pair() -> tuple[int, int]:
        async with multi_await(x.get, y.get) as m:
            async for position, value in m:
                latest[position] = value
                if latest[0] < 0 < latest[1]:
                    break
        return latest[0], latest[1]

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(wanted_pair())
        for position, value in [(0, -1), (0, 0), (1, 5), (1, 10), (0, -1)]:
            await steps(10)
            assert not waiting.done()
            queues[position].put_nowait(value)
    assert waiting.result() == (-1, 10)


async def test_compose_values_fast_transition_delivers_every_change_within_one_step() -> None:
    queue = Queue()
    async with multi_await(queue.get) as m:
        assert await blocks(m.select())
        for number in range(5):
            queue.put_nowait(number)
        assert [(await m.select())[1] for _ in range(5)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("queued", [False, True])
async def test_repeated_event_during_the_body_counts_if_cleared_before_it(
    queued: bool,
) -> None:
    """If cleared before the body, one more event follows; if cleared after it, it is ignored."""
    events, counts = [asyncio.Event(), asyncio.Event()], [0, 0]

    async def listen(number: int) -> None:
        event = events[number]
        async with multi_await(event.wait) as m:
            async for _ in m:
                counts[number] += 1
                if queued:
                    event.clear()
                await asyncio.sleep(number + 1)
                if not queued:
                    event.clear()

    async def set_all() -> list[int]:
        for event in events:
            event.set()
        await steps(10)
        return counts.copy()

    async with go() as start:
        for number in range(2):
            start(listen(number))
        await steps(10)
        assert counts == [0, 0]
        assert await set_all() == [1, 1]
        await asyncio.sleep(1.5)
        assert await set_all() == [2, 1]  # the second listener is in its body
        await asyncio.sleep(0.6)
        assert counts == [2, 2 if queued else 1]
        await set_all()  # and here both are, or the first
        await asyncio.sleep(5)
        assert counts == ([3, 3] if queued else [2, 2])


async def test_repeated_event_set_before_the_loop_is_delivered() -> None:
    event = asyncio.Event()
    event.set()
    async with multi_await(event.wait) as m:
        assert await m.select() == (0, True)
        event.clear()
        assert await blocks(m.select())


# -- trio_util: periodic, azip, iter_move_on_after, trio_async_generator ---------------------------


@pytest.mark.parametrize(
    ("body", "times", "values"),
    [(0.123, [0, 1.5, 3, 4.5], [1, 1, 1, 1]), (5, [0, 5, 10, 15], [1, 3, 3, 4])],
    ids=["quick", "overrun"],
)
async def test_periodic_ticks_stay_on_schedule_and_an_overrun_is_counted(
    body: float, times: list[float], values: list[int]
) -> None:
    got = list[tuple[float, int]]()
    async with multi_await(every(1.5, first=0)) as m:
        for _ in times:
            _, missed = await m.select()
            got.append((now(), missed))
            await asyncio.sleep(body)
    assert got == list(zip(times, values, strict=True))


async def numbers(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number
        await asyncio.sleep(1)


async def zipped(*counts: int, longest: bool) -> list[tuple[int, ...]]:
    """One item of each in turn; -1 for sources that have ended."""
    sources = [ending(each(numbers(count)), -1) for count in counts]
    rows = list[tuple[int, ...]]()
    async with multi_await(*sources) as m:
        ended = set[int]()
        while True:
            row = dict.fromkeys(ended, -1)
            while len(row) < len(sources):
                position, item = await m.select()
                row[position] = item
                if item == -1:
                    ended.add(position)
                else:
                    m.pause(position)
            if ended and not (longest and len(ended) < len(sources)):
                return rows
            rows.append(tuple(row[position] for position in range(len(sources))))
            for position in range(len(sources)):
                m.resume(position)


async def test_azip_a_source_that_has_delivered_is_paused_until_the_row_is_full() -> None:
    assert await zipped(5, 3, 3, longest=False) == [(0, 0, 0), (1, 1, 1), (2, 2, 2)]
    assert now() == 3


async def test_azip_longest_fills_in_for_ended_sources() -> None:
    rows = [(0, 0), (1, 1), (2, 2), (3, -1), (4, -1)]
    assert await zipped(5, 3, longest=True) == rows
    assert now() == 5


async def after_each(*durations: float) -> AsyncIterator[int]:
    for number, duration in enumerate(durations):
        await asyncio.sleep(duration)
        yield number


@pytest.mark.parametrize(("seconds", "last"), [(20, 4), (2, 2)])
async def test_iter_move_on_after_a_timer_reset_by_each_item_ends_the_loop(
    seconds: float, last: int
) -> None:
    items, timeout = ending(each(after_each(0, 1, 1, 5, 1)), -1), after(seconds)
    got = list[int]()
    async with multi_await(items, timeout) as m:
        async for event in m:
            if event[0] == 1 or event[1] == -1:
                break
            got.append(event[1])
            timeout.reset()
    assert got == list(range(last + 1))
    assert now() == (8 if last == 4 else 4)


@pytest.mark.parametrize("seconds", [20, 2])
async def test_iter_fail_after_a_call_that_times_out_raises_and_the_iteration_continues(
    seconds: float,
) -> None:
    timeouts, got = list[float](), list[int]()
    async with multi_await(each(after_each(0, 1, 1, 5, 1))) as m:
        while len(got) < 5:
            try:
                async with asyncio.timeout(seconds):
                    got.append((await m.select())[1])
            except TimeoutError:
                timeouts.append(now())
    assert got == [0, 1, 2, 3, 4]
    assert timeouts == ([] if seconds == 20 else [4, 6])


async def squares(
    count: int, ended: list[str], seconds: float | None = None, timeouts: int = 1
) -> AsyncIterator[int]:
    """Squares, until the consumer has been slower than the timeout so many times."""
    try:
        for number in range(count):
            try:
                async with asyncio.timeout(seconds):
                    yield number**2
                    await asyncio.sleep(0)
            except TimeoutError:
                timeouts -= 1
                if timeouts == 0:
                    return
    finally:
        await asyncio.sleep(0)
        ended.append("ended")


async def test_async_generator_full_iteration_delivers_every_item() -> None:
    ended = list[str]()
    async with multi_await(each(squares(50, ended))) as m:
        assert [square async for _, square in m][-1] == 49**2
        assert ended == ["ended"]


async def test_async_generator_is_closed_with_the_block_after_a_break() -> None:
    ended = list[str]()
    async with multi_await(each(squares(50, ended))) as m:
        async for _, square in m:
            if square >= 400:
                break
        assert ended == []
    assert ended == ["ended"]


async def test_async_generator_of_a_cancelled_caller_is_closed_with_the_block() -> None:
    ended = list[str]()

    async def iterate() -> None:
        async with multi_await(each(squares(50, ended))) as m:
            async for _ in m:
                await asyncio.sleep(10)

    await cancelled_after(1, iterate())
    assert ended == ["ended"]
    assert now() == 1


async def test_async_generator_its_own_timeout_around_the_yield_ends_it() -> None:
    ended, got = list[str](), list[int]()
    async with multi_await(each(squares(50, ended, 0.5))) as m:
        async for _, square in m:
            got.append(square)
            await asyncio.sleep(1)
        assert got == [0]
        assert ended == ["ended"]


async def test_async_generator_after_its_own_timeout_continues_with_the_next_item() -> None:
    ended, got = list[str](), list[int]()
    async with multi_await(each(squares(50, ended, 0.5, 99))) as m:
        async for _, square in m:
            got.append(square)
            if square == 25:
                await asyncio.sleep(0.6)
    assert got == [number**2 for number in range(50)]


# -- curio: task groups ----------------------------------------------------------------------------


async def add(x: Any, y: Any) -> Any:
    await asyncio.sleep(0.1)
    return x + y


class Children:
    """Children that wait for a long time; records which were cancelled."""

    def __init__(self) -> None:
        self.cancelled = list[int]()

    async def waits(self, number: int) -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise

    def sources(self, numbers: Iterable[int] = range(3)) -> list[Source[Any]]:
        return [once(self.waits(number)) for number in numbers]


async def test_task_group_delivers_the_results_of_all_children() -> None:
    async with multi_await(*[once(add(number, number)) for number in [1, 2, 3]]) as m:
        results = {position: value async for position, value in m}
    assert results == {0: 2, 1: 4, 2: 6}


async def test_task_group_existing_tasks_are_delivered_whether_ended_or_not() -> None:
    event = asyncio.Event()

    async def when_set(number: int) -> int:
        await event.wait()
        return number

    tasks = [asyncio.create_task(add(1, 1)), asyncio.create_task(when_set(4))]
    await asyncio.wait(tasks[:1])
    group = Group[int, int]()
    for key, task in enumerate(tasks):
        group.add(key, once(task))
    async with multi_await(group) as m:
        assert await m.select() == (0, (0, 2))
        event.set()
        group.add(2, once(asyncio.create_task(when_set(6))))
        group.shutdown()
        assert sorted([event async for event in m]) == [(0, (1, 4)), (0, (2, 6))]


async def test_task_any_delivers_the_first_result_and_cancels_the_other_children() -> None:
    children = Children()
    async with multi_await(once(add(1, 1)), *children.sources()) as m:
        assert await m.select() == (0, 2)
    assert sorted(children.cancelled) == [0, 1, 2]


async def test_task_any_raises_a_failure_and_cancels_the_other_children() -> None:
    children = Children()
    with pytest.raises(TypeError):
        async with multi_await(once(add(1, "1")), *children.sources()) as m:
            await m.select()
    assert m.failed == 0
    assert sorted(children.cancelled) == [0, 1, 2]


async def test_task_object_delivers_the_first_result_that_is_not_none() -> None:
    async def nothing() -> None:
        await asyncio.sleep(0.5)

    async with multi_await(
        once(nothing()), once(result_after(2, 2)), once(result_after(1, 1))
    ) as m:
        found = None
        while found is None:
            found = await m.select()
            found = None if found[1] is None else found
    assert found == (2, 1)
    assert now() == 1


async def test_task_group_iter_delivers_children_as_they_end() -> None:
    async with multi_await(*[once(result_after(4 - number, number)) for number in range(3)]) as m:
        assert [value async for _, value in m] == [2, 1, 0]


async def test_task_wait_none_a_block_that_ends_without_waiting_cancels_its_children() -> None:
    children = Children()
    async with multi_await(*children.sources()) as m:
        assert m.select_nowait() is None
        await steps(1)
    assert sorted(children.cancelled) == [0, 1, 2]


async def test_task_group_error_in_the_block_cancels_the_children() -> None:
    children = Children()

    async def block() -> None:
        async with multi_await(*children.sources()) as m:
            assert await blocks(m.select())
            raise RuntimeError("the block")

    with pytest.raises(RuntimeError, match="the block"):
        await block()
    assert sorted(children.cancelled) == [0, 1, 2]


async def test_task_group_join_a_caught_failure_cancels_no_children() -> None:
    event = asyncio.Event()

    async def adds(x: Any, y: Any) -> Any:
        result = x + y
        await event.wait()
        return result

    sources = [once(adds(1, "foo")), once(adds(2, 2)), once(adds(3, 3))]
    async with multi_await(*sources) as m:
        with pytest.raises(TypeError):
            await m.select()
        assert m.failed == 0
        event.set()
        assert sorted([event async for event in m]) == [(1, 4), (2, 6)]


@pytest.mark.parametrize("by", ["a cancellation", "a timeout"])
async def test_task_group_that_is_cancelled_cancels_its_children_first(by: str) -> None:
    children = Children()

    async def waits() -> None:
        try:
            async with multi_await(*children.sources()) as m:
                await m.select()
        except asyncio.CancelledError:
            assert sorted(children.cancelled) == [0, 1, 2]
            raise

    if by == "a cancellation":
        await cancelled_after(0.25, waits())
    else:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.25):
                await waits()
    assert now() == 0.25
    assert sorted(children.cancelled) == [0, 1, 2]


async def test_task_group_cancel_remaining_after_the_first_two_results() -> None:
    children = Children()
    async with multi_await(once(add(1, 1)), once(add(2, 2)), *children.sources()) as m:
        assert sorted([await m.select(), await m.select()]) == [(0, 2), (1, 4)]
        await m.cancel()
        assert sorted(children.cancelled) == [0, 1, 2]


async def test_task_group_use_error_for_a_source_in_two_sets_or_an_ended_set() -> None:
    child = once(asyncio.sleep(0))
    async with multi_await() as m:
        m.add(child)
        with pytest.raises(RuntimeError):
            m.add(child)
        await m.select()
    with pytest.raises(RuntimeError):
        m.add(once(asyncio.sleep(0)))
    async with multi_await() as other:
        with pytest.raises(RuntimeError):
            other.add(child)


async def test_task_group_empty_has_nothing_to_wait_for_and_can_be_cancelled() -> None:
    async with multi_await() as m:
        with pytest.raises(NothingToAwait):
            await m.select()
        await m.cancel()
        await m.cancel()
    assert m.undelivered == ()


async def test_task_group_contextvars_of_children_are_their_own() -> None:
    variable = contextvars.ContextVar("variable", default=0)
    events = list[int]()

    async def countdown(begin: int) -> None:
        variable.set(begin)
        while variable.get() > 0:
            events.append(variable.get())
            variable.set(variable.get() - 1)
            await asyncio.sleep(1)

    async with multi_await(once(countdown(3)), once(countdown(6))) as m:
        assert [event async for event in m] == [(0, None), (1, None)]
    assert sorted(events) == [1, 1, 2, 2, 3, 3, 4, 5, 6]
    assert variable.get() == 0


# -- curio: timeouts and cancellation --------------------------------------------------------------


async def test_timeout_after_ends_the_wait_but_not_what_it_waited_for() -> None:
    async with multi_await(once(result_after(1, 5))) as m:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await m.select()
        assert now() == 0.1
        assert await m.select() == (0, 5)
    assert now() == 1


async def test_ignore_after_is_a_timer_as_one_more_source() -> None:
    async with multi_await(once(result_after(1, 5)), after(0.1)) as m:
        assert await m.select() == (1, 1)
    assert now() == 0.1


async def test_no_timeout_a_call_in_time_leaves_no_timer_behind() -> None:
    async with multi_await(once(result_after(0.1, 5))) as m:
        async with asyncio.timeout(0.5):
            assert await m.select() == (0, 5)
        await asyncio.sleep(0.5)


@pytest.mark.parametrize(
    ("outer_seconds", "inner_seconds", "expired"),
    [(0.75, 5, "outer"), (5, 0.75, "inner"), (0.75, None, "outer")],
)
async def test_nested_timeout_only_the_expired_one_raises_timeout_error(
    outer_seconds: float, inner_seconds: float | None, expired: str
) -> None:
    queue, raised = Queue(), list[str]()
    outer, inner = asyncio.timeout(outer_seconds), asyncio.timeout(inner_seconds)
    async with multi_await(queue.get) as m:

        async def wait() -> None:
            try:
                async with inner:
                    await m.select()
            except BaseException as failure:
                raised.append(type(failure).__name__)
                raise

        with pytest.raises(TimeoutError):
            async with outer:
                await wait()
        assert (outer.expired(), inner.expired()) == (expired == "outer", expired == "inner")
        assert raised == ["CancelledError" if expired == "outer" else "TimeoutError"]
        assert now() == 0.75
        queue.put_nowait(1)
        assert await m.select() == (0, 1)


async def test_double_cancel_does_not_cut_short_the_cleanup_of_a_source() -> None:
    ended = list[float]()
    async with multi_await(once(slow_to_end(ended))) as m:
        assert await blocks(m.select())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await m.cancel()
        await m.cancel()
        assert ended == [6]


async def test_task_child_cancel_reaches_nested_children_from_the_inside_out() -> None:
    order = list[str]()

    async def generation(name: str, child: Callable[[], Awaitable[None]] | None) -> None:
        order.append(f"{name} begins")
        try:
            async with multi_await(child or functools.partial(asyncio.sleep, 1000)) as m:
                await m.select()
        finally:
            order.append(f"{name} ends")

    child = functools.partial(generation, "child", None)
    parent = functools.partial(generation, "parent", child)
    await cancelled_after(0.1, generation("grandparent", parent))
    assert now() == 0.1
    names = ["grandparent", "parent", "child"]
    assert order == [f"{name} begins" for name in names] + [f"{name} ends" for name in names[::-1]]


async def test_task_ready_cancel_of_a_just_woken_wait_takes_no_item() -> None:
    queue = Queue()
    async with multi_await(queue.get) as m:
        waiting = asyncio.create_task(m.select())
        await steps(3)
        queue.put_nowait(1)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        assert queue.qsize() == 1
        assert await m.select() == (0, 1)


async def test_self_cancellation_is_raised_by_the_next_call_that_waits() -> None:
    queue = Queue()
    queue.put_nowait(1)

    async def cancels_itself() -> list[object]:
        got = list[object]()
        task = asyncio.current_task()
        assert task is not None
        async with multi_await(queue.get) as m:
            await steps(1)
            task.cancel()
            got.append(await m.select())
            try:
                await m.select()
            except asyncio.CancelledError:
                task.uncancel()
                got.append("cancelled")
        return got

    assert await asyncio.create_task(cancels_itself()) == [(0, 1), "cancelled"]


async def test_starvation_a_task_playing_ping_pong_with_itself_lets_others_run() -> None:
    queues = ping, pong = Queue(), Queue()
    ping.put_nowait(1)
    async with ticks() as passed, multi_await(ping.get, pong.get) as m:
        before = passed()
        for number in range(1000):
            assert (await m.select())[0] == number % 2
            queues[1 - number % 2].put_nowait(1)
        assert passed() - before >= 1000 // 128


# -- curio: queues ---------------------------------------------------------------------------------


@pytest.mark.parametrize("send", [False, True])
@pytest.mark.parametrize("by", ["a cancellation", "a timeout"])
async def test_queue_cancel_an_abandoned_wait_neither_takes_nor_puts(send: bool, by: str) -> None:
    queue = Queue(1)
    if send:
        queue.put_nowait(0)
    async with multi_await(put(queue, lambda: 1) if send else queue.get) as m:
        if by == "a cancellation":
            await cancelled_after(0.5, m.select())
        else:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await m.select()
        assert now() == 0.5
        assert queue.qsize() == send
        queue.get_nowait() if send else queue.put_nowait(1)
        await steps(3)
        assert queue.qsize() == (not send)
        assert await m.select() == (0, 1)


async def test_queue_simple_each_item_goes_to_one_of_two_consumers() -> None:
    queue, got = Queue(), list[tuple[str, int]]()

    async def consume(name: str) -> None:
        async with multi_await(queue.get) as m:
            async for _, item in m:
                got.append((name, item))

    async with go() as start:
        start(consume("first"))
        start(consume("second"))
        for number in range(4):
            await asyncio.sleep(0.1)
            queue.put_nowait(number)
        await asyncio.sleep(0.1)
    assert [item for _, item in got] == [0, 1, 2, 3]
    assert {name for name, _ in got} == {"first", "second"}


async def test_queue_bounded_a_send_waits_until_there_is_room() -> None:
    queue, times = Queue(2), list[float]()
    items = iter(range(4))

    async def consume() -> None:
        await asyncio.sleep(0.1)
        for number in range(4):
            assert await queue.get() == number
            await asyncio.sleep(0.1)

    async with go() as start, multi_await(put(queue, lambda: next(items))) as m:
        consumer = start(consume())
        for number in range(4):
            assert await m.select() == (0, number)
            times.append(now())
        await consumer
    assert times == [0, 0, 0.1, 0.2]


@pytest.mark.parametrize(
    ("kind", "order"),
    [(asyncio.PriorityQueue, [1, 2, 3, 4]), (asyncio.LifoQueue, [3, 1, 2, 4])],
)
async def test_queue_with_another_order_keeps_that_order(
    kind: type[asyncio.Queue[int]], order: list[int]
) -> None:
    queue = kind()
    for number in [4, 2, 1, 3]:
        queue.put_nowait(number)
    async with multi_await(queue.get) as m:
        assert [(await m.select())[1] for _ in range(4)] == order
