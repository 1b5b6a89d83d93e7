"""What CPython's own tests of locks check, with every wait through a MultiAwait."""

from __future__ import annotations

import asyncio
import sys

import pytest

from tests.machinery.tools import steps
from tests.peers.primitives.cpython import Wait, done, end, rest, start
from tests.peers.primitives.shared import Function

pytestmark = pytest.mark.in_order


@pytest.mark.parametrize("kind", [asyncio.Lock, asyncio.Semaphore])
async def test_a_lock_goes_to_its_waiters_in_order(
    kind: type[asyncio.Lock | asyncio.Semaphore], wait: Wait
) -> None:
    lock = kind()
    assert await wait(lock.acquire) is True
    first, second = start(wait, lock.acquire, lock.acquire)
    await rest()
    assert done(first, second) == []
    lock.release()
    await rest()
    assert (first.done(), second.done()) == (True, False)
    (third,) = start(wait, lock.acquire)
    lock.release()
    await rest()
    assert (second.done(), third.done()) == (True, False)
    lock.release()
    assert await third is True
    lock.release()
    assert not lock.locked()


@pytest.mark.parametrize("kind", [asyncio.Lock, asyncio.Semaphore])
@pytest.mark.parametrize("cancelled_first", [True, False])
async def test_if_the_next_in_line_is_cancelled_a_released_lock_goes_to_the_one_behind(
    kind: type[asyncio.Lock | asyncio.Semaphore], cancelled_first: bool, wait: Wait
) -> None:
    lock = kind()
    await wait(lock.acquire)
    waiting = start(wait, lock.acquire, lock.acquire, lock.acquire)
    await rest()
    if cancelled_first:
        waiting[0].cancel()
    lock.release()
    waiting[0].cancel()
    await rest()
    assert waiting[0].cancelled()
    assert [each.done() for each in waiting[1:]] == [True, False]
    assert lock.locked()
    await end(waiting[2])
    lock.release()
    assert not lock.locked()


@pytest.mark.parametrize("kind", [asyncio.Lock, asyncio.Semaphore])
async def test_a_lock_whose_only_waiter_is_cancelled_is_free_when_released(
    kind: type[asyncio.Lock | asyncio.Semaphore], wait: Wait
) -> None:
    lock = kind()
    await wait(lock.acquire)
    for when in ("before", "with the release"):
        (waiting,) = start(wait, lock.acquire)
        await rest()
        if when == "before":
            await end(waiting)
            lock.release()
        else:
            lock.release()
            await end(waiting)
        assert waiting.cancelled()
        assert not lock.locked()
        assert await wait(lock.acquire) is True


async def test_an_event_releases_current_and_later_waiters(wait: Wait) -> None:
    event = asyncio.Event()
    early = start(wait, event.wait, event.wait)
    await rest()
    assert done(*early) == []
    late = start(wait, event.wait)
    event.set()
    await rest()
    assert done(*early, *late) == [True, True, True]
    assert await wait(event.wait) is True


async def test_an_event_that_is_set_and_cleared_releases_its_waiters(wait: Wait) -> None:
    event = asyncio.Event()
    waiting = start(wait, event.wait, event.wait)
    await rest()
    event.set()
    event.clear()
    await rest()
    assert done(*waiting) == [True, True]
    (late,) = start(wait, event.wait)
    await rest()
    assert not late.done()
    await end(late)
    assert "waiters" not in repr(event)


async def test_a_semaphore_lets_as_many_in_as_it_has_slots(wait: Wait) -> None:
    semaphore = asyncio.Semaphore(3)
    for _ in range(2):
        await wait(semaphore.acquire)
    assert not semaphore.locked()
    waiting = start(wait, *[semaphore.acquire] * 4)
    await rest()
    assert len(done(*waiting)) == 1
    assert semaphore.locked()
    semaphore.release()
    semaphore.release()
    await rest()
    assert [each.done() for each in waiting] == [True, True, True, False]
    assert semaphore.locked()
    semaphore.release()
    await asyncio.wait(waiting)


async def test_a_semaphores_slot_skips_cancelled_waiters(wait: Wait) -> None:
    semaphore = asyncio.Semaphore(0)
    waiting = start(wait, *[semaphore.acquire] * 4)
    await rest()
    waiting[0].cancel()
    waiting[1].cancel()
    semaphore.release()
    await rest()
    assert [each.cancelled() for each in waiting] == [True, True, False, False]
    assert done(*waiting) == [True]
    assert waiting[2].done()
    assert semaphore.locked()
    await end(waiting[3])


