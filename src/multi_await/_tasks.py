"""Helpers for asyncio's tasks, shared by the engine and the sources.

This module knows nothing about either.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterable
from contextvars import ContextVar
from types import CoroutineType
from typing import Any, TypeVar
from weakref import WeakSet

from multi_await._source import INTERRUPTS

T = TypeVar("T")


class Waiting:
    """A task that waits for some sources to end, and the sources' tasks that these ends wait for.

    No task may be both, also at one remove, because it would wait for itself.
    """

    # By `id`, because not every future is hashable, and as a reference would be part of a cycle.
    __slots__ = ("__weakref__", "_awaited", "_joined", "_joined_by", "_task")

    def __init__(self, task: asyncio.Task[Any] | None) -> None:
        self._task = id(task)
        self._awaited = set[int]()
        self._joined = WeakSet[Waiting]()
        self._joined_by = WeakSet[Waiting]()

    def join(self, other: Waiting) -> None:
        """Wait for another's ends too."""
        if other is not self:
            self._joined.add(other)
            other._joined_by.add(self)

    def includes(self, other: Waiting) -> bool:
        """Whether these ends wait for a task of another's, which then must not wait for them."""
        return self._await_one_of(other._tasks())

    def _await_one_of(self, tasks: set[int]) -> bool:
        if not self._awaited.isdisjoint(tasks):
            return True
        return any(joined._await_one_of(tasks) for joined in self._joined)

    def _tasks(self) -> set[int]:
        """The tasks that wait."""
        return {self._task}.union(*(joining._tasks() for joining in self._joined_by))

    async def end(self, task: asyncio.Future[Any], is_cancelled: Callable[[], bool]) -> bool:
        """Cancel a source's task and wait for it; `False` if it waits for us: it ends after us."""
        if id(task) in self._tasks():
            return False
        self._awaited.add(id(task))
        try:
            await turn_of_the_woken()
            if is_cancelled():
                task.cancel()
            await until_done([task])  # only a loop's shutdown cancels this
            return True
        finally:
            self._awaited.discard(id(task))


# Set by the end of a source, for the source's `aclose`, which runs in another task.
ended_by: ContextVar[Waiting | None] = ContextVar("ended_by", default=None)


def ending_by() -> Waiting:
    """On whose behalf an `aclose` runs; outside of an end, only of its own task."""
    return ended_by.get() or Waiting(asyncio.current_task())


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


async def until_done(futures: Iterable[asyncio.Future[Any]]) -> asyncio.CancelledError | None:
    """Wait until all are done, even if cancelled meanwhile.

    Returns the last cancellation that arrived, which the caller must re-raise later.
    """
    cancelled = None
    while pending := [future for future in futures if not future.done()]:
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError as exc:
            cancelled = exc
    try:
        return cancelled
    finally:
        del cancelled  # its traceback keeps this frame: no cycle
