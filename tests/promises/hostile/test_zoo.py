"""The zoo in every place that a user's object can reach, in every call and every container.

An exhibit is a source that gives three things and then nothing, with an animal of the zoo in one
place. Beside it is a queue. Everything that was produced must be found once, in one place.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import pytest

from multi_await import (
    PENDING,
    Group,
    SourceLike,
    batched,
    catching,
    each,
    ending,
    inline,
    multi_await,
    once,
    put,
)
from tests.conftest import Reported
from tests.machinery import zoo
from tests.machinery.tools import steps
from tests.promises.hostile.beside import Beside
from tests.promises.hostile.test_futures import bare

CALLS = ["select", "__anext__", "get", "get_or_raise", "select_nowait", "get_nowait"]
LAST = "the last of an ending"


class Broken(NamedTuple):
    """The value that `catching` makes of a failure."""

    failure: Exception


class World:
    """Counts what was made and where it was found, by identity: an animal may refuse all else."""

    def __init__(self) -> None:
        self.made = list[object]()
        self.found = list[object]()
        self.queues = list[asyncio.Queue[Any]]()
        self.left = 3  # of what the exhibit gives
        self.may_refuse = False  # as a failure of the source

    def make(self, kind: Callable[[], Any]) -> Any:
        self.made.append(kind())
        return self.made[-1]

    def outcome(self, kind: Callable[[], Any]) -> Any:
        """What the exhibit gives or raises next; `PENDING` when there is no more."""
        if self.left == 0:
            return PENDING
        self.left -= 1
        made = self.make(kind)
        if isinstance(type(made), type) and issubclass(type(made), BaseException):
            try:
                raise made
            finally:
                del made
        return made

    async def wait_for(self, kind: Callable[[], Any]) -> Any:
        """The same as an awaitable."""
        made = self.outcome(kind)
        return await asyncio.Event().wait() if made is PENDING else made

    def queue(self, kind: Callable[[], Any], queue: asyncio.Queue[Any] | None = None) -> Any:
        """A queue of animals."""
        queue = asyncio.Queue() if queue is None else queue
        for _ in range(self.left):
            queue.put_nowait(self.make(kind))
        self.left = 0
        self.queues.append(queue)
        return queue

    def found_value(self, value: Any) -> None:
        if type(value) is list:
            self.found += value
        elif type(value) is Broken:
            self.found_failure(value.failure)
        elif value is not LAST:
            self.found.append(value)

    def found_failure(self, failure: BaseException) -> None:
        if type(failure) is RuntimeError and failure.__cause__ is not None:
            failure = failure.__cause__  # a source's own CancelledError
        if not (self.may_refuse and type(failure) in (zoo.Refused, asyncio.QueueEmpty)):
            self.found.append(failure)

    def wrong(self) -> str:
        """What is missing, was found twice, or was never made."""
        for queue in self.queues:
            self.found += [
                asyncio.Queue.get_nowait(queue) for _ in range(asyncio.Queue.qsize(queue))
            ]
        made, found = (Counter(map(id, each)) for each in (self.made, self.found))
        ends = {id(each) for each in self.made if issubclass(type(each), StopAsyncIteration)}
        names = {id(each): type(each).__name__ for each in self.made + self.found}
        missing = [names[each] for each in (made - found).elements() if each not in ends]
        too_many = [names[each] for each in (found - made).elements()]
        return f"missing {missing}, too many {too_many}" if missing or too_many else ""


# -- the exhibits ----------------------------------------------------------------------------------

Exhibit: TypeAlias = Callable[[World], SourceLike[Any]]
Kind: TypeAlias = Callable[[], Any]


def polled(kind: Kind, world: World) -> SourceLike[Any]:
    return zoo.Polled(lambda: world.outcome(kind))


def function(kind: Kind, world: World) -> SourceLike[Any]:
    return functools.partial(world.wait_for, kind)


def function_later(kind: Kind, world: World) -> SourceLike[Any]:
    async def later() -> Any:
        await asyncio.sleep(0)
        return await world.wait_for(kind)

    return later


def future(kind: Kind, world: World) -> SourceLike[Any]:
    def of_value() -> asyncio.Future[Any]:
        future = asyncio.get_running_loop().create_future()
        if (made := world.outcome(kind)) is not PENDING:
            future.set_result(made)
        return future

    return of_value


def in_line(kind: Kind, world: World) -> SourceLike[Any]:
    return inline(functools.partial(world.wait_for, kind))


def once_only(kind: Kind, world: World) -> SourceLike[Any]:
    return once(world.wait_for(kind))


async def generator(kind: Kind, world: World) -> AsyncIterator[Any]:
    while True:
        yield await world.wait_for(kind)


def of_each(kind: Kind, world: World) -> SourceLike[Any]:
    return each(generator(kind, world))


def gets(kind: Kind, world: World) -> SourceLike[Any]:
    get: SourceLike[Any] = world.queue(kind).get
    return get


def batches(kind: Kind, world: World) -> SourceLike[Any]:
    return batched(world.queue(kind), 2)


def puts(kind: Kind, world: World) -> SourceLike[Any]:
    """What was put is delivered and also in the queue: the world ignores that."""
    return put(asyncio.Queue(3), lambda: world.outcome(kind))


def wraps(kind: Kind, world: World) -> SourceLike[Any]:
    return catching(polled(zoo.CaughtError, World()), lambda _: world.outcome(kind))


def at_the_end(kind: Kind, world: World) -> SourceLike[Any]:
    value = kind()

    def end() -> Any:
        world.made.append(value)  # with the end, and not before
        raise StopAsyncIteration

    return ending(zoo.Polled(end), value)


def leaves(kind: Kind, world: World) -> SourceLike[Any]:
    return zoo.Polled(lambda: PENDING, [world.make(kind), world.make(kind)])


def starts(kind: Kind, world: World) -> SourceLike[Any]:
    class Starts(zoo.Polled):
        def start(self) -> None:
            world.outcome(kind)

    return Starts(lambda: PENDING)


def ends(kind: Kind, world: World) -> SourceLike[Any]:
    class Ends(zoo.Polled):
        async def aclose(self) -> Any:
            world.outcome(kind)

    return Ends(lambda: PENDING)


async def fails_when_cancelled(kind: Kind, world: World) -> Any:
    try:
        return await asyncio.Event().wait()
    except asyncio.CancelledError:
        return world.outcome(kind)


def function_cancelled(kind: Kind, world: World) -> SourceLike[Any]:
    return functools.partial(fails_when_cancelled, kind, world)


def in_line_cancelled(kind: Kind, world: World) -> SourceLike[Any]:
    return inline(functools.partial(fails_when_cancelled, kind, world))


def each_cancelled(kind: Kind, world: World) -> SourceLike[Any]:
    return each(zoo.Items(functools.partial(fails_when_cancelled, kind, world)))


CANCELLED = [function_cancelled, in_line_cancelled, each_cancelled]
GIVE = [polled, function, function_later, in_line, once_only, of_each]
GIVE_VALUES = [*GIVE, future, gets, batches, puts, at_the_end, leaves]
RAISE = [*GIVE, puts, wraps, starts, ends]
NO_TASK = [polled, in_line, puts, wraps, starts, ends]  # an interrupt in a task leaves the loop


def plain(world: World) -> Callable[[], Any]:
    return functools.partial(world.wait_for, zoo.Value)


Way: TypeAlias = Callable[[Kind, World], SourceLike[Any]]
PLACES: Sequence[tuple[str, Sequence[Way], Mapping[str, Any]]] = [
    ("value", [*GIVE_VALUES, *CANCELLED], zoo.VALUES),
    ("exception as a value", GIVE_VALUES[-5:], zoo.EXCEPTIONS),
    ("exception", [*RAISE, *CANCELLED], zoo.EXCEPTIONS),
    ("fault", [*RAISE, *CANCELLED], zoo.FAULTS),
    ("end", [polled, function, in_line], zoo.ENDS),
    ("cancellation", [polled, in_line, puts, wraps], zoo.CANCELLATIONS),
    ("interrupt", NO_TASK, zoo.INTERRUPTS),
]
EXHIBITS: dict[str, Exhibit] = {
    f"{place} {way.__name__} {trait}": functools.partial(way, kind)
    for place, ways, kinds in PLACES
    for way in ways
    for trait, kind in kinds.items()
}


def awaits(kind: Callable[[Any], Any], world: World) -> SourceLike[Any]:
    return lambda: kind(plain(world))


def awaits_once(kind: Callable[[Any], Any], world: World) -> SourceLike[Any]:
    return once(kind(plain(world)))


def iterates(kind: Callable[[Any], Any], world: World) -> SourceLike[Any]:
    return each(kind(plain(world)))


def is_function(kind: Callable[[Any], Any], world: World) -> SourceLike[Any]:
    source: SourceLike[Any] = kind(plain(world))
    return source


def is_inline(kind: Callable[[Any], Any], world: World) -> SourceLike[Any]:
    return inline(kind(plain(world)))


def is_supplier(kind: Callable[[Any], Any], world: World) -> SourceLike[Any]:
    return put(asyncio.Queue(3), kind(lambda: world.outcome(zoo.Value)))


def is_source(kind: Callable[[Any], Any], world: World) -> SourceLike[Any]:
    source: SourceLike[Any] = kind(lambda: world.outcome(zoo.Value))
    return source


def is_source_failing(kind: Callable[[Any], Any], world: World) -> SourceLike[Any]:
    source: SourceLike[Any] = kind(lambda: world.outcome(zoo.CaughtError))
    return source


def is_got_from(kind: Callable[[], Any], world: World) -> SourceLike[Any]:
    world.may_refuse = kind in zoo.ODD_GETS.values()
    get: SourceLike[Any] = world.queue(zoo.Value, kind()).get
    return get


def is_batched(kind: Callable[[], Any], world: World) -> SourceLike[Any]:
    world.may_refuse = kind in zoo.ODD_GETS.values()
    return batched(world.queue(zoo.Value, kind()), 2)


def is_put_into(kind: Callable[[Any], Any], world: World) -> SourceLike[Any]:
    """A refused item is in `undelivered`."""
    world.may_refuse = kind in zoo.ODD_PUTS.values()

    def supply() -> Any:
        if world.left == 0:
            raise zoo.Refused
        return world.outcome(zoo.Value)

    return put(kind(3), supply)


def is_left(kind: Callable[[Any], Any], world: World) -> SourceLike[Any]:
    return zoo.Polled(lambda: PENDING, kind([world.make(zoo.Value), world.make(zoo.Value)]))


def is_wrap(kind: Callable[[Any], Any], world: World) -> SourceLike[Any]:
    class Wrap:
        def __call__(self, failure: Exception) -> Broken:
            return Broken(failure)

    wrap = zoo.breed(Wrap)[kind.__name__.removesuffix("Function")]()
    return catching(polled(zoo.CaughtError, world), wrap)


EXHIBITS |= {
    f"{way.__name__} {trait}": functools.partial(way, kind)
    for ways, kinds in (
        ([awaits, awaits_once], zoo.AWAITABLES),
        ([iterates], zoo.ITERATORS),
        ([is_function, is_inline, is_supplier, is_wrap], zoo.FUNCTIONS),
        ([is_source, is_source_failing], zoo.SOURCES),
        ([is_left], zoo.LEFT),
        ([is_got_from, is_batched], zoo.QUEUES | zoo.ODD_GETS),
        ([is_put_into], zoo.QUEUES | zoo.ODD_PUTS),
    )
    for way in ways
    for trait, kind in kinds.items()
}


# -- the containers --------------------------------------------------------------------------------


class Place(NamedTuple):
    """A place for an exhibit: its set, how to remove it, and what its events hold."""

    m: Any
    remove: Callable[[], Any] | None = None
    group: Group[Any, Any] | None = None


Container: TypeAlias = Callable[[SourceLike[Any], Any], Place]


def fixed(source: SourceLike[Any], get: Any) -> Place:
    return Place(multi_await(source, get))


def biased(source: SourceLike[Any], get: Any) -> Place:
    return Place(multi_await(source, get, biased=True))


def opened(source: SourceLike[Any], get: Any) -> Place:
    m = multi_await()
    m.add(source)
    m.add(get)
    return Place(m, lambda: m.remove(0))


def grouped(
    source: SourceLike[Any], get: Any, key: object = "key", *, is_biased: bool = False
) -> Place:
    group = Group[Any, Any](biased=is_biased)
    group.add(key, source)
    return Place(multi_await(group, get), lambda: group.remove(key), group)


def grouped_biased(source: SourceLike[Any], get: Any) -> Place:
    return grouped(source, get, is_biased=True)


def nested(source: SourceLike[Any], get: Any) -> Place:
    inner, outer = Group[Any, Any](), Group[Any, Any]()
    inner.add("key", source)
    outer.add("inner", inner)
    return Place(multi_await(outer, get), lambda: inner.remove("key"), inner)


def in_ending(source: SourceLike[Any], get: Any) -> Place:
    return Place(multi_await(ending(source, LAST), get))


def in_catching(source: SourceLike[Any], get: Any) -> Place:
    return Place(multi_await(catching(source, Broken), get))


def grouped_ending(source: SourceLike[Any], get: Any) -> Place:
    return grouped(ending(catching(source, Broken), LAST), get)


CONTAINERS: list[Container] = [
    fixed,
    biased,
    opened,
    grouped,
    grouped_biased,
    nested,
    in_ending,
    in_catching,
    grouped_ending,
]


# -- the visit -------------------------------------------------------------------------------------


class Visit:
    """One program: calls, then a `remove` if there is one, then the end."""

    def __init__(self, exhibit: Exhibit, container: Container, reported: Reported) -> None:
        self.world = World()
        self.beside = asyncio.Queue[Any]()
        self.world.queues.append(self.beside)
        self.reported = reported
        self.place = container(exhibit(self.world), self.beside.get)

    async def run(self, call: str, calls: int) -> None:
        m = self.place.m
        try:
            for _ in range(calls):
                self.beside.put_nowait(self.world.make(zoo.Value))
                await steps(2)
                await self.call(call)
            if self.place.remove is not None and calls % 2:
                with contextlib.suppress(KeyError):  # it has left the group
                    for value in await self.interruptible(self.place.remove()) or ():
                        self.world.found_value(value)
        finally:
            await self.interruptible(m.cancel())
            for position, value in m.undelivered:
                self.found(position, value)
            for report in self.reported:
                self.world.found_failure(report["exception"])
            self.reported.clear()

    async def interruptible(self, end: Any) -> Any:
        try:
            return await end
        except zoo.SubInterrupt as interrupt:
            self.world.found_failure(interrupt)
        return None

    async def call(self, name: str) -> None:
        try:
            given = getattr(self.place.m, name)()
            if not name.endswith("nowait"):
                given = await given
        except BaseException as failure:
            self.world.found_failure(failure)
            return
        if name in ("get", "get_nowait"):
            given, failures = given
            for each_failure in failures:
                if each_failure is not None:
                    self.world.found_failure(each_failure)
        if name.startswith("get"):
            given = [event for event in enumerate(given) if event[1] is not None]
        else:
            given = [] if given is None else [given]
        for position, value in given:
            self.found(position, value)

    def found(self, position: int, value: Any) -> None:
        group = self.place.group
        if position == 0 and group is not None:
            _, value = value
            if type(value) is tuple:  # of a group in a group
                _, value = value
        self.world.found_value(value)


async def visited(
    exhibit: Exhibit, container: Container, call: str, calls: int, reported: Reported
) -> str:
    """What goes wrong, if anything."""
    try:
        visit = Visit(exhibit, container, reported)
        await visit.run(call, calls)
    except BaseException as failure:
        return f"{type(failure).__name__} came out"
    finally:
        reported.clear()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    return visit.world.wrong() or (f"tasks are left: {len(tasks)}" if tasks else "")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("container", CONTAINERS, ids=lambda each: each.__name__)
async def test_whatever_odd_objects_pass_through_each_is_found_once(
    container: Container, call: str, reported: Reported
) -> None:
    found = {
        f"{name}, {calls} calls": await visited(exhibit, container, call, calls, reported)
        for name, exhibit in EXHIBITS.items()
        for calls in ((2, 9) if call != "select" else (0, 1, 2, 9))
    }
    assert [f"{program}: {wrong}" for program, wrong in found.items() if wrong] == []


# -- keys ------------------------------------------------------------------------------------------

MAY_REFUSE = (zoo.Refused, KeyError)


def add(group: Group[Any, Any], key: object, source: SourceLike[Any]) -> object:
    """Add it under that key, or a tame one if that is refused; return the key used."""
    try:
        group.add(key, source)
    except (*MAY_REFUSE, ValueError):
        key = object()
        group.add(key, source)
    return key


async def crowd_with_keys(
    kind: Callable[[], Any], call: str, is_biased: bool, reported: Reported
) -> str:
    """Run a group of sources under keys of one kind, which end, fail, leave and stay."""
    keys, exhibits = list[object](), [polled, once_only, of_each, gets, at_the_end]
    worlds = [World() for _ in exhibits]
    group = Group[Any, Any](biased=is_biased)
    beside = asyncio.Queue[int]()
    world = World()
    async with multi_await(group, beside.get) as m:
        place = Place(m, group=group)
        visit = Visit(lambda _: beside.get, lambda *_: place, reported)
        visit.world = world
        for exhibit, its_world in zip(exhibits, worlds, strict=True):
            keys.append(add(group, kind(), exhibit(zoo.Value, its_world)))
        world.queues = [queue for its_world in worlds for queue in its_world.queues]
        for number in range(15):
            beside.put_nowait(number)
            await steps(2)
            await visit.call(call)
        beside_too = add(group, kind(), polled(zoo.Value, worlds[0]))
        for key in (*keys[::2], beside_too):
            with contextlib.suppress(*MAY_REFUSE):
                group.pause(key)
                group.resume(key)
            with contextlib.suppress(*MAY_REFUSE):
                for value in await group.remove(key):
                    world.found_value(value)
        for number in range(5):
            beside.put_nowait(number)
            await visit.call(call)
        assert len(list(group)) == len(group)
    for position, value in m.undelivered:
        visit.found(position, value)
    world.found = [found for found in world.found if type(found) is not int]  # of the queue beside
    world.made = [made for its_world in worlds for made in its_world.made]
    return world.wrong()


@pytest.mark.parametrize("is_biased", [False, True])
@pytest.mark.parametrize("call", CALLS)
async def test_sources_with_odd_keys_can_be_added_and_deliver_and_leave(
    call: str, is_biased: bool, reported: Reported
) -> None:
    wrong = list[str]()
    for trait, kind in zoo.KEYS.items():
        if what := await crowd_with_keys(kind, call, is_biased, reported):
            wrong.append(f"{trait}: {what}")
        assert reported == []
    assert not wrong, "\n".join(wrong)


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", zoo.VALUES.values(), ids=zoo.VALUES)
async def test_an_odd_object_that_is_not_a_source_gets_the_usual_error(
    kind: Callable[[], Any],
) -> None:
    m, group = multi_await(), Group[str, Any]()
    uses: list[Callable[[Any], object]] = [
        multi_await,
        m.add,
        functools.partial(group.add, "key"),
        functools.partial(ending, value=None),
        functools.partial(catching, wrap=Broken),
        once,
        each,
        inline,
        functools.partial(batched, most=1),
        functools.partial(put, supplier=object),
        functools.partial(put, asyncio.Queue[int]()),
    ]
    for use in uses:
        with pytest.raises(TypeError):
            use(kind())
    assert (len(m), len(group)) == (0, 0)
    await m.cancel()


@pytest.mark.parametrize("kind", zoo.VALUES.values(), ids=zoo.VALUES)
async def test_an_inline_coroutine_that_yields_an_odd_object_fails_and_is_closed(
    kind: Callable[[], Any],
) -> None:
    closed = list[str]()

    async def waits() -> None:
        try:
            await bare(kind())
        finally:
            closed.append("closed")

    async with Beside(inline(waits)) as here:
        for _ in range(3):
            await here.item()
    assert len(closed) == len(here.failures) > 0


@pytest.mark.parametrize("use", ["function", "inline", "once"])
async def test_a_future_that_refuses_callbacks_is_a_failure_and_the_source_goes_on(
    use: str,
) -> None:
    async def waits() -> Any:
        return await zoo.NoCallbacks()

    sources: dict[str, Callable[[], SourceLike[Any]]] = {
        "function": lambda: zoo.NoCallbacks,
        "inline": lambda: inline(waits),
        "once": lambda: once(zoo.NoCallbacks()),
    }
    async with Beside(sources[use]()) as here:
        for _ in range(3):
            await here.item()
    assert {type(failure) for failure in here.failures} == {zoo.Refused}
    assert len(here.failures) > 1 or use == "once"
