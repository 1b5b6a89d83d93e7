"""The calls of a `MultiAwait`: each polls until there is an outcome, and sleeps in between.

    call      poll until there is an outcome; yield to the event loop after 128 polls, and
              while there is none
    sleep     until a wake; nothing has been taken by then, so a cancellation costs nothing

Nothing is awaited after an outcome was taken. This module does not know about types and tuples.
"""

from __future__ import annotations

import asyncio
from asyncio import get_running_loop
from collections import deque
from collections.abc import Awaitable, Callable
from operator import attrgetter
from threading import get_ident
from typing import Any, Final, TypeAlias, TypeVar

from multi_await._core.outcome import Failed
from multi_await._core.ready import Phase, ReadyQueue
from multi_await._core.slot import Slot
from multi_await._source import PENDING

T = TypeVar("T")
R = TypeVar("R")
# Values and failures by position.
Round: TypeAlias = tuple[list[Any], list[BaseException | None]]

# After this many polls in a row, or rounds of get(), a call yields to the event loop. (The model is
# tokio's cooperative budget, which has the same size.)
BUDGET = 128
POLLING: Phase = "polling"  # by name, because a checker assumes that a literal, once set, stays
# Marks the end of the slots that were in the ready queue when a round began.
END_OF_ROUND: Final[Any] = object()


class NothingToAwait(RuntimeError):  # noqa: N818 -- it says what is wrong
    """Raised by a call that could never return: there is no source, or every source is exhausted.

    Example::

        try:
            while True:
                position, value = await m.select()
        except NothingToAwait:
            print("every source has ended")
    """


