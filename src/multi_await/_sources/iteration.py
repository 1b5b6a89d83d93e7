"""An asynchronous iteration as a source, which ends where the iteration ends."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, Iterable, Iterator
from typing import TypeVar

from multi_await._names import short, type_of
from multi_await._source import Pending, Source, Wake
from multi_await._sources.convert import polled

T = TypeVar("T")


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
        self._name = f"each({name if isinstance(name, str) else type_of(iterable)})"
        self._items = polled(self._iterator.__anext__, self._name)

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
