"""The scenarios of the select tests of kotlinx.coroutines and of frequenz-channels, by meaning.

The code is our own. docs/explanation/kotlin_tests.md maps their tests to these, and says what
differs.
"""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from multi_await import after, ending, every, multi_await, once
from tests.conftest import new_loop
from tests.machinery.tools import pass_time, steps
from tests.peers.go.goroutines import until_none

Queue = asyncio.Queue[int]


class Fault(Exception):  # noqa: N818 -- what it is
    """A failure."""


# -- kotlinx.coroutines ----------------------------------------------------------------------------


def two_full() -> list[Queue]:
    queues = [Queue(), Queue()]
    for number in range(300):
        queues[number % 2].put_nowait(number)
    return queues


@pytest.mark.parametrize("biased", [True, False])
async def test_selectbias_biased_takes_only_the_first_and_fair_takes_both_equally(
    biased: bool,
) -> None:
    first, second = two_full()
    hits = Counter[int]()
    async with multi_await(first.get, second.get, biased=biased) as m:
        for _ in range(100):
            hits[(await m.select())[0]] += 1
    assert hits == ({0: 100} if biased else {0: 50, 1: 50})


async def test_selectdeferred_a_done_future_is_delivered_without_a_loop_pass() -> None:
    done = asyncio.get_running_loop().create_future()
    done.set_result(1)
    others = asyncio.create_task(steps(1))
    async with multi_await(once(done)) as m:
        assert await m.select() == (0, 1)
        assert not others.done()
    await others


async def test_selectdeferred_of_two_tasks_the_first_to_end_is_delivered() -> None:
    async def ends_after(passes: int, value: str) -> str:
        await steps(passes)
        return value

    slow = asyncio.create_task(ends_after(9, "slow"))
    quick = asyncio.create_task(ends_after(2, "quick"))
    async with multi_await(once(slow), once(quick)) as m:
        assert await m.select() == (1, "quick")
        assert not slow.done()
    assert await slow == "slow"


async def test_selectdeferred_the_call_raises_a_tasks_failure() -> None:
    async def fails() -> None:
        raise Fault

    async with multi_await(once(asyncio.create_task(fails()))) as m:
        with pytest.raises(Fault):
            await m.select()
        assert m.failed == 0


async def test_selectdeferred_a_cancelled_task_is_a_failure_of_that_source_only() -> None:
    task = asyncio.create_task(asyncio.sleep(1000))
    await steps(1)
    task.cancel()
    async with multi_await(once(task), after(1)) as m:
        with pytest.raises(RuntimeError, match="cancelled"):
            await m.select()
        assert await m.select() == (1, 1)


async def test_selectmutex_the_call_that_delivers_a_free_lock_acquires_it() -> None:
    lock = asyncio.Lock()
    async with multi_await(lock.acquire) as m:
        assert not lock.locked()
        assert await m.select() == (0, True)
        assert lock.locked()
        lock.release()


async def test_selectmutex_a_blocked_call_acquires_a_released_lock() -> None:
    lock = asyncio.Lock()
    await lock.acquire()
    async with multi_await(lock.acquire) as m:
        waiting = asyncio.create_task(m.select())
        await steps(3)
        assert not waiting.done()
        lock.release()
        assert await waiting == (0, True)
        assert lock.locked()
        lock.release()


async def test_selecttimeout_the_shortest_of_several_timers_fires() -> None:
    async with multi_await(after(1), after(0.1), after(0.5)) as m:
        assert await m.select() == (1, 1)
    assert asyncio.get_running_loop().time() == pytest.approx(0.1)


@pytest.mark.parametrize("seconds", [0, -10])
@pytest.mark.parametrize("biased", [False, True])
async def test_selecttimeout_zero_or_negative_timeouts_fire_at_once(
    seconds: float, biased: bool
) -> None:
    async with multi_await(after(1), after(seconds), biased=biased) as m:
        assert await m.select() == (1, 1)
    assert asyncio.get_running_loop().time() == 0


async def test_selectloop_a_failure_in_a_sibling_task_ends_the_loop() -> None:
    queue = Queue()

    async def fails() -> None:
        await steps(3)
        raise Fault

    async def loops() -> None:
        async with multi_await(queue.get) as m:
            async for _ in m:
                raise AssertionError("nothing was put")

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails())
            group.create_task(loops())

    with pytest.raises(ExceptionGroup) as caught:
        await both()
    assert [type(failure) for failure in caught.value.exceptions] == [Fault]
    queue.put_nowait(1)
    assert queue.get_nowait() == 1


# -- frequenz-channels -----------------------------------------------------------------------------


async def test_select_receives_in_order_and_goes_on_after_one_channel_ends() -> None:
    first, second = asyncio.Queue[int | None](), asyncio.Queue[int | None]()
    for queue, item in [(first, 1), (second, 2), (first, 3), (first, None), (second, 4)]:
        queue.put_nowait(item)
    second.put_nowait(None)
    async with multi_await(ending(until_none(first), -1), ending(until_none(second), -1)) as m:
        events = [event async for event in m]
    assert [value for position, value in events if position == 0] == [1, 3, -1]
    assert [value for position, value in events if position == 1] == [2, 4, -1]


async def test_select_a_loop_takes_nothing_more_after_a_break() -> None:
    first, second = two_full()
    async with multi_await(first.get, second.get) as m:
        async for _ in m:
            break
    assert first.qsize() + second.qsize() == 299


async def test_select_tasks_are_cleaned_up_after_a_break() -> None:
    async def function() -> int:
        await asyncio.sleep(1000)
        return 0

    async with multi_await(function, after(1)) as m:
        async for _ in m:
            break
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_timer_can_be_created_before_there_is_an_event_loop() -> None:
    timer = every(1)

    async def main() -> None:
        async with multi_await(timer) as m:
            assert await asyncio.wait_for(m.select(), 10) == (0, 1)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())


async def test_timer_with_a_start_delay_first_ticks_after_it() -> None:
    time = asyncio.get_running_loop().time
    async with multi_await(every(1, first=3)) as m:
        assert await m.select() == (0, 1)
        assert time() == 3
        assert await m.select() == (0, 1)
        assert time() == 4


async def test_timer_that_was_stopped_ticks_again_after_a_reset() -> None:
    timer = every(1)
    timer.stop()
    async with multi_await(timer, after(10)) as m:
        assert await m.select() == (1, 1)
        timer.reset()
        assert await m.select() == (0, 1)
    assert asyncio.get_running_loop().time() == 11


async def test_timer_that_is_reset_before_it_ticks_is_a_timeout() -> None:
    queue, timeout = Queue(), every(1)
    loop = asyncio.get_running_loop()
    for number in range(3):
        loop.call_later(0.5 * number + 0.5, queue.put_nowait, number)
    got = list[int]()
    async with multi_await(queue.get, timeout) as m:
        async for event in m:
            if event[0] == 1:
                break
            got.append(event[1])
            timeout.reset()
    assert got == [0, 1, 2]
    assert loop.time() == 2.5


async def test_timer_counts_missed_ticks_and_stays_on_schedule() -> None:
    time = asyncio.get_running_loop().time
    async with multi_await(every(1)) as m:
        pass_time(3.5)
        assert await m.select() == (0, 3)
        assert await m.select() == (0, 1)
        assert time() == 4
