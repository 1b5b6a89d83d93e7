"""Turns what a caller has into a source, or says what was wrong with it.

A function as it is, an awaitable by `once`, an asynchronous iterable by `each`. This is the one
place that knows how a function is best polled; the ready queue does not.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

from multi_await._inline import InlineSource, QueueSource, is_cancel_safe
from multi_await._source import (
    FunctionSource,
    Pending,
    Source,
    SourceLike,
    TaskSource,
    Wake,
    name_of,
    safe_repr,
    short,
)

T = TypeVar("T")

_METHODS = {
    asyncio.Queue: "get",
    asyncio.Event: "wait",
    asyncio.Lock: "acquire",
    asyncio.Semaphore: "acquire",
}


def as_source(given: SourceLike[T], position: int) -> Source[T]:
    """The source for a function, or the `Source` itself.

    Raises:
        TypeError: it is neither; the message says what to pass instead.
        RuntimeError: it is a `Source` that was handed over before.
    """
    if isinstance(given, Source):
        if getattr(given, "_taken", False):
            raise RuntimeError(
                f"source {position} ({safe_repr(given)}) was handed over before: "
                "a Source belongs to one MultiAwait, so make another"
            )
        given._taken = True
        return given
    if not callable(given):
        raise TypeError(f"source {position} {_mistake(given)}")
    return _polled(given, f"source {position} ({name_of(given)})")


def _polled(function: Callable[[], Awaitable[T]], label: str) -> Source[T]:
    """Inline, if it is one of asyncio's own that loses nothing; else in tasks of that name."""
    if getattr(function, "__func__", None) is asyncio.Queue.get:
        return QueueSource(function.__self__)  # type: ignore[attr-defined]  # it is bound
    if is_cancel_safe(function):
        return InlineSource(function, name_of(function))  # type: ignore[arg-type]  # asyncio's coroutines
    return FunctionSource(function, label)


def once(awaitable: Awaitable[T]) -> Source[T]:
    """A source that has one outcome, and has ended then.

    Args:
        awaitable: a coroutine, which runs in a task from the first poll on, and is cancelled at the
            end if it is not done; one that never ran is closed without a warning. Or a Task or
            Future: that stays yours. It is waited for and never cancelled, and if it was not
            delivered, its outcome is still in it, and not in `MultiAwait.undelivered`.

    Returns:
        A source whose one value is the awaitable's result.

    Raises:
        TypeError: it can't be awaited.

    Example::

        async with multi_await(once(connect()), stop.wait) as m:
            match await m.select():
                case (0, connection):
                    print("there is", connection)
                case (1, _):
                    print("stopped before")
    """
    if not inspect.isawaitable(awaitable):
        raise TypeError(
            f"once() needs a coroutine, a Task or another awaitable, not {short(awaitable)}"
        )
    return Once(awaitable)


class Once(TaskSource[T]):
    """Waits for what it was given, and then for nothing more."""

    __slots__ = ("_given", "_is_theirs")

    def __init__(self, given: Awaitable[T]) -> None:
        name = getattr(given, "__qualname__", None)
        super().__init__(f"once({name if isinstance(name, str) else _type(given)})")
        self._given: Awaitable[T] | None = given
        self._is_theirs = asyncio.isfuture(given)

    def _next(self) -> Awaitable[T]:
        given, self._given = self._given, None
        if given is None:
            raise StopAsyncIteration
        return given

    async def aclose(self) -> Iterable[T]:
        if not self._is_theirs:
            close_coroutines((self._given,))
            return await super().aclose()
        if self._task is not None:
            self._task.remove_done_callback(self._wake)
        return ()

    def __repr__(self) -> str:
        return self._label


def each(iterable: AsyncIterable[T]) -> Source[T]:
    """A source of the items of an asynchronous iterable, which ends where that ends.

    The next item is asked for when the one before was delivered and another call needs it, each in
    a task of its own. (An `asyncio.StreamReader` needs no task, and nothing of it is taken before
    it is delivered.) The iterator is cancelled at the end, and never between calls.

    Args:
        iterable: an async generator, an `asyncio.StreamReader`, a websockets connection, ... An
            async generator is closed at the end, and so is an iterator that was made here; its
            `finally` has run then. An iterator that was handed in stays open.

    Returns:
        A source whose values are the items. What the iterable raises is a failure of it.

    Raises:
        TypeError: it is no asynchronous iterable.

    Example::

        async with multi_await(each(process.stdout), each(process.stderr)) as m:
            async for position, line in m:
                print("error:" if position else "output:", line)
    """
    if not isinstance(iterable, AsyncIterable):
        raise TypeError(
            f"each() needs an asynchronous iterable, not {short(iterable)}: "
            "an async generator is what its function returns when it is called"
        )
    return Each(iterable)


class Each(Source[T]):
    """Polls `__anext__`, and closes what it made."""

    __slots__ = ("_items", "_iterator", "_name", "_to_close")

    def __init__(self, iterable: AsyncIterable[T]) -> None:
        self._iterator = aiter(iterable)
        self._to_close = self._iterator is not iterable or inspect.isasyncgen(iterable)
        name = getattr(iterable, "__qualname__", None)
        self._name = f"each({name if isinstance(name, str) else _type(iterable)})"
        self._items = _polled(self._iterator.__anext__, self._name)

    def poll(self, wake: Wake) -> T | Pending:
        return self._items.poll(wake)

    def release(self) -> None:
        self._items.release()

    async def aclose(self) -> Iterable[T]:
        left = await self._items.aclose() or ()
        if self._to_close and (close := getattr(self._iterator, "aclose", None)) is not None:
            try:
                await close()
            except BaseException as failure:
                return _failing_after(left, failure)
        return left

    def __repr__(self) -> str:
        return self._name


def _failing_after(values: Iterable[T], failure: BaseException) -> Iterator[T]:
    yield from values
    raise failure


def close_coroutines(given: tuple[object, ...]) -> None:
    """Close the coroutines that were passed by mistake, lest "never awaited" warnings follow."""
    for mistake in given:
        if inspect.iscoroutine(mistake):
            mistake.close()


def _mistake(given: object) -> str:
    """What it is, and what to pass instead."""
    if inspect.iscoroutine(given):
        return (
            f"is a coroutine, {given.__qualname__}(): pass the function itself (queue.get, not "
            "queue.get()), which is called for each value; or once(...) for a single run"
        )
    if inspect.isawaitable(given):
        return f"is of type {_type(given)}: pass once(...) of it to wait for its one result"
    for kind, method in _METHODS.items():
        if isinstance(given, kind):
            return f"is of type {_type(given)}: pass its method {method}, without calling it"
    if isinstance(given, AsyncIterable):
        return f"is an asynchronous iterable, {_type(given)}: pass each(...) of it"
    if isinstance(given, int | float):
        return (
            f"is the number {given!r}: pass every({given!r}) or after({given!r}) to wait for a time"
        )
    return f"is {short(given)}: pass a function that returns an awaitable, such as queue.get"


def _type(given: object) -> str:
    return type(given).__qualname__
