"""The same random schedules with groups, whose sources are added, end, fail, pause and leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, TypeAlias

import pytest

from multi_await import Group, Source, batched, catching, each, ending, inline, multi_await
from tests.machinery.tools import SCHEDULES
from tests.promises.test_conservation import (
    CHUNK,
    Queue,
    Schedule,
    function_source,
    inline_source,
    run,
)

Value: TypeAlias = int | list[int] | Exception | None
Items: TypeAlias = Group[int, Value]


class Broken(Exception):  # noqa: N818 -- what it is
    """A source fails, or has given enough."""


class Grouped(Schedule):
    """Consumers with one or two groups, sometimes nested, beside a queue of their own.

    Each source is a queue's method, a batch, or a source that ends or fails after some items.
    """

    async def get(self) -> None:
        group, keys = Items(biased=self.coin()), iter(range(1_000_000))
        inner = Items(biased=self.coin())
        outer = Group[str, tuple[int, Value]](biased=self.coin())
        outer.add("inner", inner)
        self.add(group, keys)
        self.add(inner, keys)
        own = self.source(self.random.choice(self.queues))
        m = multi_await(group, own, outer, biased=self.coin())
        try:
            async with m:
                while True:
                    await self.change(self.random.choice([group, inner]), keys)
                    async with self.timeout():
                        await self.call(m)
                    await self.passes()
        finally:
            for position, value in m.undelivered:
                self.undelivered += items(value, position)

    select = iterate = get

    async def call(self, m: Any) -> None:
        """Make one of the calls; failures arrive as failures, without an item."""
        try:
            if self.coin():
                event = m.select_nowait() if self.coin() else await m.select()
                events = [] if event is None else [event]
            else:
                completed, failures = m.get_nowait() if self.coin() else await m.get()
                assert all(failure is None or isinstance(failure, Broken) for failure in failures)
                events = [(at, value) for at, value in enumerate(completed) if value is not None]
        except Broken:
            return
        for position, value in events:
            self.delivered += items(value, position)

    def coin(self) -> bool:
        return self.random.random() < 0.5

    def add(self, group: Items, keys: Any) -> None:
        group.add(next(keys), self.random.choice(KINDS)(self))

    async def change(self, group: Items, keys: Any) -> None:
        chance = self.random.random()
        if chance < 0.25 or not group:
            self.add(group, keys)
            return
        key = self.random.choice(list(group))
        if chance < 0.4 and len(group) > 1:
            self.undelivered += [item for value in await group.remove(key) for item in flat(value)]
        elif chance < 0.55:
            group.pause(key)
        elif chance < 0.8:
            group.resume(key)

    # -- the sources -----------------------------------------------------------------------------

    def queues_own(self) -> Callable[[], Awaitable[int]]:
        return self.source(self.random.choice(self.queues))

    def batch(self) -> Source[list[int]]:
        return batched(self.random.choice(self.queues), self.random.choice([1, 3]))

    def limited(self, end: type[Exception]) -> Callable[[], Coroutine[Any, Any, int]]:
        """A queue's method, until it has given enough: then it takes nothing."""
        get, left = self.queues_own(), self.random.randint(0, 3)

        async def some() -> int:
            nonlocal left
            if left == 0:
                left = self.random.randint(1, 3)
                raise end
            item = await get()
            left -= 1
            return item

        return some

    def ends(self) -> Source[Value]:
        return ending(inline(self.limited(StopAsyncIteration)), None)

    def fails(self) -> Source[int]:
        return inline(self.limited(Broken))

    def is_caught(self) -> Source[Value]:
        return ending(catching(inline(self.limited(Broken)), as_it_is), None)

    def iterates(self) -> Source[Value]:
        queue = self.random.choice(self.queues)

        async def iteration() -> AsyncIterator[int]:
            for _ in range(self.random.randint(0, 3)):
                yield await queue.get()

        return ending(each(iteration()), None)


KINDS: list[Callable[[Grouped], Any]] = [
    Grouped.queues_own,
    Grouped.batch,
    Grouped.ends,
    Grouped.fails,
    Grouped.is_caught,
    Grouped.iterates,
]


def as_it_is(failure: Exception) -> Exception:
    return failure


def items(value: Any, position: int) -> list[int]:
    """The items in an event of a position: position 0 has a group, and 2 has a group in a group."""
    if position == 1:
        return [value]
    key, inner = value
    return flat(inner[1] if key == "inner" else inner)


def flat(value: Value) -> list[int]:
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, int) else []


@pytest.mark.parametrize("source", [inline_source, function_source])
@pytest.mark.parametrize("first_seed", range(0, SCHEDULES, CHUNK))
def test_groups_lose_nothing_and_duplicate_nothing(
    first_seed: int, source: Callable[[Queue], Callable[[], Awaitable[int]]]
) -> None:
    for seed in range(first_seed, first_seed + CHUNK):
        schedule = run(seed, source, Grouped)
        here = schedule.delivered + schedule.left_in_queues() + schedule.undelivered
        assert Counter(here) == Counter(schedule.put), f"seed {seed}"
