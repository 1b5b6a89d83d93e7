"""A model of MultiAwait, against which random programs hold the real one (test_model.py).

A program acts on the real objects (asyncio's queues, locks and events, two MultiAwaits, and other
tasks that want the same), and the model records where everything is then. It does not predict which
source is polled when, which would need a second ready queue. It says what is allowed:

- An outcome is taken only in a call, at a position that is there, not paused and not exhausted, and
  only if that source has it. The same call delivers it; get_or_raise() alone may keep some of them.
- After each step, what was put was delivered, or is in its queue, or in the source that took it.
- What has been there since the event loop last came to rest is *surely ready*. A nowait call finds
  it, a round takes it, a biased call takes nothing from a higher position before it, and a fair one
  takes it within as many events as there are sources.
- When the event loop is at rest, no task waits for something that is there: no wake-up was lost,
  and between two calls a MultiAwait holds nothing.
- Errors, NothingToAwait, and what is in `undelivered` are exactly what the model says.
"""

from __future__ import annotations

import asyncio
import itertools
import operator
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, ClassVar, NamedTuple, Self

from multi_await import (
    PENDING,
    Group,
    NothingToAwait,
    Pending,
    Source,
    Wake,
    inline,
    multi_await,
)
from multi_await._sources.convert import polled
from tests.machinery.kinds import (
    EIGHTH,
    ENDS,
    Box,
    Flag,
    Function,
    Item,
    Kind,
    Meaning,
    Slots,
    SlowToPut,
)

# The model looks when the event loop is at rest, and never at a moment at which a timer is due:
# each time it looks one INSTANT later after the last eighth of a second, and all waits are whole
# eighths or a BLINK, of which there are too few to add up to an INSTANT. Floats hold all of this
# exactly, and asyncio, whose timers may be a nanosecond early, can tell the times apart.
INSTANT, BLINK = 2.0**-20, 2.0**-26

# -- a MultiAwait ----------------------------------------------------------------------------------


class Position:
    """A position of a MultiAwait, and the source that is there."""

    def __init__(self, consumer: Consumer, number: int, kind: Kind) -> None:
        self.consumer = consumer
        self.number = number
        self.kind = kind
        self.paused = False
        self.exhausted = False  # a poll has found it
        self.taken: list[object] = []  # the outcome that a poll gave, until it is delivered
        self.kept = False  # by get_or_raise()
        # If surely ready: how many events of other sources may still come before its own.
        self.others_first: int | None = None
        self.watched = consumer.watched or kind.must_be_watched  # the others as a user does it

    def source(self) -> Any:
        """What is passed to the MultiAwait."""
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
    watched: bool  # the model watches its sources
    fixed: bool  # a fixed set, if it has sources; otherwise they are added to an open one
    sources: tuple[Callable[[World], Kind], ...] = ()
    grouped: bool = False  # its sources are in a group, and a position is a key


