"""What a source is: the common basis of the engine and of all kinds of source.

A `Source` is anything that can be polled. This module knows neither who polls it nor which kinds
there are.
"""

from __future__ import annotations

import asyncio
import enum
import sys
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Pending(enum.Enum):
    """The type of `PENDING`, for annotations: `def poll(self, wake: Wake) -> str | Pending`."""

    PENDING = "pending"

    def __repr__(self) -> str:
        return "PENDING"


PENDING: Final = Pending.PENDING
"""What `Source.poll` returns when the source has no outcome now.

It is not `None`, because `None` is a value that a source may produce. It is not itself a value:
never put it into a queue.
"""


class Wake(Protocol):
    """The argument of `Source.poll`: call it when the source may have an outcome.

    It ignores its arguments, so it can be passed directly to `Future.add_done_callback` or
    `loop.call_later`. Call it in the event loop's thread; from another thread, use
    `loop.call_soon_threadsafe(wake)`. An extra call does no harm, but costs a poll. If something
    calls it over and over, as `loop.add_reader` does while there is data to read, `Source.release`
    must stop that.
    """

    def __call__(self, *ignored: object) -> None: ...


class Source(ABC, Generic[T_co]):
    """Base class for your own sources, where a function that returns an awaitable is not enough.

    Only `poll` is required. A source belongs to the one `MultiAwait` that it was passed to. Its
    methods are called in the event loop's thread, one at a time.

    Example, with clicks that an API delivers through a callback::

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

    Polling now and being woken later follows Rust's `Future::poll`.
    """

    # `__taken` is set when passed to a set; no default, because our __init__ may not be called. The
    # name is mangled, because a subclass may have a `_taken` of its own.
    __slots__ = ("__taken", "__weakref__")
    __taken: bool

    def start(self) -> None:
        """Start anything that must not wait for the first poll: a clock, a subscription, a handler.

        Called once, in the event loop, before the first poll: when the `async with` block is
        entered, immediately when `MultiAwait.add` adds the source to a set that has started, or
        else at the first call. A paused source is started too. Must not suspend. Does nothing
        unless overridden.

        Raises:
            BaseException: is delivered as a failure of this source, which is then exhausted.
        """

    @abstractmethod
    def poll(self, wake: Wake) -> T_co | Pending:
        """Return an outcome now, or arrange to be woken. Never waits.

        Take an item only here: what is returned is delivered. May be called again before the wake.

        Args:
            wake: call it later, when the source may have an outcome. Only the `wake` of the latest
                poll counts.

        Returns:
            The value; or `PENDING`, after which `wake` must be called eventually.

        Raises:
            StopAsyncIteration: the source has ended; it is never polled again.
            asyncio.QueueShutDown: (Python 3.13) means the same.
            BaseException: anything else is delivered as a failure of this source.
        """

    def _poll_unwoken(self, wake: Wake) -> T_co | Pending:
        """Poll on behalf of a call that can't rely on wakes, which may come a moment too late.

        These are the calls that do not wait, and all calls of a biased set. A source that combines
        many sources polls all of them then; for other sources there is no difference.
        """
        return self.poll(wake)

    def release(self) -> None:
        """Release what a wake reserved for this source, so that another task can use it.

        Called after a wake, when no call is running that could poll. A source that holds a claim
        as the one that was woken (a queue's getter, a lock's waiter) passes it to the next in line;
        one that would be woken again and again (`loop.add_reader`) stops that. The next call polls
        it anew. Must not suspend. Does nothing unless overridden.
        """

    async def aclose(self) -> Iterable[T_co] | None:
        """End the source: called once, when the `MultiAwait` ends or the source is removed.

        It runs in a separate task, which is not cancelled when the caller is. It must neither end
        its own `MultiAwait` nor wait for a task that does, because the end waits for it.

        Returns:
            The values that were produced but not delivered, for `MultiAwait.undelivered`;
            or `None`. If iterating over them fails, the values before the failure are kept.

        Raises:
            BaseException: is reported to the event loop's exception handler; the other sources
                still end. A `CancelledError` is not reported; `KeyboardInterrupt` and `SystemExit`
                are raised in the caller once all sources have ended.
        """
        return None


def failing_after(
    values: Iterable[T], failure: BaseException, cause: BaseException | None = None
) -> Iterator[T]:
    """The result of an `aclose` that has values left, and also a failure to report."""
    yield from values
    try:
        if cause is not None:
            raise failure from cause
        raise failure
    finally:
        del failure, cause  # their tracebacks keep this frame: no cycle


# The exceptions that a source raises when it has ended.
if sys.version_info >= (3, 13):  # pragma: no cover -- which of the two depends on the Python
    ENDED = (StopAsyncIteration, asyncio.QueueShutDown)
else:  # pragma: no cover -- as above
    ENDED = (StopAsyncIteration,)

# The exceptions that end the program, and do not concern the sources.
INTERRUPTS = (KeyboardInterrupt, SystemExit)


def unheard() -> None:
    """The default `when_over` of a source whose owner need not know when it is over."""


SourceLike: TypeAlias = Callable[[], Awaitable[T]] | Source[T]
"""What can be waited on: a function without arguments that returns an awaitable, or a `Source`."""
