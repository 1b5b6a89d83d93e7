"""The promises that the documentation makes, in order, with tests named after them."""

from __future__ import annotations

import asyncio
import functools
import gc
import signal
import sys
import warnings
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from multi_await import (
    PENDING,
    MultiAwait,
    NothingToAwait,
    Pending,
    Source,
    Wake,
    inline,
    multi_await,
    signals,
)
from tests.conftest import Reported, new_loop
from tests.machinery.tools import (
    Gate,
    cancelled_after,
    fails_at_the_end,
    nowait_calls,
    slow_to_end,
    steps,
    ticks,
    waiting_calls,
)

# 1. Nothing is lost.


async def test_promise_1_an_item_that_was_not_delivered_is_still_in_its_queue() -> None:
    first, second = asyncio.Queue[int](), asyncio.Queue[int]()
    async with multi_await(first.get, second.get) as m:
        first.put_nowait(1)
        second.put_nowait(2)
        assert await m.select() == (0, 1)
    assert second.get_nowait() == 2
    assert m.undelivered == ()


async def test_promise_1_a_value_that_a_function_had_produced_is_in_undelivered() -> None:
    gate = Gate()
    async with multi_await(gate.get, asyncio.Event().wait) as m:
        assert m.select_nowait() is None
        gate.open("produced")
        await steps(3)
    assert m.undelivered == ((0, "produced"),)


async def test_promise_1_a_value_that_comes_while_its_function_is_cancelled_is_in_undelivered() -> (
    None
):
    async def stubborn() -> str:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            await asyncio.sleep(1)
        return "all the same"

    async with multi_await(stubborn) as m:
        m.select_nowait()
        await asyncio.sleep(1)
    assert m.undelivered == ((0, "all the same"),)


async def test_promise_1_values_that_get_or_raise_cannot_return_come_with_the_next_call() -> None:
    queue = asyncio.Queue[int]()
    queue.put_nowait(1)
    async with multi_await(queue.get, inline(failing("first")), inline(failing("second"))) as m:
        with pytest.raises(ValueError, match="first"):
            await m.get_or_raise()
        completed, failures = await m.get()
        assert completed == (1, None, None)
        assert [repr(each) for each in failures] == [
            "None",
            "ValueError('first')",
            "ValueError('second')",
        ]


async def test_promise_1_a_value_kept_for_a_call_that_never_came_is_in_undelivered(
    reported: Reported,
) -> None:
    queue = asyncio.Queue[int]()
    queue.put_nowait(1)
    async with multi_await(queue.get, inline(failing("first")), inline(failing("second"))) as m:
        with pytest.raises(ValueError, match="first"):
            await m.get_or_raise()
        assert "0 Queue.get ready" in repr(m)
    assert m.undelivered == ((0, 1),)
    assert [str(each["exception"]) for each in reported] == ["second"]


async def test_promise_1_a_keyboard_interrupt_in_one_source_loses_no_value_of_others() -> None:
    queue = asyncio.Queue[int]()
    queue.put_nowait(1)

    def interrupted() -> Awaitable[None]:
        raise KeyboardInterrupt

    other = asyncio.Queue[int]()
    other.put_nowait(2)
    async with multi_await(queue.get, interrupted, other.get) as m:
        with pytest.raises(KeyboardInterrupt):
            await m.get()
        m.pause(1)
        assert sorted([await m.select(), await m.select()]) == [(0, 1), (2, 2)]


# 2. A cancelled wait costs nothing.


@pytest.mark.parametrize("call", ["get", "select", "get_or_raise", "__anext__"])
async def test_promise_2_a_cancelled_call_leaves_every_source_as_it_was(call: str) -> None:
    queue, gate = asyncio.Queue[int](), Gate()
    async with multi_await(queue.get, gate.get) as m:
        await cancelled_after(1, getattr(m, call)())
        queue.put_nowait(1)
        assert await m.select() == (0, 1)
        gate.open("still the first call")
        assert await m.select() == (1, "still the first call")
        assert gate.calls == 1


