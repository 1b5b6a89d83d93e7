"""The ready queue: the heart of a `MultiAwait`.

A source is polled when its turn has come, and what it has is taken only then:

    take      while the ready queue is not empty
                  take its first slot, poll that source
                  outcome  -> the slot goes to the end of the ready queue; return the outcome
                  pending  -> the source will call wake(); look at the next
                  ended    -> the slot is exhausted, and never polled again
    call      take until there is an outcome; sleep on the waiter in between
    wake      append the slot to the ready queue; wake the waiter if a call is there,
              otherwise let the source release its claim

This module knows nothing of the kinds of source, and nothing of positional results and types.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import get_running_loop
from collections import deque
from collections.abc import Callable
from threading import get_ident
from typing import Any, TypeAlias, TypeVar

from multi_await._core.closing import end_all
from multi_await._core.outcome import Kept, attributed, without_our_frames
from multi_await._core.slot import LowestFirst, Slot
from multi_await._source import ENDED, PENDING, Source

T = TypeVar("T")
R = TypeVar("R")
# Values and failures by position, and the slots whose outcomes they are.
Round: TypeAlias = tuple[list[Any], list[BaseException | None], list[Slot]]

# After so many polls in a row, or rounds of get(), the event loop gets a turn (tokio's cooperative
# budget is the model, and has the same size).
BUDGET = 128
# In place of the budget, while a call has not returned: it polls, or it is suspended.
POLLING, ASLEEP = -1, -2


class NothingToAwait(RuntimeError):  # noqa: N818 -- it says what is the matter
    """Raised by a call that could never return: there is no source, or every source is exhausted.

    Example::

        try:
            while True:
                position, value = await m.select()
        except NothingToAwait:
            print("every source has ended")
    """


class ReadyQueue:
    """Polls sources in the order in which they became ready, and sleeps while there are none.

    If biased, it polls the one with the lowest position first.
    """

    def __init__(self, biased: bool) -> None:
        self.slots: list[Slot | None] = []
        self.undelivered: list[tuple[int, Any]] = []
        self.closed = False
        self._ready: deque[Slot] | LowestFirst = LowestFirst() if biased else deque()
        self._free: list[int] = []  # a heap of positions that were removed
        self._sources = 0  # how many slots hold one,
        self._unended = 0  # and how many of these are not exhausted
        # The woken slots that have not been polled since; a dict, for its order.
        self._claims: dict[Slot, None] = {}
        self._releasing = False
        self._budget = BUDGET
        self._waiter: asyncio.Future[None] | None = None
        self._thread = 0  # the one that the waiter is of
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leaving: set[Slot] = set()

    # -- the set of sources --------------------------------------------------------------------

    def start(self) -> None:
        """Belong to the running event loop, and start the sources."""
        self._bind()

    def next_position(self) -> int:
        """The lowest that is free."""
        while self._free and self._free[0] >= len(self.slots):
            heapq.heappop(self._free)
        return self._free[0] if self._free else len(self.slots)

    def add(self, source: Source[Any]) -> int:
        """Give a source the next position; a call that is blocked polls it too."""
        slot = Slot(self, self.next_position(), source)
        if slot.position < len(self.slots):
            self.slots[heapq.heappop(self._free)] = slot
        else:
            self.slots.append(slot)
        self._sources += 1
        self._unended += 1
        if self._loop is not None:
            source.start()
        self._append(slot)
        self._wake_waiter()
        return slot.position

    async def remove(self, position: int) -> None:
        """End the source at a position, and free the position."""
        slot = self._at(position)
        self._check_outside("remove()")
        self._bind()
        self.slots[position] = None
        heapq.heappush(self._free, position)
        while self.slots and self.slots[-1] is None:
            self.slots.pop()
        self._sources -= 1
        self._unended -= slot.state != "exhausted"
        slot.state = "removed"
        self._claims.pop(slot, None)
        self._wake_waiter()  # a call that is blocked may have nothing left to wait for
        self._leaving.add(slot)
        try:
            await end_all([slot], self.undelivered)
        finally:
            self._leaving.discard(slot)

    def pause(self, position: int) -> None:
        """Poll the source no more, until it is resumed."""
        slot = self._at(position)
        if slot.state == "paused":
            raise RuntimeError(f"{slot} is paused already: resume() it first")
        if slot.state != "exhausted":
            slot.queued = slot.state == "ready"
            slot.state = "paused"
            if slot in self._claims:
                del self._claims[slot]
                self._release(slot)

    def resume(self, position: int) -> None:
        """Poll the source again; a call that is blocked does so too."""
        slot = self._at(position)
        if slot.state == "exhausted":
            return
        if slot.state != "paused":
            raise RuntimeError(f"{slot} is not paused: pause() it first")
        if slot.queued:
            slot.state = "ready"
        else:
            slot.state = "pending"
            self._append(slot)
        self._wake_waiter()

    def _at(self, position: int) -> Slot:
        self.check_open()
        slot = self.slots[position] if 0 <= position < len(self.slots) else None
        if slot is None:
            raise IndexError(f"there is no source at position {position}: add() returns positions")
        return slot

    # -- calls ---------------------------------------------------------------------------------

    async def select(self, *, iterating: bool = False) -> tuple[int, Any]:
        """The next event."""
        # What programs do most: so it is flat, where `call` would do.
        ready, budget = self._ready, self._budget
        if budget < 0 or self._loop is not get_running_loop():
            self._check_begin()
        self._budget = POLLING
        try:
            while True:
                if ready and budget > 0:
                    budget -= 1
                    slot = ready.popleft()
                    try:
                        value = self._poll(slot)
                    except BaseException as failure:
                        raise attributed(failure, slot)  # noqa: B904 -- mostly the very same
                    if value is not PENDING:
                        return slot.position, value
                else:
                    if iterating and self.exhausted:
                        raise StopAsyncIteration
                    budget = await self._sleep()
        finally:
            self._budget = budget
            if self._claims:
                self._release_soon()

    async def call(self, take: Callable[[], T | None], shape: Callable[[T], R]) -> R:
        """Run `take` until it gives something, which is returned in that shape; sleep in between.

        Nothing is awaited after something was taken: a call that is cancelled has taken nothing.
        """
        budget = self._begin()
        try:
            if budget == 0 and self._ready:
                budget = await self._sleep()
            while (taken := take()) is None:
                budget = await self._sleep()
            budget -= 1
            return shape(taken)
        finally:
            taken = None  # what it holds may hold this frame: no cycle
            self._end(budget)

    def call_nowait(self, take: Callable[[], T | None]) -> T | None:
        """Run `take` once, over all the sources."""
        budget = self._begin()
        try:
            for slot in self.slots:
                if slot is not None:
                    self._append(slot)  # what it got just now may not have woken it yet
            return take()
        finally:
            self._end(budget)

    def take_one(self) -> tuple[int, Any] | None:
        """The next event, or None; a failure is raised."""
        for _ in range(len(self._ready)):
            slot = self._ready.popleft()
            try:
                value = self._poll(slot)
            except BaseException as failure:
                raise attributed(failure, slot)  # noqa: B904 -- mostly the very same exception
            if value is not PENDING:
                return slot.position, value
        self._check_hope()
        return None

    def take_all(self, turns: list[Slot] | None = None) -> Round | None:
        """The outcomes of these sources, or of all that are ready; None if there are none."""
        if turns is None:
            turns = list(self._ready)
            self._ready.clear()
        values: list[Any] = [None] * len(self.slots)
        failures: list[BaseException | None] = [None] * len(self.slots)
        taken: list[Slot] = []
        rest = iter(turns)
        for slot in rest:
            try:
                value = self._poll(slot)
            except (KeyboardInterrupt, SystemExit):
                self.keep((values, failures, taken))
                for unpolled in rest:
                    self._ready.append(unpolled)
                raise
            except BaseException as failure:
                failure.__traceback__ = without_our_frames(failure.__traceback__)
                failures[slot.position] = failure
                taken.append(slot)
            else:
                if value is not PENDING:
                    values[slot.position] = value
                    taken.append(slot)
        if not taken:
            self._check_hope()
            return None
        try:
            return values, failures, taken
        finally:
            del values, failures  # a failure's traceback may keep this frame: no cycle

    def take_all_or_raise(self) -> Round | None:
        """The same; but if any failed, raise the lowest position's failure and keep the others.

        What was kept comes next, and alone: a source that fails each time must not hold it back.
        """
        turns = list(self._ready)
        self._ready.clear()
        kept = [slot for slot in turns if _is_kept(slot)]
        for slot in turns if kept else ():
            if not _is_kept(slot):
                self._ready.append(slot)
        taken_all = self.take_all(kept or turns)
        if taken_all is None:
            return None
        _, failures, taken = taken_all
        failed = [slot for slot in taken if failures[slot.position] is not None]
        if not failed:
            return taken_all
        lowest = min(failed)
        taken.remove(lowest)
        self.keep(taken_all)
        failure = failures[lowest.position] or BaseException()
        try:
            raise attributed(failure, lowest)
        finally:
            del failure, failures, taken_all  # the failure's traceback keeps this frame: no cycle

    def keep(self, taken_all: Round) -> None:
        """Put back what was taken and can't be delivered by this call; the next one has it."""
        values, failures, taken = taken_all
        for slot in taken:
            slot.source = Kept(slot, values[slot.position], failures[slot.position])

    def _poll(self, slot: Slot) -> Any:
        if slot.state != "ready":  # it was paused or removed since
            slot.queued = False
            return PENDING
        slot.state = "pending"
        if self._claims:
            self._claims.pop(slot, None)
        try:
            value = slot.source.poll(slot)
        except ENDED:
            slot.state = "exhausted"
            self._unended -= 1
            return PENDING
        except BaseException:
            self._append(slot)
            raise
        if value is not PENDING and slot.state == "pending":
            slot.state = "ready"
            self._ready.append(slot)
        return value

    def _append(self, slot: Slot) -> None:
        if slot.state == "pending":
            slot.state = "ready"
            self._ready.append(slot)

    # -- waiting and waking --------------------------------------------------------------------

    async def _sleep(self) -> int:
        """Until a wake; returns the new budget."""
        self._budget = ASLEEP
        try:
            if self._ready:  # no need to wait, but the event loop has its turn first
                await asyncio.sleep(0)
            else:
                if not self._unended:
                    self._check_hope()
                self._thread = get_ident()
                self._waiter = get_running_loop().create_future()
                await self._waiter
        finally:
            self._budget = POLLING
            self._waiter = None
        return BUDGET

    def woken(self, slot: Slot) -> None:
        if slot.state == "pending":
            slot.state = "ready"
            self._ready.append(slot)
        elif slot.state not in ("ready", "paused"):
            return
        if self._budget < 0 and slot.state == "ready":
            self._claims[slot] = None
            self._wake_waiter()
        else:
            self._release(slot)

    def _wake_waiter(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            if get_ident() != self._thread:
                raise RuntimeError(
                    "a MultiAwait was woken from another thread than the one that waits: "
                    "use loop.call_soon_threadsafe"
                )
            self._waiter.set_result(None)

    def check_open(self) -> None:
        if self.closed:
            raise RuntimeError("this MultiAwait was closed by cancel(): make a new one")

    def _begin(self) -> int:
        """Returns the budget that the call has."""
        if self._budget < 0 or self._loop is not get_running_loop():
            self._check_begin()
        budget, self._budget = self._budget, POLLING
        return budget

    def _check_begin(self) -> None:
        self.check_open()
        self._bind()
        if self._budget < 0:
            raise RuntimeError(
                "another call on this MultiAwait has not returned yet: "
                "one call at a time, or a MultiAwait for each task"
            )

    def _bind(self) -> None:
        """Belong to the event loop of the first call, until the end."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None:
                raise RuntimeError("this MultiAwait belongs to another event loop")
            self._loop = loop
            for slot in self.slots:
                if slot is not None:
                    slot.source.start()

    def _end(self, budget: int) -> None:
        self._budget = budget
        if self._claims:
            self._release_soon()

    def _release_soon(self) -> None:
        loop = self._loop
        if not self._releasing and loop is not None and not loop.is_closed():
            self._releasing = True
            loop.call_soon(self._release_claims)

    def _release_claims(self) -> None:
        """Between two calls nothing is held: what was woken and not polled lets others go first."""
        self._releasing = False
        if self._budget >= 0:
            claims, self._claims = self._claims, {}
            for slot in claims:
                self._release(slot)

    def _release(self, slot: Slot) -> None:
        try:
            slot.source.release()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as failure:
            slot.source = Kept(slot, None, failure)

    def _check_hope(self) -> None:
        self.check_open()
        if not self._sources:
            raise NothingToAwait("Attempted to await 0 coroutines")  # 1.0.4's very words
        if self.exhausted:
            raise NothingToAwait("every source is exhausted: there is nothing left to wait for")

    @property
    def exhausted(self) -> bool:
        """Whether there were sources, and every one has ended."""
        return self._sources > 0 and self._unended == 0

    # -- the end -------------------------------------------------------------------------------

    async def close(self) -> None:
        """End every source at once, and wait until all have ended, whatever cancels us."""
        self._check_outside("cancel()")
        self._bind()
        if not self.closed:
            self.closed = True
            self._wake_waiter()
            slots, self.slots = self.slots, []
            self._sources = self._unended = 0  # closed, which is another thing than exhausted
            self._ready.clear()
            self._claims.clear()
            for slot in slots:
                if slot is not None:
                    slot.state = "removed"
                    self._leaving.add(slot)
        try:
            await end_all(self._leaving, self.undelivered)
        finally:
            self._leaving.clear()  # a slot knows its owner: no cycle

    def _check_outside(self, call: str) -> None:
        if self._budget == POLLING:
            raise RuntimeError(
                f"{call} from within a source, which would wait for its own end: "
                "let the source tell whoever called, who can do it"
            )


def _is_kept(slot: Slot) -> bool:
    return slot.state == "ready" and isinstance(slot.source, Kept)
