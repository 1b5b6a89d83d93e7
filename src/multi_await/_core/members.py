"""The sources of a group, by key: the engine, driven by polls of the group.

A `MultiAwait` is driven by its calls. Here, a poll of the group takes the place of a call, and the
wake that was passed to that poll takes the place of the waiter. This module knows neither types nor
kinds of source.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from threading import get_ident
from typing import Any

from multi_await._core.closing import Ends
from multi_await._core.ready import ReadyQueue
from multi_await._core.slot import Slot
from multi_await._names import short
from multi_await._source import PENDING, Pending, Source, failing_after


class Key:
    """A key as our `dict` holds it: its hash is computed once.

    So a key whose hash changes or fails later can't keep a source in the group.
    """

    __slots__ = ("_hash", "_is_listed", "key")

    def __init__(self, key: Any) -> None:
        self.key = key
        self._hash = hash(key)
        self._is_listed = True

    def leave(self) -> None:
        """From now on it equals no other key, so deleting it runs no code of a key."""
        self._is_listed = False

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, key: object) -> bool:
        other: Any = key  # there are no others in our dict
        if not (self._is_listed and other._is_listed):
            return False
        return self.key is other.key or bool(self.key == other.key)


class Member(Slot):
    """A slot under a key."""

    __slots__ = ("listed",)
    listed: Key


class Members(ReadyQueue):
    """The sources of a group by key. A poll of the group is the call that polls them."""

    owner = "Group"

    def __init__(self, biased: bool) -> None:
        super().__init__(biased)
        self.by_key: dict[Key, Member] = {}  # those that have not ended
        # Those that have ended. Closing them runs the sources' code, which must not run while an
        # outcome is on its way to the caller, so it waits.
        self._left: list[Slot] = []
        self._ends = Ends()
        self._is_shut_down = False
        self.looks = False
        self.wake: Callable[[], None] | None = None

    # -- what the engine calls -------------------------------------------------------------------

    def _in_order(self) -> list[Slot]:
        return list(self.by_key.values())

    def _wake_caller(self) -> None:
        if self.wake is not None:
            self.wake()

    _claims_are_left = _wake_caller  # the owner that polls the group also releases it

    def retire(self, slot: Any) -> None:
        super().retire(slot)
        slot.listed.leave()
        del self.by_key[slot.listed]
        if not self._left:
            asyncio.get_running_loop().call_soon(self._close_those_that_left)
        self._left.append(slot)

    # -- sources come and go ---------------------------------------------------------------------

    def _close_those_that_left(self) -> None:
        left, self._left = self._left, []
        for slot in left:
            self._ends.begin(slot)

    def check_addable(self, key: object) -> Key:
        if self.phase == "closed":
            raise RuntimeError("this Group has ended with its MultiAwait: make a new one")
        self.check_thread("add()")
        if self._is_shut_down:
            raise RuntimeError(
                "add() was called after shutdown(): this Group takes no more sources"
            )
        return Key(key)

    def add(self, listed: Key, source: Source[Any]) -> Slot:
        slot = Member(listed.key, source)
        slot.listed = listed
        if self.by_key.setdefault(listed, slot) is not slot:
            raise ValueError(
                f"there is a source under the key {short(listed.key)}: remove() it first"
            )
        self._welcome(slot)
        return slot

    async def remove(self, key: Any) -> tuple[Any, ...]:
        await self._outside("remove()")
        self.check_thread("remove()")
        slot = self.by_key.pop(Key(key), None)
        if slot is None:
            raise _missing(key)
        self._leave(slot)
        return await self._ends.remove(slot)

    def pause(self, key: Any) -> None:
        self._pause(self._at(key))

    def resume(self, key: Any) -> None:
        self._resume(self._at(key))

    def _at(self, key: Any) -> Slot:
        slot = self.by_key.get(Key(key))
        if slot is None:
            raise _missing(key)
        return slot

    def shutdown(self) -> None:
        self.check_thread("shutdown()")
        self._is_shut_down = True
        self._wake_caller()

    def drop(self) -> None:
        """The group was never used: free its sources now, rather than as part of a cycle.

        One that knows its end refers to us. In a cycle, a coroutine may be collected before the
        source that would close it.
        """
        for slot in self.by_key.values():
            del slot.source, slot.poll

    # -- the group as a source -------------------------------------------------------------------

    def start(self) -> None:
        self._thread = get_ident()
        self._loop = asyncio.get_running_loop()
        self.phase = "asleep"
        for slot in self._in_order():
            self._start(slot)

    def nothing(self) -> Pending:
        if self._is_shut_down and not self.unended:
            raise StopAsyncIteration
        return PENDING

    def release(self) -> None:
        self._release_claims()

    async def close(self) -> Iterable[tuple[Any, Any]]:
        self._shut()
        self.wake = None
        slots = [*self.by_key.values(), *self._left]
        self.by_key.clear()
        self._left.clear()
        for slot in slots:
            self._ends.begin(slot)
        try:
            await self._ends.wait()
        except BaseException as raised:
            return failing_after(self._ends.left, raised)
        return self._ends.left


def _missing(key: object) -> KeyError:
    return KeyError(f"there is no source under the key {short(key)}")
