"""A model of MultiAwait, against which random programs hold the real one (test_model.py).

A program does things to the real objects (asyncio's queues, locks and events, two MultiAwaits, and
other tasks that want the same), and the model writes down what is where then. It does not say which
source is polled when, which would be a second ready queue. It says what may be:

- An outcome is taken only in a call, at a position that is there, not paused and not exhausted, and
  only if that source has it. The same call delivers it; get_or_raise() alone may keep some of them.
- After each step, what was put was delivered, or is in its queue, or in the source that took it.
- What has been there since the event loop last came to rest is *surely ready*. A call that does not
  wait finds it, a round takes it, a biased call takes nothing from a higher position before it, and
  a fair one takes it within as many events as there are sources.
- When the event loop is at rest, nobody waits for what is there: no wake-up was lost, and between
  two calls a MultiAwait holds nothing.
- Errors, NothingToAwait, and what is in `undelivered` are exactly what the model says.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import operator
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

from multi_await import (
    PENDING,
    NothingToAwait,
    Pending,
    Source,
    Wake,
    after,
    every,
    inline,
    multi_await,
    put,
)
from multi_await._sources.convert import polled

# What a function source makes of an item that it took. Whoever else takes it just has it.
Meaning: TypeAlias = Literal["value", "failure", "end", "cancelled"]

# The model looks when the event loop is at rest, and no timer is due at that very moment. For it
# looks an INSTANT further from the last eighth of a second each time, and all waits are of whole
# eighths; or of a BLINK, and too few of them come to make an INSTANT. Floats hold all of this
# exactly, and asyncio, whose timers may be a nanosecond early, tells it apart.
EIGHTH, INSTANT, BLINK = 2.0**-3, 2.0**-20, 2.0**-26

ENDS: tuple[type[Exception], ...] = (StopAsyncIteration,)
if hasattr(asyncio, "QueueShutDown"):  # Python 3.13
    ENDS += (asyncio.QueueShutDown,)


class Item(NamedTuple):
    """What is put into queues."""

    number: int
    meaning: Meaning


class Fault(Exception):  # noqa: N818 -- what it is
    """The failure of a function source."""


# -- what sources wait for -------------------------------------------------------------------------


class Box:
    """A queue, and what must be in it."""

    def __init__(self, world: World, real: asyncio.Queue[Item]) -> None:
        self.world = world
        self.real = real
        self.items: list[Item] = []
        self.shut = False

    def full(self) -> bool:
        return 0 < self.real.maxsize <= len(self.items)

    def entered(self, item: Item) -> None:
        self.items.append(item)
        self.world.put.append(item)
        self.world.changed()

    def left(self, item: object) -> None:
        if isinstance(item, Item) and item in self.items:
            self.items.remove(item)
            self.world.changed()
        else:
            self.world.must(False, f"{item} came from a queue that has {self.items}")

    def at_rest(self) -> None:
        waiting = repr(self.real)
        gets, puts = "_getters" in waiting, "_putters" in waiting
        self.world.must(not (gets and (self.items or self.shut)), f"a lost wake-up: {waiting}")
        self.world.must(not (puts and (not self.full() or self.shut)), f"a lost wake-up: {waiting}")


class Slots:
    """A semaphore, or a lock, which has one slot; and how many slots must be free."""

    def __init__(self, world: World, real: asyncio.Lock | asyncio.Semaphore, size: int) -> None:
        self.world = world
        self.real = real
        self.size = self.free = size
        self.lent = 0  # by a MultiAwait, to the program

    def acquired(self) -> None:
        self.world.must(self.free > 0, "a slot was acquired when none was free")
        self.free -= 1
        self.world.changed()

    def released(self) -> None:
        self.real.release()
        self.free += 1

    def at_rest(self) -> None:
        waiting = repr(self.real)
        self.world.must(self.real.locked() == (self.free == 0), f"{self.free} free, of {waiting}")
        self.world.must(not (self.free and "waiters" in waiting), f"a lost wake-up: {waiting}")

    async def at_the_end(self) -> None:
        for _ in range(self.lent):
            self.released()
        for _ in range(self.size):
            self.world.must(not self.real.locked(), "somebody has a slot yet")
            await asyncio.wait_for(self.real.acquire(), 1)
        self.world.must(self.real.locked(), "there is a slot too many")


class Flag:
    """An event."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.real = asyncio.Event()
        self.was_set = False  # since the event loop was at rest; who waited then has been woken

    def set(self) -> None:
        self.real.set()
        self.was_set = True

    def clear(self) -> None:
        self.real.clear()
        self.world.changed()

    def at_rest(self) -> None:
        self.was_set = self.real.is_set()
        self.world.must(not (self.was_set and "waiters" in repr(self.real)), "a lost wake-up")


