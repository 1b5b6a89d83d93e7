"""Timers: sources that are ready when their time has come.

They rest on the event loop's `call_at`, and need no task.
"""

from __future__ import annotations

import asyncio
import math

from multi_await._names import short
from multi_await._source import PENDING, Pending, Source, Wake


def every(seconds: float) -> Source[int]:
    """A tick at a fixed rate, which does not drift.

    The first comes so many seconds after the first poll. Ticks that nobody came for are counted,
    not queued. It needs no task.

    Args:
        seconds: between two ticks; finite, and more than zero.

    Returns:
        A source whose value is the number of periods since the last tick that was delivered,
        which is 1 unless some were missed. It never ends.

    Raises:
        ValueError: `seconds` is zero, negative, infinite or NaN.
        TypeError: it is no number.

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
    return Every(_checked("every", seconds))


def after(seconds: float) -> Source[None]:
    """One event, so many seconds after the first poll; the source has ended then.

    For a timeout on each call, put `asyncio.timeout` around the call.

    Args:
        seconds: until the event; finite, and more than zero.

    Returns:
        A source whose one value is `None`.

    Raises:
        ValueError: `seconds` is zero, negative, infinite or NaN.
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
    return After(_checked("after", seconds))


def _checked(name: str, seconds: float) -> float:
    if not isinstance(seconds, int | float):
        raise TypeError(f"{name}() needs a number of seconds, not {short(seconds)}")
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(
            f"{name}() needs a finite number of seconds, more than zero, not {short(seconds)}"
        )
    return seconds


class Every(Source[int]):
    """Counts periods from its first poll on."""

    # Tick n is due at `_start + n * _seconds`, so that no error adds up. `_ticks` were delivered;
    # `_timer` is set for the next one.
    __slots__ = ("_fired", "_seconds", "_start", "_ticks", "_timer", "_wake")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._start: float | None = None
        self._ticks = 0
        self._timer: asyncio.TimerHandle | None = None
        self._fired = False

    def poll(self, wake: Wake) -> int | Pending:
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._start is None:
            self._start = now
        periods = int((now - self._start) / self._seconds) - self._ticks
        if self._fired:  # a timer may fire a moment early: by as much as the clock's resolution
            periods = max(periods, 1)
        if periods > 0:
            self._stop()
            self._ticks += periods
            return periods
        self._wake = wake
        if self._timer is None:
            due = self._start + (self._ticks + 1) * self._seconds
            self._timer = loop.call_at(due, self._fire)
        return PENDING

    def _fire(self) -> None:
        self._fired = True
        self._wake()

    def _stop(self) -> None:
        self._fired = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def aclose(self) -> None:
        self._stop()

    def __repr__(self) -> str:
        return f"every({self._seconds})"


class After(Source[None]):
    """The first tick of `Every`, and no other."""

    __slots__ = ("_over", "_seconds", "_tick")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._tick = Every(seconds)
        self._over = False

    def poll(self, wake: Wake) -> Pending | None:
        if self._over:
            raise StopAsyncIteration
        if self._tick.poll(wake) is PENDING:
            return PENDING
        self._over = True
        return None

    async def aclose(self) -> None:
        await self._tick.aclose()

    def __repr__(self) -> str:
        return f"after({self._seconds})"
