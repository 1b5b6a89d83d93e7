"""Helpers for asyncio's tasks, shared by the engine and the sources.

This module knows nothing about either.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Iterable
from contextvars import ContextVar
from types import CoroutineType
from typing import Any, TypeVar

from multi_await._source import INTERRUPTS

T = TypeVar("T")

# The `id` of the task that started the running one.
_started_by: ContextVar[int | None] = ContextVar("_started_by", default=None)


def start(coroutine: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """Run a coroutine in a task: with the loop's task factory if any, else eagerly from 3.12 on.

    Then a coroutine that does not wait costs no pass through the loop.
    """
    before = _started_by.set(id(asyncio.current_task()))
    try:
        return _start(coroutine, name)
    finally:
        _started_by.reset(before)


def is_a_sources_task() -> bool:
    """Whether the running task was started here, rather than being the one that polls."""
    by = _started_by.get()
    return by is not None and by != id(asyncio.current_task())


if sys.version_info >= (3, 12):  # pragma: no cover -- which of the two depends on the Python

    def _start(coroutine: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        loop = asyncio.get_running_loop()
        if loop.get_task_factory() is None:
            return _started_eagerly(coroutine, loop, name)
        return loop.create_task(coroutine, name=name)

    def _started_eagerly(
        coroutine: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop, name: str
    ) -> asyncio.Task[T]:
        # In two steps, to keep the task even if its first step raises an interrupt, which leaves
        # __init__: otherwise the task would log that it was never retrieved.
        task: asyncio.Task[T] = asyncio.Task.__new__(asyncio.Task)
        try:
            task.__init__(coroutine, loop=loop, name=name, eager_start=True)  # type: ignore[misc]  # see above
            return task
        except INTERRUPTS:
            task.exception()
            raise
        finally:
            del task  # the traceback of its failure may keep this frame: no cycle
else:  # pragma: no cover -- as above

    def _start(coroutine: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        return asyncio.get_running_loop().create_task(coroutine, name=name)


if sys.version_info >= (3, 14):  # pragma: no cover -- which of the two depends on the Python

    def show_who_waits(future: asyncio.Future[Any]) -> None:
        """Let call graphs show that the polling task waits for this future."""
        asyncio.future_add_to_awaited_by(future, asyncio.current_task())
else:  # pragma: no cover -- as above

    def show_who_waits(future: asyncio.Future[Any]) -> None:
        """Call graphs came with 3.14."""


def close_coroutines(given: Iterable[object]) -> None:
    """Close coroutines that were passed by mistake, so that no "never awaited" warning follows."""
    for mistake in given:
        if type(mistake) is CoroutineType:
            mistake.close()


def refused(given: object, why: str) -> TypeError:
    """What to raise for an argument, which is closed if it is a coroutine."""
    close_coroutines((given,))
    return TypeError(why)


async def turn_of_the_woken() -> None:
    """Let a woken task continue before it is cancelled; waits even if cancelled itself.

    Some libraries' primitives lose an item that they gave to a task if that task is then
    cancelled.
    """
    loop = asyncio.get_running_loop()
    turn = loop.create_future()
    loop.call_soon(turn.set_result, None)
    await until_done([turn])


# What each task waits for in `until_done`. By `id`: not every future is hashable, and a reference
# would keep alive what a loop that is gone has left.
_awaited: dict[int, set[int]] = {}


async def until_done(futures: Iterable[asyncio.Future[Any]]) -> asyncio.CancelledError | None:
    """Wait until all are done, even if cancelled meanwhile.

    Returns the last cancellation that arrived, which the caller must re-raise later.
    """
    cancelled, waiting = None, id(asyncio.current_task())
    while pending := [future for future in futures if not future.done()]:
        _awaited[waiting] = {id(future) for future in pending}
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError as exc:
            cancelled = exc
        finally:
            _awaited.pop(waiting, None)
    try:
        return cancelled
    finally:
        del cancelled  # its traceback keeps this frame: no cycle


def waits_for_this_task(future: asyncio.Future[Any]) -> bool:
    """Whether it is a task in `until_done` that can't go on before the running task has ended.

    The running task must not wait for it, or both would wait forever.
    """
    known, found = set[int](), [id(future)]
    while found:
        if (waiting := found.pop()) not in known:
            known.add(waiting)
            found += _awaited.get(waiting, ())
    return id(asyncio.current_task()) in known
