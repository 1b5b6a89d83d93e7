"""Random schedules over asyncio's queues: every item is delivered once, or still there.

Producers, plain consumers and MultiAwaits over overlapping queues; calls that time out, consumers
that are cancelled and start again, blocks that end at any moment. The seed determines the schedule.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, TypeAlias

import pytest

from multi_await import MultiAwait, batched, multi_await
from tests.conftest import new_loop
from tests.machinery.tools import SCHEDULES

CHUNK = max(1, SCHEDULES // 12)
PRODUCERS = 3
ITEMS = 40  # for each producer
MOST_SECONDS = 60.0

Queue: TypeAlias = asyncio.Queue[int]
Source: TypeAlias = Callable[[Queue], Callable[[], Awaitable[int]]]
Deliver: TypeAlias = Callable[[int | None], None]


def inline_source(queue: Queue) -> Callable[[], Awaitable[int]]:
    return queue.get


def function_source(queue: Queue) -> Callable[[], Awaitable[int]]:
    async def get() -> int:
        return await queue.get()

    return get


class Schedule:
    """One random program: who puts, who takes, who is cancelled, and when."""

    def __init__(self, seed: int, source: Source) -> None:
        self.random = random.Random(seed)  # noqa: S311 -- a schedule is no secret
        self.source = source
        self.queues = [self.queue() for _ in range(self.random.randint(1, 4))]
        self.put = list[int]()
        self.delivered = list[int]()
        self.undelivered = list[int]()

    def queue(self) -> Queue:
        kinds: list[type[Queue]] = [asyncio.Queue, asyncio.LifoQueue, asyncio.PriorityQueue]
        return self.random.choice(kinds)(self.random.choice([0, 0, 1, 2, 3]))

    async def run(self) -> None:
        consumers: list[Callable[[], Coroutine[Any, Any, None]]] = [
            self.random.choice([self.plain, self.get, self.select, self.iterate, self.batches])
            for _ in range(self.random.randint(1, 4))
        ]
        tasks = [asyncio.ensure_future(self.produce(number)) for number in range(PRODUCERS)]
        tasks += [asyncio.ensure_future(self.again_and_again(consume)) for consume in consumers]
        await asyncio.sleep(self.random.uniform(0, MOST_SECONDS))
        self.random.shuffle(tasks)
        for task in tasks:
            task.cancel()
            await self.passes()
        await asyncio.wait(tasks)
        assert [task for task in tasks if not task.cancelled() and task.exception()] == []

    # -- who puts ------------------------------------------------------------------------------

    async def produce(self, producer: int) -> None:
        for number in range(ITEMS):
            item = producer * ITEMS + number
            await self.random.choice(self.queues).put(item)
            self.put.append(item)
            if self.random.random() < 0.6:
                await self.pause()

    # -- who takes -----------------------------------------------------------------------------

    async def again_and_again(self, consume: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Cancel a consumer at any moment, and start it again."""
        while True:
            task = asyncio.ensure_future(consume())
            try:
                await self.pause(10)
                await self.passes()
            finally:
                task.cancel()
                await asyncio.wait([task])
            if not task.cancelled():
                task.result()

    async def plain(self) -> None:
        queue = self.random.choice(self.queues)
        while True:
            self.delivered.append(await queue.get())
            await self.passes()

    async def get(self) -> None:
        async with self.some_queues() as m:
            while True:
                async with self.timeout():
                    completed, failures = await m.get()
                    assert not any(failures)
                    self.delivered += [item for item in completed if item is not None]
                await self.passes()

    async def select(self) -> None:
        async with self.some_queues() as m:
            while True:
                async with self.timeout():
                    self.delivered.append((await m.select())[1])
                if self.random.random() < 0.2 and (event := m.select_nowait()) is not None:
                    self.delivered.append(event[1])
                await self.passes()

    async def iterate(self) -> None:
        async with self.some_queues() as m:
            async for _, item in m:
                self.delivered.append(item)
                if self.random.random() < 0.1:
                    return
                await self.passes()

    async def batches(self) -> None:
        """Sources that give everything that some queues have, a batch at a time."""
        queues = self.random.choices(self.queues, k=self.random.randint(1, 2))
        most = self.random.choice([1, 2, 5, 1000])
        async with multi_await(*[batched(queue, most) for queue in queues]) as m:
            while True:
                async with self.timeout():
                    _, batch = await m.select()
                    assert 1 <= len(batch) <= most
                    self.delivered += batch
                await self.passes()

    @contextlib.asynccontextmanager
    async def some_queues(self) -> AsyncIterator[MultiAwait[*tuple[int, ...]]]:
        queues = self.random.choices(self.queues, k=self.random.randint(1, 3))
        m = multi_await(*[self.source(queue) for queue in queues])
        try:
            async with m:
                yield m
        finally:
            self.undelivered += [item for _, item in m.undelivered]

    # -- when ----------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def timeout(self) -> AsyncIterator[None]:
        """A timeout of zero, of less than a tick, of some time, or none."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.random.choice([0, 1e-9, 0.5, 5, None])):
                yield

    async def pause(self, most: float = 2) -> None:
        await asyncio.sleep(self.random.choice([0, 0, 0.5, 1, self.random.uniform(0, most)]))

    async def passes(self) -> None:
        """Some passes through the loop, often none."""
        for _ in range(self.random.choice([0, 0, 0, 1, 2, 3])):
            await asyncio.sleep(0)

    # -- what must hold ------------------------------------------------------------------------

    def left_in_queues(self) -> list[int]:
        left = list[int]()
        for queue in self.queues:
            assert "_getters" not in repr(queue), "somebody still waits for an item"
            assert "_putters" not in repr(queue), "somebody still waits for room"
            while not queue.empty():
                left.append(queue.get_nowait())
        return left


def run(seed: int, source: Source, kind: type[Schedule] = Schedule) -> Schedule:
    schedule = kind(seed, source)
    reported = list[dict[str, Any]]()
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.get_loop().set_exception_handler(lambda _, context: reported.append(context))
        runner.run(schedule.run())
    assert reported == []
    return schedule


@pytest.mark.parametrize("first_seed", range(0, SCHEDULES, CHUNK))
def test_every_item_put_is_delivered_once_or_still_in_its_queue(
    first_seed: int,
) -> None:
    for seed in range(first_seed, first_seed + CHUNK):
        schedule = run(seed, inline_source)
        here = schedule.delivered + schedule.left_in_queues()
        assert Counter(here) == Counter(schedule.put), f"seed {seed}"
        assert schedule.undelivered == [], f"seed {seed}"


@pytest.mark.parametrize("first_seed", range(0, SCHEDULES, CHUNK))
def test_with_function_sources_the_remaining_items_are_in_undelivered(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + CHUNK):
        schedule = run(seed, function_source)
        here = schedule.delivered + schedule.left_in_queues() + schedule.undelivered
        assert Counter(here) == Counter(schedule.put), f"seed {seed}"


def test_the_same_schedules_detect_the_losses_of_a_task_per_queue() -> None:
    """The loop that people write by hand: proof that these schedules can find a loss."""

    class ByHand(Schedule):
        async def get(self) -> None:
            queues = self.random.choices(self.queues, k=self.random.randint(1, 3))
            tasks = [asyncio.ensure_future(queue.get()) for queue in queues]
            try:
                while True:
                    done, _ = await asyncio.wait(
                        tasks, timeout=1, return_when=asyncio.FIRST_COMPLETED
                    )
                    for number, task in enumerate(tasks):
                        if task in done:
                            self.delivered.append(task.result())
                            tasks[number] = asyncio.ensure_future(queues[number].get())
                    await self.passes()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)

        select = iterate = plain = get

    losing = 0
    for seed in range(20):
        schedule = ByHand(seed, inline_source)
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(schedule.run())
        losing += len(schedule.delivered) + len(schedule.left_in_queues()) < len(schedule.put)
    assert losing > 10
