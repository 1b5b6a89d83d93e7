"""A call that refuses a source leaves nothing behind."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from multi_await import (
    MultiAwait,
    Source,
    Wake,
    batched,
    each,
    ending,
    every,
    multi_await,
    once,
)


async def own() -> int:
    return 1


def each_source() -> list[Source[Any]]:
    return [every(1), batched(asyncio.Queue[int](), 2), each(asyncio.StreamReader())]


async def test_the_sources_of_a_refused_constructor_can_be_handed_over_again() -> None:
    mistake: Any = 5
    sources = each_source()
    with pytest.raises(TypeError, match=r"^source 3 is the number 5"):
        multi_await(*sources, mistake)
    async with multi_await(*sources) as m:
        assert await m.select() == (0, 1)


async def test_a_source_that_another_set_has_stays_that_sets() -> None:
    theirs, ours = every(1), every(2)
    async with multi_await(theirs) as m:
        for _ in range(2):
            with pytest.raises(RuntimeError, match=r"^source 1 \(every\(1\)\) was handed over"):
                multi_await(ours, theirs)
        assert await m.select() == (0, 1)
        async with multi_await(ours) as other:
            assert await other.select() == (0, 1)


async def test_a_source_that_is_handed_over_twice_in_one_call_can_be_handed_over_again() -> None:
    tick = every(1)
    with pytest.raises(RuntimeError, match=r"^source 1 .* was handed over before"):
        multi_await(tick, tick)
    await MultiAwait(tick).cancel()


async def test_a_source_that_add_refuses_can_be_handed_over_again() -> None:
    tick = every(1)
    fixed, closed = multi_await(every(9)), multi_await()
    await closed.cancel()
    with pytest.raises(TypeError, match="whose set is fixed"):
        fixed.add(tick)  # type: ignore[misc]  # what this test is about
    with pytest.raises(RuntimeError, match="closed"):
        closed.add(tick)
    await fixed.cancel()
    async with multi_await(tick) as m:
        assert await m.select() == (0, 1)


async def test_every_coroutine_of_a_refused_call_is_closed_whatever_was_wrong() -> None:
    """Or else a warning that it was never awaited would follow, which is an error here."""
    tick = every(1)
    async with multi_await(tick):
        mistakes: tuple[Any, ...] = (own(), tick, own(), 3, own())
        for first in range(len(mistakes)):
            with pytest.raises((TypeError, RuntimeError)):
                multi_await(*mistakes[first:])


async def changed(condition: asyncio.Condition) -> str:
    async with condition:
        await condition.wait()
    return "changed"


@pytest.mark.in_order
async def test_a_condition_gets_a_message_of_its_own_that_can_be_followed() -> None:
    condition = asyncio.Condition()
    mistake: Any = condition
    with pytest.raises(TypeError) as e:
        multi_await(mistake)
    assert str(e.value) == (
        "source 0 is of type Condition, whose wait() needs its lock: "
        "pass a function that awaits it within `async with condition:`"
    )

    async def notify() -> None:
        async with condition:
            condition.notify()

    async with multi_await(lambda: changed(condition)) as m:
        assert m.select_nowait() is None
        notifying = asyncio.ensure_future(notify())
        assert await m.select() == (0, "changed")
        await notifying


WRAP = "a future of concurrent.futures, which another thread completes: "
WRAP += r"pass once\(asyncio.wrap_future\(...\)\) of it$"


@pytest.mark.parametrize(
    ("hand_over", "start"),
    [(multi_await, "^source 0 is "), (once, r"^once\(\) needs an awaitable, and not ")],
)
async def test_a_future_of_a_thread_gets_a_message_of_its_own_that_can_be_followed(
    hand_over: Callable[[Any], object], start: str
) -> None:
    future = Future[int]()
    with pytest.raises(TypeError, match=start + WRAP):
        hand_over(future)
    future.set_result(7)
    async with multi_await(once(asyncio.wrap_future(future))) as m:
        assert await m.select() == (0, 7)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([own], r"is of type list: unpack it, multi_await\(\*sources\)"),
        ((own, own), r"is of type tuple: unpack it, multi_await\(\*sources\)"),
        ((each for each in [own]), r"is of type generator: unpack it, multi_await\(\*sources\)"),
        ({"a": own}, r"is of type dict: unpack its values, multi_await\(\*sources.values\(\)\)"),
        ("abc", "is 'abc': pass a function"),
        (b"abc", "is b'abc': pass a function"),
    ],
)
def test_a_container_of_functions_is_a_mistake_that_says_how_to_unpack_it(
    given: Any, message: str
) -> None:
    with pytest.raises(TypeError, match=f"^source 0 {message}"):
        multi_await(given)


@dataclasses.dataclass(frozen=True)
class Frozen(Source[str]):
    """A source of one's own that can't be written to."""

    word: str

    def poll(self, wake: Wake) -> str:
        return self.word


async def test_a_source_may_be_a_frozen_dataclass() -> None:
    async with multi_await(Frozen("one"), ending(Frozen("two"), None)) as m:
        assert [await m.select(), await m.select()] == [(0, "one"), (1, "two")]
