"""The end of sources: each in a separate task, even if the caller is cancelled meanwhile.

This module knows slots and their sources, but not polling.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from multi_await._core.outcome import Failed, report
from multi_await._core.slot import Slot
from multi_await._source import INTERRUPTS, PENDING
from multi_await._tasks import start, until_done, waits_for_this_task


class Ends:
    """The ends of a set's sources: of one that is removed or has left, and finally of all."""

    def __init__(self) -> None:
        self.left: list[tuple[Any, Any]] = []  # (key, value) of what was not delivered
        # What these leave belongs to the callers of remove(), and each future is done when that has
        # it: a caller who was cancelled hands it back.
        self._removing: dict[End, asyncio.Future[None]] = {}
        self._closing: dict[End, None] = {}

    async def remove(self, slot: Slot) -> tuple[Any, ...]:
        """End a source, and return what it left."""
        end = End(slot)
        taken = self._removing[end] = asyncio.get_running_loop().create_future()
        end.begin()
        try:
            await until_ended([end])
        except BaseException:
            self.left.extend((slot.key, value) for value in end.left)
            raise
        finally:
            del self._removing[end]
            taken.set_result(None)
        return tuple(end.left)

    def begin(self, slot: Slot) -> None:
        """End a source, without waiting for it."""
        slot.state = "removed"
        end = End(slot, self._ended)
        self._closing[end] = None
        end.begin()

    def _ended(self, end: End) -> None:
        """Forget it, unless there is something to report when all have ended."""
        if not end.left and not end.interrupted:
            self._closing.pop(end, None)

    async def wait(self) -> None:
        """Wait until all ends that have begun are over, even if cancelled meanwhile.

        Except for those that wait for the caller, a source that ends the set in its clean-up.
        """
        ends = [end for end in (*self._removing, *self._closing) if not end.waits_for_this_task()]
        taken = [self._removing[end] for end in ends if end in self._removing]
        try:
            await until_ended(ends, taken)
        finally:
            for end in ends:
                if self._closing.pop(end, end) is None:  # nobody else has noted what it left
                    self.left.extend((end.slot.key, value) for value in end.left)


class End:
    """The end of one source; any number of tasks may wait for it."""

    __slots__ = ("_coroutine", "_interrupt", "_task", "_then", "left", "slot")

    def __init__(self, slot: Slot, then: Callable[[End], None] | None = None) -> None:
        self.slot = slot
        self.left = list[Any]()  # what was produced but not delivered
        self._then = then
        self._interrupt: BaseException | None = None
        self._coroutine: Coroutine[Any, Any, None] | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start it, or restart it if a loop's shutdown cancelled it before its first step."""
        if self.slot.state == "ended" or (self._task is not None and not self._task.done()):
            return
        # A factory that wraps it would leave it unawaited.
        if self._coroutine is not None:  # pragma: no cover -- runs, but 3.11's tracer misses it
            self._coroutine.close()
        self._coroutine, self._task = self._run(), None
        try:
            self._task = start(self._coroutine, f"end of {self.slot}")
        except BaseException as failure:  # a task factory's failure must not keep a source open
            self._failed(failure)
            self._coroutine.close()
            self._coroutine = self._run()
            self._task = asyncio.Task(self._coroutine, loop=asyncio.get_running_loop())

    def waits_for_this_task(self) -> bool:
        return self._task is None or waits_for_this_task(self._task)  # None: it runs eagerly now

    def running(self) -> asyncio.Task[None] | None:
        return None if self.slot.state == "ended" else self._task

    @property
    def interrupted(self) -> bool:
        return self._interrupt is not None

    def interrupt(self) -> BaseException | None:
        """The `KeyboardInterrupt` or `SystemExit` that it raised; only once."""
        interrupt, self._interrupt = self._interrupt, None
        return interrupt

    async def _run(self) -> None:
        slot, loop = self.slot, asyncio.get_running_loop()
        task = asyncio.current_task()
        try:
            self._take_kept()
            left = await slot.source.aclose()
            if left is not None:
                for value in left:  # one by one: `extend` would ask for a length first
                    self.left.append(value)
        except asyncio.CancelledError:
            pass  # as requested
        except BaseException as failure:
            if asyncio.current_task(loop) is not task:
                raise  # a GeneratorExit, as the event loop is gone: no one can be told
            self._failed(failure)
        finally:
            slot.state = "ended"
            del slot.source, slot.poll  # it may refer to our wake, and thus this slot: no cycle
            if self._then is not None:
                self._then(self)

    def _take_kept(self) -> None:
        outcome, self.slot.outcome = self.slot.outcome, PENDING
        if type(outcome) is Failed:
            self._failed(outcome.taken())
        elif outcome is not PENDING:
            self.left.append(outcome)

    def _failed(self, failure: BaseException) -> None:
        if issubclass(type(failure), INTERRUPTS):
            self._interrupt = failure
        else:
            self._report(failure)

    def _report(self, failure: BaseException) -> None:
        try:
            report(failure, f"{self.slot} failed when its MultiAwait ended")
        except INTERRUPTS as interrupt:  # which must not keep a source open
            self._interrupt = interrupt


async def until_ended(ends: Collection[End], taken: Collection[asyncio.Future[None]] = ()) -> None:
    """Wait until all have ended, even if cancelled meanwhile, and only then raise.

    It raises an interrupt that an end raised, or else the caller's own cancellation.
    """
    raised, cancelled, taken = None, None, tuple(taken)
    while running := [
        *(task for end in ends if (task := end.running()) is not None),
        *(future for future in taken if not future.done()),
    ]:
        cancelled = await until_done(running) or cancelled
        for end in ends:
            end.begin()
    try:
        for raised in (*[end.interrupt() for end in ends], cancelled):
            if raised is not None:
                raise raised
    finally:
        del cancelled, raised  # their tracebacks keep this frame: no cycle
