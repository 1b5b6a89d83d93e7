"""asyncio's primitives, bare and through a MultiAwait of one source: the results are the same.

A random program runs with `await queue.get()`, and again with a MultiAwait in its place. Each
consumer acts at times of its own, and so does the task that acts on the primitive, so that all have
come to rest before the next one acts. Then *everything* must be equal: which value each consumer
gets, when, which of its calls time out or are cancelled, and what is left at the end.

What can't be equal, and why:

- A pass through the loop. A woken task resumes one pass later, and through a MultiAwait two. What
  another task does in the pass between (cancel the consumer, or take its item first) comes too late
  for the one and in time for the other. That is all: one pass.
- What a call has in hand when it is cancelled goes to the next in line a pass later. By then, a
  consumer that calls again at once may have come first. So a program either puts and cancels in one
  step, or has consumers that call again at once.
- The end of a block takes some passes before Python 3.12, or under a task factory. A consumer with
  a MultiAwait per call does not call again at once. And the value that a block is about to return
  is gone if a cancellation arrives meanwhile: it had been delivered.
- A reused MultiAwait keeps its place in line while its consumer is away after a timeout. So it is
  compared with a line that keeps places. (Likewise, no other task can read from its stream.)
- A function, in a task, waits for `Condition.wait`. Once notified, the task goes on even if the
  call is cancelled: the outcome is in `undelivered`.
- After 128 calls in a row that did not wait, the loop gets a turn. No program here makes so many.
"""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from multi_await import SourceLike, multi_await, put
from tests.machinery.tools import SCHEDULES, steps
from tests.peers.primitives.shared import (
    BoundedSemaphore,
    Condition,
    Event,
    Function,
    Get,
    LifoGet,
    LifoPut,
    Lock,
    PriorityGet,
    PriorityPut,
    Put,
    PutAndGet,
    Queue,
    Semaphore,
    Shared,
    Stream,
    StreamOfOne,
    emptied,
)
from tests.peers.primitives.ways import CALLS, Call, Way, bare, for_each_call, in_line, kept, select

pytestmark = pytest.mark.in_order