# -- the kinds of source ---------------------------------------------------------------------------


class Kind(ABC):
    """What the model knows of a source."""

    given: Any  # what the MultiAwait is given
    shared: object = None  # where others may be woken for what this one waits for
    holds: object = None  # what it took or made before a poll asked for it

    @abstractmethod
    def ready(self) -> bool:
        """Whether there is an outcome, for a poll or for somebody else who was woken for it."""

    def over(self) -> bool:
        """Whether it has ended, as a poll would find."""
        return False

    def start(self) -> None:  # noqa: B027 -- most don't care
        """The MultiAwait has started it."""

    @abstractmethod
    def took(self, outcome: object) -> None:
        """A poll gave this."""

    def handed_over(self, value: object) -> None:  # noqa: B027 -- as above
        """The caller has this value, or found it in `undelivered`."""

    def left(self) -> list[object]:
        """The outcomes that no poll asked for before it ended."""
        return []


class Gets(Kind):
    """The source `queue.get`."""

    def __init__(self, box: Box) -> None:
        self.box = self.shared = box
        self.given = box.real.get

    def ready(self) -> bool:
        return bool(self.box.items)

    def over(self) -> bool:
        return self.box.shut and not self.box.items

    def took(self, outcome: object) -> None:
        self.box.left(outcome)

    def handed_over(self, value: object) -> None:
        self.box.world.delivered.append(value)


class Function(Kind):
    """A function that gets from a queue, and fails or ends if the item says so.

    A slow one has a step of its own after that, and keeps the item if it is cancelled there.
    """

    ENDED: ClassVar[str] = "ended"  # said of what it holds,
    CANCELLED: ClassVar[str] = "cancelled"  # and this too

    def __init__(self, box: Box, slow: bool) -> None:
        self.box = box
        self.slow = slow
        self.given = self.__anext__
        self.running = False

    def __aiter__(self) -> Function:
        return self

    async def __anext__(self) -> Item:
        world = self.box.world
        world.must(not self.running and self.holds is None, "a source was started before its turn")
        self.running = True
        try:
            item = await self.box.real.get()
            self.box.left(item)
            if item.meaning != "value":
                world.spent.append(item)
            made = {"failure": Fault(), "end": self.ENDED, "cancelled": self.CANCELLED}
            self.holds = made.get(item.meaning, item)
            if self.slow:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(EIGHTH)
        except ENDS:  # the queue was shut down
            self.holds = self.ENDED
            raise
        finally:
            self.running = False
        if isinstance(self.holds, Fault):
            raise self.holds
        if self.holds is self.ENDED:
            raise StopAsyncIteration
        if self.holds is self.CANCELLED:
            raise asyncio.CancelledError
        return item

    def ready(self) -> bool:
        return not self.running and self.holds is not None and self.holds is not self.ENDED

    def over(self) -> bool:
        return not self.running and self.holds is self.ENDED

    def took(self, outcome: object) -> None:
        cancelled = self.holds is self.CANCELLED and isinstance(outcome, asyncio.CancelledError)
        self.box.world.must(
            self.ready() and (outcome is self.holds or cancelled),
            f"{outcome!r} came from a function that has {self.holds!r}",
        )
        self.holds = None

    def handed_over(self, value: object) -> None:
        self.box.world.delivered.append(value)

    def left(self) -> list[object]:
        return [] if self.holds in (None, self.ENDED, self.CANCELLED) else [self.holds]


