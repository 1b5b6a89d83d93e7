"""Timers: sources that are ready when they are due.

They are based on the event loop's `call_at`, and need no task.
"""

from __future__ import annotations

import asyncio
import math
import sys
from abc import abstractmethod
from collections.abc import Callable

from multi_await._names import short
from multi_await._source import PENDING, Pending, Source, Wake, unheard
from multi_await._tasks import refused


class Timer(Source[int]):
    """What `every` and `after` return: a source that can be reset and stopped while it is in use.

    A timer belongs to one event loop, from its start until it has ended. `reset` and `stop` take
    effect at once, whether or not a call is waiting on the timer.

    Example::

        idle = after(60)
        async with multi_await(words.get, idle) as m:
            async for event in m:
                match event:
                    case (0, word):
                        idle.reset()
                        print(word)
                    case (1, _):
                        break  # no word for a minute

    Named after Go's `time.Timer`, as are `reset` and `stop`.
    """

    __slots__ = ()

    @abstractmethod
    def reset(self, seconds: float | None = None) -> None:
        """Start counting again from now, even if the timer was stopped.

        A tick that is due but was not delivered is dropped. The period does not change: after the
        next tick, the ticks of `every` come one period apart. Before the timer has started, this
        sets the time from the start to the first tick.

        Args:
            seconds: time until the next tick; zero or less means at once. Defaults to the value
                given to `every` or `after`.

        Raises:
            RuntimeError: the timer has ended: the event of an `after` was delivered, or the
                `MultiAwait` has ended or removed the timer. Also if called outside the timer's
                event loop: another thread must use `loop.call_soon_threadsafe(timer.reset)`.
            ValueError: `seconds` is infinite or NaN.
            TypeError: `seconds` is not a number.
        """

    @abstractmethod
    def stop(self) -> None:
        """Stop ticking until `reset`; a tick that is due but was not delivered is dropped.

        A stopped timer has not ended, so `async for` keeps waiting for it. Stopping a timer again,
        or after it has ended, does nothing.

        Raises:
            RuntimeError: called outside the timer's event loop: another thread must use
                `loop.call_soon_threadsafe(timer.stop)`.
        """

    @abstractmethod
    def when(self) -> float | None:
        """When the next tick is due, as a time of the event loop's clock, `loop.time()`.

        Returns:
            The time, which is in the past if a tick is due but was not delivered; `None` if no tick
            will come: the timer has not started, was stopped, or has ended.
        """


def every(seconds: float, first: float | None = None) -> Timer:
    """A timer that ticks at a fixed rate, without drift.

    The clock runs from the start: from entry to the `async with` block, or from `add` if the
    `MultiAwait` has already started. Missed ticks are counted, not queued. It needs no task.

    Args:
        seconds: the time between two ticks; finite, and greater than zero.
        first: the time from the start to the first tick; zero or less means at once. Defaults to
            one period.

    Returns:
        A timer whose value is the number of periods since the last delivered tick, which is 1
        unless ticks were missed. It never ends.

    Raises:
        ValueError: `seconds` is zero, negative, infinite or NaN; `first` is infinite or NaN.
        TypeError: one of them is not a number.

    Example::

        async with multi_await(words.get, every(1)) as m:
            async for event in m:
                match event:
                    case (0, word):
                        print(word)
                    case (1, periods):
                        print("seconds:", periods)

    It counts like Linux's timerfd, unlike the default of tokio's `interval`, which makes up for
    missed ticks in a burst.
    """
    if not _finite("every", seconds) > 0:
        raise ValueError(f"every() needs a period of more than zero seconds, not {short(seconds)}")
    return Ticks(seconds, seconds if first is None else _finite("every", first), once=False)


def after(seconds: float) -> Timer:
    """A timer with one event when its time is up, after which it has ended.

    The clock runs from the start: from entry to the `async with` block, or from `add` if the
    `MultiAwait` has already started. To limit a single call, put `asyncio.timeout` around it.

    Args:
        seconds: the time until the event; zero or less means at once.

    Returns:
        A timer whose only value is 1.

    Raises:
        ValueError: `seconds` is infinite or NaN.
        TypeError: `seconds` is not a number.

    Example::

        async with multi_await(words.get, after(30)) as m:
            async for event in m:
                match event:
                    case (0, word):
                        print(word)
                    case (1, _):
                        break  # after half a minute, however many words came

    After Go's `time.After`.
    """
    return Ticks(seconds, _finite("after", seconds), once=True)


