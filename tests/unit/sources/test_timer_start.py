"""every() and after(): when their clock starts, what is due at once, and what is refused."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextvars import Context
from typing import Any, TypeVarTuple

import pytest
from virtual_clock import VirtualClockLoop

from multi_await import PENDING, Pending, Source, Timer, Wake, after, every, multi_await
from tests.machinery.tools import cancelled_after, pass_time

Ts = TypeVarTuple("Ts")


def now() -> float:
    return asyncio.get_running_loop().time()


both = pytest.mark.parametrize("timer", [every, after])


@both
async def test_a_timers_clock_starts_at_the_entry_of_the_block(timer: Any) -> None:
    source = timer(2)
    await asyncio.sleep(1)
    assert source.when() is None
    async with multi_await(source) as m:
        assert source.when() == 3
        await asyncio.sleep(1.5)
        await m.select()
        assert now() == 3


@both
async def test_a_timers_clock_starts_when_it_is_added_to_a_set_that_has_started(timer: Any) -> None:
    async with multi_await() as m:
        m.add(timer(1))
        await asyncio.sleep(0.9)  # a handler that takes its time
        m.add(timer(1))
        await asyncio.sleep(0.9)
        assert await m.select() == (0, 1)
        assert now() == 1.8
        assert await m.select() == (1, 1)
        assert now() == 1.9


@both
async def test_without_a_block_a_timers_clock_starts_at_the_first_call(timer: Any) -> None:
    m = multi_await(timer(1))
    await asyncio.sleep(5)
    assert m.select_nowait() is None
    await asyncio.sleep(0.5)
    assert await m.select() == (0, 1)
    assert now() == 6
    await m.cancel()


@both
async def test_a_timer_that_is_paused_from_the_beginning_has_its_tick_when_it_is_resumed(
    timer: Any,
) -> None:
    m = multi_await(timer(1), asyncio.Event().wait)
    m.pause(0)
    async with m:
        await cancelled_after(1.2, m.select())
        m.resume(0)
        assert await m.select() == (0, 1)
        assert now() == 1.2


async def test_the_first_tick_comes_when_it_is_asked_for_and_the_others_a_period_apart() -> None:
    async with multi_await(every(10, first=3)) as m:
        times = [(await m.select(), now()) for _ in range(3)]
    assert times == [((0, 1), 3), ((0, 1), 13), ((0, 1), 23)]


@pytest.mark.parametrize("first", [0, 0.0, -5])
async def test_a_first_tick_may_come_at_once(first: float) -> None:
    async with multi_await(every(2, first)) as m:
        assert m.select_nowait() == (0, 1)
        assert m.select_nowait() is None
        assert await m.select() == (0, 1)
        assert now() == 2


async def test_ticks_that_were_missed_are_counted_from_the_first_on() -> None:
    async with multi_await(every(2, first=0)) as m:
        pass_time(5)
        assert m.select_nowait() == (0, 3)  # of 0, 2 and 4
        assert await m.select() == (0, 1)
        assert now() == 6


@pytest.mark.parametrize("seconds", [0, 0.0, -1, -1e308])
async def test_after_no_time_at_all_is_due_at_once(seconds: float) -> None:
    async with multi_await(after(seconds)) as m:
        assert m.select_nowait() == (0, 1)
    async with multi_await(after(seconds)) as m:
        assert [event async for event in m] == [(0, 1)]
    assert now() == 0


@pytest.mark.parametrize("seconds", [5e-324, 1e-300])
async def test_a_period_too_short_to_be_counted_is_always_due(seconds: float) -> None:
    async with multi_await(every(seconds)) as m:
        pass_time(1e6)
        for _ in range(3):
            event = m.select_nowait()
            assert event is not None
            assert event[1] > 0


async def test_a_period_as_long_as_a_float_can_be_is_no_error() -> None:
    async with multi_await(every(1e308, first=0)) as m:
        assert m.select_nowait() == (0, 1)
        assert m.select_nowait() is None


async def test_a_source_around_a_timer_need_not_know_about_start() -> None:
    """As a source that was written before there was such a thing: the first poll starts it."""

    class Around(Source[int]):
        def __init__(self, timer: Timer) -> None:
            self.timer = timer

        def poll(self, wake: Wake) -> int | Pending:
            return self.timer.poll(wake)

    async with multi_await(Around(every(1))) as m:
        await asyncio.sleep(1)
        assert m.select_nowait() is None
        assert await m.select() == (0, 1)
        assert now() == 2


def test_a_period_must_be_more_than_zero() -> None:
    for seconds in (0, 0.0, -1):
        message = rf"^every\(\) needs a period of more than zero seconds, not {seconds}"
        with pytest.raises(ValueError, match=message):
            every(seconds)


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf, 10**400])
@pytest.mark.parametrize(
    "call", [every, after, lambda seconds: every(1, seconds), every(1).reset, after(1).reset]
)
def test_what_is_not_a_finite_number_of_seconds_is_a_value_error_everywhere(
    call: Any, seconds: float
) -> None:
    with pytest.raises(ValueError, match=r"^\w+\(\) needs a finite number of seconds, not "):
        call(seconds)


@pytest.mark.parametrize("call", [lambda first: every(1, first), every(1).reset, after(1).reset])
def test_what_is_not_a_number_of_seconds_is_a_type_error_everywhere(call: Any) -> None:
    with pytest.raises(TypeError, match=r"^\w+\(\) needs a number of seconds, not '1'"):
        call("1")


def test_a_timer_comes_from_every_or_after_and_from_nowhere_else() -> None:
    assert isinstance(every(1), Timer)
    assert isinstance(after(1), Timer)
    abstract: Any = Timer
    with pytest.raises(TypeError, match="abstract"):
        abstract()


async def test_a_timer_that_has_ended_is_no_longer_pending() -> None:
    source = after(0)
    source.start()
    assert source.poll(print) == 1
    with pytest.raises(StopAsyncIteration):
        source.poll(print)
    assert every(1).poll(print) is PENDING


class NeverInThePast(VirtualClockLoop):
    """Like Pyodide's event loop, which refuses to call at a time that has passed."""

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        assert when > self.time(), "call_soon() is for that"
        return super().call_at(when, callback, *args, context=context)


@pytest.mark.parametrize("timer", [lambda: every(1, first=0), lambda: after(0), lambda: after(-1)])
def test_a_timer_that_is_due_at_once_asks_for_no_time_that_has_passed(timer: Any) -> None:
    async def main() -> None:
        async with multi_await(timer()) as m:
            assert await m.select() == (0, 1)

    with asyncio.Runner(loop_factory=NeverInThePast) as runner:
        runner.run(main())