@pytest.mark.parametrize("call", ["get", "select", "get_or_raise", "__anext__"])
@pytest.mark.parametrize("step", range(6))
async def test_promise_2_a_call_cancelled_at_any_step_after_a_put_leaves_the_item_in_its_queue(
    call: str, step: int
) -> None:
    queue = asyncio.Queue[int]()
    async with multi_await(queue.get) as m:
        blocked = asyncio.ensure_future(getattr(m, call)())
        await steps(2)
        queue.put_nowait(1)
        await steps(step)
        if blocked.cancel():
            with pytest.raises(asyncio.CancelledError):
                await blocked
            assert queue.get_nowait() == 1
        assert queue.empty()


async def test_promise_2_a_call_can_be_timed_out_with_asyncio_timeout() -> None:
    queue = asyncio.Queue[int]()
    async with multi_await(queue.get) as m:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await m.select()
        queue.put_nowait(1)
        async with asyncio.timeout(1):
            assert await m.select() == (0, 1)


# 3. An unfinished source is never restarted and never cancelled between calls.


async def test_promise_3_an_unfinished_source_is_neither_restarted_nor_cancelled() -> None:
    gate = Gate()
    async with multi_await(gate.get, functools.partial(asyncio.sleep, 1)) as m:
        for _ in range(5):
            assert (await m.select())[0] == 1
        await cancelled_after(0.5, m.get())
        gate.open("done")
        assert await m.select() == (0, "done")
        assert gate.calls == 1


async def test_promise_3_a_delivered_source_restarts_only_when_the_next_call_needs_it() -> None:
    gate = Gate()
    gate.open("done")
    async with multi_await(gate.get) as m:
        assert await m.select() == (0, "done")
        await steps(5)
        assert gate.calls == 1


# 4. Between two calls nothing is held.


async def test_promise_4_an_item_put_between_two_calls_goes_to_whoever_waits() -> None:
    queue, other = asyncio.Queue[int](), asyncio.Queue[int]()
    async with multi_await(queue.get, other.get) as m:
        await cancelled_after(1, m.select())  # our getter is first in line now
        rival = asyncio.ensure_future(queue.get())
        await steps(1)
        queue.put_nowait(1)
        assert await rival == 1


@pytest.mark.in_order
async def test_promise_4_an_item_that_select_left_behind_goes_to_whoever_waits() -> None:
    first, second = asyncio.Queue[int](), asyncio.Queue[int]()
    async with multi_await(first.get, second.get) as m:
        for _ in range(3):
            blocked = asyncio.ensure_future(m.select())
            await steps(2)
            rival = asyncio.ensure_future(second.get())
            await steps(1)
            first.put_nowait(1)
            second.put_nowait(2)  # wakes our getter, because it was there before the rival's
            assert await blocked == (0, 1)
            assert await rival == 2


@pytest.mark.parametrize("lock", [asyncio.Lock, asyncio.Semaphore, asyncio.BoundedSemaphore])
async def test_promise_4_a_lock_freed_between_two_calls_goes_to_whoever_waits(
    lock: Callable[[], asyncio.Lock | asyncio.Semaphore],
) -> None:
    held = lock()
    await held.acquire()
    async with multi_await(held.acquire) as m:
        await cancelled_after(1, m.select())
        rival = asyncio.ensure_future(held.acquire())
        await steps(1)
        held.release()
        assert await rival
        assert held.locked()
        held.release()
        await steps(3)
        assert not held.locked()
        assert await m.select() == (0, True)
        assert held.locked()


async def test_promise_4_a_semaphore_counts_correctly_after_an_abandoned_wait() -> None:
    semaphore = asyncio.BoundedSemaphore(1)
    await semaphore.acquire()
    async with multi_await(semaphore.acquire) as m:
        m.select_nowait()
    semaphore.release()
    assert not semaphore.locked()
    with pytest.raises(ValueError, match="released too many times"):
        semaphore.release()