def _finite(name: str, seconds: float) -> float:
    if not isinstance(seconds, int | float):
        raise refused(seconds, f"{name}() needs a number of seconds, not {short(seconds)}")
    try:
        if math.isfinite(seconds):
            return seconds
    except OverflowError:  # an int that no float can hold
        pass
    raise ValueError(f"{name}() needs a finite number of seconds, not {short(seconds)}")


class Ticks(Timer):
    """Counts periods from its start or last reset: many, or only one."""

    # Tick n, counted from 0, is due at `_first + n * _seconds`, so that no error adds up; `_ticks`
    # were delivered. While no tick will come, `_first` is None, and `_handle` too.
    __slots__ = (
        "_delay",
        "_ended",
        "_fired",
        "_first",
        "_handle",
        "_loop",
        "_once",
        "_seconds",
        "_ticks",
        "_wake",
        "when_over",
    )

    def __init__(self, seconds: float, delay: float, *, once: bool) -> None:
        self._seconds = seconds
        self._once = once
        self._delay: float | None = delay  # from the start to the first tick; None: stopped
        self._loop: asyncio.AbstractEventLoop | None = None
        self._first: float | None = None
        self._ticks = 0
        self._handle: asyncio.Handle | None = None
        self._fired = False
        self._wake: Wake | None = None
        self._ended = False
        self.when_over: Callable[[], None] = unheard

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._delay is not None:
            self._count(self._loop, self._delay)

    def reset(self, seconds: float | None = None) -> None:
        delay = self._seconds if seconds is None else _finite("reset", seconds)
        if self._ended:
            raise RuntimeError(f"reset() of {self}, which has ended: make a new timer")
        self._check_loop("reset")
        if self._loop is None:
            self._delay = delay
        else:
            self._count(self._loop, delay)

    def stop(self) -> None:
        if not self._ended:
            self._check_loop("stop")
            self._delay = None
            self._clear()

    def when(self) -> float | None:
        return None if self._first is None else self._first + self._ticks * self._seconds

    def _check_loop(self, call: str) -> None:
        if self._loop is None:
            return
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is not self._loop:
            raise RuntimeError(
                f"{call}() of {self} outside its event loop: "
                f"use loop.call_soon_threadsafe(timer.{call})"
            )

    def _count(self, loop: asyncio.AbstractEventLoop, delay: float) -> None:
        self._set(loop, loop.time() + max(delay, 0), 0, at_once=delay <= 0)

    def _set(
        self, loop: asyncio.AbstractEventLoop, first: float, ticks: int, *, at_once: bool = False
    ) -> None:
        """The next tick is number `ticks`."""
        self._clear()
        self._first = first
        self._ticks = ticks
        if at_once:  # Pyodide's event loop rejects a call at a time in the past
            self._handle = loop.call_soon(self._fire)
        else:
            self._handle = loop.call_at(first + ticks * self._seconds, self._fire)

    def _clear(self) -> None:
        """No tick is due, and none will come."""
        self._first = None
        self._fired = False
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self) -> None:
        self._fired = True
        if self._wake is not None:
            self._wake()

    def poll(self, wake: Wake) -> int | Pending:
        if self._loop is None:  # within a source that did not start it
            self.start()
        if self._ended:
            raise StopAsyncIteration
        self._wake = wake
        if self._first is None:
            return PENDING
        loop = asyncio.get_running_loop()
        late = loop.time() - (self._first + self._ticks * self._seconds)
        # The loop may fire a moment early: by as much as its clock's resolution.
        return self._tick(loop, self._first, late) if late >= 0 or self._fired else PENDING

    def _tick(self, loop: asyncio.AbstractEventLoop, first: float, late: float) -> int:
        if self._once:
            self._end()
            self.when_over()
            return 1
        # The quotient may be infinite.
        periods = 1 + int(min(max(late, 0) / self._seconds, sys.maxsize))
        self._set(loop, first, self._ticks + periods)
        return periods

    def _end(self) -> None:
        self._ended = True
        self._wake = None
        self._clear()

    async def aclose(self) -> None:
        self._end()

    def __repr__(self) -> str:
        return f"{'after' if self._once else 'every'}({self._seconds})"
