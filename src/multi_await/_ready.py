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
import sys
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Iterable
from typing import Any, Literal, TypeAlias, TypeVar

from multi_await._outcome import Kept, Outcome, attributed, report, without_our_frames
from multi_await._source import PENDING, Pending, Source, ended_by, start, until_done

T = TypeVar("T")
State: TypeAlias = Literal["ready", "pending", "paused", "exhausted", "removed", "ended"]

# After so many calls in a row that found something at once, the event loop gets a turn (tokio's
# cooperative budget is the model, and has the same size).
BUDGET = 128

if sys.version_info >= (3, 13):  # pragma: no cover -- which of the two depends on the Python
    _ENDED = (StopAsyncIteration, asyncio.QueueShutDown)
else:  # pragma: no cover -- as above
    _ENDED = (StopAsyncIteration,)


class NothingToAwait(RuntimeError):  # noqa: N818 -- it says what is the matter
    """Raised by a call that could never return: there is no source, or every source is exhausted.

    Example::

        try:
            while True:
                position, value = await m.select()
        except NothingToAwait:
            print("every source has ended")
    """


class Slot:
    """A position: its source, and where that source stands. It is also what wakes that source."""

    # One that is paused or removed while it is in the ready queue stays there, and is passed over
    # when its turn comes. `queued` says that it is paused there.
    __slots__ = ("_owner", "end", "ending", "position", "queued", "source", "state")

    def __init__(self, owner: ReadyQueue, position: int, source: Source[Any]) -> None:
        self._owner = owner
        self.position = position
        self.source = source
        self.state: State = "pending"
        self.queued = False
        self.end: Coroutine[Any, Any, None] | None = None
        self.ending: asyncio.Task[None] | None = None

    def __lt__(self, other: Slot) -> bool:
        return self.position < other.position

    def __repr__(self) -> str:
        return f"source {self.position} ({self.source!r})"

    def __call__(self, *ignored: object) -> None:
        """The wake: what a pending source calls when it may have an outcome."""
        if self.state != "exhausted":
            self._owner.woken(self)


