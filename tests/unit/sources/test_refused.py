"""A call that refuses a source leaves nothing behind."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import functools
import inspect
import signal
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from typing import Any

import pytest

from multi_await import (
    MultiAwait,
    Source,
    Wake,
    after,
    batched,
    catching,
    each,
    ending,
    every,
    inline,
    multi_await,
    once,
    put,
)


async def own() -> int:
    return 1


def each_source() -> list[Source[Any]]:
    return [every(1), batched(asyncio.Queue[int](), 2), each(asyncio.StreamReader())]


async def test_sources_of_a_constructor_that_raised_can_be_used_again() -> None:
    mistake: Any = 5
    sources = each_source()
    with pytest.raises(TypeError, match=r"^source 3 is the number 5"):
        multi_await(*sources, mistake)
    async with multi_await(*sources) as m:
        assert await m.select() == (0, 1)


async def test_a_source_that_belongs_to_another_set_stays_there() -> None:
    theirs, ours = every(1), every(2)
    async with multi_await(theirs) as m:
        for _ in range(2):
            with pytest.raises(RuntimeError, match=r"^source 1 \(every\(1\)\) was already used"):
                multi_await(ours, theirs)
        assert await m.select() == (0, 1)
        async with multi_await(ours) as other:
            assert await other.select() == (0, 1)


async def test_a_source_passed_twice_in_one_call_can_be_used_again() -> None:
    tick = every(1)
    with pytest.raises(RuntimeError, match=r"^source 1 .* was already used"):
        multi_await(tick, tick)
    await MultiAwait(tick).cancel()


async def test_a_source_refused_by_add_can_be_used_again() -> None:
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


async def test_every_coroutine_passed_to_a_refused_call_is_closed() -> None:
    """Otherwise a "never awaited" warning would follow, which is an error in these tests."""
    tick = every(1)
    async with multi_await(tick):
        mistakes: tuple[Any, ...] = (own(), tick, own(), 3, own())
        for first in range(len(mistakes)):
            with pytest.raises((TypeError, RuntimeError)):
                multi_await(*mistakes[first:])


@pytest.mark.parametrize(
    "call",
    [
        each,
        inline,
        functools.partial(put, asyncio.Queue()),
        functools.partial(put, supplier=int),
        functools.partial(batched, most=1),
        functools.partial(batched, asyncio.Queue()),
        every,
        after,
        multi_await,
    ],
)
async def test_a_coroutine_passed_instead_of_what_is_needed_is_closed(
    call: Callable[[Any], object],
) -> None:
    coroutine = own()
    with pytest.raises(TypeError):
        call(coroutine)
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED


async def changed(condition: asyncio.Condition) -> str:
    async with condition:
        await condition.wait()
    return "changed"


@pytest.mark.in_order
async def test_passing_a_condition_raises_an_error_whose_advice_works() -> None:
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


WRAP = "a concurrent.futures.Future, which another thread completes: "
WRAP += r"pass once\(asyncio.wrap_future\(...\)\)$"


@pytest.mark.parametrize(
    ("hand_over", "start"),
    [(multi_await, "^source 0 is "), (once, r"^once\(\) needs an awaitable, not ")],
)
async def test_passing_a_concurrent_future_raises_an_error_whose_advice_works(
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
def test_passing_a_container_raises_an_error_that_says_how_to_unpack_it(
    given: Any, message: str
) -> None:
    with pytest.raises(TypeError, match=f"^source 0 {message}"):
        multi_await(given)


@dataclasses.dataclass(frozen=True)
class Frozen(Source[str]):
    """A custom source whose attributes can't be set."""

    word: str

    def poll(self, wake: Wake) -> str:
        return self.word


async def test_a_source_can_be_a_frozen_dataclass() -> None:
    async with multi_await(Frozen("one"), ending(Frozen("two"), None)) as m:
        assert [await m.select(), await m.select()] == [(0, "one"), (1, "two")]


# What once(), ending() and catching() say to wrong arguments


