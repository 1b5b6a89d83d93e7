"""Random hostile sources: whatever they do, nothing of the others is lost, doubled or held.

They raise anything, wake at any time, meddle with their MultiAwait, cancel its caller, swallow
cancellations and fail at their end. Meanwhile other tasks wait for the same queues, and calls time
out. The seed determines the schedule.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from multi_await import PENDING, Source, SourceLike, Wake, each, inline, multi_await, put
from tests.machinery.tools import SCHEDULES, pass_time, steps
from tests.promises.hostile.beside import (
    CALLS,
    INTERRUPTS,
    ORDINARY,
    Raised,
    fails_after,
    run,
)

FAILS = [kind for kind in ORDINARY if kind is not StopIteration]
FAILURES = [*ORDINARY, *INTERRUPTS, RuntimeError, TimeoutError, asyncio.QueueFull]


class Chaos:
    """Two queues among sources that act at random at every opportunity."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 -- chance is no secret
        self.queues = [asyncio.Queue[int](), asyncio.Queue[int]()]
        self.room = asyncio.Queue[int](2)
        self.numbers = itertools.count(1)
        self.made = list[int]()  # put into the two queues, or given by hostile sources
        self.supplied = list[int]()  # to go into `room`; these are negative
        self.delivered = list[int]()
        self.removed = list[int]()  # what remove() returned
        self.m = multi_await(biased=self.chance(0.3))
        self.stopped = self.held = False

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def number(self) -> int:
        self.made.append(next(self.numbers))
        return self.made[-1]

    # -- the well-behaved ones -----------------------------------------------------------------

    async def produce(self) -> None:
        while not self.stopped:
            self.random.choice(self.queues).put_nowait(self.number())
            await asyncio.sleep(self.random.choice([0, 0, 0, 0.5, 1]))

    async def take(self, queue: asyncio.Queue[int]) -> None:
        while True:
            self.delivered.append(await queue.get())
            await asyncio.sleep(0.1)

    async def get(self) -> int:
        return await self.queues[1].get()

    # -- the hostile ones ----------------------------------------------------------------------

    def hostile(self) -> SourceLike[Any]:
        kinds: list[Callable[[], SourceLike[Any]]] = [
            lambda: Unpredictable(self),
            lambda: Unpredictable(self),
            lambda: inline(self.coroutine),
            lambda: self.function,
            lambda: each(self.items()),
            lambda: put(self.room, self.supply),
        ]
        return self.random.choice(kinds)()

    def meddle(self) -> None:
        """Do anything that a source can do to the MultiAwait and its caller."""
        position = self.random.randrange(len(self.m) or 1)
        deeds: list[Callable[[], object]] = [
            lambda: None,
            lambda: self.m.pause(position),
            lambda: self.m.resume(position),
            lambda: self.keep("select_nowait", self.m.select_nowait()),
            lambda: self.m.add(self.random.choice(self.queues).get) if len(self.m) < 9 else None,
            lambda: self.consumer.cancel(),
            lambda: pass_time(0.3),
        ]
        with contextlib.suppress(BaseException):  # a call may raise whatever another source does
            self.random.choice(deeds)()

    def fail(self, *others: Raised) -> None:
        if self.chance(0.2):
            raise self.random.choice([*FAILS, *others])

    async def misbehave(self, *others: Raised) -> None:
        self.meddle()
        self.fail(*others)
        try:
            await asyncio.sleep(self.random.choice([0, 0, 0.1, 3]))
        except asyncio.CancelledError:
            if self.chance(0.8):
                raise
        self.fail(*others)

    async def coroutine(self) -> int:
        await self.misbehave(KeyboardInterrupt, SystemExit, StopAsyncIteration)
        return self.number()

    async def function(self) -> int | None:
        if self.chance(0.1):
            await asyncio.sleep(1)
            with contextlib.suppress(BaseException):  # even an interrupt, at the source's end
                left = await self.m.remove(2)
                self.removed += [value for value in left if value is not None]
            return None  # if it has removed itself, nobody gets its value
        await self.misbehave()
        return self.number()

    async def items(self) -> AsyncIterator[int]:
        try:
            while True:
                await self.misbehave()
                yield self.number()
        finally:
            self.fail()

    def supply(self) -> int:
        self.meddle()
        self.fail(KeyboardInterrupt)
        if self.chance(0.2) and not self.room.full():
            self.room.put_nowait(self.number())
        self.supplied.append(-next(self.numbers))
        return self.supplied[-1]

    # -- the consumer --------------------------------------------------------------------------

    async def consume(self) -> None:
        while not self.stopped:
            with contextlib.suppress(*FAILURES):
                async with asyncio.timeout(self.random.choice([0, 0.5, 2])):
                    await self.call()
                if self.chance(0.3):
                    self.m.resume(self.random.choice([0, 1]))
                if self.chance(0.2):
                    await self.pause()
        with contextlib.suppress(*INTERRUPTS, asyncio.CancelledError):
            await self.m.cancel()
        self.left = [value for _, value in self.m.undelivered if value is not None]
        self.left += self.removed

    async def call(self) -> None:
        name = self.random.choice(CALLS)
        given = getattr(self.m, name)()
        if not name.endswith("nowait"):
            given = await given
        self.keep(name, given)

    def keep(self, name: str, given: Any) -> None:
        values: Iterable[Any]
        if name.startswith("get"):
            values = given if name == "get_or_raise" else given[0]
        else:
            values = [] if given is None else [given[1]]
        self.delivered += [value for value in values if value is not None and value > 0]

    async def pause(self) -> None:
        """While there is no call, a task that waits for an item must be woken when there is one."""
        await asyncio.sleep(1)
        for _ in range(9):
            if not any(queue.qsize() and "_getters" in repr(queue) for queue in self.queues):
                return
            await asyncio.sleep(0)
        self.held = True

    async def run(self) -> None:
        self.m.add(self.queues[0].get)
        self.m.add(self.get)
        for _ in range(self.random.randint(1, 3)):
            self.m.add(self.hostile())
        self.consumer = asyncio.create_task(self.consume())
        others = [asyncio.create_task(self.produce())]
        others += [asyncio.create_task(self.take(queue)) for queue in (*self.queues, self.room)]
        try:
            await asyncio.sleep(self.random.uniform(0, 20))
        finally:
            self.stopped = True
        for _ in range(self.random.randint(0, 2)):
            await steps(self.random.randint(0, 5))
            self.consumer.cancel()
        await asyncio.wait([self.consumer])
        self.queues[0].put_nowait(self.number())
        self.queues[1].put_nowait(self.number())
        await asyncio.sleep(5)
        for task in others:
            task.cancel()
        await asyncio.wait(others)
        assert not self.held, "between two calls it held a wake-up"
        self.consumer.result()
        # An item that went into `room` can also be in undelivered.
        self.left = [item for item in self.left if item > 0 or item not in self.delivered]
        assert Counter(self.delivered + self.left) == Counter(self.made + self.supplied)


