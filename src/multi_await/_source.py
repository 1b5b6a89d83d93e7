"""What a source is, and the general kind of it: a function.

A `Source` is anything that can be polled. This module knows asyncio, and nothing of the
ready queue that polls.
"""

from __future__ import annotations

import asyncio
import enum
import functools
import inspect
import sys
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextvars import ContextVar
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Pending(enum.Enum):
    """The type of `PENDING`, for annotations: `def poll(self, wake: Wake) -> str | Pending`."""

    PENDING = "pending"

    def __repr__(self) -> str:
        return "PENDING"


PENDING: Final = Pending.PENDING
"""What `Source.poll` returns when the source has no outcome now.

It is not `None`, because `None` is a value that a source may produce.
"""


class Wake(Protocol):
    """What `Source.poll` is handed: call it once the source may have an outcome.

    It ignores its arguments, so that it goes straight into `Future.add_done_callback` or
    `loop.call_later`. Call it in the event loop's thread; from another thread use
    `loop.call_soon_threadsafe(wake)`. A call too many does no harm, but costs a poll: what calls
    it over and over, as `loop.add_reader` does while there is something to read, is to be stopped
    by `Source.release`.
    """

    def __call__(self, *ignored: object) -> None: ...


class Source(ABC, Generic[T_co]):
    """A source of your own: subclass this where a function that returns an awaitable won't do.

    Only `poll` must be written. A source belongs to the one `MultiAwait` that it was handed to.
    The three methods are called in the event loop's thread, never two at once.

    Example, with clicks that an API pushes at us by a callback::

        class Clicks(Source[Click]):
            def __init__(self, button: Button) -> None:
                self.clicks: deque[Click] = deque()
                self.wake: Wake | None = None
                button.on_click(self.clicked)

            def clicked(self, click: Click) -> None:
                self.clicks.append(click)
                if self.wake is not None:
                    self.wake()

            def poll(self, wake: Wake) -> Click | Pending:
                self.wake = wake
                return self.clicks.popleft() if self.clicks else PENDING

            async def aclose(self) -> Iterable[Click]:
                return self.clicks

    The split into asking now and being woken later is that of Rust's `Future::poll`.
    """

    __slots__ = ("__weakref__", "_taken")
    _taken: bool  # set when it is handed over; no default, as a subclass need not call us

    @abstractmethod
    def poll(self, wake: Wake) -> T_co | Pending:
        """Give an outcome now, or arrange to be woken. Never waits.

        Take an item only here: what is returned is delivered. May come again before the wake.

        Args:
            wake: to be called, any time later, when the source may have an outcome. Only the
                one of the newest poll matters.

        Returns:
            The value; or `PENDING`, after which `wake` must be called in time.

        Raises:
            StopAsyncIteration: the source has ended; it is never polled again.
            asyncio.QueueShutDown: (Python 3.13) means the same.
            BaseException: any other is a failure of this source, and is delivered as such.
        """

    def release(self) -> None:
        """Let go of what a wake gave this source and another task could use.

        Called after a wake, when no call is there to poll: a source that holds its place as
        the one that was woken (a queue's getter, a lock's waiter) passes it on to the next in
        line, and one that would be woken again and again (`loop.add_reader`) stops that. It will
        be polled afresh. Must not suspend; does nothing unless overridden.
        """

    async def aclose(self) -> Iterable[T_co] | None:
        """End the source: called once, when the `MultiAwait` ends or the source is removed.

        It runs in a task of its own, which is not cancelled when the caller is. It must not end
        its own `MultiAwait`, nor wait for whoever does, because the end waits for it.

        Returns:
            The values that it produced and nobody received, for `MultiAwait.undelivered`; or
            `None`. If iterating over them fails, those before are kept.

        Raises:
            BaseException: is reported to the event loop's exception handler, and stops nothing. A
                `CancelledError` is not reported; `KeyboardInterrupt` and `SystemExit` are raised
                to the caller, when all sources have ended.
        """
        return None


# What a source raises that has ended.
if sys.version_info >= (3, 13):  # pragma: no cover -- which of the two depends on the Python
    ENDED = (StopAsyncIteration, asyncio.QueueShutDown)
else:  # pragma: no cover -- as above
    ENDED = (StopAsyncIteration,)


SourceLike: TypeAlias = Callable[[], Awaitable[T]] | Source[T]
"""What may be waited on: a function without arguments that returns an awaitable, or a `Source`."""


# The task that ends a source, for the source's `aclose`, which runs in another one.
ended_by: ContextVar[asyncio.Task[Any] | None] = ContextVar("ended_by", default=None)


