"""Timer.reset(), stop() and when()."""

from __future__ import annotations

import asyncio
import gc
import re
import sys
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from multi_await import PENDING, after, every, multi_await
from tests.conftest import Deadlock, new_loop
from tests.machinery.tools import cancelled_after, pass_time, steps


def now() -> float:
    return asyncio.get_running_loop().time()


both = pytest.mark.parametrize("timer", [every, after])


# -- reset -----------------------------------------------------------------------------------------


@both
async def test_reset_restarts_the_count_from_now(timer: Any) -> None:
    source = timer(10)
    async with multi_await(source) as m:
        await cancelled_after(7, m.select())
        source.reset()
        assert source.when() == 17
        assert await m.select() == (0, 1)
        assert now() == 17


@both
async def test_reset_restarts_the_count_while_a_call_waits(timer: Any) -> None:
    source = timer(10)
    asyncio.get_running_loop().call_later(9, source.reset)
    asyncio.get_running_loop().call_later(18, source.reset, 3)
    async with multi_await(source) as m:
        assert await m.select() == (0, 1)
        assert now() == 21


@both
async def test_reset_brings_a_tick_forward_while_a_call_waits(timer: Any) -> None:
    source = timer(10)
    asyncio.get_running_loop().call_later(4, source.reset, 0)
    async with multi_await(source) as m:
        assert await m.select() == (0, 1)
        assert now() == 4


@both
@pytest.mark.parametrize("seconds", [0, -1])
async def test_reset_to_zero_seconds_is_due_at_once(timer: Any, seconds: float) -> None:
    source = timer(10)
    async with multi_await(source) as m:
        assert m.select_nowait() is None
        source.reset(seconds)
        assert m.select_nowait() == (0, 1)


async def test_reset_does_not_change_the_period() -> None:
    source = every(10)
    async with multi_await(source) as m:
        source.reset(3)
        assert [(await m.select(), now()) for _ in range(3)] == [
            ((0, 1), 3),
            ((0, 1), 13),
            ((0, 1), 23),
        ]


async def test_reset_forgets_missed_ticks() -> None:
    source = every(1)
    async with multi_await(source) as m:
        pass_time(5.5)
        source.reset()
        assert m.select_nowait() is None
        assert await m.select() == (0, 1)
        assert now() == 6.5


@both
@pytest.mark.parametrize("call", ["reset", "stop"])
async def test_reset_and_stop_drop_a_tick_that_is_due_but_undelivered(
    timer: Any, call: str
) -> None:
    source = timer(1)
    async with multi_await(source, asyncio.Event().wait) as m:
        await cancelled_after(0.5, m.select())
        await asyncio.sleep(1)  # it has fired, and woken its MultiAwait
        getattr(source, call)()
        await cancelled_after(0.9, m.select())


@pytest.mark.in_order
@both
@pytest.mark.parametrize("call", ["reset", "stop"])
async def test_a_tick_dropped_while_a_call_wakes_up_is_not_delivered(timer: Any, call: str) -> None:
    """The timer has fired, and this task calls before the waiting task gets its turn."""
    source, queue = timer(1), asyncio.Queue[str]()
    async with multi_await(source, queue.get) as m:
        waiting = asyncio.ensure_future(m.select())
        await steps(3)
        pass_time(1)
        await steps(2)
        getattr(source, call)()
        await steps(5)
        queue.put_nowait("later")
        assert await waiting == (1, "later")


@both
async def test_reset_before_the_start_sets_the_time_of_the_first_tick(timer: Any) -> None:
    source = timer(10)
    source.reset(3)
    assert source.when() is None
    await asyncio.sleep(5)
    async with multi_await(source) as m:
        assert source.when() == 8
        assert await m.select() == (0, 1)
        assert now() == 8


async def test_reset_before_the_start_without_seconds_means_one_period() -> None:
    source = every(10, first=0)
    source.reset()
    async with multi_await(source) as m:
        assert await m.select() == (0, 1)
        assert now() == 10


async def test_ticks_after_a_reset_do_not_drift() -> None:
    source = every(0.1)
    async with multi_await(source) as m:
        await asyncio.sleep(0.05)
        source.reset()
        for tick in range(1, 1001):
            assert await m.select() == (0, 1)
            assert now() == pytest.approx(0.05 + 0.1 * tick, abs=1e-6)


# -- stop ------------------------------------------------------------------------------------------


@both
async def test_a_stopped_timer_does_not_tick_until_it_is_reset(timer: Any) -> None:
    source = timer(1)
    async with multi_await(source) as m:
        source.stop()
        source.stop()
        await cancelled_after(100, m.select())
        assert source.when() is None
        asyncio.get_running_loop().call_later(5, source.reset)
        assert await m.select() == (0, 1)  # waits, and does not raise NothingToAwait
        assert now() == 106