class Unpredictable(Source[int]):
    def __init__(self, chaos: Chaos) -> None:
        self.chaos = chaos
        self.random = chaos.random
        self.wake: Wake = lambda *_: None

    def poll(self, wake: Wake) -> Any:
        chaos, self.wake = self.chaos, wake
        chaos.meddle()
        self.wake_somehow()
        chaos.fail(KeyboardInterrupt, SystemExit, StopIteration)
        if chaos.chance(0.02):
            raise StopAsyncIteration
        return chaos.number() if chaos.chance(0.3) else PENDING

    def wake_somehow(self) -> None:
        loop = asyncio.get_running_loop()
        ways: list[Callable[[], object]] = [
            lambda: None,
            lambda: self.wake() if self.chaos.chance(0.5) else None,
            lambda: loop.call_soon(self.wake),
            lambda: loop.call_later(0.2, self.wake, "some", "arguments"),
            lambda: loop.call_later(30, self.wake),
            lambda: loop.call_soon_threadsafe(self.wake),
        ]
        for _ in range(2):
            self.random.choice(ways)()

    def release(self) -> None:
        self.chaos.meddle()
        self.chaos.fail()

    async def aclose(self) -> Any:
        chaos = self.chaos
        ends: list[Callable[[], Any]] = [
            lambda: None,
            lambda: 5,
            lambda: [chaos.number(), chaos.number()],
            lambda: fails_after([chaos.number()]),
            functools.partial(chaos.fail, KeyboardInterrupt, SystemExit),
        ]
        if chaos.chance(0.3):
            await asyncio.sleep(3)
        return self.random.choice(ends)()

    def __repr__(self) -> str:
        if self.chaos.chance(0.3):
            raise KeyError("no name")
        return "unpredictable"


def test_whatever_hostile_sources_do_the_other_sources_lose_nothing() -> None:
    for seed in range(SCHEDULES):
        try:
            run(Chaos(seed).run())
        except BaseException as failure:
            failure.add_note(f"seed {seed}")
            raise