async def test_promise_4_room_in_a_queue_between_two_calls_goes_to_whoever_waits() -> None:
    queue = asyncio.Queue[str](1)
    queue.put_nowait("full")
    async with multi_await(functools.partial(queue.put, "ours")) as m:
        await cancelled_after(1, m.select())
        rival = asyncio.ensure_future(queue.put("the rival's"))
        await steps(1)
        assert queue.get_nowait() == "full"
        await rival
        assert queue.get_nowait() == "the rival's"
        assert await m.select() == (0, None)
        assert queue.get_nowait() == "ours"


# 6. The loop stays alive.


@pytest.mark.parametrize("call", ["get", "select", "get_or_raise"])
async def test_promise_6_a_source_that_is_always_ready_does_not_starve_the_event_loop(
    call: str,
) -> None:
    always = asyncio.Event()
    always.set()
    async with multi_await(always.wait) as m, ticks() as passed:
        for _ in range(1000):
            await getattr(m, call)()
        assert 7 <= passed() <= 12, "and it gives way no more often than it must"


async def test_promise_6_a_source_that_always_fails_does_not_starve_the_event_loop() -> None:
    async with multi_await(failing("again")) as m, ticks() as passed:
        for _ in range(1000):
            with pytest.raises(ValueError, match="again"):
                await m.select()
        assert passed() >= 7


@pytest.mark.parametrize("call", ["get", "select", "get_or_raise", "async for"])
async def test_promise_6_a_call_with_nothing_to_wait_for_does_not_starve_the_event_loop(
    call: str,
) -> None:
    class Ended(Source[None]):
        def poll(self, wake: Wake) -> Pending:
            raise StopAsyncIteration

    async with multi_await(Ended()) as m, ticks() as passed:
        for _ in range(1000):
            if call == "async for":
                async for _ in m:
                    raise AssertionError
            else:
                with pytest.raises(NothingToAwait):
                    await getattr(m, call)()
        assert 7 <= passed() <= 12


async def test_promise_6_a_set_can_be_ended_while_a_call_with_nothing_to_wait_for_yields() -> None:
    m = multi_await()
    for _ in range(127):
        with pytest.raises(NothingToAwait):
            await m.select()
    end = asyncio.create_task(m.cancel())
    with pytest.raises(RuntimeError, match="closed"):
        await m.select()
    await end


async def test_promise_6_a_source_that_keeps_waking_itself_does_not_starve_the_event_loop() -> None:
    class Restless(Source[None]):
        def poll(self, wake: Wake) -> Pending:
            wake()
            return PENDING

    async with multi_await(Restless(), functools.partial(steps, 3)) as m:
        assert await m.select() == (1, None)


async def test_promise_6_a_call_that_yields_to_the_event_loop_takes_nothing_first() -> None:
    queue = asyncio.Queue[int]()
    for item in range(1000):
        queue.put_nowait(item)
    delivered = list[int]()

    async def consume() -> None:
        async for _, item in m:
            delivered.append(item)

    async with multi_await(queue.get) as m:
        consumer = asyncio.ensure_future(consume())
        await steps(2)
        consumer.cancel()
        await asyncio.wait([consumer])
        assert 0 < len(delivered) < 1000
        assert queue.get_nowait() == len(delivered)


# 7. The caller's cancellation is the caller's.


async def test_promise_7_the_callers_cancellation_passes_through_the_end_of_the_block() -> None:
    ended = list[float]()

    async def caller() -> None:
        async with multi_await(functools.partial(slow_to_end, ended)) as m:
            m.select_nowait()

    await cancelled_after(1, caller())
    assert ended == [5]


async def test_promise_7_no_failure_of_a_source_replaces_the_callers_cancellation(
    reported: Reported,
) -> None:
    async def caller() -> None:
        async with multi_await(fails_at_the_end) as m:
            await m.select()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await caller()
    assert [str(each["exception"]) for each in reported] == ["at the end"]
    assert "fails_at_the_end" in reported[0]["message"]


