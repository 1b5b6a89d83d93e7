"""every() and after()."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from multi_await import after, every, multi_await
from tests.conftest import Deadlock, new_loop
from tests.machinery.tools import cancelled_after, pass_time


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_every_does_not_drift_over_a_thousand_ticks() -> None:
    async with multi_await(every(0.1)) as m:
        for tick in range(1, 1001):
            assert await m.select() == (0, 1)
            assert now() == pytest.approx(0.1 * tick, abs=1e-6)
            await asyncio.sleep(0.01)


async def test_missed_ticks_are_counted_rather_than_queued() -> None:
    async with multi_await(every(1)) as m:
        assert await m.select() == (0, 1)
        await asyncio.sleep(3.5)
        assert await m.select() == (0, 3)
        assert now() == 4.5
        assert await m.select() == (0, 1)
        assert now() == 5


async def test_ticks_missed_while_the_event_loop_was_blocked_are_counted() -> None:
    async with multi_await(every(1)) as m:
        assert m.select_nowait() is None
        pass_time(2.5)
        assert m.select_nowait() == (0, 2)
        assert m.select_nowait() is None
        assert m.select_nowait() is None
        assert await m.select() == (0, 1)
        assert now() == 3


async def test_ten_tenths_of_a_second_are_ten_periods() -> None:
    """And not nine, although 1 // 0.1 is 9: the float 0.1 is slightly more than a tenth."""
    async with multi_await(every(0.1)) as m:
        assert m.select_nowait() is None
        pass_time(1.0)
        assert m.select_nowait() == (0, 10)


async def test_a_timer_that_fires_slightly_early_gives_one_tick() -> None:
    """The event loop fires timers up to its clock's resolution early, a nanosecond."""
    async with multi_await(every(1)) as m:
        for tick in range(1, 10):
            other = asyncio.ensure_future(asyncio.sleep(1 - 5e-10))
            assert await m.select() == (0, 1)
            assert now() == pytest.approx(tick, abs=1e-6)
            await other


@pytest.mark.parametrize("timer", [every, after])
async def test_a_cancelled_call_does_not_restart_a_timer(timer: Any) -> None:
    async with multi_await(timer(2)) as m:
        await cancelled_after(1.5, m.select())
        await m.select()
        assert now() == 2


async def test_after_gives_one_event_and_then_ends() -> None:
    async with multi_await(after(5), every(2)) as m:
        events = [(await m.select(), now()) for _ in range(4)]
        assert events == [((1, 1), 2), ((1, 1), 4), ((0, 1), 5), ((1, 1), 6)]
        assert "0 after(5) exhausted, 1 every(2) ready" in repr(m)
    async with multi_await(after(5)) as alone:
        assert [event async for event in alone] == [(0, 1)]


async def test_timers_need_no_task() -> None:
    async with multi_await(every(1), after(1)) as m:
        await cancelled_after(0.5, m.select())
        assert asyncio.all_tasks() == {asyncio.current_task()}


def test_a_timer_is_cancelled_when_the_block_ends() -> None:
    """If one were still set, the clock would move on to it before the loop detects the deadlock."""

    async def wait_for_ever() -> None:
        async with multi_await(every(1), after(1)) as m:
            m.select_nowait()
        await asyncio.Event().wait()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        with pytest.raises(Deadlock):
            runner.run(wait_for_ever())
        assert runner.get_loop().time() == 0


async def test_ten_thousand_rounds_of_a_loop_with_timers_leave_nothing_behind() -> None:
    queue = asyncio.Queue[int]()

    async def go_round(times: int) -> None:
        for _ in range(times):
            queue.put_nowait(1)
            async with multi_await(queue.get, after(3600), every(60)) as m:
                assert await m.select() == (0, 1)
                assert m.select_nowait() is None
            await asyncio.sleep(0)

    await go_round(1000)
    gc.collect()
    before = len(gc.get_objects())
    await go_round(10_000)
    gc.collect()
    assert len(gc.get_objects()) - before < 500  # asyncio clears cancelled timers in batches


@pytest.mark.parametrize("timer", [every, after])
def test_seconds_that_are_not_a_number_raise_type_error(timer: Any) -> None:
    with pytest.raises(
        TypeError, match=rf"^{timer.__name__}\(\) needs a number of seconds, not '1'"
    ):
        timer("1")
