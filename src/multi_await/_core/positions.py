"""The sources of a `MultiAwait` by position, until the end of all.

This module does not know about polling.
"""

from __future__ import annotations

import heapq
import warnings
from typing import Any

from multi_await._core.calls import Calls
from multi_await._core.closing import Ends
from multi_await._core.ready import Phase
from multi_await._core.slot import Slot
from multi_await._names import safe_repr
from multi_await._source import Source


class Positions(Calls):
    """Sources are added, paused and removed at any time; at the end, all of them end."""

    def __init__(self, biased: bool) -> None:
        super().__init__(biased)
        self._free: list[int] = []  # a heap of positions that were removed
        self._ends = Ends()
        self._is_dropped = False

    @property
    def undelivered(self) -> list[tuple[int, Any]]:
        """`(position, value)` for each value that was not delivered."""
        return self._ends.left

    def next_position(self) -> int:
        """The lowest free position."""
        while self._free and self._free[0] >= len(self.slots):
            heapq.heappop(self._free)
        return self._free[0] if self._free else len(self.slots)

    def add(self, source: Source[Any]) -> int:
        """Give a source the next position; a blocked call polls it too."""
        position = self.next_position()
        slot = Slot(position, source)
        if position < len(self.slots):
            self.slots[heapq.heappop(self._free)] = slot
        else:
            self.slots.append(slot)
        self._welcome(slot)
        return position

    async def remove(self, position: int) -> tuple[Any, ...]:
        """End the source at a position, free the position, and return what the source left."""
        await self._outside("remove()")
        slot = self._at(position)
        self._bind()
        self.slots[position] = None
        heapq.heappush(self._free, position)
        while self.slots and self.slots[-1] is None:
            self.slots.pop()
        self._leave(slot)
        return await self._ends.remove(slot)

    def pause(self, position: int) -> None:
        """Stop polling the source until it is resumed."""
        self._pause(self._at(position))

    def resume(self, position: int) -> None:
        """Poll the source again, even in a blocked call."""
        self._resume(self._at(position))

    def _at(self, position: int) -> Slot:
        self.check_open()
        slot = self.slots[position] if 0 <= position < len(self.slots) else None
        if slot is None:
            raise IndexError(f"there is no source at position {position}: add() returns positions")
        return slot

    def __repr__(self) -> str:
        if self.phase == "closed":
            return "<MultiAwait closed>"
        slots = [slot for slot in self.slots if slot is not None]
        shown = [f"{slot.key} {safe_repr(slot.source)} {slot.state}" for slot in slots[:8]]
        if len(slots) > len(shown):
            shown.append(f"... {len(slots)} in all")
        return f"<MultiAwait {', '.join(shown) or 'without sources'}>"

    # -- the end ---------------------------------------------------------------------------------

    def drop(self, face: object) -> None:
        """Nobody can end it any more, so warn; if it was not used, a call may be about to begin."""
        if self.phase == "new":
            self._is_dropped = True
        elif self.phase != "closed":
            self._warn_of_drop(face)

    def _begin(self) -> Phase:
        if self._is_dropped:
            self._warn_of_drop(self)
        return super()._begin()

    def _warn_of_drop(self, dropped: object) -> None:
        warnings.warn(
            f"{self!r} was dropped before its end: use `async with`, or await its cancel()",
            ResourceWarning,
            source=dropped,
            stacklevel=4,
        )

    async def close(self) -> None:
        """End all sources at once, and wait until they have ended, even if cancelled meanwhile."""
        await self._outside("cancel()")
        self._bind()
        if self.phase != "closed":
            self._close()
        await self._ends.wait()

    def _close(self) -> None:
        self._shut()
        self._wake_caller()
        slots, self.slots = self.slots, []
        for slot in slots:
            if slot is not None:
                self._ends.begin(slot)
