"""What a source produced, on its way to the caller: kept, attributed, or reported.

A failure is told apart from the caller's own cancellation here, and says which source it came from.
This module knows slots by name only, and nothing of the ready queue.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from multi_await._source import Source, Wake

if TYPE_CHECKING:
    from multi_await._core.slot import Slot

T = TypeVar("T")


class Kept(Source[T]):
    """Stands in for a source whose outcome was taken and is to be delivered by a later call."""

    __slots__ = ("_slot", "failure", "source", "value")

    def __init__(self, slot: Slot, value: T, failure: BaseException | None) -> None:
        self._slot = slot
        self.source: Source[T] = slot.source
        self.value = value
        self.failure = failure

    def poll(self, wake: Wake) -> T:
        self._slot.source = self.source
        failure, self.failure = self.failure, None
        try:
            if failure is not None:
                raise failure
            return self.value
        finally:
            del failure  # its traceback keeps this frame: no cycle

    def __repr__(self) -> str:
        return repr(self.source)


def attributed(failure: BaseException, slot: Slot) -> BaseException:
    """A source's failure, as it is raised to the caller: it says whose it is.

    A source's own CancelledError would look as if the caller had been cancelled.
    """
    if isinstance(failure, asyncio.CancelledError):
        cancelled = RuntimeError(f"{slot} was cancelled, and not by this call")
        cancelled.__cause__ = failure
        return cancelled
    note = f"raised by {slot} of a MultiAwait"
    if note not in getattr(failure, "__notes__", ()):
        failure.add_note(note)
    return failure


def report(failure: BaseException, slot: Slot) -> None:
    """Tell the event loop's exception handler of a failure that nobody can be handed any more."""
    asyncio.get_running_loop().call_exception_handler(
        {
            "message": f"{slot} failed when its MultiAwait ended",
            "exception": failure,
        }
    )


def _is_ours(module: object) -> bool:
    return isinstance(module, str) and module.startswith("multi_await.")


def without_our_frames(traceback: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame on that is not of this package.

    The frames of ours would keep the MultiAwait alive, and the outcomes of this very round.
    """
    while traceback is not None and _is_ours(traceback.tb_frame.f_globals.get("__name__")):
        traceback = traceback.tb_next
    return traceback