class Consumer:
    """A MultiAwait, and what the model knows about it."""

    CANCELLED: ClassVar[object] = object()  # said of a call

    def __init__(self, world: World, made: Made) -> None:
        self.world = world
        self.biased = made.biased
        self.watched = made.watched
        self.fixed = made.fixed and bool(made.sources)
        kinds = enumerate(source(world) for source in made.sources)
        self.positions = {number: Position(self, number, kind) for number, kind in kinds}
        self.calling: str | None = None
        self.only_kept = False  # by get_or_raise(), which then delivers it and polls nothing
        self.closed = False
        self.undelivered: list[tuple[int, object]] = []
        sources = [position.source() for position in self.positions.values()]
        # Open or fixed, as the program chooses: no checker can know.
        self.real: Any = self.make(sources if self.fixed else [])
        for source in () if self.fixed else sources:
            self.real.add(source)

    def make(self, sources: Sequence[Any]) -> Any:
        return multi_await(*sources, biased=self.biased)

    def length(self) -> int:
        return max(self.positions, default=-1) + 1

    def free_position(self) -> int:
        return next(number for number in itertools.count() if number not in self.positions)

    def nothing_to_await(self) -> bool:
        return all(position.over() for position in self.positions.values())

    def surely_ready(self) -> list[Position]:
        return [position for position in self.positions.values() if position.sure()]

    def ended(self, position: Position) -> list[object]:
        """It was removed, or the set has ended: the values that it left. Failures are reported."""
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
            name = "get"  # the model cannot see what is kept
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
        """Return why the call must be refused, if it must."""
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
        there = self.positions.values()
        self.only_kept = name == "get_or_raise" and any(
            each.kept and not each.paused for each in there
        )
        if result is self.CANCELLED:
            pass
        elif self.closed:
            must(is_error(result, RuntimeError, "was closed by cancel()"), f"closed: {result!r}")
        elif isinstance(result, NothingToAwait | StopAsyncIteration):
            self.finds_nothing_to_await(name, result)
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

    def finds_nothing_to_await(self, name: str, result: BaseException) -> None:
        if not self.positions:
            expected = is_error(result, NothingToAwait, "Attempted to await 0 coroutines")
        elif name == "async for":
            expected = isinstance(result, StopAsyncIteration)
        else:
            expected = is_error(result, NothingToAwait, "every source is exhausted")
        self.world.must(
            expected and self.nothing_to_await(), f"{name}: {result!r}, {self.positions}"
        )

    def gives_nothing(self, name: str) -> None:
        self.world.must(name in NOWAIT_CALLS, f"{name} gave nothing")
        self.world.must(not self.nothing_to_await(), f"{name} gave nothing, of {self.positions}")
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
        if name != "get_or_raise" or not kept:  # otherwise what it kept comes alone
            self.leaves_nothing(name, delivered)
        if not delivered:
            self.gives_nothing(name)

    def fails(self, name: str, failure: BaseException) -> None:
        """A call that delivers a failure by raising it."""
        own_cancellation = isinstance(failure.__cause__, asyncio.CancelledError)
        text = text_of(failure)
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
                in_time = self.order(chosen) < self.order(position)
            else:
                in_time = position.others_first > 0
                position.others_first -= 1
            self.world.must(in_time, f"{chosen} was taken before {position}")

    def order(self, position: Position) -> int:
        """Of a biased set."""
        return position.number

    def leaves_nothing(self, name: str, delivered: Sequence[Position | None]) -> None:
        """After a round, or a call that found nothing."""
        rest = [each for each in self.positions.values() if each.ready() and each not in delivered]
        left = [position for position in rest if position.sure() and not position.kept]
        puts = any(position.kind.puts for position in self.positions.values())
        if self.only_kept:
            left.clear()
        if puts and not self.watched:
            left.clear()  # it is unknown which were polled earlier and found a queue empty or full
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
            hopeless = self.closed or self.nothing_to_await()
            self.world.must(not ready, f"{self.calling} is blocked, and there is {ready}")
            self.world.must(not hopeless, f"{self.calling} waits forever: {self.positions}")
        assert repr(self.real)


def is_error(result: object, kind: type[BaseException], text: str) -> bool:
    return type(result) is kind and text in str(result)


def text_of(failure: BaseException) -> str:
    """What names its source: its note, unless it stands for a source's own cancellation."""
    if isinstance(failure.__cause__, asyncio.CancelledError):
        return str(failure)
    return " ".join(getattr(failure, "__notes__", []))


def what_it_is(result: object) -> str:
    """Its name in the counts of what was seen."""
    if result is Consumer.CANCELLED:
        return "cancelled"
    if isinstance(result, BaseException):
        return type(result).__name__
    return "nothing" if result is None else "something"


# -- a group ---------------------------------------------------------------------------------------


class InAGroup:
    """A group used like an open set: its keys are the lowest free positions."""

    def __init__(self, biased: bool) -> None:
        self.group = Group[int, Any](biased=biased)
        self.m = multi_await(self.group)
        self.positions = set[int]()  # also of sources that have ended and left the group
        self.closed = False

    def add(self, source: Any) -> int:
        number = next(each for each in itertools.count() if each not in self.positions)
        self.group.add(number, source)
        self.positions.add(number)
        return number

    async def remove(self, number: int) -> tuple[Any, ...]:
        self.check(number)
        self.positions.remove(number)
        return await self.group.remove(number) if number in self.group else ()

    def pause(self, number: int) -> None:
        self.check(number)
        if number in self.group:
            self.group.pause(number)

    def resume(self, number: int) -> None:
        self.check(number)
        if number in self.group:
            self.group.resume(number)

    def check(self, number: int) -> None:
        if self.closed:
            raise RuntimeError("closed")
        if number not in self.positions:
            raise IndexError(number)

    async def select(self) -> tuple[int, Any]:
        return (await self.m.select())[1]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> tuple[int, Any]:
        return (await anext(self.m))[1]

    def select_nowait(self) -> tuple[int, Any] | None:
        event = self.m.select_nowait()
        return None if event is None else event[1]

    async def get(self) -> Any:
        return await self.m.get()

    def get_nowait(self) -> Any:
        return self.m.get_nowait()

    async def get_or_raise(self) -> Any:
        return await self.m.get_or_raise(), (None,)

    async def cancel(self) -> None:
        self.closed = True
        self.positions.clear()
        await self.m.cancel()

    @property
    def undelivered(self) -> tuple[tuple[int, Any], ...]:
        left = [value for _, value in self.m.undelivered]
        return tuple(sorted(left, key=operator.itemgetter(0)))

    def __len__(self) -> int:
        return max(self.positions, default=-1) + 1


