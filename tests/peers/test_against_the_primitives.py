"""asyncio's primitives as they are and through a MultiAwait of one source: the same comes of both.

A random program is run with `await queue.get()`, and again with a MultiAwait in that place. Each
consumer acts at moments of its own, and who acts on the primitive does too, so that all have come
to rest before the next one acts. Then *everything* must be equal: which value each consumer gets,
when, which of its calls time out or are cancelled, and what is left at the end.

What can't be equal, and why:

- A pass through the loop. What was woken goes on one pass later, and through a MultiAwait two.
  What another task does in the pass between (it cancels the consumer, or takes the item from under
  it) comes too late for the one and in time for the other. That is all: one pass.
- What a call has in hand when it is cancelled goes to the next in line a pass later. Who calls
  again at once, without rest, may have come between by then. So a program either puts and cancels
  in one step, or has consumers that call again at once.
- The end of a block takes some passes before Python 3.12, or under a task factory. A consumer with
  a MultiAwait for each call does not call again at once. And what a block is about to return is
  gone if a cancellation comes meanwhile: it had been delivered.
- A MultiAwait that is kept keeps its place in line while its consumer is away after a timeout. So
  it is compared with a line that keeps places. (Likewise nobody else can read from its stream.)
- `Condition.wait` is waited for by a function, in a task. Once notified, the task goes on although
  the call is cancelled: the outcome is in `undelivered`.
- After 128 calls in a row that did not wait, the loop gets a turn. No program here makes so many.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import pytest

from multi_await import MultiAwait, NothingToAwait, SourceLike, multi_await, put
from tests.machinery.tools import SCHEDULES, steps

pytestmark = pytest.mark.in_order

Function: TypeAlias = Callable[[], Awaitable[Any]]
Queue: TypeAlias = asyncio.Queue[Any]
# How a consumer waits for the next value: bare, or through a MultiAwait.
Way: TypeAlias = Callable[["Shared", int], AbstractAsyncContextManager[Function]]
Call: TypeAlias = Callable[[MultiAwait[Any]], Awaitable[Any]]

SEEDS = max(1, SCHEDULES // 15)
ROUND = 8.0  # seconds in which everybody has one moment: consumer 0 at 1, 9, ..., 1 at 2, 10, ...
ROUNDS = 40
ITEMS = max(20, SCHEDULES // 3)  # for workers


# -- the primitives, each with those who share it --------------------------------------------------


class Shared(ABC):
    """A primitive, what its consumers wait for, and what is done to it from outside."""

    consumers = 4
    at_once = True  # whether a consumer may call again without rest

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.line = Line(self)

    @abstractmethod
    def function(self, consumer: int) -> Function:
        """What the consumer waits for."""

    def source(self, consumer: int) -> SourceLike[Any]:
        """The same for a MultiAwait that is kept."""
        return self.function(consumer)

    def taken(self, consumer: int, value: Any) -> Any:
        """What is to be noted of a value."""
        return value

    async def use(self, rest: Function) -> None:  # noqa: B027 -- most do nothing
        """What the consumer does with it."""

    @abstractmethod
    def act(self) -> None:
        """What is done from outside."""

    def is_free(self) -> bool:
        """Whether nobody need wait; for `Line`, as `take` is."""
        raise NotImplementedError

    def take(self, consumer: int) -> Any:
        raise NotImplementedError

    @abstractmethod
    def left(self) -> Any:
        """What is to be seen of it at the end."""


def emptied(queue: Queue) -> list[Any]:
    assert "_getters" not in repr(queue), "somebody still waits for an item"
    assert "_putters" not in repr(queue), "somebody still waits for room"
    return [queue.get_nowait() for _ in range(queue.qsize())]


class Get(Shared):
    kind: type[Queue] = asyncio.Queue

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.queue = self.kind()
        self.number = 0

    def function(self, consumer: int) -> Function:
        return self.queue.get

    def act(self) -> None:
        self.number += 1
        self.queue.put_nowait((self.draw.randint(0, 9), self.number))

    def is_free(self) -> bool:
        return not self.queue.empty()

    def take(self, consumer: int) -> Any:
        return self.queue.get_nowait()

    def left(self) -> Any:
        return emptied(self.queue)


class LifoGet(Get):
    kind = asyncio.LifoQueue


class PriorityGet(Get):
    kind = asyncio.PriorityQueue


class Put(Shared):
    """Each puts its own numbers."""

    kind: type[Queue] = asyncio.Queue

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.queue = self.kind(draw.randint(1, 3))
        self.items = [1000 * consumer for consumer in range(self.consumers)]

    def function(self, consumer: int) -> Function:
        return functools.partial(self.queue.put, self.items[consumer])

    def source(self, consumer: int) -> SourceLike[Any]:
        return put(self.queue, lambda: self.items[consumer])

    def taken(self, consumer: int, value: Any) -> Any:
        assert value in (None, self.items[consumer])
        self.items[consumer] += 1
        return self.items[consumer]

    def act(self) -> None:
        if not self.queue.empty():
            self.queue.get_nowait()

    def is_free(self) -> bool:
        return not self.queue.full()

    def take(self, consumer: int) -> Any:
        self.queue.put_nowait(self.items[consumer])

    def left(self) -> Any:
        return emptied(self.queue)


class LifoPut(Put):
    kind = asyncio.LifoQueue


class PriorityPut(Put):
    kind = asyncio.PriorityQueue


class PutAndGet(Put):
    """Two put, and two get."""

    def function(self, consumer: int) -> Function:
        return self.queue.get if consumer % 2 else super().function(consumer)

    def source(self, consumer: int) -> SourceLike[Any]:
        return self.queue.get if consumer % 2 else super().source(consumer)

    def taken(self, consumer: int, value: Any) -> Any:
        return value if consumer % 2 else super().taken(consumer, value)

    def act(self) -> None:
        if self.draw.random() < 0.5:
            super().act()
        elif not self.queue.full():
            self.queue.put_nowait(-1)


class Event(Shared):
    at_once = False  # an event that is set is always ready

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.event = asyncio.Event()

    def function(self, consumer: int) -> Function:
        return self.event.wait

    def act(self) -> None:
        set_, clear = self.draw.choice([(True, False), (False, True), (True, True)])
        if set_:
            self.event.set()
        if clear:
            self.event.clear()

    def left(self) -> Any:
        return repr(self.event).split()[-1]  # without its address


class Lock(Shared):
    lock: asyncio.Lock | asyncio.Semaphore

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.lock = asyncio.Lock()

    def function(self, consumer: int) -> Function:
        return self.lock.acquire

    async def use(self, rest: Function) -> None:
        try:
            await rest()
        finally:
            self.lock.release()

    def act(self) -> None:
        """Nothing but cancellations comes from outside."""

    def is_free(self) -> bool:
        return not self.lock.locked()

    def take(self, consumer: int) -> Any:
        with contextlib.suppress(StopIteration):  # it is free: nothing to wait for
            self.lock.acquire().send(None)
        return True

    def left(self) -> Any:
        return repr(self.lock).split("[")[-1]


class Semaphore(Lock):
    kind: type[asyncio.Semaphore] = asyncio.Semaphore

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.lock = self.kind(draw.randint(1, 3))


class BoundedSemaphore(Semaphore):
    kind = asyncio.BoundedSemaphore


class Stream(Shared):
    """Who reads while another does gets a RuntimeError."""

    consumers = 2
    at_once = False  # at its end there is always something to read

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.stream = asyncio.StreamReader(limit=draw.choice([8, 1000]))
        functions: list[Function] = [
            self.stream.readline,
            functools.partial(self.stream.readuntil, b";"),
            functools.partial(self.stream.readexactly, 3),
        ]
        self.functions = [draw.choice(functions) for _ in range(self.consumers)]
        self.ended = False

    def function(self, consumer: int) -> Function:
        return self.functions[consumer]

    def act(self) -> None:
        match self.draw.random():
            case chance if chance < 0.01:
                self.stream.set_exception(OSError("broken"))
            case chance if chance < 0.02:
                self.ended = True
                self.stream.feed_eof()
            case _ if not self.ended:
                self.stream.feed_data(bytes(self.draw.choices(b"ab;\n", k=self.draw.randint(1, 6))))

    def left(self) -> Any:
        return repr(self.stream)  # how much is there, and whether somebody waits


class StreamOfOne(Stream):
    consumers = 1


class Condition(Shared):
    at_once = False  # a notification reaches those who wait at that moment

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.condition = asyncio.Condition()
        self.number = 0

    def function(self, consumer: int) -> Function:
        async def notified() -> int:
            async with self.condition:
                await self.condition.wait()
                self.number += 1
                return self.number

        return notified

    def act(self) -> None:
        with contextlib.suppress(StopIteration):  # it is free: nothing to wait for
            self.condition.acquire().send(None)
        self.condition.notify(self.draw.choice([1, 1, 2]))
        self.condition.release()

    def left(self) -> Any:
        return repr(self.condition).split("[")[-1]


# -- the ways to wait ------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def bare(shared: Shared, consumer: int) -> AsyncIterator[Function]:
    async def take() -> Any:
        return await shared.function(consumer)()

    yield take


def for_each_call(call: Call) -> Way:
    """A MultiAwait for each call."""

    @contextlib.asynccontextmanager
    async def way(shared: Shared, consumer: int) -> AsyncIterator[Function]:
        async def take() -> Any:
            async with multi_await(shared.function(consumer)) as m:
                return await call(m)

        yield take

    return way


def kept(call: Call) -> Way:
    """One MultiAwait for all the calls."""

    @contextlib.asynccontextmanager
    async def way(shared: Shared, consumer: int) -> AsyncIterator[Function]:
        async with multi_await(shared.source(consumer)) as m:
            yield functools.partial(call, m)

    return way


async def select(m: MultiAwait[Any]) -> Any:
    return (await m.select())[1]


async def get(m: MultiAwait[Any]) -> Any:
    (value,), (failure,) = await m.get()
    if failure is not None:
        raise failure
    return value


async def get_or_raise(m: MultiAwait[Any]) -> Any:
    return (await m.get_or_raise())[0]


async def iterate(m: MultiAwait[Any]) -> Any:
    async for _, value in m:
        return value
    raise NothingToAwait


async def now_or_later(m: MultiAwait[Any]) -> Any:
    return (m.select_nowait() or await m.select())[1]


CALLS: list[Call] = [select, get, get_or_raise, iterate, now_or_later]


class Line:
    """Who waits for something, in the order in which they came; who goes away keeps the place.

    What a MultiAwait that is kept must be equal to. One that is away when its turn comes is passed
    over, and has lost the place.
    """

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.places: dict[int, asyncio.Future[Any]] = {}

    async def wait(self, consumer: int) -> Any:
        if self.shared.is_free() and all(place.done() for place in self.places.values()):
            self.places.pop(consumer, None)
            return self.shared.take(consumer)
        place = self.places[consumer] = asyncio.get_running_loop().create_future()
        return await place  # which is cancelled when the consumer goes away

    def serve(self) -> None:
        while self.places and self.shared.is_free():
            consumer = next(iter(self.places))
            place = self.places.pop(consumer)
            if not place.done():
                place.set_result(self.shared.take(consumer))


@contextlib.asynccontextmanager
async def in_line(shared: Shared, consumer: int) -> AsyncIterator[Function]:
    try:
        yield functools.partial(shared.line.wait, consumer)
    finally:
        shared.line.places.pop(consumer, None)


# -- the random programs ---------------------------------------------------------------------------


class Program:
    """A random program, and what comes of it if the consumers wait in this way."""

    timeouts = True
    at_once = False  # whether consumers call again without rest
    cancels = 0.2  # how often it is a cancellation that comes from outside
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
        """One of its own that is to come."""
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
        """Returns whether it goes on at once."""
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
        """It ends, and begins anew."""
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
async def test_a_multi_await_for_each_call_gives_what_a_bare_wait_gives(kind: type[Shared]) -> None:
    await compare(Program, kind, bare, [for_each_call(call) for call in CALLS])


class Calm(Program):
    """Either items or cancellations in a step; the consumers call again at once, and patiently."""

    timeouts = False
    at_once = True
    mixed = False


@pytest.mark.parametrize("kind", PRIMITIVES)
async def test_a_multi_await_that_is_kept_gives_what_bare_waits_give(kind: type[Shared]) -> None:
    await compare(Calm, kind, bare, [kept(call) for call in CALLS])


async def test_who_sends_by_put_keeps_its_place_in_line_when_others_get_room_too() -> None:
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


async def test_a_send_without_waiting_leaves_room_to_who_was_woken_for_it() -> None:
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


async def test_a_receive_without_waiting_leaves_an_item_to_who_was_woken_for_it() -> None:
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
async def test_where_there_is_no_line_to_stand_in_it_does_so_also_after_timeouts(
    kind: type[Shared],
) -> None:
    await compare(Impatient, kind, bare, [kept(call) for call in CALLS])


class OneByOne(Program):
    deeds = (0, 1)


@pytest.mark.parametrize(
    "kind", [Get, LifoGet, PriorityGet, Put, LifoPut, PriorityPut, Lock, Semaphore]
)
async def test_a_multi_await_that_is_kept_keeps_its_place_in_line_until_it_is_passed_over(
    kind: type[Shared],
) -> None:
    await compare(OneByOne, kind, in_line, [kept(call) for call in CALLS])


async def test_the_same_programs_show_that_a_function_takes_ahead() -> None:
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
async def test_bare_waits_and_multi_awaits_side_by_side_get_what_bare_waits_get_one_by_one(
    kind: type[Shared],
) -> None:
    ways = [every_other(for_each_call(call)) for call in CALLS]
    await compare(OneByOne, kind, bare, ways)


@pytest.mark.parametrize("ways", [for_each_call, kept])
async def test_a_condition_waited_for_by_a_function_notifies_the_same(
    ways: Callable[[Call], Way],
) -> None:
    program = Impatient if ways is for_each_call else Calm
    await compare(program, Condition, bare, [ways(call) for call in CALLS])


async def taken_by_workers(ways: Sequence[Call | None]) -> list[tuple[float, int]]:
    """What workers take from a queue, and when; they call, or wait bare, in these ways."""
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
async def test_workers_take_the_same_items_at_the_same_times_whichever_way_each_of_them_waits(
    count: int, way: Call | None
) -> None:
    ways = [way] * count if way else [*CALLS, None, None][:count]
    assert await taken_by_workers(ways) == await taken_by_workers([None] * count)


# -- what can't be equal ---------------------------------------------------------------------------

Scene: TypeAlias = Callable[[], tuple[Function, Callable[[], object]]]


def item() -> tuple[Function, Callable[[], object]]:
    queue = Queue()
    return queue.get, functools.partial(queue.put_nowait, 1)


def room() -> tuple[Function, Callable[[], object]]:
    queue = Queue(1)
    queue.put_nowait(1)
    return functools.partial(queue.put, 2), queue.get_nowait


def lock() -> tuple[Function, Callable[[], object]]:
    shared = Lock(random.Random(0))  # noqa: S311
    shared.take(0)
    return shared.lock.acquire, shared.lock.release


def slot() -> tuple[Function, Callable[[], object]]:
    semaphore = asyncio.Semaphore(0)
    return semaphore.acquire, semaphore.release


def flag() -> tuple[Function, Callable[[], object]]:
    event = asyncio.Event()
    return event.wait, event.set


async def who_goes_on(scene: Scene, call: Call | None, passes: int) -> list[str]:
    """Two wait; one is woken, and so many passes later the first in line is cancelled."""
    function, wake = scene()
    gone_on = list[str]()

    async def wait(name: str) -> None:
        async with multi_await(function) as m:
            try:
                await (function() if call is None else call(m))
                gone_on.append(name)
            finally:
                await asyncio.sleep(5)  # the MultiAwait is there yet, and must hold nothing

    waiting = [asyncio.create_task(wait(name)) for name in ("first", "second")]
    await asyncio.sleep(1)
    wake()
    await steps(passes)
    waiting[0].cancel()
    await asyncio.sleep(1)
    waiting[1].cancel()
    await asyncio.wait(waiting)
    return gone_on


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("scene", [item, room, lock, slot, flag])
async def test_only_a_cancellation_in_the_one_pass_between_comes_too_late_for_a_bare_wait_alone(
    scene: Scene, call: Call
) -> None:
    for passes in range(8):
        through = await who_goes_on(scene, call, passes)
        assert (through == await who_goes_on(scene, None, passes)) == (passes != 1)
        assert ("first" in through) == (passes > 1)


@pytest.mark.parametrize("call", CALLS)
async def test_only_who_comes_in_the_one_pass_between_takes_an_item_from_under_a_multi_await_alone(
    call: Call,
) -> None:
    for passes in range(8):
        taken = list[bool]()
        for way in (kept(call), bare):
            shared = Get(random.Random(0))  # noqa: S311
            async with way(shared, 0) as take:
                waiting = asyncio.ensure_future(take())
                await steps(3)
                shared.act()
                await steps(passes)
                taken.append(shared.is_free())
                if taken[-1]:
                    shared.take(1)
                await steps(5)
                assert waiting.done() != taken[-1]
                waiting.cancel()
                await asyncio.wait([waiting])
        assert taken == [passes < 2, passes < 1]


async def test_a_notification_that_came_with_a_cancellation_is_in_undelivered() -> None:
    condition = asyncio.Condition()

    async def notified() -> str:
        async with condition:
            await condition.wait()
        return "notified"

    m = multi_await(notified)
    blocked = asyncio.create_task(select(m))
    await steps(3)
    async with condition:
        condition.notify()
        blocked.cancel()
    await asyncio.wait([blocked])
    assert blocked.cancelled()
    await m.cancel()
    assert m.undelivered == ((0, "notified"),)


# -- what CPython's own tests of queues and locks check, with every wait through a MultiAwait ------
#
# After Lib/test/test_asyncio/test_queues.py and test_locks.py, in words of their own. Each runs
# with bare waits too, so that what it demands is what asyncio does. Left out: what is about repr(),
# constructors, private attributes, and calls that never wait.

Wait: TypeAlias = Callable[[Function], Awaitable[Any]]


class Ended(Exception):  # noqa: N818 -- what it says
    """There will be nothing more: QueueShutDown, or NothingToAwait."""


SHUT_DOWN: tuple[type[Exception], ...] = (NothingToAwait,)
if sys.version_info >= (3, 13):
    SHUT_DOWN = (NothingToAwait, asyncio.QueueShutDown)
needs_shutdown = pytest.mark.skipif(sys.version_info < (3, 13), reason="came with Python 3.13")


def through(call: Call | None) -> Wait:
    async def wait(function: Function) -> Any:
        try:
            if call is None:
                return await function()
            async with multi_await(function) as m:
                return await call(m)
        except SHUT_DOWN:
            raise Ended from None

    return wait


@pytest.fixture(params=[None, select, get, iterate], ids=["bare", "select", "get", "async for"])
def wait(request: pytest.FixtureRequest) -> Wait:
    return through(request.param)


def start(wait: Wait, *functions: Function) -> list[asyncio.Task[Any]]:
    """One who waits for each of these."""

    async def one(function: Function) -> Any:
        return await wait(function)

    return [asyncio.create_task(one(function)) for function in functions]


async def rest() -> None:
    """All that can go on has done so."""
    await asyncio.sleep(1)


async def end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def done(*tasks: asyncio.Task[Any]) -> list[Any]:
    """The results of those that have one."""
    return [task.result() for task in tasks if task.done() and not task.cancelled()]


@pytest.mark.parametrize(
    ("kind", "order"),
    [
        (asyncio.Queue, [1, 3, 2]),
        (asyncio.LifoQueue, [2, 3, 1]),
        (asyncio.PriorityQueue, [1, 2, 3]),
    ],
)
async def test_items_come_in_the_order_of_their_queue(
    kind: type[Queue], order: list[int], wait: Wait
) -> None:
    queue = kind()
    for number in (1, 3, 2):
        await wait(functools.partial(queue.put, number))
    assert [await wait(queue.get) for _ in range(3)] == order
    assert queue.empty()


async def test_who_puts_waits_while_there_is_no_room(wait: Wait) -> None:
    queue = Queue(2)
    puts = start(wait, *[functools.partial(queue.put, number) for number in range(3)])
    await rest()
    assert [put.done() for put in puts] == [True, True, False]
    assert await wait(queue.get) == 0
    await rest()
    assert puts[2].done()
    assert [await wait(queue.get) for _ in range(2)] == [1, 2]


async def test_who_gets_waits_until_there_is_an_item(wait: Wait) -> None:
    queue = Queue()
    asyncio.get_running_loop().call_later(10, queue.put_nowait, 1)
    assert await wait(queue.get) == 1
    assert asyncio.get_running_loop().time() == 10


async def test_who_puts_and_who_gets_take_turns_where_there_is_room_for_one(wait: Wait) -> None:
    queue = Queue(1)
    puts = start(wait, *[functools.partial(queue.put, number) for number in range(5)])
    assert [await wait(queue.get) for _ in range(5)] == [0, 1, 2, 3, 4]
    await asyncio.wait(puts)
    gets = start(wait, *[queue.get] * 5)
    for number in range(5):
        await wait(functools.partial(queue.put, number))
    await rest()
    assert sorted(done(*gets)) == [0, 1, 2, 3, 4]


async def test_an_item_passes_by_the_one_who_was_cancelled(wait: Wait) -> None:
    queue = Queue()
    first, second = start(wait, queue.get, queue.get)
    await rest()
    await end(first)
    await wait(functools.partial(queue.put, "item"))
    assert await second == "item"


async def test_an_item_is_not_lost_with_the_one_who_was_cancelled_when_woken(wait: Wait) -> None:
    queue = Queue()
    (first,) = start(wait, queue.get)
    await rest()
    queue.put_nowait(1)
    queue.put_nowait(2)
    await end(first)
    assert first.cancelled()
    assert await wait(queue.get) == 1


async def test_no_item_is_lost_if_one_of_many_is_cancelled_when_woken(wait: Wait) -> None:
    queue = Queue()
    gets = start(wait, queue.get, queue.get, queue.get)
    await rest()
    queue.put_nowait(1)
    queue.put_nowait(2)
    gets[0].cancel()
    await rest()
    assert gets[0].cancelled()
    assert sorted(done(*gets)) == [1, 2]


async def test_room_is_not_lost_with_the_one_who_was_cancelled_when_woken(wait: Wait) -> None:
    queue = Queue(1)
    queue.put_nowait(1)
    first, second = start(wait, *[functools.partial(queue.put, number) for number in (2, 3)])
    await rest()
    assert queue.get_nowait() == 1
    await end(first)
    assert first.cancelled()
    await second
    assert queue.get_nowait() == 3
    assert queue.empty()


async def test_who_was_cancelled_before_puts_nothing(wait: Wait) -> None:
    queue = Queue(1)
    puts = start(wait, *[functools.partial(queue.put, item) for item in "abX"])
    await rest()
    await end(puts[2])
    assert queue.get_nowait() == "a"
    await puts[1]
    assert queue.get_nowait() == "b"
    assert queue.empty()


async def test_who_was_cancelled_or_timed_out_is_no_longer_in_line(wait: Wait) -> None:
    queue, full = Queue(), Queue(1)
    full.put_nowait(1)
    for function in (queue.get, functools.partial(full.put, 2)):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await wait(function)
        (cancelled,) = start(wait, function)
        await rest()
        await end(cancelled)
    assert emptied(queue) == []
    assert emptied(full) == [1]


@pytest.mark.parametrize("kind", [asyncio.Queue, asyncio.LifoQueue, asyncio.PriorityQueue])
async def test_join_waits_until_the_last_item_is_done_with(kind: type[Queue], wait: Wait) -> None:
    queue = kind()
    for number in range(100):
        queue.put_nowait(number)
    total = 0

    async def work() -> None:
        nonlocal total
        while True:
            item = await wait(queue.get)
            await asyncio.sleep(item % 3)
            total += item
            queue.task_done()

    workers = [asyncio.create_task(work()) for _ in range(2)]
    await wait(queue.join)
    assert total == sum(range(100))
    await wait(queue.join)
    await end(*workers)


@needs_shutdown
async def test_a_queue_that_is_shut_down_ends_all_who_wait(wait: Wait) -> None:
    queue: Any = Queue()  # Any: for the checkers, shutdown() came with Python 3.13
    gets = start(wait, queue.get, queue.get)
    await rest()
    queue.shutdown()
    await rest()
    assert [type(get.exception()) for get in gets] == [Ended, Ended]
    for function in (queue.get, functools.partial(queue.put, 1)):
        with pytest.raises(Ended):
            await wait(function)


@needs_shutdown
async def test_a_queue_that_is_shut_down_gives_what_it_has_and_takes_no_more(wait: Wait) -> None:
    queue: Any = Queue(1)
    queue.put_nowait("item")
    (put,) = start(wait, functools.partial(queue.put, "another"))
    (join,) = start(wait, queue.join)
    await rest()
    queue.shutdown()
    await rest()
    assert isinstance(put.exception(), Ended)
    assert await wait(queue.get) == "item"
    with pytest.raises(Ended):
        await wait(queue.get)
    assert not join.done()
    queue.task_done()
    await join


@needs_shutdown
async def test_a_queue_that_is_shut_down_immediately_has_nothing_left(wait: Wait) -> None:
    queue: Any = Queue()
    for _ in range(2):
        queue.put_nowait("item")
    assert await wait(queue.get) == "item"
    (join,) = start(wait, queue.join)
    await rest()
    queue.shutdown(immediate=True)
    with pytest.raises(Ended):
        await wait(queue.get)
    assert not join.done()
    queue.task_done()
    await join


@pytest.mark.parametrize("kind", [asyncio.Lock, asyncio.Semaphore])
async def test_a_lock_goes_to_who_waits_in_their_order(
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
async def test_a_lock_that_is_released_when_the_next_in_line_is_cancelled_goes_to_the_one_behind(
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


async def test_an_event_lets_all_go_on_who_wait_and_who_come(wait: Wait) -> None:
    event = asyncio.Event()
    early = start(wait, event.wait, event.wait)
    await rest()
    assert done(*early) == []
    late = start(wait, event.wait)
    event.set()
    await rest()
    assert done(*early, *late) == [True, True, True]
    assert await wait(event.wait) is True


async def test_an_event_that_is_set_and_cleared_lets_those_go_on_who_wait(wait: Wait) -> None:
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


async def test_a_semaphores_slot_passes_by_those_who_were_cancelled(wait: Wait) -> None:
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


async def test_a_semaphore_is_free_after_one_was_cancelled_by_the_one_before(wait: Wait) -> None:
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


async def test_a_semaphore_is_handed_round_in_turn(wait: Wait) -> None:
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


async def test_who_releases_a_semaphore_and_comes_again_is_last_in_line(wait: Wait) -> None:
    semaphore = asyncio.Semaphore(0)
    order = list[int]()

    async def one(number: int) -> None:
        await wait(semaphore.acquire)
        order.append(number)

    async def releases_three() -> None:
        for _ in range(3):
            semaphore.release()
        await one(2)

    tasks = [asyncio.create_task(one(1))]
    await rest()
    tasks.append(asyncio.create_task(releases_three()))
    tasks.append(asyncio.create_task(one(3)))
    await asyncio.wait(tasks)
    assert order == [1, 2, 3]
    assert semaphore.locked()


# A condition is waited for with its lock held, and so by a function that takes it.


class Notified:
    """Notes who was notified, in their order."""

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


async def test_a_condition_notifies_as_many_as_it_is_told_in_their_order(wait: Wait) -> None:
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


async def test_a_condition_is_waited_for_until_what_was_asked_for_is_so(wait: Wait) -> None:
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


async def test_who_is_cancelled_or_times_out_leaves_a_condition_as_it_was(wait: Wait) -> None:
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
async def test_no_notification_is_lost_with_the_one_who_was_cancelled(
    passes: int, wait: Wait
) -> None:
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
