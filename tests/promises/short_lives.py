"""Short lives for two blows: a few sources that come and go, and what each blow does to them.

Beyond what a `Scenario` checks, every failure must be found once, a timer must tick when it is due,
each source of signals must get all that arrived while it existed, and between two calls nothing may
be held that another task waits for.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

from multi_await import Group, after, batched, catching, each, ending, multi_await
from tests.promises.test_every_step import (
    BROKEN,
    END,
    Consume,
    Deed,
    Fault,
    Kind,
    Scenario,
    reset_after_source,
    reset_every_source,
    signals_source,
)

SHORT = 0.3  # seconds
PERIOD, DELAY = 0.5, 0.6  # seconds, of the timers of every step


# Which source, by number; what removes it; the event that a value which it left would have been.
Removal: TypeAlias = tuple[
    int, Callable[[], Awaitable[tuple[Any, ...]]], Callable[[Any], tuple[int, Any]]
]


def as_event(position: int, value: Any) -> tuple[int, Any]:
    return position, value


def as_event_of_a_member(position: int, key: Any, value: Any) -> tuple[int, Any]:
    return position, (key, value)


class Told(asyncio.Queue[Any]):
    """An exception in the queue is raised when its turn comes: a failure, or the end."""

    def get_nowait(self) -> Any:
        item = super().get_nowait()
        if isinstance(item, Exception):
            raise item
        return item


class ShortLife(Scenario):
    """A short life with an open set."""

    items = 1

    def waits_on(self, sources: list[Any]) -> Any:
        m: Any = multi_await()
        for source in [*sources, after(SHORT)]:
            m.add(source)
        return m

    def one_more_item(self) -> None:
        self.queue.put_nowait(self.number())

    def removals(self) -> Iterator[Removal]:
        """All sources, in the order in which their removal is tried."""
        for position in range(len(self.kinds)):
            yield position, partial(self.m.remove, position), partial(as_event, position)

    async def remove(self) -> None:
        """Remove the first source that still exists."""
        for source, remove, event in self.removals():
            self.removes(source)
            try:
                left = await remove()
            except LookupError:
                continue
            except RuntimeError as refusal:
                assert "was closed" in str(refusal)  # noqa: PT017 -- or another is next
                return
            for value in left:
                self.take(*event(value))
            self.has_removed(source)
            return

    def removes(self, source: int) -> None:
        """Remove it, or try to, if it still exists."""

    def has_removed(self, source: int) -> None:
        """Note that it has ended."""


class NewLife(ShortLife):
    """A life that is even shorter, with stricter checks."""

    def __init__(self, kinds: list[Kind], consume: Consume) -> None:
        super().__init__(kinds, consume)
        self.queues = [self.queue]
        self.told = Told()
        self.faults_told = self.reported = 0
        self.in_line = 0  # rivals

    def break_source(self, failure: Exception) -> None:
        if not set(OF_TOLD).intersection(self.kinds):
            super().break_source(failure)
            return
        self.faults_told += isinstance(failure, Fault)
        self.told.put_nowait(failure)

    def one_more_item(self) -> None:
        super().one_more_item()
        self.told.put_nowait(self.number())

    async def produce(self) -> None:
        await asyncio.sleep(0.05)
        self.one_more_item()
        self.disturb()
        await asyncio.sleep(0)
        self.one_more_item()

    def rivals(self) -> list[asyncio.Task[None]]:
        """One rival is in line before the consumer, and one behind it."""
        return [asyncio.create_task(self.waits_in_line(late)) for late in (0, 0.01)]

    async def waits_in_line(self, late: float) -> None:
        await asyncio.sleep(late)
        while True:
            self.in_line += 1
            try:
                self.delivered.append(await self.queue.get())
            finally:
                self.in_line -= 1
            await asyncio.sleep(0.5)

    @contextlib.asynccontextmanager
    async def failures(self) -> AsyncIterator[None]:
        """Also check that between two calls nothing is held that a rival waits for."""
        async with super().failures():
            timeout = self.timeout
            assert timeout is not None
            yield
        if timeout.expired():
            await self.is_away()

    async def rest(self) -> None:
        await super().rest()
        await self.is_away()

    async def is_away(self) -> None:
        for _ in range(8):
            await asyncio.sleep(0)
            if self.queue.empty() or not self.in_line:
                return
        raise AssertionError("a rival waits for an item that is there")

    def take(self, position: int, value: Any) -> None:
        source, item = self.whose(position, value)
        told = source < len(self.kinds) and self.kinds[source] in OF_TOLD
        if told and item not in (END, BROKEN):
            self.delivered += item if isinstance(item, list) else [item]
        else:
            super().take(position, value)

    async def run(self, deeds: dict[int, Deed]) -> int:
        loop = asyncio.get_running_loop()
        handler = loop.get_exception_handler()
        assert handler is not None

        def count(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> object:
            self.reported += isinstance(context.get("exception"), Fault)
            return handler(loop, context)

        loop.set_exception_handler(count)
        return await super().run(deeds)

    async def check(self) -> None:
        faults = self.faults_told
        while not self.told.empty():
            try:
                self.delivered.append(self.told.get_nowait())
            except Fault:
                faults -= 1
            except StopAsyncIteration:
                pass
        if faults_are_told := set(OF_TOLD).intersection(self.kinds):
            assert self.failed + self.reported == faults, faults_are_told
        await super().check()


# -- what is told: items, failures, an end ---------------------------------------------------------


def wrapped_queue_source(scenario: Scenario) -> Any:
    """It is told nothing, but rivals wait for the same queue."""
    return catching(ending(scenario.queue.get, END), lambda _: BROKEN)


def told_source(scenario: Scenario) -> Any:
    """Told by an inline function."""
    assert isinstance(scenario, NewLife)
    return ending(catching(scenario.told.get, lambda _: BROKEN), END)


def told_function_source(scenario: Scenario) -> Any:
    assert isinstance(scenario, NewLife)
    told = scenario.told

    async def get() -> Any:
        return await told.get()

    return catching(ending(get, END), lambda _: BROKEN)


def told_iteration_source(scenario: Scenario) -> Any:
    assert isinstance(scenario, NewLife)
    told = scenario.told

    async def items() -> AsyncIterator[Any]:
        with contextlib.suppress(StopAsyncIteration):
            while True:
                yield await told.get()

    return ending(catching(each(items()), lambda _: BROKEN), END)


def told_batch_source(scenario: Scenario) -> Any:
    """Its failures end the loop."""
    assert isinstance(scenario, NewLife)
    return ending(batched(scenario.told, 3), END)


OF_TOLD: list[Kind] = [
    wrapped_queue_source,
    told_source,
    told_function_source,
    told_iteration_source,
    told_batch_source,
]


# -- timers and signals ----------------------------------------------------------------------------


class TimersAreReset(NewLife):
    """The consumer resets at each item, as do another task and the blow that puts one more."""

    def __init__(self, kinds: list[Kind], consume: Consume) -> None:
        super().__init__(kinds, consume)
        self.due = dict[Kind, float | None]()  # as computed here

    def waits_on(self, sources: list[Any]) -> Any:
        now = asyncio.get_running_loop().time()
        self.due = {reset_every_source: now, reset_after_source: now + DELAY}
        return super().waits_on(sources)

    def reset_all(self, delay: float) -> None:
        now = asyncio.get_running_loop().time()
        for kind, timer in zip(self.due, self.timers, strict=False):
            if self.due[kind] is not None:
                try:
                    timer.reset(delay)
                    self.due[kind] = now + delay
                    assert timer.when() == now + delay
                except RuntimeError as refusal:  # it is being removed, or the consumer has gone
                    assert "has ended" in str(refusal)  # noqa: PT017 -- as said
                    self.due[kind] = None

    def disturb(self) -> None:
        self.reset_all(0.1)

    def one_more_item(self) -> None:
        super().one_more_item()
        self.reset_all(0)

    def has_removed(self, source: int) -> None:
        self.due[self.kinds[source]] = None

    def take(self, position: int, value: Any) -> None:
        super().take(position, value)
        now = asyncio.get_running_loop().time()
        kind = None if self.stopped else self.kinds[position]
        if kind is None:
            assert all(due is None or due >= now for due in self.due.values())
        elif kind in self.due:
            due = self.due[kind]
            assert due is not None
            assert due <= now
            assert value == (1 + int((now - due) / PERIOD) if kind is reset_every_source else 1)
            self.due[kind] = due + value * PERIOD if kind is reset_every_source else None
        else:
            self.reset_all(0.1)


class SignalsOverlap(NewLife):
    """One source begins where another ends; each must get what arrived while it existed."""

    def __init__(self, kinds: list[Kind], consume: Consume) -> None:
        super().__init__(kinds, self.counted)
        self.consumed = consume
        self.since = dict[int, int]()  # position: how many had come before
        self.owed = Counter[int]()
        self.got = Counter[int]()

    async def counted(self, _: Scenario, m: Any) -> None:
        for position, kind in enumerate(self.kinds):
            if kind is signals_source:
                self.since.setdefault(position, self.raised)
        try:
            await self.consumed(self, m)
        finally:
            for position in list(self.since):
                self.removes(position)

    def removes(self, source: int) -> None:
        if source in self.since:
            self.owed[source] += self.raised - self.since.pop(source)

    def one_more_item(self) -> None:
        super().one_more_item()
        self.disturb()

    def has_removed(self, source: int) -> None:
        if self.kinds[source] is signals_source:
            with contextlib.suppress(RuntimeError):  # the set has ended meanwhile
                assert self.m.add(signals_source(self)) == source
                self.since[source] = self.raised

    def take(self, position: int, value: Any) -> None:
        super().take(position, value)
        self.got[position] += 1

    async def check(self) -> None:
        assert all(self.got[position] >= owed for position, owed in self.owed.items())
        await super().check()


# -- groups ----------------------------------------------------------------------------------------


class GroupAmong(NewLife):
    """All sources except the first are in a group, at the position after the clock's."""

    def waits_on(self, sources: list[Any]) -> Any:
        self.group = Group[int, Any]()
        for key, source in enumerate(sources[1:], 1):
            self.group.add(key, source)
        m: Any = multi_await()
        for source in (sources[0], after(SHORT), self.group):
            m.add(source)
        return m

    def removals(self) -> Iterator[Removal]:
        """A member, then the group with the rest, then the source beside it."""
        yield 1, partial(self.group.remove, 1), partial(as_event_of_a_member, 2, 1)
        for position in (2, 0):
            yield position, partial(self.m.remove, position), partial(as_event, position)

    def whose(self, position: int, value: Any) -> tuple[int, Any]:
        return value if position == 2 else ([0, len(self.kinds)][position], value)