class TaskSource(Source[T]):
    """Waits for one awaitable after another, each in a task if it is no future itself.

    The general case, and safe for any awaitable. It runs ahead by one outcome, which waits in
    the task until it is delivered.
    """

    __slots__ = ("_label", "_task", "_wake")
    _next: Callable[[], Awaitable[T]]  # gives the next to wait for

    def __init__(self, label: str) -> None:
        self._label = label
        self._task: asyncio.Future[T] | None = None

    def poll(self, wake: Wake) -> T | Pending:
        task = self._task
        if task is None:
            awaitable = self._next()
            task = as_future(awaitable, self._label)
            if not task.done():
                self._task = task
                self._wake = wake
                task.add_done_callback(wake)
                if task is not awaitable:  # what was handed in may live long, and would hold us
                    show_who_waits(task)
                return PENDING
        elif task.done():
            self._task = None
        else:
            return PENDING
        try:
            return task.result()
        finally:
            del task  # a failure's traceback keeps this frame: without the task, no cycle

    async def aclose(self) -> Iterable[T]:
        task, self._task = self._task, None
        if task is None or task is ended_by.get():
            return ()  # not to wait for the one that waits for us: it ends when we have
        # One that was woken has its turn first: not every library's primitive keeps the item that
        # it has handed to a task which is cancelled then.
        turn = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(turn.set_result, None)
        await until_done([turn])
        task.cancel()
        await until_done([task])  # only a loop that shuts down cancels this: still hand over
        try:
            return () if task.cancelled() else (task.result(),)
        except ENDED:
            return ()
        except (KeyboardInterrupt, SystemExit):
            return ()  # it has left the event loop already, as any task's does
        finally:
            del task


class FunctionSource(TaskSource[T]):
    """Calls a function for each awaitable: again after each delivery."""

    __slots__ = ("_next",)  # the function itself, which saves a call

    def __init__(self, function: Callable[[], Awaitable[T]], label: str) -> None:
        super().__init__(label)
        self._next = function

    def __repr__(self) -> str:
        return name_of(self._next)


def as_future(awaitable: Awaitable[T], label: str) -> asyncio.Future[T]:
    """The future of any awaitable; a coroutine gets a task of that name."""
    if asyncio.iscoroutine(awaitable):
        return start(awaitable, label)
    if asyncio.isfuture(awaitable):
        if awaitable.get_loop() is not asyncio.get_running_loop():
            raise RuntimeError(
                f"{label} returned a future of another event loop: to wait for it here, make it "
                "by asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, its_loop))"
            )
        return awaitable
    if inspect.isawaitable(awaitable):
        return start(await_it(awaitable), label)
    raise TypeError(
        f"{label} returned {short(awaitable)}, which can't be awaited: a source is a function that "
        "returns a coroutine, a Task or a Future; for an async generator, pass each(...) of it"
    )


async def await_it(awaitable: Awaitable[T]) -> T:
    return await awaitable


if sys.version_info >= (3, 12):  # pragma: no cover -- which of the two depends on the Python

    def start(coroutine: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Run a coroutine in a task: by the loop's factory if it has one, else eagerly.

        That costs no pass through the loop when the coroutine needs none.
        """
        loop = asyncio.get_running_loop()
        if loop.get_task_factory() is None:
            return asyncio.Task(coroutine, loop=loop, name=name, eager_start=True)
        return loop.create_task(coroutine, name=name)
else:  # pragma: no cover -- as above

    def start(coroutine: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Run a coroutine in a task, by the loop's factory if it has one."""
        return asyncio.get_running_loop().create_task(coroutine, name=name)


if sys.version_info >= (3, 14):  # pragma: no cover -- which of the two depends on the Python

    def show_who_waits(future: asyncio.Future[Any]) -> None:
        """Let call graphs show that the task which polls waits for this future."""
        asyncio.future_add_to_awaited_by(future, asyncio.current_task())
else:  # pragma: no cover -- as above

    def show_who_waits(future: asyncio.Future[Any]) -> None:
        """Call graphs came with 3.14."""


async def until_done(futures: Iterable[asyncio.Future[Any]]) -> asyncio.CancelledError | None:
    """Wait until all are done, even if cancelled meanwhile.

    Returns the last cancellation that came, which the caller owes to whoever cancelled it.
    """
    cancelled = None
    while pending := [future for future in futures if not future.done()]:
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError as exc:
            cancelled = exc
    return cancelled


def short(value: object) -> str:
    """A value for a message: its repr, cut to a length that a line holds."""
    text = safe_repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def safe_repr(value: object) -> str:
    """A message must not fail because of what it is about."""
    try:
        return repr(value)
    except Exception:
        return object.__repr__(value)


def name_of(function: Callable[..., object]) -> str:
    """What a function is called in messages, in repr() and in the names of tasks."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__qualname__", None)
    return name if isinstance(name, str) else short(function)
