"""What may be a source, and which errors mistakes raise."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import AsyncIterator
from typing import Any

import pytest

from multi_await import Group, MultiAwait, multi_await


async def numbers() -> AsyncIterator[int]:
    yield 1


async def own() -> int:
    return 1


class Able:
    """Awaitable, but not a function."""

    def __await__(self) -> Any:
        yield


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: asyncio.Queue().get(), r"is a coroutine, Queue.get\(\): pass the function itself"),
        (own, r"is a coroutine, own\(\): pass .* or once\(...\) for a single run"),
        (asyncio.Queue, "is of type Queue: pass its method get, without"),
        (asyncio.PriorityQueue, "is of type PriorityQueue: pass its method get, without"),
        (asyncio.Event, "is of type Event: pass its method wait, without"),
        (asyncio.Lock, "is of type Lock: pass its method acquire, without"),
        (asyncio.BoundedSemaphore, "is of type BoundedSemaphore: pass its method acquire, without"),
        (
            asyncio.StreamReader,
            r"is an asynchronous iterable, StreamReader: wrap it in each\(...\)",
        ),
        (Able, r"is of type Able: wrap it in once\(...\)"),
        (numbers, r"is an asynchronous iterable, async_generator: wrap it in each\(...\)"),
        (lambda: 1.5, r"is the number 1.5: pass every\(1.5\) or after\(1.5\)"),
        (lambda: None, "is None: pass a function that returns an awaitable"),
        (lambda: "x" * 1000, r"is 'xxx.*\.\.\.: pass a function"),
    ],
)
async def test_a_wrong_source_raises_a_type_error_that_names_it_and_says_what_to_pass(
    make: Any, message: str
) -> None:
    """No "never awaited" warning follows: warnings are errors in these tests."""
    queue = asyncio.Queue[int]()
    for attempt in (
        lambda: multi_await(queue.get, make()),
        lambda: MultiAwait(queue.get, make(), make()),
    ):
        with pytest.raises(TypeError, match=f"^source 1 {message}") as e:
            attempt()
        assert len(str(e.value)) < 200
    async with multi_await() as m:
        m.add(queue.get)
        with pytest.raises(TypeError, match=f"^source 1 {message}"):
            m.add(make())
        assert len(m) == 1


@pytest.mark.parametrize(("length", "shown"), [(60, 60), (61, 60), (1000, 60)])
def test_a_message_shows_at_most_sixty_characters_of_a_value(length: int, shown: int) -> None:
    mistake: Any = "x" * (length - 2)  # and two quotes
    with pytest.raises(TypeError) as e:
        multi_await(mistake)
    text = str(e.value).removeprefix("source 0 is ").partition(": pass")[0]
    assert len(text) == shown
    assert text == (repr(mistake) if length <= 60 else f"'{'x' * 56}...")


async def test_passing_a_task_raises_an_error_that_suggests_once() -> None:
    task = asyncio.ensure_future(own())
    with pytest.raises(TypeError, match=r"^source 0 is of type Task: wrap it in once\(...\)"):
        multi_await(task)  # type: ignore[call-overload]  # what this test is about
    assert await task == 1


async def test_a_coroutine_passed_to_a_fixed_or_closed_set_is_closed_too() -> None:
    m = multi_await(asyncio.Event().wait)
    with pytest.raises(TypeError, match="fixed"):
        m.add(own())  # type: ignore[misc,arg-type]  # what this test is about
    await m.cancel()
    closed = multi_await()
    await closed.cancel()
    with pytest.raises(RuntimeError, match="closed"):
        closed.add(own())  # type: ignore[arg-type]  # what this test is about


async def test_a_function_that_raises_when_called_fails_only_that_source() -> None:
    def raises() -> Any:
        raise ValueError("when called")

    queue = asyncio.Queue[int]()
    queue.put_nowait(1)
    async with multi_await(queue.get, raises) as m:
        completed, failures = await m.get()
        assert completed == (1, None)
        assert repr(failures) == "(None, ValueError('when called'))"


@pytest.mark.parametrize(
    ("returned", "shown"), [(1, "1"), (None, "None"), (numbers, "<function numbers")]
)
async def test_a_function_that_returns_no_awaitable_fails_only_that_source(
    returned: Any, shown: str
) -> None:
    queue = asyncio.Queue[int]()
    queue.put_nowait(1)
    async with multi_await(queue.get, lambda: returned) as m:
        completed, (_, failure) = await m.get()
    assert completed == (1, None)
    assert isinstance(failure, TypeError)
    assert str(failure).startswith("source 1 (test_a_function_that_returns_no_awaitable")
    assert f"returned {shown}" in str(failure)
    assert "which can't be awaited" in str(failure)


async def test_a_function_that_needs_arguments_fails_only_that_source() -> None:
    needs_one: Any = asyncio.Queue[int]().put
    async with multi_await(needs_one) as m:
        _, (failure,) = await m.get()
    assert isinstance(failure, TypeError)


async def test_an_async_generator_function_fails_with_a_message_that_suggests_each() -> None:
    generators: Any = numbers
    async with multi_await(generators) as m:
        with pytest.raises(TypeError, match=r"returned <async_generator .* pass each\(...\)"):
            await m.select()


@pytest.mark.parametrize(
    ("returned", "advice"),
    [
        (concurrent.futures.Future[int](), "return asyncio.wrap_future(...) of it, or use"),
        (Group[str, int](), "which is a source itself: pass it, and not what returns it"),
    ],
)
async def test_a_wrong_return_value_gets_the_advice_that_fits(returned: Any, advice: str) -> None:
    async with multi_await(lambda: returned) as m:
        _, (failure,) = await m.get()
    assert advice in str(failure)
