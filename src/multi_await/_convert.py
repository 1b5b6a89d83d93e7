"""Turns what a caller passed into a source, or says what was wrong with it.

The one place that knows all the kinds of source; the ready queue knows none.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable
from typing import TypeVar

from multi_await._inline import InlineSource, is_cancel_safe
from multi_await._source import FunctionSource, Source, SourceLike, name_of, short

T = TypeVar("T")

_METHODS = {
    asyncio.Queue: "get",
    asyncio.Event: "wait",
    asyncio.Lock: "acquire",
    asyncio.Semaphore: "acquire",
    asyncio.StreamReader: "readline",
}


def as_source(given: SourceLike[T], position: int) -> Source[T]:
    """The source for a function, or the `Source` itself.

    Raises:
        TypeError: it is neither; the message says what to pass instead.
    """
    if isinstance(given, Source):
        return given
    if not callable(given):
        raise TypeError(f"source {position} {_mistake(given)}")
    if is_cancel_safe(given):
        return InlineSource(given, name_of(given))  # type: ignore[arg-type]  # asyncio's coroutine methods
    return FunctionSource(given, position)


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