class LowestFirst:
    """The end of a deque that the ready queue uses, with the lowest position first."""

    def __init__(self) -> None:
        self._heap: list[Slot] = []
        self.clear = self._heap.clear

    def append(self, slot: Slot) -> None:
        heapq.heappush(self._heap, slot)

    def popleft(self) -> Slot:
        return heapq.heappop(self._heap)

    def __len__(self) -> int:
        return len(self._heap)


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
        self._in_call = False
        self._asleep = False
        self._waiter: asyncio.Future[None] | None = None
        self._budget = BUDGET
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leaving: set[Slot] = set()

    # -- the set of sources --------------------------------------------------------------------

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
            await self._end_all([slot])
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
                slot.source.release()

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

    async def call(self, take: Callable[[], T | None]) -> T:
        """Run `take` until it gives something; sleep in between.

        Nothing is awaited after something was taken: a call that is cancelled has taken nothing.
        """
        self._begin()
        try:
            if self._budget <= 0 and self._ready:
                await self._sleep()
            self._budget -= 1
            while (taken := take()) is None:
                await self._sleep()
            return taken
        finally:
            self._end()

    def call_nowait(self, take: Callable[[], T | None]) -> T | None:
        """Run `take` once, over all the sources."""
        self._begin()
        try:
            for slot in self.slots:
                if slot is not None:
                    self._append(slot)  # what it got just now may not have woken it yet
            return take()
        finally:
            self._end()

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

    def take_all(self) -> list[Outcome] | None:
        """The outcomes of all the sources that are ready, or None."""
        outcomes: list[Outcome] = []
        turns = deque(self._ready.popleft() for _ in range(len(self._ready)))
        while turns:
            slot = turns.popleft()
            try:
                value = self._poll(slot)
            except (KeyboardInterrupt, SystemExit):
                self.keep(outcomes)
                for unpolled in turns:
                    self._ready.append(unpolled)
                raise
            except BaseException as failure:
                failure.__traceback__ = without_our_frames(failure.__traceback__)
                outcomes.append(Outcome(slot, None, failure))
            else:
                if value is not PENDING:
                    outcomes.append(Outcome(slot, value, None))
        if not outcomes:
            self._check_hope()
        return outcomes or None

    def take_all_or_raise(self) -> list[Outcome] | None:
        """The same; but if any failed, raise the lowest position's failure and keep the others."""
        outcomes = self.take_all() or []
        failures = {each.slot: each.failure for each in outcomes if each.failure is not None}
        if not failures:
            return outcomes or None
        lowest = min(failures)
        self.keep(outcome for outcome in outcomes if outcome.slot is not lowest)
        try:
            raise attributed(failures[lowest], lowest)
        finally:
            del outcomes, failures  # the failure's traceback keeps this frame: no cycle

    def keep(self, outcomes: Iterable[Outcome]) -> None:
        """Put back what was taken and can't be delivered by this call; the next one has it."""
        for slot, value, failure in outcomes:
            slot.source = Kept(slot, value, failure)

    def _poll(self, slot: Slot) -> Any | Pending:
        if slot.state != "ready":  # it was paused or removed since
            slot.queued = False
            return PENDING
        slot.state = "pending"
        if self._claims:
            self._claims.pop(slot, None)
        try:
            value = slot.source.poll(slot)
        except _ENDED:
            slot.state = "exhausted"
            self._unended -= 1
            return PENDING
        except BaseException:
            self._append(slot)
            raise
        if value is not PENDING:
            self._append(slot)
        return value

    def _append(self, slot: Slot) -> None:
        if slot.state == "pending":
            slot.state = "ready"
            self._ready.append(slot)

    # -- waiting and waking --------------------------------------------------------------------

    async def _sleep(self) -> None:
        self._budget = BUDGET
        self._asleep = True
        try:
            if self._ready:  # no need to wait, but the event loop has its turn first
                await asyncio.sleep(0)
            else:
                self._waiter = asyncio.get_running_loop().create_future()
                await self._waiter
        finally:
            self._asleep = False
            self._waiter = None

    def woken(self, slot: Slot) -> None:
        if self.closed or slot.state in ("removed", "ended"):
            return
        self._append(slot)
        if self._in_call and slot.state == "ready":
            self._claims[slot] = None
            self._wake_waiter()
        else:
            slot.source.release()

    def _wake_waiter(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def check_open(self) -> None:
        if self.closed:
            raise RuntimeError("this MultiAwait was closed by cancel(): make a new one")

    def _begin(self) -> None:
        self.check_open()
        self._bind()
        if self._in_call:
            raise RuntimeError(
                "another call on this MultiAwait has not returned yet: "
                "one call at a time, or a MultiAwait for each task"
            )
        self._in_call = True

    def _bind(self) -> None:
        """Belong to the event loop of the first call, until the end."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None:
                raise RuntimeError("this MultiAwait belongs to another event loop")
            self._loop = loop

    def _end(self) -> None:
        self._in_call = False
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
        if not self._in_call:
            claims, self._claims = self._claims, {}
            for slot in claims:
                slot.source.release()

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
            self._ready.clear()
            self._claims.clear()
            self._leaving.update(slot for slot in slots if slot is not None)
        try:
            await self._end_all(self._leaving)
        finally:
            self._leaving.clear()  # a slot knows its owner: no cycle

    def _check_outside(self, call: str) -> None:
        if self._in_call and not self._asleep:
            raise RuntimeError(
                f"{call} from within a source, which would wait for its own end: "
                "let the source tell whoever called, who can do it"
            )

    async def _end_all(self, slots: Collection[Slot]) -> None:
        """Wait until these have ended, whatever cancels us, each in a task of its own."""
        cancelled = None
        while unended := [slot for slot in slots if slot.state != "ended"]:
            for slot in sorted(unended):
                # Done, and not ended: cancelled before its first step by a loop that shuts down.
                if slot.ending is None or slot.ending.done():
                    # A factory that wraps it would leave it never awaited.
                    if slot.end is not None:  # pragma: no cover -- runs, unseen by 3.11's tracer
                        slot.end.close()
                    slot.end = self._end_of(slot)
                    slot.ending = self._start_end(slot, slot.end)
            endings = [slot.ending for slot in unended if slot.ending is not None]
            cancelled = await until_done(endings) or cancelled
        if cancelled is not None:
            raise cancelled

    def _start_end(self, slot: Slot, end: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        before = ended_by.set(asyncio.current_task())
        try:
            return start(end, f"end of {slot}")
        finally:
            ended_by.reset(before)

    async def _end_of(self, slot: Slot) -> None:
        try:
            left = await slot.source.aclose()
        except asyncio.CancelledError:
            pass  # what we asked for
        except GeneratorExit:
            raise  # the event loop is gone, and with it whom to tell
        except BaseException as failure:
            report(failure, slot)
        else:
            self.undelivered.extend((slot.position, value) for value in left or ())
        finally:
            slot.state = "ended"
            del slot.source  # which may hold our wake, and so this slot: no cycle
