"""An asynchronous iteration as a source, which ends when the iteration ends.

It knows asyncio and asynchronous iterators, but not what polls it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Iterable
from types import AsyncGeneratorType
from typing import TypeVar

from multi_await._names import attribute, qualname_of, short, type_of
from multi_await._source import ENDED, INTERRUPTS, PENDING, Pending, Source, Wake, failing_after
from multi_await._sources.function import started
from multi_await._sources.inline import of_asyncio
from multi_await._tasks import (
    refused,
    show_who_waits,
    turn_of_the_woken,
    until_done,
    waits_for_this_task,
)

T = TypeVar("T")


def each(iterable: AsyncIterable[T]) -> Source[T]:
    """A source of the items of an asynchronous iterable, which ends when the iterable ends.

    One task, and therefore one context, runs the whole iteration including its end, so an async
    generator can hold an `asyncio.timeout`, a `TaskGroup` or a context variable across a `yield`,
    as in a plain `async for`. The task fetches one item, and then pauses until that item has been
    delivered and another call needs the next. (An `asyncio.StreamReader` needs no task, and a line
    is read from it only when it is delivered.) The iteration is cancelled at the end, and never
    between calls.

    Args:
        iterable: an async generator, an `asyncio.StreamReader`, a websockets connection, ... At
            the end, an async generator is closed, and so is an iterator that was created here, so
            that its `finally` has run. An iterator that you pass in stays open.

    Returns:
        A source whose values are the items. If the iteration raises an exception, that is delivered
        as a failure of the source, which is then exhausted.

    Raises:
        TypeError: it is not an asynchronous iterable.

    Example::

        async with multi_await(each(process.stdout), each(process.stderr)) as m:
            async for position, line in m:
                print("error:" if position else "output:", line)
    """
    if not hasattr(type(iterable), "__aiter__"):  # as in `async for`, which looks only at the class
        raise refused(iterable, f"each() needs an asynchronous iterable, not {_instead(iterable)}")
    iterator = aiter(iterable)
    label = f"each({qualname_of(iterable) or type_of(iterable)})"
    lines = of_asyncio(attribute(iterator, "__anext__"))
    if lines is not None:
        return Lines(lines, label)
    is_ours = iterator is not iterable or type(iterable) is AsyncGeneratorType
    return Each(iterator, label, is_ours=is_ours)


def _instead(mistake: object) -> str:
    if issubclass(type(mistake), asyncio.Queue):
        return f"{short(mistake)}: pass its method get, without each()"
    return f"{short(mistake)}: if it is an async generator function, call it"


class Lines(Source[T]):
    """Polls an iteration that needs no task, until it ends or fails."""

    __slots__ = ("_has_failed", "_items", "_label")

    def __init__(self, items: Source[T], label: str) -> None:
        self._items = items
        self._label = label
        self._has_failed = False

    def poll(self, wake: Wake) -> T | Pending:
        if self._has_failed:
            raise StopAsyncIteration
        try:
            return self._items.poll(wake)
        except BaseException:
            self._has_failed = True
            raise

    def release(self) -> None:
        self._items.release()

    async def aclose(self) -> Iterable[T] | None:
        return await self._items.aclose()

    def __repr__(self) -> str:
        return self._label


class Each(Source[T]):
    """Runs the iteration in one task, which pauses at each item until the next is wanted."""

    __slots__ = (
        "_failure",  # what the iteration raised, until it is delivered
        "_has_ended",
        "_is_asking",  # is the task inside the iterator, where only a cancellation reaches it?
        "_is_closing",
        "_items",  # produced but not delivered; a second one only after a cancellation of its own
        "_iterator",
        "_label",
        "_task",
        "_to_close",
        "_turn",  # the task waits for this until another item is wanted
        "_wake",
    )

    def __init__(self, iterator: AsyncIterator[T], label: str, *, is_ours: bool) -> None:
        self._iterator = iterator
        self._to_close = is_ours
        self._label = label
        self._items = deque[T]()
        self._failure: BaseException | None = None
        self._task: asyncio.Task[None] | None = None
        self._turn: asyncio.Future[None] | None = None
        self._wake: Wake | None = None
        self._has_ended = self._is_asking = self._is_closing = False

    def poll(self, wake: Wake) -> T | Pending:
        if self._task is None:
            self._begin()
        elif not self._items and self._turn is not None and not self._turn.done():
            self._turn.set_result(None)
        self._wake = wake
        if self._items:
            return self._items.popleft()
        if self._failure is not None:
            failure, self._failure = self._failure, None
            try:
                raise failure
            finally:
                del failure  # its traceback keeps this frame: no cycle
        if self._has_ended:
            raise StopAsyncIteration
        return PENDING

    def _begin(self) -> None:
        self._task = started(self._run(), self._label)
        show_who_waits(self._task)

    async def _run(self) -> None:
        try:
            await self._iterate()
        except ENDED:
            pass
        except INTERRUPTS:
            raise  # these leave the event loop, as with any task
        except GeneratorExit as failure:
            self._failure = failure  # or the task is being destroyed, and must not wait for a close
            return
        except BaseException as failure:
            if not (self._is_closing and issubclass(type(failure), asyncio.CancelledError)):
                self._failure = failure
        finally:
            self._has_ended = True
            self._tell()
        await self._close()

    async def _iterate(self) -> None:
        step: Awaitable[T] = anext(self._iterator)
        while True:
            self._is_asking = True
            try:
                item = await step
            finally:
                self._is_asking = False
            self._items.append(item)
            del item
            if self._is_closing or (next_step := await self._handed_over()) is None:
                return
            step = next_step

    async def _handed_over(self) -> Awaitable[T] | None:
        """Wait until another item is wanted: the step that fetches it, or `None` at the end."""
        self._turn = asyncio.get_running_loop().create_future()
        self._tell()
        try:
            await self._turn
        except asyncio.CancelledError as cancelled:  # by a scope in the iterator, around the yield
            athrow = attribute(self._iterator, "athrow")
            if self._is_closing or athrow is None:
                raise
            thrown: Awaitable[T] = athrow(cancelled)
            return thrown
        return None if self._is_closing else anext(self._iterator)

    def _tell(self) -> None:
        if self._wake is not None:  # pragma: no branch -- a task that starts eagerly is in poll()
            self._wake()

    async def _close(self) -> None:
        to_close, self._to_close = self._to_close, False
        if attribute(self._iterator, "ag_running") is True:
            return  # by another each() of the same generator, which closes it
        if to_close and (close := attribute(self._iterator, "aclose")) is not None:
            try:
                await close()
            except BaseExceptionGroup as group:
                if group.split(GeneratorExit)[1] is not None:
                    raise
                # A task group around the yield has wrapped what closed the generator.

    async def aclose(self) -> Iterable[T]:
        self._is_closing = True
        task, self._task = self._task, None
        try:
            if task is not None and not await self._end(task):
                return ()
            await self._close()  # if it never began
        except BaseException as raised:
            return failing_after(self._items, raised, self._failure)
        finally:
            del task  # a failure's traceback keeps this frame: no cycle
        failure, self._failure = self._failure, None  # its traceback refers to us: no cycle
        return self._items if failure is None else failing_after(self._items, failure)

    async def _end(self, task: asyncio.Task[None]) -> bool:
        """Let the task close the iterator, and wait for it, unless it waits for us: `False`."""
        if self._turn is not None and not self._turn.done():
            self._turn.set_result(None)
        await turn_of_the_woken()
        try:
            if waits_for_this_task(task):
                return False  # it ends after us
            if self._is_asking:
                task.cancel()
            await until_done([task])
            task.result()
        except (asyncio.CancelledError, *INTERRUPTS):
            pass  # an interrupt has already left the event loop, as with any task
        finally:
            del task  # a failure's traceback keeps this frame: no cycle
        return True

    def __repr__(self) -> str:
        return self._label
