"""Operating system signals as a source.

It uses Python's own `signal.signal`, which works on every platform and with every event loop, and
which can tell what was there before.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections import deque
from collections.abc import Iterable
from types import FrameType

from multi_await._names import short
from multi_await._source import PENDING, Pending, Source, Wake


def signals(*signums: int) -> Source[signal.Signals]:
    """A source of the signals that the process gets: graceful stop as one more case.

    From the first poll until the end these signals come here and nowhere else. (A handler that
    was set by `loop.add_signal_handler` is called as well.) Afterwards the handlers that were there
    before are back, the one of `asyncio.run` for Ctrl-C among them.

    Args:
        signums: such as `signal.SIGTERM`.

    Returns:
        A source whose values are the signals, in the order in which they came. It never ends. Those
        that were not delivered are in `MultiAwait.undelivered`.

    Raises:
        ValueError: there is no such signal, or none was named.
        RuntimeError: not in the main thread, the only one that may handle signals.
        OSError: as a failure of the source, at the first poll: the platform does not let a program
            handle this signal, such as SIGKILL.

    Example::

        async with multi_await(requests.get, signals(signal.SIGINT, signal.SIGTERM)) as m:
            async for event in m:
                match event:
                    case (0, request):
                        print("request", request)
                    case (1, signum):
                        print("stop at", signum.name)
                        break
    """
    if not signums:
        raise ValueError("signals() needs at least one signal, such as signal.SIGTERM")
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(
            "signals() outside the main thread, the only one where Python handles signals: "
            "make the source there"
        )
    return Signals([_checked(signum) for signum in signums])


def _checked(signum: int) -> signal.Signals:
    try:
        return signal.Signals(signum)
    except ValueError:
        raise ValueError(
            f"signals() knows no signal {short(signum)} here: see signal.valid_signals()"
        ) from None


class Signals(Source[signal.Signals]):
    """Handles signals from its first poll on, and puts back what was there before."""

    __slots__ = ("_came", "_loop", "_previous", "_signums", "_wake")

    def __init__(self, signums: list[signal.Signals]) -> None:
        self._signums = signums
        self._came: deque[signal.Signals] = deque()
        self._previous: list[tuple[signal.Signals, signal._HANDLER]] = []

    def poll(self, wake: Wake) -> signal.Signals | Pending:
        self._wake = wake
        if not self._previous:
            self._loop = asyncio.get_running_loop()
            self._set_handlers()
        return self._came.popleft() if self._came else PENDING

    def _set_handlers(self) -> None:
        """All of them or none."""
        try:
            for signum in self._signums:
                self._previous.append((signum, signal.signal(signum, self._handle)))
        except OSError:
            self._put_back()
            raise

    def _put_back(self) -> None:
        while self._previous:
            signum, handler = self._previous.pop()
            if handler is not None:  # None: it was not set from Python, which can't set it again
                signal.signal(signum, handler)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        """Runs between any two instructions of the main thread, so it does next to nothing."""
        self._came.append(signal.Signals(signum))
        self._loop.call_soon_threadsafe(self._wake)

    async def aclose(self) -> Iterable[signal.Signals]:
        self._put_back()
        return self._came

    def __repr__(self) -> str:
        return f"signals({', '.join(signum.name for signum in self._signums)})"
