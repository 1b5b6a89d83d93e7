"""What a source is: the ground on which both the engine and the kinds of source stand.

A `Source` is anything that can be polled. This module knows neither who polls nor what kinds there
are.
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

It is not `None`, because `None` is a value that a source may produce. It is no value itself: put it
into no queue.
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
    The methods are called in the event loop's thread, never two at once.

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

    def start(self) -> None:
        """Begin what must not wait for the first poll: a clock, a subscription, a handler.

        Called once, in the event loop, before the first poll: when the `async with` block is
        entered, at once when `MultiAwait.add` hands the source to a set that has started, or else
        at the first call. A source that is paused is started too. Must not suspend; does nothing
        unless overridden.

        Raises:
            BaseException: is delivered as a failure of this source, which is exhausted then.
        """

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

    def _look(self, wake: Wake) -> T_co | Pending:
        """Poll for a call that can't rely on wakes, because what is there has not woken us yet.

        So does a call that does not wait, and any call of a biased set. A source of many sources
        polls all of them then; to the others it makes no difference.
        """
        return self.poll(wake)

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


def failing_after(
    values: Iterable[T], failure: BaseException, cause: BaseException | None = None
) -> Iterator[T]:
    """What `aclose` returns for values that are left, if there is a failure to be told as well."""
    yield from values
    if cause is not None:
        raise failure from cause
    raise failure


# What a source raises that has ended.
if sys.version_info >= (3, 13):  # pragma: no cover -- which of the two depends on the Python
    ENDED = (StopAsyncIteration, asyncio.QueueShutDown)
else:  # pragma: no cover -- as above
    ENDED = (StopAsyncIteration,)


SourceLike: TypeAlias = Callable[[], Awaitable[T]] | Source[T]
"""What may be waited on: a function without arguments that returns an awaitable, or a `Source`."""