async def test_promise_7_a_sources_own_cancellation_is_that_sources_failure() -> None:
    async def cancels_itself() -> None:
        raise asyncio.CancelledError("mine")

    async with multi_await(cancels_itself) as m:
        _, (failure,) = await m.get()
        assert isinstance(failure, asyncio.CancelledError)
        for call in (m.select, m.get_or_raise):
            with pytest.raises(
                RuntimeError, match=r"source 0 \(.*cancels_itself\) was cancelled"
            ) as e:
                await call()
            assert isinstance(e.value.__cause__, asyncio.CancelledError)


async def test_a_value_returned_from_a_block_is_dropped_if_its_end_is_cancelled() -> None:
    """As with any `return` from a block whose end is cancelled: it had been delivered."""
    queue = asyncio.Queue[int]()
    queue.put_nowait(1)

    async def first() -> object:
        async with multi_await(functools.partial(slow_to_end, []), queue.get) as m:
            return await m.select()

    await cancelled_after(1, first())
    assert queue.empty()


# 8. The end belongs to one source.


@pytest.mark.in_order
async def test_promise_8_ended_sources_are_exhausted_and_the_loop_ends_with_the_last() -> None:
    async def some(count: int) -> Any:
        for number in range(count):
            await asyncio.sleep(1)
            yield number

    async with multi_await(some(2).__anext__, some(3).__anext__) as m:
        assert [event async for event in m] == [(0, 0), (1, 0), (0, 1), (1, 1), (1, 2)]
        assert "0 async_generator.__anext__ exhausted" in repr(m)
        for call in waiting_calls(m):
            with pytest.raises(NothingToAwait, match="every source is exhausted"):
                await call()
        for call_nowait in nowait_calls(m):
            with pytest.raises(NothingToAwait, match="every source is exhausted"):
                call_nowait()


@pytest.mark.skipif(sys.version_info < (3, 13), reason="Queue.shutdown() came with 3.13")
async def test_promise_8_a_shut_down_queue_is_exhausted_once_it_is_empty() -> None:
    queue, other = asyncio.Queue[int](), asyncio.Queue[int]()
    async with multi_await(queue.get, other.get) as m:
        queue.put_nowait(1)
        queue.shutdown()  # type: ignore[attr-defined]  # of 3.13, and mypy checks for 3.11
        assert await m.select() == (0, 1)
        await cancelled_after(1, m.select())  # if it spun, the clock could not move
        other.shutdown()  # type: ignore[attr-defined]  # as above
        assert [event async for event in m] == []


async def test_promise_8_a_failure_is_delivered_once() -> None:
    calls = 0

    async def fails_once() -> int:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ValueError("once")
        return calls

    async with multi_await(fails_once) as m:
        with pytest.raises(ValueError, match="once"):
            await m.select()
        assert await m.select() == (0, 2)


async def test_promise_8_select_leaves_the_other_outcomes_for_the_next_call() -> None:
    queue = asyncio.Queue[int]()
    queue.put_nowait(1)
    async with multi_await(inline(failing("first")), queue.get) as m:
        with pytest.raises(ValueError, match="first"):
            await m.select()
        assert await m.select() == (1, 1)


# 9. No orphans.


async def test_promise_9_a_second_cancellation_during_clean_up_leaves_no_task_behind() -> None:
    ended = list[float]()

    slow = functools.partial(slow_to_end, ended)

    async def caller() -> None:
        async with multi_await(slow, slow) as m:
            await m.select()

    task = asyncio.ensure_future(caller())
    for _ in range(3):
        await asyncio.sleep(1)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [6, 6]  # cancelled at 1, and both at once
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_promise_9_a_second_cancel_waits_for_the_first_and_ends_each_source_once() -> None:
    class Counted(Source[None]):
        ends = 0

        def poll(self, wake: Wake) -> Pending:
            return PENDING

        async def aclose(self) -> None:
            await asyncio.sleep(1)
            self.ends += 1

    source = Counted()
    m = multi_await(source)
    await asyncio.gather(m.cancel(), m.cancel())
    assert source.ends == 1
    await m.aclose()
    assert source.ends == 1