class Puts(Kind):
    """The source `put(queue, supplier)`."""

    def __init__(self, box: Box) -> None:
        self.box = self.shared = box
        self.given = put(box.real, self.supply)
        self.supplied: Item | None = None
        self.refused: list[object] = []

    def supply(self) -> Item:
        self.box.world.must(not self.box.real.full(), "an item was asked for without room for it")
        item = self.supplied = self.box.world.item("value")
        if self.box.shut:
            self.refused.append(item)
        else:
            self.box.entered(item)
        return item

    def ready(self) -> bool:
        return not self.box.full() and not self.box.shut

    def over(self) -> bool:
        return self.box.shut

    def took(self, outcome: object) -> None:
        self.box.world.must(outcome is self.supplied, f"{outcome!r} is not what was supplied")

    def left(self) -> list[object]:
        return self.refused


class Waits(Kind):
    """The source `event.wait`."""

    def __init__(self, flag: Flag) -> None:
        self.flag = flag
        self.given = flag.real.wait

    def ready(self) -> bool:
        return self.flag.real.is_set()

    def took(self, outcome: object) -> None:
        self.flag.world.must(self.flag.was_set, "an event came that was not set")


class Acquires(Kind):
    """The source `lock.acquire`, or a semaphore's."""

    def __init__(self, slots: Slots) -> None:
        self.slots = self.shared = slots
        self.given = slots.real.acquire

    def ready(self) -> bool:
        return self.slots.free > 0

    def took(self, outcome: object) -> None:
        self.slots.acquired()

    def handed_over(self, value: object) -> None:
        self.slots.lent += 1


class Timer(Kind):
    """The source `every(seconds)`; or `after(seconds)`, which is its first tick and no other."""

    def __init__(self, world: World, seconds: float, once: bool) -> None:
        self.world = world
        self.seconds = seconds
        self.once = once
        self.given = after(seconds) if once else every(seconds)
        self.delay: float | None = seconds  # from the start to the first tick
        self.started = False
        self.next: float | None = None  # when the next tick is due
        self.has_ended = False

    def start(self) -> None:
        self.started = True
        self.count()

    def count(self) -> None:
        now = asyncio.get_running_loop().time()
        self.next = None if self.delay is None else now + max(self.delay, 0)

    def reset(self, seconds: float | None) -> None:
        self.delay = self.seconds if seconds is None else seconds
        if self.started:
            self.count()

    def stop(self) -> None:
        self.delay = self.next = None

    def due(self) -> int:
        late = -1.0 if self.next is None else asyncio.get_running_loop().time() - self.next
        return 0 if late < 0 else 1 if self.once else 1 + math.floor(late / self.seconds)

    def ready(self) -> bool:
        return self.due() > 0

    def over(self) -> bool:
        return self.has_ended

    def took(self, outcome: object) -> None:
        due = self.due()
        self.world.must(due > 0 and outcome == due, f"{outcome!r}, when {due} ticks are due")
        if self.once:
            self.has_ended = True
            self.next = None
        elif self.next is not None:
            self.next += due * self.seconds


# -- a MultiAwait ----------------------------------------------------------------------------------


class Position:
    """A position of a MultiAwait, and the source that is there."""

    def __init__(self, consumer: Consumer, number: int, kind: Kind) -> None:
        self.consumer = consumer
        self.number = number
        self.kind = kind
        self.paused = False
        self.exhausted = False  # as a poll has found
        self.taken: list[object] = []  # the outcome that a poll gave, until it is delivered
        self.kept = False  # by get_or_raise()
        # If it is surely ready: how many events of others may still come before its own.
        self.others_first: int | None = None
        # The others as a user hands them over. But of a timer the start must be known.
        self.watched = consumer.watched or isinstance(kind, Timer)

    def source(self) -> Any:
        """What the MultiAwait is given."""
        given = self.kind.given
        if not self.watched:
            return given
        if isinstance(self.kind, Function):
            given = polled(self.kind.given, "function")
        return Watched(self, given if isinstance(given, Source) else inline(given))

    def ready(self) -> bool:
        return not self.paused and (bool(self.taken) or self.kind.ready())

    def sure(self) -> bool:
        return self.others_first is not None

    def over(self) -> bool:
        return not self.paused and not self.taken and self.kind.over()

    def took(self, outcome: object) -> None:
        """A poll gave this. If it is not watched, the model learns of it on delivery."""
        self.consumer.has_its_turn(self)
        self.kind.took(outcome)

    def __repr__(self) -> str:
        words = [word for word in ("paused", "exhausted", "taken", "kept") if getattr(self, word)]
        return f"<{' '.join([str(self.number), type(self.kind).__name__, *words])}>"


