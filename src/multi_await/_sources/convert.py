"""Turns a caller's argument into a source, or says what was wrong with it.

This is the only place that knows how a function is best polled.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import datetime as dt
import inspect
import signal
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping, Sequence
from types import MethodType
from typing import Any, TypeVar

from multi_await._names import holds, name_of, safe_repr, short, type_of
from multi_await._source import Source, SourceLike
from multi_await._sources.function import FunctionSource, is_source
from multi_await._sources.inline import of_asyncio
from multi_await._sources.queues import of_get
from multi_await._tasks import close_coroutines

T = TypeVar("T")

_METHODS = {
    asyncio.Queue: "get",
    asyncio.Event: "wait",
    asyncio.Lock: "acquire",
    asyncio.Semaphore: "acquire",
    asyncio.Barrier: "wait",
}

_TAKEN = "_Source__taken"  # as Python mangles it


def as_source(given: SourceLike[T], key: object) -> Source[T]:
    """The source for a function, or the `Source` itself; messages name it by its key.

    Raises:
        TypeError: it is neither; the message says what to pass instead.
        RuntimeError: it is a `Source` that was already used.
    """
    if (source := source_object(given)) is not None:
        if not handed_over(source):
            raise RuntimeError(
                f"source {key} ({safe_repr(source)}) was already used: "
                "a Source belongs to one MultiAwait, so create a new one"
            )
        return source
    if not callable(given):
        raise TypeError(f"source {key} {mistaken(given)}")
    return polled(given, f"source {key} ({name_of(given)})")


def as_sources(given: Sequence[SourceLike[Any]]) -> list[Source[Any]]:
    """The sources for the arguments of a call, from position 0 on: all of them or none.

    Raises:
        TypeError, RuntimeError: as `as_source`. Every `Source` can then be used again.
    """
    sources = list[Source[Any]]()
    try:
        for position, source in enumerate(given):
            sources.append(as_source(source, position))
    except BaseException:
        for source in sources:
            give_back(source)
        close_coroutines(given)
        raise
    return sources


def source_object(given: SourceLike[T]) -> Source[T] | None:
    """The given object if it is a `Source`, not a function."""
    is_one = issubclass(type(given), Source) or holds(is_source, given)
    return given if is_one else None  # type: ignore[return-value]  # see above


def handed_over(source: Source[Any]) -> bool:
    """Mark a source as used, unless it already was. It may be frozen, so bypass its methods."""
    with contextlib.suppress(AttributeError):
        if object.__getattribute__(source, _TAKEN):
            return False
    object.__setattr__(source, _TAKEN, True)
    return True


def give_back(source: Source[Any]) -> None:
    """Mark a source as unused: the call that was to use it has refused it."""
    object.__setattr__(source, _TAKEN, False)


def polled(function: Callable[[], Awaitable[T]], label: str) -> Source[T]:
    """Inline for an asyncio method that loses nothing; else in tasks with the given name."""
    method: Any = function
    if type(method) is MethodType and method.__func__ is asyncio.Queue.get:
        return of_get(method)
    return of_asyncio(function) or FunctionSource(function, label)


def mistaken(given: object) -> str:
    """Says what the object is, and what to pass instead."""
    try:
        known = _known_mistake(given)
    except Exception:  # its type can't be determined
        known = None
    return known or (
        f"is {short(given)}: pass a function that returns an awaitable, such as queue.get"
    )


def _known_mistake(given: object) -> str | None:
    if inspect.iscoroutine(given):
        return (
            f"is a coroutine, {given.__qualname__}(): pass the function itself (queue.get, not "
            "queue.get()), which is called for each value; or once(...) for a single run"
        )
    if inspect.isawaitable(given):
        return f"is of type {type_of(given)}: wrap it in once(...) to wait for its one result"
    if isinstance(given, concurrent.futures.Future):
        return (
            "is a concurrent.futures.Future, which another thread completes: "
            "pass once(asyncio.wrap_future(...))"
        )
    for kind, method in _METHODS.items():
        if isinstance(given, kind):
            return f"is of type {type_of(given)}: pass its method {method}, without calling it"
    if isinstance(given, asyncio.Condition):
        return (
            f"is of type {type_of(given)}, whose wait() needs its lock: pass a function that "
            "awaits it within `async with condition:`"
        )
    if isinstance(given, signal.Signals):
        return f"is the signal {given.name}: pass signals(signal.{given.name}) to wait for it"
    if isinstance(given, dt.timedelta):
        return "is a timedelta: pass every(...) or after(...) with its total_seconds()"
    if isinstance(given, int | float) and not isinstance(given, bool):
        return (
            f"is the number {given!r}: pass every({given!r}) or after({given!r}) to wait for a time"
        )
    return _many(given)


def _many(given: object) -> str | None:
    """The same for an argument that contains or produces several things."""
    if isinstance(given, AsyncIterable):
        return f"is an asynchronous iterable, {type_of(given)}: wrap it in each(...)"
    if isinstance(given, Mapping):
        return f"is of type {type_of(given)}: unpack its values, multi_await(*sources.values())"
    if isinstance(given, Iterable) and not isinstance(given, str | bytes):
        return f"is of type {type_of(given)}: unpack it, multi_await(*sources)"
    return None
