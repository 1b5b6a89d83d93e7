"""Timers: sources that are ready when their time has come.

They rest on the event loop's `call_at`, and need no task.
"""

from __future__ import annotations

import asyncio
import math
import sys
from abc import abstractmethod

from multi_await._names import short
from multi_await._source import PENDING, Pending, Source, Wake


class Timer(Source[int]):
    """What `every` and `after` return: a source that can be reset and stopped while it is in use.

    A timer belongs to one event loop, from its start until it has ended. `reset` and `stop` work
    at once, whether a call waits on the timer or not.

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

    Named after Go's `time.Timer`, whose `Reset` and `Stop` these are.
    """

    __slots__ = ()

    @abstractmethod
    def reset(self, seconds: float | None = None) -> None:
        """Count anew from now, also if the timer was stopped.

        A tick that is due and was not delivered is dropped. The period does not change: the ticks
        of `every` after the next come one period apart. Before the timer has started, this sets
        how long after the start the first tick comes.

        Args:
            seconds: until the next tick; zero or less for at once. If not given, what was given
                to `every` or `after`.

        Raises:
            RuntimeError: the timer has ended: the event of an `after` was delivered, or the
                `MultiAwait` has ended or removed the timer. Also outside the timer's event loop:
                another thread must use `loop.call_soon_threadsafe(timer.reset)`.
            ValueError: `seconds` is infinite or NaN.
            TypeError: it is no number.
        """

    @abstractmethod
    def stop(self) -> None:
        """Give no tick until `reset`; a tick that is due and was not delivered is dropped.

        A timer that is stopped has not ended, so `async for` goes on waiting for it. Stopping a
        timer twice does nothing, nor does stopping one that has ended.

        Raises:
            RuntimeError: outside the timer's event loop: another thread must use
                `loop.call_soon_threadsafe(timer.stop)`.
        """

    @abstractmethod
    def when(self) -> float | None:
        """When the next tick is due, as a time of the event loop's clock, `loop.time()`.

        Returns:
            The time, in the past if a tick is due and was not delivered; `None` if none will
            come: the timer has not started, was stopped, or has ended.
        """


def every(seconds: float, first: float | None = None) -> Timer:
    """A tick at a fixed rate, which does not drift.

    The clock runs from the start: from the entry of the `async with` block, or from `add` if the
    `MultiAwait` has started by then. Ticks that nobody came for are counted, not queued. It needs
    no task.

    Args:
        seconds: between two ticks; finite, and more than zero.
        first: from the start to the first tick; zero or less for at once. If not given, one
            period.

    Returns:
        A timer whose value is the number of periods since the last tick that was delivered,
        which is 1 unless some were missed. It never ends.

    Raises:
        ValueError: `seconds` is zero, negative, infinite or NaN; `first` is infinite or NaN.
        TypeError: one of them is no number.

    Example::

        async with multi_await(words.get, every(1)) as m:
            async for event in m:
                match event:
                    case (0, word):
                        print(word)
                    case (1, periods):
                        print("seconds:", periods)

    The count is that of Linux's timerfd; the default of tokio's `interval`, which makes up for
    missed ticks in a burst, is not.
    """
    if not _finite("every", seconds) > 0:
        raise ValueError(f"every() needs a period of more than zero seconds, not {short(seconds)}")
    return Ticks(seconds, seconds if first is None else _finite("every", first), once=False)


def after(seconds: float) -> Timer:
    """One event when the time is over; the source has ended then.

    The clock runs from the start: from the entry of the `async with` block, or from `add` if the
    `MultiAwait` has started by then. For a timeout on each call, put `asyncio.timeout` around the
    call.

    Args:
        seconds: until the event; zero or less for at once.

    Returns:
        A timer whose one value is 1.

    Raises:
        ValueError: `seconds` is infinite or NaN.
        TypeError: it is no number.

    Example::

        async with multi_await(words.get, after(30)) as m:
            async for event in m:
                match event:
                    case (0, word):
                        print(word)
                    case (1, _):
                        break  # half a minute is over, however many words there were

    After Go's `time.After`.
    """
    return Ticks(seconds, _finite("after", seconds), once=True)


def _finite(name: str, seconds: float) -> float:
    if not isinstance(seconds, int | float):
        raise TypeError(f"{name}() needs a number of seconds, not {short(seconds)}")
    try:
        if math.isfinite(seconds):
            return seconds
    except OverflowError:  # an int that no float can hold
        pass
    raise ValueError(f"{name}() needs a finite number of seconds, not {short(seconds)}")


class Ticks(Timer):
    """Counts periods from its start or reset on: many, or one only."""

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
        if delay > 0:
            self._set(loop, loop.time() + delay, 0)
        else:
            self._clear()
            self._first, self._ticks = loop.time(), 0
            # Not call_at(): the event loop of Pyodide refuses a time that has passed.
            self._handle = loop.call_soon(self._fire)

    def _set(self, loop: asyncio.AbstractEventLoop, first: float, ticks: int) -> None:
        """The next tick is number `ticks`."""
        self._clear()
        self._first = first
        self._ticks = ticks
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