class Watched(Source[Any]):
    """Shows the model each poll of a source, and what it gave."""

    def __init__(self, position: Position, source: Source[Any]) -> None:
        self.position = position
        self.source = source
        self.started = False

    def start(self) -> None:
        self.position.consumer.world.must(not self.started, f"{self.position} was started twice")
        self.started = True
        self.source.start()
        self.position.kind.start()

    def poll(self, wake: Wake) -> Any | Pending:
        position, consumer = self.position, self.position.consumer
        there = consumer.positions.get(position.number) is position
        in_turn = not (position.paused or position.exhausted or position.taken)
        allowed = there and in_turn and consumer.calling is not None
        consumer.world.must(allowed, f"{position} was polled")
        consumer.world.must(self.started, f"{position} was polled before its start")
        try:
            value = self.source.poll(wake)
        except ENDS:
            consumer.world.must(position.kind.over(), f"{position} ended too early")
            position.exhausted = True
            raise
        except BaseException as failure:
            position.took(failure)
            position.taken.append(failure)
            raise
        if value is not PENDING:
            position.took(value)
            position.taken.append(value)
        return value

    def release(self) -> None:
        self.source.release()

    async def aclose(self) -> Any:
        return await self.source.aclose()


async def iterate(m: Any) -> Any:
    """One step of an async for."""
    async for event in m:
        return event
    return StopAsyncIteration()


CALLS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "select": lambda m: m.select(),
    "get": lambda m: m.get(),
    "get_or_raise": lambda m: m.get_or_raise(),
    "async for": iterate,
}
NOWAIT_CALLS: dict[str, Callable[[Any], Any]] = {
    "select_nowait": lambda m: m.select_nowait(),
    "get_nowait": lambda m: m.get_nowait(),
}
ONE_EVENT = {"select", "async for", "select_nowait"}


class Made(NamedTuple):
    """How a MultiAwait is made."""

    biased: bool
    watched: bool  # its sources are, by the model
    fixed: bool  # its set is, if there are sources; else they are added to an open one
    sources: tuple[Callable[[World], Kind], ...] = ()