async def test_a_semaphore_is_free_after_a_waiter_was_cancelled_by_the_one_before(
    wait: Wait,
) -> None:
    semaphore = asyncio.Semaphore(1)

    async def first() -> None:
        await wait(semaphore.acquire)
        await asyncio.sleep(1)
        semaphore.release()
        second.cancel()

    one = asyncio.create_task(first())
    await steps(1)
    (second,) = start(wait, semaphore.acquire)
    await asyncio.wait([one, second])
    assert second.cancelled()
    assert await wait(semaphore.acquire) is True


async def test_a_semaphore_goes_round_its_waiters_in_turn(wait: Wait) -> None:
    semaphore = asyncio.Semaphore(1)
    order = list[str]()

    async def twice(name: str) -> None:
        for _ in range(2):
            await wait(semaphore.acquire)
            order.append(name)
            await asyncio.sleep(1)
            semaphore.release()

    async with asyncio.TaskGroup() as group:
        for name in "abc":
            group.create_task(twice(name))
    assert order == ["a", "b", "c", "a", "b", "c"]


async def test_a_task_that_releases_a_semaphore_and_then_acquires_it_goes_last_in_line(
    wait: Wait,
) -> None:
    semaphore = asyncio.Semaphore(0)
    order = list[int]()

    async def one(number: int) -> None:
        await wait(semaphore.acquire)
        order.append(number)

    async def release_three_and_acquire() -> None:
        for _ in range(3):
            semaphore.release()
        await one(2)

    tasks = [asyncio.create_task(one(1))]
    await rest()
    tasks.append(asyncio.create_task(release_three_and_acquire()))
    tasks.append(asyncio.create_task(one(3)))
    await asyncio.wait(tasks)
    assert order == [1, 2, 3]
    assert semaphore.locked()


# Waiting for a condition needs its lock, so a function takes the lock and waits.


class Notified:
    """Records who was notified, in order."""

    def __init__(self, wait: Wait) -> None:
        self.condition = asyncio.Condition()
        self.order = list[int]()
        self.state = 0
        self.wait = wait

    def function(self, number: int) -> Function:
        async def notified() -> int:
            async with self.condition:
                await self.condition.wait()
                self.order.append(number)
                return number

        return notified

    async def take(self) -> int:
        """Take one from the state, and return what is left."""
        async with self.condition:
            await self.condition.wait_for(lambda: self.state > 0)
            self.state -= 1
            return self.state

    async def take_all(self) -> None:
        while True:
            await self.take()


async def test_a_condition_notifies_as_many_waiters_as_asked_in_order(wait: Wait) -> None:
    shared = Notified(wait)
    condition = shared.condition
    waiting = start(wait, *[shared.function(number) for number in range(1, 6)])
    await rest()
    assert not condition.locked()
    for count, order in ((1, [1]), (2, [1, 2, 3]), (2000, [1, 2, 3, 4, 5])):
        async with condition:
            condition.notify(count)
            await rest()
            assert len(shared.order) < len(order), "the lock is held yet"
        await rest()
        assert shared.order == order
    await asyncio.wait(waiting)
    assert [each.result() for each in waiting] == [1, 2, 3, 4, 5]
    waiting = start(wait, *[shared.function(number) for number in (6, 7)])
    await rest()
    async with condition:
        condition.notify_all()
    await rest()
    assert done(*waiting) == [6, 7]


async def test_wait_for_returns_once_its_predicate_is_true(wait: Wait) -> None:
    shared = Notified(wait)

    async def wait_for() -> bool:
        async with shared.condition:
            return await shared.condition.wait_for(lambda: shared.state == 1)

    (waiting,) = start(wait, wait_for)
    await rest()
    for state in (0, 1):
        assert not waiting.done()
        async with shared.condition:
            shared.state = state
            shared.condition.notify()
        await rest()
    assert await waiting is True


async def test_a_cancelled_or_timed_out_task_leaves_a_condition_unchanged(
    wait: Wait,
) -> None:
    shared = Notified(wait)
    first, second = start(wait, shared.take, shared.take)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await wait(shared.take)
    await end(first)
    assert first.cancelled()
    await rest()
    assert not shared.condition.locked()
    async with shared.condition:
        shared.state = 2
        shared.condition.notify()
    assert await second == 1
    assert not shared.condition.locked()


@pytest.mark.skipif(sys.version_info < (3, 13), reason="bare waits lose it before Python 3.13")
@pytest.mark.parametrize("passes", range(4))
async def test_a_cancelled_task_loses_no_notification(passes: int, wait: Wait) -> None:
    shared = Notified(wait)
    first, second = start(wait, shared.take_all, shared.take_all)
    await rest()
    async with shared.condition:
        shared.state = 1
        shared.condition.notify()
        await steps(passes)
        first.cancel()
    await rest()
    assert first.cancelled()
    assert shared.state == 0
    await end(second)
