"""every() and after(): when they start, what is due at once, and what is refused."""

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
async def test_a_timer_starts_when_the_block_is_entered(timer: Any) -> None:
    source = timer(2)
    await asyncio.sleep(1)
    assert source.when() is None
    async with multi_await(source) as m:
        assert source.when() == 3
        await asyncio.sleep(1.5)
        await m.select()
        assert now() == 3


@both
async def test_a_timer_starts_when_it_is_added_to_a_started_set(timer: Any) -> None:
    async with multi_await() as m:
        m.add(timer(1))
        await asyncio.sleep(0.9)  # a slow handler
        m.add(timer(1))
        await asyncio.sleep(0.9)
        assert await m.select() == (0, 1)
        assert now() == 1.8
        assert await m.select() == (1, 1)
        assert now() == 1.9


@both
async def test_without_a_block_a_timer_starts_at_the_first_call(timer: Any) -> None:
    m = multi_await(timer(1))
    await asyncio.sleep(5)
    assert m.select_nowait() is None
    await asyncio.sleep(0.5)
    assert await m.select() == (0, 1)
    assert now() == 6
    await m.cancel()


@both
async def test_a_timer_paused_from_the_beginning_delivers_its_tick_when_resumed(
    timer: Any,
) -> None:
    m = multi_await(timer(1), asyncio.Event().wait)
    m.pause(0)
    async with m:
        await cancelled_after(1.2, m.select())
        m.resume(0)
        assert await m.select() == (0, 1)
        assert now() == 1.2


async def test_the_first_tick_comes_at_the_requested_time_and_the_rest_a_period_apart() -> None:
    async with multi_await(every(10, first=3)) as m:
        times = [(await m.select(), now()) for _ in range(3)]
    assert times == [((0, 1), 3), ((0, 1), 13), ((0, 1), 23)]


@pytest.mark.parametrize("first", [0, 0.0, -5])
async def test_the_first_tick_can_come_at_once(first: float) -> None:
    async with multi_await(every(2, first)) as m:
        assert m.select_nowait() == (0, 1)
        assert m.select_nowait() is None
        assert await m.select() == (0, 1)
        assert now() == 2


async def test_missed_ticks_are_counted_from_the_first_tick_on() -> None:
    async with multi_await(every(2, first=0)) as m:
        pass_time(5)
        assert m.select_nowait() == (0, 3)  # of 0, 2 and 4
        assert await m.select() == (0, 1)
        assert now() == 6


@pytest.mark.parametrize("seconds", [0, 0.0, -1, -1e308])
async def test_after_zero_seconds_is_due_at_once(seconds: float) -> None:
    async with multi_await(after(seconds)) as m:
        assert m.select_nowait() == (0, 1)
    async with multi_await(after(seconds)) as m:
        assert [event async for event in m] == [(0, 1)]
    assert now() == 0


@pytest.mark.parametrize("seconds", [5e-324, 1e-300])
async def test_a_period_too_short_to_count_is_always_due(seconds: float) -> None:
    async with multi_await(every(seconds)) as m:
        pass_time(1e6)
        for _ in range(3):
            event = m.select_nowait()
            assert event is not None
            assert event[1] > 0


async def test_the_longest_period_that_a_float_can_hold_is_accepted() -> None:
    async with multi_await(every(1e308, first=0)) as m:
        assert m.select_nowait() == (0, 1)
        assert m.select_nowait() is None


async def test_a_custom_source_that_wraps_a_timer_need_not_call_start() -> None:
    """Like a source written before start() existed: the first poll starts it."""

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


def test_a_period_must_be_positive() -> None:
    for seconds in (0, 0.0, -1):
        message = rf"^every\(\) needs a period of more than zero seconds, not {seconds}"
        with pytest.raises(ValueError, match=message):
            every(seconds)


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf, 10**400])
@pytest.mark.parametrize(
    "call", [every, after, lambda seconds: every(1, seconds), every(1).reset, after(1).reset]
)
def test_seconds_that_are_not_finite_raise_value_error_everywhere(
    call: Any, seconds: float
) -> None:
    with pytest.raises(ValueError, match=r"^\w+\(\) needs a finite number of seconds, not "):
        call(seconds)


@pytest.mark.parametrize("call", [lambda first: every(1, first), every(1).reset, after(1).reset])
def test_seconds_that_are_not_a_number_raise_type_error_everywhere(call: Any) -> None:
    with pytest.raises(TypeError, match=r"^\w+\(\) needs a number of seconds, not '1'"):
        call("1")


def test_only_every_and_after_create_timers() -> None:
    assert isinstance(every(1), Timer)
    assert isinstance(after(1), Timer)
    abstract: Any = Timer
    with pytest.raises(TypeError, match="abstract"):
        abstract()


async def test_an_ended_timer_is_no_longer_pending() -> None:
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