class Calls(ReadyQueue):
    """One call at a time, in one event loop."""

    def __init__(self, biased: bool) -> None:
        super().__init__(biased)
        self.slots: list[Slot | None] = []
        self._budget = BUDGET
        self._hopeless = 0  # how many calls have raised that nothing will ever be ready
        self._waiter: asyncio.Future[None] | None = None
        self._releasing = False

    def _in_order(self) -> list[Slot | None]:
        return self.slots

    # -- calls -----------------------------------------------------------------------------------

    # The most frequent call, so `_poll` and `_end` are inlined: `call(take_one)` would do the same,
    # but a fifth slower.
    async def select(self, iterating: bool = False) -> tuple[int, Any]:
        """The next event."""
        self.phase = POLLING if self.phase == "idle" else self._begin()
        try:
            while True:
                while not (self._ready and self._budget):
                    if (event := self._look_in_order()) is not None:
                        return event
                    await self._rest(iterating)
                    self._awake()
                self._budget -= 1
                slot = self._ready.popleft()
                slot.state = "pending"
                if self.claims:
                    self.claims.pop(slot, None)
                try:
                    value = slot.poll(slot)
                except BaseException as failure:
                    if self._has_ended(slot, failure):
                        continue
                    raise self._attributed(slot, failure)  # noqa: B904 -- usually the same
                if value is not PENDING:
                    if slot.state == "pending":
                        slot.state = "ready"
                        self._ready.append(slot)
                    return slot.key, value
        finally:
            if self.phase != "closed":
                self.phase = "idle"
            if self.claims:
                self._claims_are_left()

    def _look_in_order(self) -> tuple[int, Any] | None:
        """The same for a biased set, which has no queue. A look through all counts as one poll."""
        if not self.biased or not self._budget:
            return None
        self._budget -= 1
        return self.take_one(look=True)

    async def call(self, take: Callable[[bool], T | None], shape: Callable[[T], R]) -> R:
        """Run `take` until it returns something, and return that in the given shape."""
        self.phase = POLLING if self.phase == "idle" else self._begin()
        try:
            while True:
                if self._budget:
                    self._budget -= 1
                    if (taken := take(self.biased)) is not None:
                        return shape(taken)
                await self._rest()
                self._awake()
        finally:
            taken = None  # it may refer to this frame: no cycle
            self._end()

    def call_nowait(self, take: Callable[[bool], T | None]) -> T | None:
        """Run `take` once, over all the sources."""
        self._bind()
        self.phase = POLLING if self.phase == "idle" else self._begin()
        try:
            self.enqueue_all()
            taken = take(True)
            if taken is None and not self.unended:
                self._check_hope()
            return taken
        finally:
            taken = None
            self._end()

    def _end(self) -> None:
        if self.phase != "closed":
            self.phase = "idle"
        if self.claims:
            self._claims_are_left()

    # -- rounds ----------------------------------------------------------------------------------

    def take_all(self, look: bool) -> Round | None:
        """The outcomes of all sources that are ready, by position; `None` if none is."""
        values, failures, taken = self._poll_round(look)
        try:
            return (values, failures) if taken else None
        finally:
            del values, failures  # a failure's traceback may keep this frame: no cycle

    def take_values(self, look: bool) -> list[Any] | None:
        """The same without failures: the one at the lowest position is raised, the others are kept.

        What was kept comes next, and alone: a source that fails every time must not hold it back.
        """
        kept = any(
            slot is not None and slot.outcome is not PENDING and slot.is_polled
            for slot in self.slots
        )
        values, failures, taken = self._poll_round(look, only_kept=kept)
        failed = [slot for slot in taken if failures[slot.key] is not None]
        if not failed:
            return values if taken else None
        lowest = min(failed, key=_KEY)
        _keep(values, failures, taken)
        del values, failures  # the failure's traceback will keep this frame: no cycle
        outcome = lowest.outcome
        lowest.forget()
        raise self._attributed(lowest, outcome.taken())

    def _poll_round(
        self, look: bool, only_kept: bool = False
    ) -> tuple[list[Any], list[BaseException | None], list[Slot]]:
        """Poll once each slot that is ready now; values, failures, and the slots they come from."""
        values: list[Any] = [None] * len(self.slots)
        failures: list[BaseException | None] = [None] * len(self.slots)
        taken: list[Slot] = []
        turns, not_all = (self._all(), True) if self.biased else (self._ready, only_kept)
        turns.append(END_OF_ROUND)
        try:
            while (slot := turns.popleft()) is not END_OF_ROUND:
                if not_all and not self._has_turn(slot, only_kept):
                    continue
                outcome = self._poll(slot, look)
                if outcome is not PENDING:
                    taken.append(slot)
                    if type(outcome) is Failed:
                        failures[slot.key] = outcome.taken()
                    else:
                        values[slot.key] = outcome
        except BaseException:
            turns.remove(END_OF_ROUND)
            _keep(values, failures, taken)
            raise
        try:
            return values, failures, taken
        finally:
            del values, failures  # a failure's traceback may keep this frame: no cycle

    def _has_turn(self, slot: Slot, only_kept: bool) -> bool:
        if only_kept and slot.outcome is PENDING:
            self._ready.append(slot)
            return False
        return slot.is_polled  # a poll in this round may have paused it

    def _all(self) -> deque[Slot]:
        """What a biased set polls in a round, as it has no ready queue."""
        return deque(slot for slot in self.slots if slot is not None and slot.is_polled)

    # -- sleeping --------------------------------------------------------------------------------

    def _rest(self, iterating: bool = False) -> Awaitable[None]:
        """What to await: a pass of the event loop if something is ready, else a wake."""
        loop = get_running_loop()
        if loop is not self._loop:
            self._bind()
        self._budget = BUDGET  # before the yield: even if we are cancelled, the loop had its turn
        self.phase = "asleep"
        if self._ready or (self.biased and self._any_woken()):
            return asyncio.sleep(0)
        if not self.unended:
            self._hopeless += 1
            if self._hopeless % BUDGET == 0:
                return asyncio.sleep(0)
            self._check_hope(iterating)
        self._waiter = loop.create_future()
        return self._waiter

    def _awake(self) -> None:
        self.check_open()
        self.phase = "polling"

    def _any_woken(self) -> bool:
        return any(slot is not None and slot.state == "ready" for slot in self.slots)

    def _wake_caller(self) -> None:
        if self._waiter is not None:
            waiter, self._waiter = self._waiter, None
            if not waiter.done():
                waiter.set_result(None)

    def _claims_are_left(self) -> None:
        loop = self._loop
        if not self._releasing and loop is not None and not loop.is_closed():
            self._releasing = True
            loop.call_soon(self._release_if_idle)

    def _release_if_idle(self) -> None:
        self._releasing = False
        if self.phase == "idle":
            self._release_claims()

    # -- before a call ---------------------------------------------------------------------------

    def start(self) -> None:
        """Bind to the running event loop and start the sources, unless already done."""
        self.check_open()
        self._bind()
        if self.phase != "new":
            return
        self._thread = get_ident()
        self.phase = "polling"
        for slot in tuple(self.slots):  # one that starts may add others, which start at once
            if slot is not None:
                self._start(slot)
        self._end()

    def _begin(self) -> Phase:
        """Begin a call while the phase is not idle: the first call starts the sources."""
        if self.phase in ("polling", "asleep"):
            raise RuntimeError(
                "another call on this MultiAwait has not returned yet: "
                "one call at a time, or a MultiAwait for each task"
            )
        self.start()
        return POLLING

    def check_open(self) -> None:
        if self.phase == "closed":
            raise RuntimeError("this MultiAwait was closed by cancel(): make a new one")

    def _check_hope(self, iterating: bool = False) -> None:
        """Raise if nothing will ever be ready."""
        if all(slot is None for slot in self.slots):
            raise NothingToAwait("Attempted to await 0 coroutines")  # exactly as in 1.0.4
        if iterating:
            raise StopAsyncIteration
        raise NothingToAwait("every source is exhausted: there is nothing left to wait for")

    def _bind(self) -> None:
        """Bind to the event loop of the first call, until the end."""
        try:
            loop = get_running_loop()
        except RuntimeError:
            raise RuntimeError(
                "no asyncio event loop is running here: a MultiAwait works only in a coroutine "
                "that asyncio runs, and not under other frameworks"
            ) from None
        if self._loop is not loop:
            if self._loop is not None:
                raise RuntimeError("this MultiAwait belongs to another event loop")
            self._loop = loop


_KEY = attrgetter("key")


def _keep(values: list[Any], failures: list[BaseException | None], taken: list[Slot]) -> None:
    """Keep the outcomes that this call took but can't deliver, for the next call."""
    for slot in taken:
        failure = failures[slot.key]
        slot.keep(values[slot.key] if failure is None else Failed(failure))
