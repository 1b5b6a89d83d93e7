"""Operating system signals as a source.

It uses Python's own `signal.signal`, which works on every platform and with every event loop, and
returns the previous handler. Sources that wait for the same signal share one handler.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable
from types import FrameType

from multi_await._names import short
from multi_await._source import PENDING, Pending, Source, Wake


def signals(*signums: int) -> Source[signal.Signals]:
    """A source of the signals that the process receives: graceful shutdown as one more case.

    From its start (on entry to the `async with` block, or in `add` if the `MultiAwait` has already
    started) until its end, the source receives these signals, and the previous handler is not
    called. (A callback set by `loop.add_signal_handler` is still called.) Any number of sources can
    share a signal, and each of them receives it. When the last one has ended, in whatever order
    they end, the handler from before the first is restored, such as that of `asyncio.run` for
    Ctrl-C.

    If other code sets its own handler meanwhile, that handler receives the signals and stays,
    unless another source of that signal starts: then the sources receive them again, and the last
    source to end restores the other code's handler. A forked process handles the signals as if
    there were no source.

    Args:
        signums: such as `signal.SIGTERM`.

    Returns:
        A source whose values are the signals, in order of arrival. It never ends. Signals that were
        not delivered are in `MultiAwait.undelivered`.

    Raises:
        ValueError: there is no such signal, or no signal was given.
        RuntimeError: not called in the main thread, the only one that can handle signals. If the
            event loop runs in another thread, this is a failure of the source.
        OSError: as a failure of the source: the platform does not let a program handle this
            signal, for example SIGKILL. Then none of the signals is handled.

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
    _check_thread()
    return Signals(list(dict.fromkeys(_checked(signum) for signum in signums)))


def _check_thread() -> None:
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(
            "signals() was called outside the main thread, the only one in which Python handles "
            "signals: create the source there"
        )


def _checked(signum: int) -> signal.Signals:
    try:
        return signal.Signals(signum)
    except ValueError:
        raise ValueError(
            f"signals() got {short(signum)}, not a signal of this platform: "
            "see signal.valid_signals()"
        ) from None


class Signals(Source[signal.Signals]):
    """Takes part in handling its signals from its start until its end."""

    __slots__ = ("_came", "_loop", "_process", "_signums", "_wake")

    def __init__(self, signums: list[signal.Signals]) -> None:
        self._signums = signums
        self._came: deque[signal.Signals] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: Wake | None = None

    def start(self) -> None:
        """Handle all of the signals, or none."""
        _check_thread()
        self._process = os.getpid()
        self._loop = asyncio.get_running_loop()
        try:
            for signum in self._signums:
                _share(signum, self)
        except BaseException:
            self._leave()
            raise

    def _leave(self) -> None:
        for signum in self._signums:
            _leave(signum, self)

    @property
    def waits(self) -> bool:
        """Whether there is still an event loop to wake, in this process and not in its parent."""
        return (
            self._loop is not None and not self._loop.is_closed() and self._process == os.getpid()
        )

    def came(self, signum: signal.Signals) -> None:
        self._came.append(signum)
        if self._loop is not None and self._wake is not None:
            self._loop.call_soon_threadsafe(self._wake)

    def poll(self, wake: Wake) -> signal.Signals | Pending:
        if self._loop is None:  # within a source that did not start it
            self.start()
        self._wake = wake
        return self._came.popleft() if self._came else PENDING

    async def aclose(self) -> Iterable[signal.Signals]:
        self._leave()
        return self._came

    def __repr__(self) -> str:
        return f"signals({', '.join(signum.name for signum in self._signums)})"


# -- state that the sources share ------------------------------------------------------------------

# The sources of each signal, as a tuple that is replaced and never changed: the handler runs
# between any two instructions of the main thread.
_sharers: dict[signal.Signals, tuple[Signals, ...]] = {}
# The handler that ours replaced; None: it was not set from Python, so we can't restore it.
_before: dict[signal.Signals, signal._HANDLER] = {}


def _share(signum: signal.Signals, source: Signals) -> None:
    _sharers[signum] = (*_waiting(signum), source)
    if signal.getsignal(signum) is not _handle:
        _before[signum] = signal.signal(signum, _handle)


def _leave(signum: signal.Signals, source: Signals) -> None:
    """Stop sharing a signal; the last source restores the previous handler."""
    _sharers[signum] = tuple(each for each in _waiting(signum) if each is not source)
    if not _sharers[signum]:
        _put_back(signum)


def _waiting(signum: signal.Signals) -> tuple[Signals, ...]:
    return tuple(source for source in _sharers.get(signum, ()) if source.waits)


def _put_back(signum: signal.Signals) -> bool:
    """Restore the handler, unless other code has set its own meanwhile."""
    before = _before.get(signum)
    if before is None or signal.getsignal(signum) is not _handle:
        return False
    signal.signal(signum, before)
    return True


def _handle(number: int, frame: FrameType | None) -> None:
    """The handler of every signal that a source waits for."""
    signum = signal.Signals(number)
    waiting = _waiting(signum)
    for source in waiting:
        source.came(signum)
    if not waiting and _put_back(signum):
        # The loop was closed before its sources ended, or this is a forked process, or other code
        # has reinstalled our handler: act as if it had never been installed.
        signal.raise_signal(signum)
