"""The ready queue: the heart of a `MultiAwait`, and of a `Group`.

A source is polled when its turn comes, and an outcome is taken only then:

    poll      take the first slot from the ready queue, and poll its source
                  outcome  -> the slot goes to the end of the ready queue; deliver the outcome
                  pending  -> the source will call wake(); go on to the next
                  ended    -> the slot is exhausted, and never polled again
    wake      append the slot to the ready queue, and wake the caller if one waits;
              otherwise let the source release its claim

This module does not know the kinds of source, positions, or how a caller waits.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable
from threading import get_ident
from typing import Any, Literal, TypeAlias

from multi_await._core.outcome import Failed, attributed, report
from multi_await._core.slot import Slot
from multi_await._source import ENDED, INTERRUPTS, PENDING
from multi_await._tasks import is_a_sources_task
from multi_await._tracebacks import without_our_frames

# `new` until the sources have been started. In a call, `polling`, or `asleep` until a wake.
Phase: TypeAlias = Literal["new", "idle", "polling", "asleep", "closed"]


class ReadyQueue(ABC):
    """Polls sources in the order in which they became ready.

    If biased, in the order of the slots: then there is no queue, because each call looks at the
    slots from the first one on, and `ready` only means that a slot has been woken.
    """

    owner = "MultiAwait"  # its name in messages

    def __init__(self, biased: bool) -> None:
        self.biased = biased
        self.phase: Phase = "new"
        self.failed: Any = None
        self._ready: deque[Slot] = deque(maxlen=0 if biased else None)
        # The slots that were woken in a call and not polled since; a dict, because it is ordered.
        self.claims: dict[Slot, None] = {}
        self.unended = 0  # how many of the sources are not exhausted
        self._thread = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    # -- what the owner of the slots defines -----------------------------------------------------

    @abstractmethod
    def _in_order(self) -> Iterable[Slot | None]:
        """The slots, from the first on; safe to iterate over while sources come and go."""

    @abstractmethod
    def _wake_caller(self) -> None:
        """Wake a sleeping call."""

    @abstractmethod
    def _claims_are_left(self) -> None:
        """Arrange for them to be released once no call is running."""

    # -- sources ---------------------------------------------------------------------------------

    def _welcome(self, slot: Slot) -> None:
        """Admit a source: the next call polls it, and so does a blocked one."""
        self.unended += 1
        self._enqueue(slot)
        if self.phase != "new":
            self._start(slot)
        self._wake_caller()

    def _start(self, slot: Slot) -> None:
        slot.owner = self
        try:
            slot.source.start()
        except BaseException as failure:
            slot.never_started = True
            slot.keep(Failed(without_our_frames(failure)))

    def _leave(self, slot: Slot) -> None:
        """A source leaves, or must not be polled any longer."""
        self._set_aside(slot)
        self.unended -= slot.state != "exhausted"
        self.claims.pop(slot, None)
        slot.state = "removed"
        self._wake_caller()  # a call that is blocked may have nothing left to wait for

    def retire(self, slot: Slot) -> None:
        """The source has ended."""
        self._set_aside(slot)
        self.claims.pop(slot, None)
        slot.state = "exhausted"
        self.unended -= 1

    def _pause(self, slot: Slot) -> None:
        self.check_thread("pause()")
        if slot.is_polled:
            self._set_aside(slot)
            slot.state = "paused"
            if slot in self.claims:
                del self.claims[slot]
                self._release(slot)

    def _resume(self, slot: Slot) -> None:
        self.check_thread("resume()")
        if slot.state == "paused":
            slot.state = "pending"
            self._enqueue(slot)
            self._wake_caller()

    def _shut(self) -> None:
        """No source is polled any more, and no wake changes anything."""
        self.phase = "closed"
        self.unended = 0
        self._ready.clear()
        self.claims.clear()

    def check_thread(self, call: str) -> None:
        """Refuse a change from another thread: a sleeping event loop would not notice it."""
        if self.phase != "new" and get_ident() != self._thread and not self._has_moved():
            raise _of_another_thread(f"{call} of a {self.owner} was called")

    def _has_moved(self) -> bool:
        """Whether the event loop now runs in this thread: a program may move it between runs."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        if loop is not self._loop:
            return False
        self._thread = get_ident()
        return True

    async def _outside(self, call: str) -> None:
        """Continue outside of any poll, where waiting for the end of a source is safe.

        A task that started eagerly runs its first step within a poll, and the next one outside.
        """
        if self.phase == "polling" and is_a_sources_task():  # pragma: no cover -- from 3.12 on
            await asyncio.sleep(0)
        if self.phase == "polling":
            raise RuntimeError(
                f"{call} was called from within a source, which would wait for its own end: "
                "have the source tell the caller to do it"
            )

    def _enqueue(self, slot: Slot) -> None:
        if slot.state == "pending":
            slot.state = "ready"
            self._ready.append(slot)

    def _set_aside(self, slot: Slot) -> None:
        if slot.state == "ready" and not self.biased:
            self._ready.remove(slot)

    # -- polling ---------------------------------------------------------------------------------

    def _poll(self, slot: Slot, look: bool) -> Any:
        """Ask a source for an outcome: `PENDING` if there is none, `Failed` for a failure.

        `Calls.select` and `take_one` repeat this inline, because saving a call makes an event a
        tenth cheaper.
        """
        slot.state = "pending"
        if self.claims:
            self.claims.pop(slot, None)
        try:
            outcome = slot.look() if look else slot.poll(slot)
        except BaseException as failure:
            if self._has_ended(slot, failure):
                return PENDING
            if issubclass(type(failure), INTERRUPTS):
                self.failed = slot.key
                raise
            return Failed(without_our_frames(failure))
        if outcome is not PENDING and slot.state == "pending":
            slot.state = "ready"
            self._ready.append(slot)
        return outcome

    def _has_ended(self, slot: Slot, raised: BaseException) -> bool:
        """Whether what a poll raised means that its source has ended; else the source failed."""
        if not issubclass(type(raised), ENDED):
            self._enqueue(slot)
            return False
        self.retire(slot)
        return True

    def take_one(self, look: bool) -> tuple[Any, Any] | None:
        """The next event, or `None`; a failure is raised."""
        if self.biased:
            return self._first_in_order()
        ready = self._ready
        turns = len(ready)
        while turns and ready:  # a poll may pause others
            turns -= 1
            slot = ready.popleft()
            slot.state = "pending"
            if self.claims:
                self.claims.pop(slot, None)
            try:
                outcome = slot.look() if look else slot.poll(slot)
            except BaseException as failure:
                if self._has_ended(slot, failure):
                    continue
                raise self._attributed(slot, failure)  # noqa: B904 -- usually the same
            if outcome is not PENDING:
                if slot.state == "pending":
                    slot.state = "ready"
                    ready.append(slot)
                return slot.key, outcome
        return None

    def _first_in_order(self) -> tuple[Any, Any] | None:
        for slot in self._in_order():
            if slot is not None and slot.is_polled:
                outcome = self._poll(slot, look=True)
                if type(outcome) is Failed:
                    raise self._attributed(slot, outcome.taken())
                if outcome is not PENDING:
                    return slot.key, outcome
        return None

    def _attributed(self, slot: Slot, failure: BaseException) -> BaseException:
        """A source's failure, for the caller to raise, which delivers it."""
        try:
            attributed_failure = attributed(failure, slot, self.owner)
        except BaseException:  # an interrupt while the note was being added
            slot.keep(Failed(failure))
            raise
        self.failed = slot.key
        return attributed_failure

    def enqueue_all(self) -> None:
        """Enqueue all: an item that has just arrived may not have woken its source yet."""
        for slot in self._in_order():
            if slot is not None:
                self._enqueue(slot)

    # -- wakes and claims ------------------------------------------------------------------------

    def woken(self, slot: Slot) -> None:
        """A source may have an outcome."""
        if slot.state not in ("pending", "ready", "paused"):
            return
        if get_ident() != self._thread and not self._has_moved():
            raise _of_another_thread(f"{slot} of a {self.owner} was woken")
        if slot.state == "paused" or self.phase not in ("polling", "asleep"):
            self._enqueue(slot)
            self._release(slot)
        else:
            self._enqueue(slot)
            self.claims[slot] = None
            self._wake_caller()

    def _release_claims(self) -> None:
        """Between two calls nothing is held: release the slots that were woken but not polled."""
        try:
            while self.claims:
                slot = next(iter(self.claims))
                del self.claims[slot]
                self._release(slot)
        finally:
            if self.claims:
                self._claims_are_left()

    def _release(self, slot: Slot) -> None:
        try:
            slot.source.release()
        except INTERRUPTS:
            raise
        except BaseException as failure:
            if slot.outcome is PENDING:
                slot.keep(Failed(without_our_frames(failure)))
            else:
                report(failure, f"{slot} failed while one of its outcomes was undelivered")


def _of_another_thread(what: str) -> RuntimeError:
    return RuntimeError(
        f"{what} from a thread other than the event loop's: use loop.call_soon_threadsafe"
    )