SEEDS = max(1, SCHEDULES // 15)
ROUND = 8.0  # seconds in which everyone has one moment: consumer 0 at 1, 9, ..., 1 at 2, 10, ...
ROUNDS = 40
ITEMS = max(20, SCHEDULES // 3)  # for workers


class Program:
    """A random program, and its result if the consumers wait in this way."""

    timeouts = True
    at_once = False  # whether consumers call again at once
    cancels = 0.2  # how often a step from outside is a cancellation
    mixed = True  # whether a step from outside may be both: items and cancellations
    deeds: tuple[int, ...] = (0, 0, 0, 1, 2, 4)  # in one step from outside

    def __init__(self, kind: type[Shared], seed: int, way: Way) -> None:
        self.draw = random.Random(f"{seed}, outside")  # noqa: S311 -- a program is no secret
        self.draws = [random.Random(f"{seed}, {n}") for n in range(kind.consumers)]  # noqa: S311
        self.shared = kind(random.Random(seed))  # noqa: S311
        self.way = way
        self.loop = asyncio.get_running_loop()
        self.begin = self.loop.time() // ROUND * ROUND
        self.lives: list[asyncio.Task[None]] = []
        self.noted: list[list[object]] = [[] for _ in range(kind.consumers)]

    def note(self, consumer: int, what: object) -> None:
        self.noted[consumer].append((self.loop.time() - self.begin, what))

    def moment(self, consumer: int) -> float:
        """A moment of its own in the future."""
        rounds = self.loop.time() // ROUND + self.draws[consumer].randint(1, 6)
        return rounds * ROUND + consumer + 1

    async def rest(self, consumer: int) -> None:
        await asyncio.sleep(self.moment(consumer) - self.loop.time())

    async def live(self, consumer: int) -> None:
        await self.rest(consumer)
        async with self.way(self.shared, consumer) as take:
            while True:
                if await self.call(consumer, take) and self.at_once and self.shared.at_once:
                    continue
                await self.rest(consumer)

    async def call(self, consumer: int, take: Function) -> bool:
        """Call; return whether to call again at once."""
        draw = self.draws[consumer]
        end = self.moment(consumer) if self.timeouts and draw.random() < 0.5 else None
        try:
            async with asyncio.timeout_at(end):
                value = await take()
        except asyncio.CancelledError:
            self.note(consumer, "cancelled")
            raise
        except Exception as failure:
            self.note(consumer, (type(failure), failure.args))
            return False
        self.note(consumer, self.shared.taken(consumer, value))
        try:
            await self.shared.use(functools.partial(self.rest, consumer))
        finally:
            self.shared.line.serve()
        return draw.random() < 0.5

    def cancel(self, consumer: int) -> None:
        """Cancel it, and start it again."""
        self.lives[consumer].cancel()
        self.lives.append(self.lives[consumer])
        self.lives[consumer] = asyncio.create_task(self.live(consumer))

    async def run(self) -> list[object]:
        for consumer in range(self.shared.consumers):
            self.lives.append(asyncio.create_task(self.live(consumer)))
        for _ in range(ROUNDS):
            await asyncio.sleep(ROUND - self.loop.time() % ROUND)
            cancels = self.draw.random() < self.cancels
            consumers = list(range(self.shared.consumers))  # each is cancelled once in a step
            self.draw.shuffle(consumers)
            for _ in range(self.draw.choice(self.deeds)):
                if self.mixed:
                    cancels = self.draw.random() < self.cancels
                if not cancels:
                    self.shared.act()
                    self.shared.line.serve()
                elif consumers:
                    self.cancel(consumers.pop())
        await asyncio.sleep(ROUND)
        for life in self.lives:
            life.cancel()
        await asyncio.wait(self.lives)
        assert [life for life in self.lives if not life.cancelled()] == []
        return [*self.noted, self.shared.left()]


async def compare(program: type[Program], kind: type[Shared], one: Way, others: list[Way]) -> None:
    for seed in range(SEEDS):
        other = others[seed % len(others)]
        noted = await program(kind, seed, one).run()
        assert await program(kind, seed, other).run() == noted, f"seed {seed}"


PRIMITIVES = [
    Get,
    LifoGet,
    PriorityGet,
    Put,
    LifoPut,
    PriorityPut,
    PutAndGet,
    Event,
    Lock,
    Semaphore,
    BoundedSemaphore,
    Stream,
]


@pytest.mark.parametrize("kind", PRIMITIVES)
async def test_a_multi_await_per_call_gives_the_same_as_a_bare_wait(kind: type[Shared]) -> None:
    await compare(Program, kind, bare, [for_each_call(call) for call in CALLS])


class Calm(Program):
    """A step has either items or cancellations; consumers call again at once, without timeouts."""

    timeouts = False
    at_once = True
    mixed = False


@pytest.mark.parametrize("kind", PRIMITIVES)
async def test_a_reused_multi_await_gives_the_same_as_bare_waits(kind: type[Shared]) -> None:
    await compare(Calm, kind, bare, [kept(call) for call in CALLS])


async def test_a_sender_using_put_keeps_its_place_while_others_get_room_too() -> None:
    queue = Queue(2)
    for item in ("first", "second"):
        queue.put_nowait(item)

    async def send(item: str) -> None:
        async with multi_await(put(queue, lambda: item)) as m:
            await m.select()

    senders = [asyncio.create_task(send(item)) for item in "abcd"]
    await asyncio.sleep(1)
    received = list[str]()
    for count in (2, 1, 1, 2):
        received += [queue.get_nowait() for _ in range(count)]
        await asyncio.sleep(1)
    assert received == ["first", "second", *"abcd"]
    await asyncio.wait(senders)


async def test_a_nowait_send_leaves_room_to_the_task_woken_for_it() -> None:
    queue = Queue(1)
    queue.put_nowait("first")
    before = asyncio.create_task(queue.put("before"))
    await steps(2)
    async with multi_await(put(queue, lambda: "behind")) as m:
        assert m.select_nowait() is None
        assert queue.get_nowait() == "first"
        assert m.select_nowait() is None  # there is room, but it stands behind in line
        await before
        assert queue.get_nowait() == "before"
        assert await m.select() == (0, "behind")
    assert emptied(queue) == ["behind"]


async def test_a_nowait_receive_leaves_an_item_to_the_task_woken_for_it() -> None:
    queue = Queue()
    getter = asyncio.create_task(queue.get())
    await steps(2)
    async with multi_await(queue.get) as m:
        assert m.select_nowait() is None
        queue.put_nowait("first")
        assert m.select_nowait() is None  # there is an item, but it stands behind in line
        assert await getter == "first"
        queue.put_nowait("second")
        assert await m.select() == (0, "second")
    assert emptied(queue) == []


class Impatient(Program):
    mixed = False


@pytest.mark.parametrize("kind", [Event, StreamOfOne])
async def test_a_reused_multi_await_gives_the_same_after_timeouts_if_there_is_no_line(
    kind: type[Shared],
) -> None:
    await compare(Impatient, kind, bare, [kept(call) for call in CALLS])


class OneByOne(Program):
    deeds = (0, 1)


@pytest.mark.parametrize(
    "kind", [Get, LifoGet, PriorityGet, Put, LifoPut, PriorityPut, Lock, Semaphore]
)
async def test_a_reused_multi_await_keeps_its_place_in_line_until_it_is_passed_over(
    kind: type[Shared],
) -> None:
    await compare(OneByOne, kind, in_line, [kept(call) for call in CALLS])


async def test_the_same_programs_detect_a_function_that_takes_items_ahead() -> None:
    class GetByFunction(Get):
        def source(self, consumer: int) -> SourceLike[Any]:
            async def get() -> Any:
                return await self.queue.get()

            return get

    others = 0
    for seed in range(10):
        noted = await OneByOne(GetByFunction, seed, in_line).run()
        others += noted != await OneByOne(GetByFunction, seed, kept(select)).run()
    assert others > 5


def every_other(way: Way) -> Way:
    """Every other consumer waits bare."""
    return lambda shared, consumer: (bare if consumer % 2 else way)(shared, consumer)


@pytest.mark.parametrize("kind", PRIMITIVES)
async def test_bare_waits_and_multi_awaits_mixed_get_the_same_as_bare_waits_alone(
    kind: type[Shared],
) -> None:
    ways = [every_other(for_each_call(call)) for call in CALLS]
    await compare(OneByOne, kind, bare, ways)


@pytest.mark.parametrize("ways", [for_each_call, kept])
async def test_a_condition_waited_for_by_a_function_notifies_the_same_tasks(
    ways: Callable[[Call], Way],
) -> None:
    program = Impatient if ways is for_each_call else Calm
    await compare(program, Condition, bare, [ways(call) for call in CALLS])


async def taken_by_workers(ways: Sequence[Call | None]) -> list[tuple[float, int]]:
    """What workers take from a queue, and when, if they wait in these ways."""
    draw = random.Random(len(ways))  # noqa: S311 -- a program is no secret
    loop = asyncio.get_running_loop()
    begin = loop.time()
    queue = Queue(draw.choice([0, 1, 2]))
    pauses, durations = (draw.choices([0, 0, 0, 1, 2, 3], k=ITEMS) for _ in range(2))
    taken = list[tuple[float, int]]()

    async def work(way: Call | None) -> None:
        async with multi_await(queue.get) as m:
            while True:
                number = await (queue.get() if way is None else way(m))
                taken.append((loop.time() - begin, number))
                await asyncio.sleep(durations[number])

    workers = [asyncio.create_task(work(way)) for way in ways]
    for number, pause in enumerate(pauses):
        await queue.put(number)
        await asyncio.sleep(pause)
    await asyncio.sleep(1000)
    for worker in workers:
        worker.cancel()
    await asyncio.wait(workers)
    return taken


@pytest.mark.parametrize("way", [*CALLS, None])
@pytest.mark.parametrize("count", range(1, 7))
async def test_workers_take_the_same_items_at_the_same_times_however_each_waits(
    count: int, way: Call | None
) -> None:
    ways = [way] * count if way else [*CALLS, None, None][:count]
    assert await taken_by_workers(ways) == await taken_by_workers([None] * count)