class Consumer:
    """A MultiAwait, and what the model knows of it."""

    CANCELLED: ClassVar[object] = object()  # said of a call

    def __init__(self, world: World, made: Made) -> None:
        self.world = world
        self.biased = made.biased
        self.watched = made.watched
        self.fixed = made.fixed and bool(made.sources)
        kinds = enumerate(source(world) for source in made.sources)
        self.positions = {number: Position(self, number, kind) for number, kind in kinds}
        self.calling: str | None = None
        self.closed = False
        self.undelivered: list[tuple[int, object]] = []
        sources = [position.source() for position in self.positions.values()]
        # Open or fixed, as the program wants it: no checker can know.
        self.real: Any = multi_await(*(sources if self.fixed else ()), biased=made.biased)
        for source in () if self.fixed else sources:
            self.real.add(source)

    def length(self) -> int:
        return max(self.positions, default=-1) + 1

    def free_position(self) -> int:
        return next(number for number in itertools.count() if number not in self.positions)

    def without_hope(self) -> bool:
        return all(position.over() for position in self.positions.values())

    def surely_ready(self) -> list[Position]:
        return [position for position in self.positions.values() if position.sure()]

    def ended(self, position: Position) -> list[object]:
        """It was removed, or all were ended: the values that it left. Failures are reported."""
        values = list[object]()
        for outcome in [*position.taken, *position.kind.left()]:
            if isinstance(outcome, BaseException):
                self.world.to_be_reported.append(outcome)
            else:
                values.append(outcome)
                position.kind.handed_over(outcome)
        return values

    # -- calls ---------------------------------------------------------------------------------

    async def call(self, name: str) -> None:
        if not self.watched and name == "get_or_raise":
            name = "get"  # the model could not see what is kept
        refusal = self.begins(name)
        try:
            result = await CALLS[name](self.real)
        except asyncio.CancelledError:
            self.ends(name, refusal, self.CANCELLED)
            raise
        except Exception as failure:
            result = failure
        self.ends(name, refusal, result)

    def call_nowait(self, name: str) -> None:
        refusal = self.begins(name)
        try:
            result = NOWAIT_CALLS[name](self.real)
        except Exception as failure:
            result = failure
        self.ends(name, refusal, result)

    def begins(self, name: str) -> str | None:
        """Says why the call is to be refused, if it is."""
        if self.closed:
            return "was closed by cancel()"
        if self.calling is not None:
            return "another call on this MultiAwait has not returned yet"
        self.calling = name
        return None

    def ends(self, name: str, refusal: str | None, result: Any) -> None:
        must = self.world.must
        self.world.seen[f"{name}: {what_it_is(result)}"] += 1
        if refusal is not None:
            must(is_error(result, RuntimeError, refusal), f"{name}: {result!r}, but it {refusal}")
            return
        if result is self.CANCELLED:
            pass
        elif self.closed:
            must(is_error(result, RuntimeError, "was closed by cancel()"), f"closed: {result!r}")
        elif isinstance(result, NothingToAwait | StopAsyncIteration):
            self.has_no_hope(name, result)
        elif isinstance(result, BaseException):
            self.fails(name, result)
        elif name not in ONE_EVENT:
            self.gives_a_round(name, result)
        elif result is not None:
            self.delivers(*result)
        else:
            self.gives_nothing(name)
        for position in self.positions.values():
            must(not position.taken or position.kept, f"{name}: {result!r}, and lost {position}")
        self.calling = None

    def has_no_hope(self, name: str, result: BaseException) -> None:
        if not self.positions:
            expected = is_error(result, NothingToAwait, "Attempted to await 0 coroutines")
        elif name == "async for":
            expected = isinstance(result, StopAsyncIteration)
        else:
            expected = is_error(result, NothingToAwait, "every source is exhausted")
        self.world.must(expected and self.without_hope(), f"{name}: {result!r}, {self.positions}")

    def gives_nothing(self, name: str) -> None:
        self.world.must(name in NOWAIT_CALLS, f"{name} gave nothing")
        self.world.must(not self.without_hope(), f"{name} has hope, of {self.positions}")
        self.leaves_nothing(name, [])

    def gives_a_round(self, name: str, result: Any) -> None:
        completed: Sequence[object] = result
        failures: Sequence[BaseException | None] = [None] * len(result)
        if name != "get_or_raise":
            completed, failures = result
        shape = [type(completed), len(completed), len(failures)]
        kind = tuple if self.fixed else list
        self.world.must(shape == [kind, self.length(), self.length()], f"{name} gave {result}")
        kept = [each for each in self.positions.values() if each.kept and not each.paused]
        delivered = list[Position | None]()
        for number, (value, failure) in enumerate(zip(completed, failures, strict=True)):
            self.world.must(value is None or failure is None, f"two outcomes from {number}")
            position = self.positions.get(number)
            if value is not None or failure is not None:
                self.delivers(number, value if failure is None else failure)
                delivered.append(position)
        if name != "get_or_raise" or not kept:  # or else what it kept comes alone
            self.leaves_nothing(name, delivered)
        if not delivered:
            self.gives_nothing(name)

    def fails(self, name: str, failure: BaseException) -> None:
        """A call that delivers a failure by raising it."""
        own_cancellation = isinstance(failure.__cause__, asyncio.CancelledError)
        text = str(failure) if own_cancellation else " ".join(getattr(failure, "__notes__", []))
        of_position = re.search(r"source (\d+) \(", text)
        if of_position is None or name in ("get", "get_nowait"):
            self.world.must(False, f"{name} raised {failure!r}, {text}")
            return
        number = int(of_position[1])
        if name == "get_or_raise":
            fresh = [each for each in self.positions.values() if each.taken and not each.paused]
            failed = [each.number for each in fresh if isinstance(each.taken[0], BaseException)]
            self.world.must(number == min(failed, default=None), f"{text}, but {failed} failed")
        self.delivers(number, failure.__cause__ if own_cancellation else failure)
        if name == "get_or_raise":
            for position in self.positions.values():
                position.kept = bool(position.taken)
            self.leaves_nothing(name, [])

    def delivers(self, number: int, outcome: object) -> None:
        position = self.positions.get(number)
        if position is None or position.paused or position.exhausted:
            self.world.must(False, f"{outcome!r} came from {number}, where there is {position}")
            return
        self.world.seen[f"{type(position.kind).__name__}: {what_it_is(outcome)}"] += 1
        if position.kept:
            self.has_its_turn(position)
        if position.watched:
            self.world.must(position.taken == [outcome], f"{outcome!r} came from {position}")
        else:
            position.took(outcome)
        position.taken.clear()
        position.kept = False
        position.others_first = None
        if not isinstance(outcome, BaseException):
            position.kind.handed_over(outcome)

    # -- whose turn it is ----------------------------------------------------------------------

    def has_its_turn(self, chosen: Position) -> None:
        if self.calling not in ONE_EVENT:
            return
        for position in self.surely_ready():
            if position is chosen or position.others_first is None:
                continue
            if self.biased:
                in_time = chosen.number < position.number
            else:
                in_time = position.others_first > 0
                position.others_first -= 1
            self.world.must(in_time, f"{chosen} was taken before {position}")

    def leaves_nothing(self, name: str, delivered: Sequence[Position | None]) -> None:
        """After a round, or a call that found nothing."""
        rest = [each for each in self.positions.values() if each.ready() and each not in delivered]
        left = [position for position in rest if position.sure() and not position.kept]
        puts = any(isinstance(position.kind, Puts) for position in self.positions.values())
        if puts and not self.watched:
            left.clear()  # which were polled before, and found a queue empty or full, is not known
        if name in NOWAIT_CALLS:
            left += [position for position in rest if not self.world.contended(position)]
        self.world.must(not left, f"{name} left {left}")

    def at_rest(self) -> None:
        for position in self.positions.values():
            if position.others_first is None and position.ready():
                position.others_first = len(self.positions) - 1
        if self.calling is not None:
            self.world.seen["blocked at rest"] += 1
            ready = self.surely_ready()
            hopeless = self.closed or self.without_hope()
            self.world.must(not ready, f"{self.calling} is blocked, and there is {ready}")
            self.world.must(not hopeless, f"{self.calling} waits for ever: {self.positions}")
        assert repr(self.real)


