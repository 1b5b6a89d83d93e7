"""A position: its source, and where that source stands; and the order of positions, if biased.

This module knows the ready queue by name only, and the kinds of source not at all.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from multi_await._names import safe_repr
from multi_await._source import Source

if TYPE_CHECKING:
    from multi_await._core.ready import ReadyQueue

State: TypeAlias = Literal["ready", "pending", "paused", "exhausted", "removed", "ended"]


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
        return f"source {self.position} ({safe_repr(self.source)})"

    def __call__(self, *ignored: object) -> None:
        """The wake: what a pending source calls when it may have an outcome."""
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

    def __iter__(self) -> Iterator[Slot]:
        return iter(sorted(self._heap))

    def __len__(self) -> int:
        return len(self._heap)