async def test_promise_9_an_undelivered_value_that_nobody_reads_is_a_resource_warning() -> None:
    async def lose(value: object) -> None:
        gate = Gate()
        async with multi_await(asyncio.Event().wait, gate.get) as m:
            m.select_nowait()
            gate.open(value)
            await steps(3)

    with pytest.warns(ResourceWarning, match=r"source 1 of a MultiAwait had produced 'lost'"):
        await lose("lost")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        await lose(None)


async def test_promise_9_an_undelivered_failure_goes_to_the_exception_handler(
    reported: Reported,
) -> None:
    gate = Gate()
    async with multi_await(gate.get, asyncio.Event().wait) as m:
        m.select_nowait()
        gate.fail(ValueError("unseen"))
        await steps(3)
    assert [repr(each["exception"]) for each in reported] == ["ValueError('unseen')"]
    assert m.undelivered == ()


def test_promise_9_sources_end_even_when_the_event_loop_shuts_down_meanwhile() -> None:
    """asyncio.run cancels every remaining task, including those that end the sources."""
    queue, ended = asyncio.Queue[int](), list[float]()
    previous = signal.getsignal(signal.SIGTERM)

    async def consume() -> None:
        slow = functools.partial(slow_to_end, ended)
        async with multi_await(queue.get, signals(signal.SIGTERM), slow) as m:
            await m.select()

    async def main() -> None:
        consumer = asyncio.ensure_future(consume())
        await asyncio.sleep(1)
        consumer.cancel()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    assert signal.getsignal(signal.SIGTERM) is previous
    assert "_getters" not in repr(queue)


async def test_promise_9_a_woken_task_gets_its_turn_before_the_end_cancels_it() -> None:
    class Careless:
        """A primitive that loses an item handed to a task that is then cancelled."""

        def __init__(self) -> None:
            self.handed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def receive(self) -> str:
            return await self.handed

    careless = Careless()
    async with multi_await(careless.receive) as m:
        m.select_nowait()
        await steps(3)
        careless.handed.set_result("handed over")
    assert m.undelivered == ((0, "handed over"),)


# 10. One event costs the same at any number of sources.


class Counting(Source[int]):
    """Counts the polls of all its instances; has a value once fed."""

    polls = 0

    def __init__(self) -> None:
        self.value: int | None = None
        self.wake: Wake | None = None

    def feed(self, value: int) -> None:
        self.value = value
        assert self.wake is not None
        self.wake()

    def poll(self, wake: Wake) -> int | Pending:
        Counting.polls += 1
        self.wake = wake
        value, self.value = self.value, None
        return PENDING if value is None else value


@pytest.mark.parametrize("sources", [2, 20, 2000])
async def test_promise_10_an_event_costs_equally_many_polls_with_any_number_of_sources(
    sources: int,
) -> None:
    Counting.polls = 0
    everyone = [Counting() for _ in range(sources)]
    async with multi_await(*everyone) as m:
        assert m.select_nowait() is None
        assert Counting.polls == sources
        for value in range(100):
            position = value % sources
            asyncio.get_running_loop().call_soon(everyone[position].feed, value)
            assert await m.select() == (position, value)
        # Each event is one poll that gives it, and one that finds nothing more.
        assert Counting.polls <= sources + 200


async def test_promise_10_memory_does_not_grow_with_the_number_of_events() -> None:
    queue, other = asyncio.Queue[int](), asyncio.Queue[int]()

    async def events(count: int, m: MultiAwait[int, int]) -> None:
        for _ in range(count):
            asyncio.get_running_loop().call_soon(queue.put_nowait, 1)
            await m.select()

    async with multi_await(queue.get, other.get) as m:
        await events(100, m)
        gc.collect()
        before = len(gc.get_objects())
        await events(2000, m)
        gc.collect()
        assert len(gc.get_objects()) - before < 20


def failing(message: str) -> Callable[[], Coroutine[Any, Any, int]]:
    async def fail() -> int:
        raise ValueError(message)

    return fail
