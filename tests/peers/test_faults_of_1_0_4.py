"""Programs written for 1.0.4 still run, and its known faults are gone: one test for each."""

from __future__ import annotations

import asyncio
import functools
import sys
from typing import Any

import pytest

from multi_await import MultiAwait, multi_await
from tests.conftest import Reported
from tests.machinery.tools import Gate, cancelled_after, fails_at_the_end, slow_to_end, steps, ticks


async def put_all(queue: asyncio.Queue[int], numbers: range) -> None:
    for number in numbers:
        await queue.put(number)


async def test_a_program_for_1_0_4_collects_every_item_of_bounded_queues() -> None:
    odd, even = asyncio.Queue[int](1), asyncio.Queue[int](2)
    producers = [
        asyncio.create_task(put_all(odd, range(1, 100, 2))),
        asyncio.create_task(put_all(even, range(0, 100, 2))),
    ]
    numbers = list[int]()
    async with multi_await() as m:
        m.add(odd.get)
        m.add(even.get)
        m.add(asyncio.Event().wait)  # never has anything
        while len(numbers) < 100:
            results, failures = await m.get()
            assert failures == [None, None, None]
            numbers += [number for number in results if number is not None]
    assert sorted(numbers) == list(range(100))
    await asyncio.gather(*producers)


async def test_a_program_for_1_0_4_gets_values_and_failures_by_position() -> None:
    async def value() -> int:
        return 1

    async def failure() -> int:
        return int("z")

    async with multi_await() as m:
        m.add(value)
        m.add(failure)
        m.add(lambda: asyncio.create_task(value()))
        m.add(lambda: asyncio.sleep(9999))
        results: list[Any] = [None] * 4
        failures: list[Any] = [None] * 4
        while results[:3] != [1, None, 1] or failures[1] is None:
            more, failed = await m.get()
            results = [
                new if new is not None else old for old, new in zip(results, more, strict=True)
            ]
            failures = [new or old for old, new in zip(failures, failed, strict=True)]
        assert isinstance(failures[1], ValueError)
        assert (results[3], failures[0], failures[2], failures[3]) == (None, None, None, None)
        await m.cancel()


async def test_a_program_for_1_0_4_sees_a_failure_raised_out_of_the_block() -> None:
    async def failure() -> int:
        return int("z")

    async def program() -> None:
        async with multi_await() as m:
            m.add(lambda: asyncio.sleep(99))
            m.add(failure)
            await m.get_or_raise()

    with pytest.raises(ValueError, match="'z'"):
        await program()


async def test_fault_1_a_cancelled_get_leaves_the_sources_and_the_object_intact() -> None:
    gate = Gate()
    async with multi_await(gate.get) as m:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(m.get(), 1)
        gate.open("still running")
        assert await m.get() == (("still running",), (None,))


async def test_fault_2_an_item_in_flight_when_get_is_cancelled_is_not_lost() -> None:
    queue = asyncio.Queue[int]()
    async with multi_await(queue.get) as m:
        blocked = asyncio.ensure_future(m.get())
        await steps(2)
        queue.put_nowait(1)
        await steps(1)
        blocked.cancel()
        await asyncio.wait([blocked])
        assert queue.qsize() == 1
        assert await m.get() == ((1,), (None,))


async def test_fault_3_an_item_that_is_finished_but_undelivered_at_the_end_is_not_lost() -> None:
    queue, gate = asyncio.Queue[int](), Gate()
    async with multi_await(queue.get, gate.get) as m:
        m.get_nowait()
        queue.put_nowait(1)
        gate.open("finished")
        await steps(3)
    assert queue.get_nowait() == 1
    assert m.undelivered == ((1, "finished"),)


async def test_fault_4_get_or_raise_keeps_the_values_of_the_same_round() -> None:
    def raises() -> Any:
        raise ValueError("failed")

    queue = asyncio.Queue[int]()
    queue.put_nowait(1)
    async with multi_await(queue.get, raises) as m:
        with pytest.raises(ValueError, match="failed"):
            await m.get_or_raise()
        assert await m.select() == (0, 1)


async def test_fault_5_a_source_may_return_a_future() -> None:
    loop = asyncio.get_running_loop()

    def answer() -> asyncio.Future[str]:
        future = loop.create_future()
        loop.call_later(1, future.set_result, "answer")
        return future

    async with multi_await(answer) as m:
        assert await m.get() == (("answer",), (None,))


async def test_fault_6_a_source_that_raises_when_called_starts_no_second_copy_of_others() -> None:
    gate, calls = Gate(), 0

    def raises() -> Any:
        nonlocal calls
        calls += 1
        raise ValueError(f"call {calls}")

    async with multi_await(gate.get, raises) as m:
        for number in range(1, 4):
            _, failures = await m.get()
            assert str(failures[1]) == f"call {number}"
        await steps(1)
        assert gate.calls == 1
        assert len(asyncio.all_tasks()) == 2


async def test_fault_7_a_sources_own_cancelled_error_is_distinguished_from_the_callers() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    async with multi_await(cancelled, asyncio.Event().wait) as m:
        _, (failure, _) = await m.get()
        assert isinstance(failure, asyncio.CancelledError)
    async with multi_await(asyncio.Event().wait) as unset:
        await cancelled_after(1, unset.get())


async def test_fault_8_a_sources_error_does_not_replace_the_callers_timeout(
    reported: Reported,
) -> None:
    async def loop_for_ever() -> None:
        async with multi_await(fails_at_the_end, asyncio.Event().wait) as m:
            while True:
                await m.get()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(loop_for_ever(), 0.1)
    assert len(reported) == 1


async def test_fault_9_cancel_does_not_swallow_the_callers_cancellation() -> None:
    m = MultiAwait()
    m.add(functools.partial(slow_to_end, []))
    m.get_nowait()
    await steps(1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await m.cancel()


async def test_fault_10_a_set_event_does_not_starve_other_tasks() -> None:
    event = asyncio.Event()
    event.set()
    async with multi_await(event.wait) as m, ticks() as passed:
        for _ in range(5000):
            await m.get()
        assert passed() > 30


@pytest.mark.skipif(sys.version_info < (3, 13), reason="Queue.shutdown() came with 3.13")
async def test_fault_10_a_closed_queue_does_not_spin() -> None:
    queue = asyncio.Queue[int]()
    queue.shutdown()  # type: ignore[attr-defined]  # of 3.13, and mypy checks for 3.11
    async with multi_await(queue.get, asyncio.Event().wait) as m:
        await cancelled_after(1, m.get())  # if it spun, the clock could not move


async def test_fault_11_a_second_concurrent_get_raises_instead_of_returning_an_empty_round() -> (
    None
):
    queue = asyncio.Queue[int]()
    async with multi_await(queue.get) as m:
        blocked = asyncio.ensure_future(m.get())
        await steps(1)
        with pytest.raises(RuntimeError, match="another call"):
            await m.get()
        queue.put_nowait(1)
        assert await blocked == ((1,), (None,))
