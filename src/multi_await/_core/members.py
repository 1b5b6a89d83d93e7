"""The sources of a group, by key: the engine, driven by polls of the group.

A `MultiAwait` is driven by its calls. Here, a poll of the group takes the place of a call, and the
wake that was passed to that poll takes the place of the waiter. This module knows neither types nor
kinds of source.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from threading import get_ident
from typing import Any

from multi_await._core.closing import Ends
from multi_await._core.ready import ReadyQueue
from multi_await._core.slot import Slot
from multi_await._names import short
from multi_await._source import PENDING, Pending, Source, failing_after
from multi_await._tasks import ended_by


class Members(ReadyQueue):
    """The sources of a group by key. A poll of the group is the call that polls them."""

    owner = "Group"

    def __init__(self, biased: bool) -> None:
        super().__init__(biased)
        self._by_key: dict[Any, Slot] = {}
        # Ended by themselves. Removing them runs the keys' code, closing them the sources';
        # neither may run while an outcome is on its way to the caller, so both wait.
        self._leaving: deque[Slot] = deque()
        self._left: list[Slot] = []
        self._ends = Ends()
        self._is_shut_down = False
        self.looks = False
        self.wake: Callable[[], None] | None = None

    # -- what the engine asks --------------------------------------------------------------------

    def _in_order(self) -> list[Slot]:
        return list(self._by_key.values())

    def _wake_caller(self) -> None:
        if self.wake is not None:
            self.wake()

    _claims_are_left = _wake_caller  # what polls the group also releases it

    def _retire(self, slot: Slot) -> None:
        super()._retire(slot)
        if not (self._leaving or self._left):
            asyncio.get_running_loop().call_soon(self._close_those_that_left)
        self._leaving.append(slot)

    # -- sources come and go ---------------------------------------------------------------------

    def by_key(self) -> dict[Any, Slot]:
        """The slots that have not ended."""
        while self._leaving:
            del self._by_key[self._leaving[0].key]
            self._left.append(self._leaving.popleft())
        return self._by_key

    def _close_those_that_left(self) -> None:
        self.by_key()
        left, self._left = self._left, []
        for slot in left:
            self._ends.begin(slot, None)

    def check_addable(self, key: object) -> None:
        if self.phase == "closed":
            raise RuntimeError("this Group has ended with its MultiAwait: make a new one")
        if self._is_shut_down:
            raise RuntimeError(
                "add() was called after shutdown(): this Group takes no more sources"
            )
        if key in self.by_key():
            raise ValueError(f"there is a source under the key {short(key)}: remove() it first")

    def add(self, key: Any, source: Source[Any]) -> Slot:
        slot = self._by_key[key] = Slot(self, key, source)
        self._welcome(slot)
        return slot

    async def remove(self, key: Any) -> tuple[Any, ...]:
        if self.phase == "polling":
            raise RuntimeError(
                "remove() was called from within a source of the Group, which would wait for its "
                "own end: have the source tell the caller to do it"
            )
        slot = self._at(key)
        del self._by_key[key]
        self._leave(slot)
        return await self._ends.remove(slot)

    def pause(self, key: Any) -> None:
        self._pause(self._at(key))

    def resume(self, key: Any) -> None:
        self._resume(self._at(key))

    def _at(self, key: Any) -> Slot:
        try:
            return self.by_key()[key]
        except KeyError:
            raise KeyError(f"there is no source under the key {short(key)}") from None

    def shutdown(self) -> None:
        self._is_shut_down = True
        self._wake_caller()

    # -- the group as a source -------------------------------------------------------------------

    def start(self) -> None:
        self._thread = get_ident()
        self.phase = "asleep"
        for slot in self._in_order():
            self._start(slot)

    def nothing(self) -> Pending:
        if self._is_shut_down and not self._unended:
            raise StopAsyncIteration
        return PENDING

    def release(self) -> None:
        self._release_claims()

    async def close(self) -> Iterable[tuple[Any, Any]]:
        self.phase = "closed"
        self.wake = None
        self._unended = 0
        slots = dict.fromkeys([*self._by_key.values(), *self._leaving, *self._left])
        for held in (self._by_key, self._leaving, self._left, self._ready, self._claims):
            held.clear()
        for slot in slots:
            slot.state = "removed"
            self._ends.begin(slot, ended_by.get())
        try:
            await self._ends.wait()
        except BaseException as raised:
            return failing_after(self._ends.left, raised)
        return self._ends.left