def is_error(result: object, kind: type[BaseException], text: str) -> bool:
    return type(result) is kind and text in str(result)


def what_it_is(result: object) -> str:
    """For the count of what was seen."""
    if result is Consumer.CANCELLED:
        return "cancelled"
    if isinstance(result, BaseException):
        return type(result).__name__
    return "nothing" if result is None else "something"


# -- the world -------------------------------------------------------------------------------------


class Errand:
    """Another task."""

    def __init__(self, run: Callable[[], Coroutine[Any, Any, None]], wants: object = None) -> None:
        self.wants = wants
        self.started = False
        self.cancelled = False
        self.task = asyncio.get_running_loop().create_task(self.go(run))

    async def go(self, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.started = True
        await run()

    def cancel(self) -> None:
        if self.started:  # a task factory may leave a coroutine never awaited that has not
            self.cancelled = self.task.cancel() or self.cancelled


class World:
    """Everything that is there."""

    def __init__(self, first: Made, second: Made) -> None:
        self.wrong: list[str] = []
        self.seen: Counter[str] = Counter()
        self.looks = 0
        self.numbers = itertools.count(1)
        self.put: list[object] = []
        self.delivered: list[object] = []
        self.spent: list[object] = []  # on a failure or an end
        self.reported: list[object] = []
        self.to_be_reported: list[object] = []
        self.boxes = [Box(self, asyncio.Queue()), Box(self, asyncio.Queue(1))]
        self.boxes += [Box(self, asyncio.LifoQueue(2))]
        self.slots = [Slots(self, asyncio.Lock(), 1), Slots(self, asyncio.Semaphore(2), 2)]
        self.flag = Flag(self)
        self.rivals: list[Errand] = []
        self.callers: tuple[list[Errand], list[Errand]] = ([], [])
        self.consumers: list[Consumer] = []
        self.consumers += [Consumer(self, made) for made in (first, second)]

    def must(self, condition: bool, otherwise: str) -> None:
        """Like assert; but what a source raises would be its failure, and not the test's."""
        if not condition:
            self.wrong.append(otherwise)

    def item(self, meaning: Meaning) -> Item:
        return Item(next(self.numbers), meaning)

    def positions(self) -> list[Position]:
        return [each for consumer in self.consumers for each in consumer.positions.values()]

    def changed(self) -> None:
        """Something may not be there any more."""
        for position in self.positions():
            if position.sure() and not position.ready():
                position.others_first = None

    def contended(self, position: Position) -> bool:
        """Whether somebody else may have been woken for what is there."""
        kinds = [each.kind for each in self.positions() if each is not position]
        others = [each.box if isinstance(each, Function) else each.shared for each in kinds]
        others += [errand.wants for errand in self.rivals if not errand.task.done()]
        return position.kind.shared is not None and position.kind.shared in others

    def report(self, context: dict[str, Any]) -> None:
        self.reported.append(context.get("exception", context["message"]))

    # -- what must hold ------------------------------------------------------------------------

    def check(self) -> None:
        """After each step."""
        for errands in (self.rivals, *self.callers):
            for errand in [errand for errand in errands if errand.task.done()]:
                errands.remove(errand)
                self.must(errand.task.cancelled() == errand.cancelled, "a cancellation was lost")
                if not errand.task.cancelled():
                    errand.task.result()
        for consumer in self.consumers:
            undelivered = tuple(sorted(consumer.undelivered, key=operator.itemgetter(0)))
            real = consumer.real.undelivered
            self.must(real == undelivered, f"undelivered is {real}, and not {undelivered}")
            self.must(len(consumer.real) == consumer.length(), f"len() is {len(consumer.real)}")
        if self.reported or self.to_be_reported:
            as_expected = Counter(self.reported) == Counter(self.to_be_reported)
            self.must(as_expected, f"reported: {self.reported}, and not {self.to_be_reported}")
        for box in self.boxes:
            real_size = box.real.qsize()
            self.must(real_size == len(box.items), f"{real_size} items, and not {box.items}")
        lock = self.slots[0]
        self.must(lock.real.locked() == (lock.free == 0), f"{lock.real}, and {lock.free} free")
        self.check_conservation()
        assert not self.wrong, "; ".join(self.wrong)

    def check_conservation(self) -> None:
        in_sources = 0
        for position in self.positions():
            if not isinstance(position.kind, Puts):  # what that has put is in the queue
                held = [*position.taken, position.kind.holds]
                in_sources += sum(isinstance(each, Item) for each in held)
        in_queues = sum(box.real.qsize() for box in self.boxes)
        there = len(self.delivered) + len(self.spent) + in_sources + in_queues
        self.must(len(self.put) == there, f"{len(self.put)} were put, and there are {there}")

    async def rest(self) -> None:
        """Wait until nobody has work, and look."""
        self.looks += 1
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(now // EIGHTH * EIGHTH + self.looks * INSTANT - now)
        things: list[Box | Slots | Flag | Consumer] = [*self.boxes, *self.slots, self.flag]
        for thing in things + self.consumers:
            thing.at_rest()

    async def close(self, consumer: Consumer) -> None:
        consumer.closed = True
        positions, consumer.positions = consumer.positions, {}
        await consumer.real.cancel()
        for position in positions.values():
            left = consumer.ended(position)
            consumer.undelivered += [(position.number, value) for value in left]

    async def end(self) -> None:
        """When all have ended, nobody waits, and what was put is somewhere."""
        await self.rest()
        for consumer in self.consumers:
            await self.close(consumer)
        await self.rest()
        self.check()
        for rival in self.rivals:
            rival.cancel()
        await self.rest()
        self.check()
        for slots in self.slots:
            await slots.at_the_end()
        things: list[Box | Slots | Flag] = [*self.boxes, *self.slots, self.flag]
        waiting = repr([thing.real for thing in things])
        self.must(not re.search("_getters|_putters|waiters", waiting), f"who? {waiting}")
        there = [*self.delivered, *self.spent]
        for box in self.boxes:
            there += [box.real.get_nowait() for _ in box.items]
            self.must(box.real.empty(), f"there are more items than {box.items}")
        self.must(Counter(self.put) == Counter(there), f"{self.put} were put, there are {there}")
        assert not self.wrong, "; ".join(self.wrong)
        assert asyncio.all_tasks() == {asyncio.current_task()}
