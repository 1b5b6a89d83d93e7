"""Turns what a caller has into a source, or says what was wrong with it.

This is the one place that knows how a function is best polled.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import TypeVar

from multi_await._names import name_of, safe_repr, short, type_of
from multi_await._source import Source, SourceLike
from multi_await._sources.function import FunctionSource
from multi_await._sources.inline import InlineSource, is_cancel_safe
from multi_await._sources.queues import QueueSource

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
    return polled(given, f"source {position} ({name_of(given)})")


def polled(function: Callable[[], Awaitable[T]], label: str) -> Source[T]:
    """Inline, if it is one of asyncio's own that loses nothing; else in tasks of that name."""
    if getattr(function, "__func__", None) is asyncio.Queue.get:
        return QueueSource(function.__self__)  # type: ignore[attr-defined]  # it is bound
    if is_cancel_safe(function):
        return InlineSource(function, name_of(function))  # type: ignore[arg-type]  # asyncio's coroutines
    return FunctionSource(function, label)


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
        return f"is of type {type_of(given)}: pass once(...) of it to wait for its one result"
    for kind, method in _METHODS.items():
        if isinstance(given, kind):
            return f"is of type {type_of(given)}: pass its method {method}, without calling it"
    if isinstance(given, AsyncIterable):
        return f"is an asynchronous iterable, {type_of(given)}: pass each(...) of it"
    if isinstance(given, int | float):
        return (
            f"is the number {given!r}: pass every({given!r}) or after({given!r}) to wait for a time"
        )
    return f"is {short(given)}: pass a function that returns an awaitable, such as queue.get"
