"""The general kind of source: a function, each of whose awaitables runs in its own task.

Safe for any awaitable; it knows asyncio, but not what polls it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from types import CoroutineType
from typing import Any, TypeVar

from multi_await._names import holds, name_of, short
from multi_await._source import ENDED, INTERRUPTS, PENDING, Pending, Source, Wake
from multi_await._tasks import (
    show_who_waits,
    start,
    turn_of_the_woken,
    until_done,
    waits_for_this_task,
)

T = TypeVar("T")


class TaskSource(Source[T]):
    """Waits for one awaitable after another, each in a task unless it is a future.

    The general case, safe for any awaitable. It runs ahead by one outcome, which waits in the task
    until it is delivered.
    """

    __slots__ = ("_label", "_task", "_wake")
    _next: Callable[[], Awaitable[T]]  # returns the next one to wait for

    def __init__(self, label: str) -> None:
        self._label = label
        self._task: asyncio.Future[T] | None = None

    def poll(self, wake: Wake) -> T | Pending:
        task = self._task
        if task is None:
            awaitable = self._next()
            task = as_future(awaitable, self._label)
            if not task.done():
                task.add_done_callback(wake)  # first: a caller's future may refuse it
                self._task = task
                self._wake = wake
                if task is not awaitable:  # a caller's future may live long, and keep us alive
                    show_who_waits(task)
                return PENDING
        elif task.done():
            self._task = None
        else:
            return PENDING
        try:
            return task.result()
        finally:
            del task  # a failure's traceback keeps this frame: no cycle

    async def aclose(self) -> Iterable[T]:
        task, self._task = self._task, None
        if task is None:
            return ()
        await turn_of_the_woken()
        if waits_for_this_task(task):
            return ()  # it ends after us
        task.cancel()
        await until_done([task])  # only a loop's shutdown cancels this: still return the value
        try:
            return () if task.cancelled() else (task.result(),)
        except ENDED:
            return ()
        except INTERRUPTS:
            return ()  # it has already left the event loop, as with any task
        finally:
            del task


class FunctionSource(TaskSource[T]):
    """Calls a function for each awaitable, and again after each delivery."""

    __slots__ = ("_next",)  # the function itself, which saves a call

    def __init__(self, function: Callable[[], Awaitable[T]], label: str) -> None:
        super().__init__(label)
        self._next = function

    def __repr__(self) -> str:
        return name_of(self._next)


def as_future(awaitable: Awaitable[T], label: str) -> asyncio.Future[T]:
    """The future for any awaitable; a coroutine gets a task with the given name."""
    if type(awaitable) is CoroutineType or holds(asyncio.iscoroutine, awaitable):
        coroutine: Any = awaitable
        return started(coroutine, label)
    if holds(asyncio.isfuture, awaitable):
        theirs: Any = awaitable
        future: asyncio.Future[T] = theirs
        if future.get_loop() is not asyncio.get_running_loop():
            raise RuntimeError(
                f"{label} returned a future of another event loop: to wait for it here, create it "
                "with asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, its_loop))"
            )
        return future
    if can_be_awaited(awaitable):
        return started(await_it(awaitable), label)
    raise TypeError(f"{label} returned {short(awaitable)}, {_instead(awaitable)}")


def _instead(mistake: object) -> str:
    if holds(_is_concurrent, mistake):
        return (
            "which another thread completes: return asyncio.wrap_future(...) of it, or use "
            "loop.run_in_executor"
        )
    if holds(is_source, mistake):
        return "which is a source itself: pass it, and not what returns it"
    return (
        "which can't be awaited: a source is a function that returns a coroutine, a Task or a "
        "Future; for an async generator, pass each(...)"
    )


def _is_concurrent(mistake: object) -> bool:
    return isinstance(mistake, concurrent.futures.Future)


def is_source(value: object) -> bool:
    """By its `__class__`, because a proxy of a source has that of the source."""
    return isinstance(value, Source)


def started(coroutine: Coroutine[Any, Any, T], label: str) -> asyncio.Task[T]:
    """The coroutine in a task; closed if the loop's task factory raises."""
    try:
        return start(coroutine, label)
    except BaseException:
        coroutine.close()
        raise


def can_be_awaited(value: object) -> bool:
    """Whether `await` accepts it; `await` looks only at the class."""
    return hasattr(type(value), "__await__") or holds(inspect.isawaitable, value)


async def await_it(awaitable: Awaitable[T]) -> T:
    return await awaitable