async def items() -> AsyncIterator[int]:
    yield 1


def ended(source: Any) -> Source[Any]:
    return ending(source, None)


def caught(source: Any) -> Source[Any]:
    return catching(source, str)


@pytest.mark.parametrize(("adapter", "name"), [(ended, "ending"), (caught, "catching")])
@pytest.mark.parametrize(
    ("mistake", "advice"),
    [
        (5, "is the number 5: pass every(5) or after(5) to wait for a time"),
        (None, "is None: pass a function that returns an awaitable, such as queue.get"),
        (asyncio.Queue, "is of type Queue: pass its method get, without calling it"),
        (asyncio.Event, "is of type Event: pass its method wait, without calling it"),
        (items, "is an asynchronous iterable, async_generator: wrap it in each(...)"),
        (
            own,
            (
                "is a coroutine, own(): pass the function itself (queue.get, not queue.get()), "
                "which is called for each value; or once(...) for a single run"
            ),
        ),
        (
            lambda: asyncio.Barrier(2),
            "is of type Barrier: pass its method wait, without calling it",
        ),
        (
            signal.SIGTERM,
            "is the signal SIGTERM: pass signals(signal.SIGTERM) to wait for it",
        ),
        (
            dt.timedelta(seconds=1),
            "is a timedelta: pass every(...) or after(...) with its total_seconds()",
        ),
        (True, "is True: pass a function that returns an awaitable, such as queue.get"),
        (asyncio.Future, "is of type Future: wrap it in once(...) to wait for its one result"),
    ],
)
async def test_adapters_give_the_same_advice_as_multi_await_about_a_wrong_source(
    adapter: Callable[[Any], Source[Any]], name: str, mistake: Any, advice: str
) -> None:
    for hand_over, subject in ((adapter, f"the source of {name}()"), (multi_await, "source 0")):
        with pytest.raises(TypeError) as e:
            hand_over(mistake() if callable(mistake) else mistake)
        assert str(e.value) == f"{subject} {advice}"


@pytest.mark.parametrize(
    ("mistake", "what_it_is"),
    [
        (None, "None"),
        ("word", "'word'"),
        (own, f"{own!r}: call it and pass what it returns"),
        (every(1), "every(1)"),
    ],
    ids=["None", "a word", "a function", "a Source"],  # the same in each process
)
async def test_once_says_what_it_needs(mistake: Any, what_it_is: str) -> None:
    with pytest.raises(TypeError) as e:
        once(mistake)
    assert str(e.value) == (
        f"once() needs a coroutine, a Task or another awaitable, not {what_it_is}"
    )


async def test_once_with_an_asynchronous_iterable_suggests_each() -> None:
    mistake: Any = items()
    with pytest.raises(TypeError, match=r"^once\(\) needs .*: wrap it in each\(...\)$"):
        once(mistake)


@pytest.mark.parametrize("mistake", [None, "word", 5])
async def test_catching_without_a_function_raises_and_closes_a_coroutine(
    mistake: Any,
) -> None:
    """Otherwise a "never awaited" warning would follow, which is an error in these tests."""
    tick = every(1)
    coroutine: Any = own()
    for source in (tick, coroutine):
        with pytest.raises(TypeError) as e:
            catching(source, mistake)
        assert str(e.value) == (
            f"catching() needs a function that turns a failure into a value, not {mistake!r}"
        )
    async with multi_await(catching(tick, str)) as m:  # they can be used again
        assert await m.select() == (0, 1)


@pytest.mark.parametrize(("adapter", "name"), [(ended, "ending"), (caught, "catching")])
async def test_the_error_for_an_already_used_source_names_it(
    adapter: Callable[[Any], Source[Any]], name: str
) -> None:
    tick = every(1)
    async with multi_await(tick):
        with pytest.raises(RuntimeError) as e:
            adapter(tick)
    assert str(e.value) == (
        f"{name}() got every(1), which was already used: "
        "a Source belongs to one owner, so create a new one"
    )