class GroupConsumer(Consumer):
    """The same for a group: it waits if it is empty, and a round has one event of it."""

    def __init__(self, world: World, made: Made) -> None:
        super().__init__(world, made._replace(fixed=False))

    def make(self, sources: Sequence[Any]) -> Any:
        return InAGroup(self.biased)

    def nothing_to_await(self) -> bool:
        return False

    def finds_nothing_to_await(self, name: str, result: BaseException) -> None:
        self.world.must(False, f"{name} of a group: {result!r}")

    def gives_a_round(self, name: str, result: Any) -> None:
        (event,), (failure,) = result
        self.world.must(event is None or failure is None, f"two outcomes of {name}")
        if failure is not None:
            cancelled = isinstance(failure.__cause__, asyncio.CancelledError)
            self.delivers(self.real.group.failed, failure.__cause__ if cancelled else failure)
        elif event is not None:
            self.delivers(*event)
        else:
            self.gives_nothing(name)

    def fails(self, name: str, failure: BaseException) -> None:
        super().fails(name, failure)
        self.world.must(self.real.m.failed == 0, f"{name}: the group has failed")
        self.world.must(f"source {self.real.group.failed} (" in text_of(failure), f"{failure!r}")

    def order(self, position: Position) -> int:
        """Of adding: a key that was removed and added again comes last."""
        return [*self.positions.values()].index(position)

    def leaves_nothing(self, name: str, delivered: Sequence[Position | None]) -> None:
        if name in NOWAIT_CALLS:
            super().leaves_nothing(name, delivered)


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
        if self.started:  # a task factory may leave an unstarted coroutine never awaited
            self.cancelled = self.task.cancel() or self.cancelled


class World:
    """Everything that exists."""

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
        self.boxes += [Box(self, asyncio.LifoQueue(2)), Box(self, SlowToPut(2))]
        self.slots = [Slots(self, asyncio.Lock(), 1), Slots(self, asyncio.Semaphore(2), 2)]
        self.flag = Flag(self)
        self.rivals: list[Errand] = []
        self.callers: tuple[list[Errand], list[Errand]] = ([], [])
        self.consumers: list[Consumer] = []
        for made in (first, second):
            self.consumers.append((GroupConsumer if made.grouped else Consumer)(self, made))

    def must(self, condition: bool, otherwise: str) -> None:
        """Like assert, but a failure of the test even inside a source."""
        if not condition:
            self.wrong.append(otherwise)

    def item(self, meaning: Meaning) -> Item:
        return Item(next(self.numbers), meaning)

    def positions(self) -> list[Position]:
        return [each for consumer in self.consumers for each in consumer.positions.values()]

    def changed(self) -> None:
        """Something may no longer be there."""
        for position in self.positions():
            if position.sure() and not position.ready():
                position.others_first = None

    def contended(self, position: Position) -> bool:
        """Whether another task may have been woken for what is there."""
        others = [each.kind.wants() for each in self.positions() if each is not position]
        others += [errand.wants for errand in self.rivals if not errand.task.done()]
        return position.kind.shared is not None and position.kind.shared in others

    def report(self, context: dict[str, Any]) -> None:
        self.reported.append(context.get("exception", context["message"]))

    # -- what must hold ------------------------------------------------------------------------

    def check(self) -> None:
        """Check everything after each step."""
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
            if not position.kind.puts:  # what it has put is in the queue
                for held in [*position.taken, position.kind.holds]:
                    items = held if isinstance(held, list) else [held]
                    in_sources += sum(isinstance(each, Item) for each in items)
        in_queues = sum(box.real.qsize() for box in self.boxes)
        there = len(self.delivered) + len(self.spent) + in_sources + in_queues
        self.must(len(self.put) == there, f"{len(self.put)} were put, and there are {there}")

    async def rest(self) -> None:
        """Wait until no task has work, and check."""
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
        """At the end, no task waits, and everything that was put is somewhere."""
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