class AllInAGroup(NewLife):
    def waits_on(self, sources: list[Any]) -> Any:
        self.group = Group[int, Any]()
        for key, source in enumerate([*sources, after(SHORT)]):
            self.group.add(key, source)
        return multi_await(self.group)

    def removals(self) -> Iterator[Removal]:
        for key in range(len(self.kinds)):
            yield key, partial(self.group.remove, key), partial(as_event_of_a_member, 0, key)

    def whose(self, position: int, value: Any) -> tuple[int, Any]:
        assert position == 0
        source, inner = value
        return source, inner


def as_event_of_a_member_of_the_inner(key: int, value: Any) -> tuple[int, Any]:
    return 0, ("inner", (key, value))


class GroupInAGroup(NewLife):
    """All sources except the first are in a group inside a group."""

    def waits_on(self, sources: list[Any]) -> Any:
        self.inner = Group[int, Any](biased=True)
        self.outer = Group[str, Any]()
        self.outer.add("inner", self.inner)
        self.outer.add("first", sources[0])
        self.outer.add("clock", after(SHORT))
        for key, source in enumerate(sources[1:], 1):
            self.inner.add(key, source)
        return multi_await(self.outer)

    def removals(self) -> Iterator[Removal]:
        yield 1, partial(self.inner.remove, 1), partial(as_event_of_a_member_of_the_inner, 1)
        for key in ("inner", "first"):
            yield 0, partial(self.outer.remove, key), partial(as_event_of_a_member, 0, key)

    def whose(self, position: int, value: Any) -> tuple[int, Any]:
        assert position == 0
        key, inner = value
        return inner if key == "inner" else ({"first": 0, "clock": len(self.kinds)}[key], inner)