@both
async def test_a_timer_can_be_stopped_before_it_starts(timer: Any) -> None:
    source = timer(1)
    source.stop()
    async with multi_await(source) as m:
        await cancelled_after(100, m.select())
        source.reset()
        assert await m.select() == (0, 1)
        assert now() == 101


@both
async def test_a_timer_stopped_and_reset_before_its_start_counts_from_the_start(
    timer: Any,
) -> None:
    source = timer(1)
    source.stop()
    source.reset(2)
    async with multi_await(source) as m:
        assert await m.select() == (0, 1)
        assert now() == 2


@both
def test_a_stopped_timer_leaves_nothing_on_the_loop(timer: Any) -> None:
    """If a handle were left, the clock would move on to it before the loop detects the deadlock."""

    async def wait_for_ever() -> None:
        source = timer(1)
        async with multi_await(source) as m:
            assert m.select_nowait() is None
            source.stop()
            await m.select()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        with pytest.raises(Deadlock):
            runner.run(wait_for_ever())
        assert runner.get_loop().time() == 0


# -- when ------------------------------------------------------------------------------------------


async def test_when_is_the_time_of_the_next_tick() -> None:
    source = every(2, first=1)
    assert source.when() is None
    async with multi_await(source) as m:
        assert source.when() == 1
        await m.select()
        assert source.when() == 3
        pass_time(7)
        assert source.when() == 3, "it is due, and was not delivered"
        assert m.select_nowait() == (0, 3)
        assert source.when() == 9
        source.stop()
        assert source.when() is None
        source.reset(0.5)
        assert source.when() == 8.5
    assert source.when() is None


async def test_when_is_none_once_an_after_has_delivered_its_event() -> None:
    source = after(1)
    async with multi_await(source) as m:
        assert source.when() == 1
        await m.select()
        assert source.when() is None


# -- the end ---------------------------------------------------------------------------------------


def ended(source: object) -> str:
    return rf"^{re.escape(f'reset() of {source}, which has ended: make a new timer')}$"


async def test_an_after_cannot_be_reset_once_its_event_is_delivered() -> None:
    source = after(1)
    async with multi_await(source) as m:
        await m.select()
        for seconds in (None, 5):
            with pytest.raises(RuntimeError, match=ended(source)):
                source.reset(seconds)
        source.stop()
        assert [event async for event in m] == []


@both
async def test_a_timer_of_an_ended_multi_await_can_be_stopped_but_not_reset(timer: Any) -> None:
    source = timer(1)
    async with multi_await(source):
        pass
    with pytest.raises(RuntimeError, match=ended(source)):
        source.reset()
    source.stop()
    assert source.when() is None


@both
async def test_a_removed_timer_can_be_stopped_but_not_reset(timer: Any) -> None:
    source = timer(1)
    async with multi_await() as m:
        await m.remove(m.add(source))
        with pytest.raises(RuntimeError, match=ended(source)):
            source.reset()
        source.stop()


@both
async def test_an_ended_timer_keeps_no_reference_to_its_multi_await(timer: Any) -> None:
    def wake(*_: object) -> None: ...

    source = timer(1)
    source.start()
    assert source.poll(wake) is PENDING
    await source.aclose()
    kept = weakref.ref(wake)
    del wake
    assert kept() is None


@pytest.mark.skipif(sys.platform == "emscripten", reason="WebAssembly has no threads")
@both
@pytest.mark.parametrize("call", ["reset", "stop"])
async def test_a_call_from_another_thread_raises_and_changes_nothing(timer: Any, call: str) -> None:
    source = timer(1)
    async with multi_await(source) as m:
        assert m.select_nowait() is None
        message = (
            rf"^{call}\(\) of {timer.__name__}\(1\) outside its event loop: "
            rf"use loop\.call_soon_threadsafe\(timer\.{call}\)$"
        )
        with pytest.raises(RuntimeError, match=message):
            in_a_thread(getattr(source, call))
        assert await m.select() == (0, 1)
        assert now() == 1


def in_a_thread(function: Callable[[], object]) -> None:
    with ThreadPoolExecutor(1) as threads:
        threads.submit(function).result()


async def test_ten_thousand_resets_leave_nothing_behind() -> None:
    source = every(3600)

    async def go_round(times: int) -> None:
        for _ in range(times):
            source.reset()
            assert m.select_nowait() is None
            await asyncio.sleep(0)

    async with multi_await(source) as m:
        await go_round(1000)
        gc.collect()
        before = len(gc.get_objects())
        await go_round(10_000)
        gc.collect()
        assert len(gc.get_objects()) - before < 500  # asyncio clears cancelled timers in batches
