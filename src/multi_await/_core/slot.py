"""A slot: one source, its state, and its wake.

This module knows a single method of a slot's owner, and does not know the kinds of source.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NoReturn, Protocol, TypeAlias

from multi_await._core.outcome import Failed
from multi_await._names import safe_repr, short
from multi_await._source import PENDING, Source, Wake

# Only a `ready` slot is in the ready queue. A `removed` one has left the set, and an `ended` one
# has been closed as well.
State: TypeAlias = Literal["ready", "pending", "paused", "exhausted", "removed", "ended"]


class Owner(Protocol):
    """The object that a slot tells about its wake."""

    def woken(self, slot: Slot) -> None: ...


class Slot:
    """A source in its set. It is also the wake that the source is given."""

    # `key` is the position, or the key in a group. `poll` is the source's own method, bound once,
    # except while an outcome is kept next to the source: then it returns that.
    # `never_started`: its start failed, so it has ended once that failure is delivered.
    # `owner` is set at the start, so that an unused set is not part of a cycle.
    __slots__ = ("key", "never_started", "outcome", "owner", "poll", "source", "state")

    owner: Owner

    def __init__(self, key: Any, source: Source[Any]) -> None:
        self.key = key
        self.source = source
        self.state: State = "pending"
        self.outcome: Any = PENDING
        self.never_started = False
        self.poll: Callable[[Wake], Any] = source.poll

    def __repr__(self) -> str:
        return f"source {short(self.key)} ({safe_repr(self.source)})"

    def __call__(self, *ignored: object) -> None:
        """The wake: what a pending source calls when it may have an outcome."""
        self.owner.woken(self)

    @property
    def is_polled(self) -> bool:
        return self.state == "ready" or self.state == "pending"

    def look(self) -> Any:
        """Poll on behalf of a call that can't rely on wakes, which may come a moment later."""
        if self.outcome is PENDING and not self.never_started:
            return self.source._poll_unwoken(self)
        return self.poll(self)

    def keep(self, outcome: Any) -> None:
        """Keep an outcome that this call took but can't deliver, for the next call.

        The source stays in place, so that `release` and `aclose` still reach it.
        """
        self.outcome = outcome
        self.poll = self._give

    def forget(self) -> None:
        """Drop the outcome: it was delivered."""
        self.outcome = PENDING
        self.poll = _has_ended if self.never_started else self.source.poll

    def _give(self, wake: Wake) -> Any:
        outcome = self.outcome
        self.forget()
        if type(outcome) is not Failed:
            return outcome
        raise outcome.taken()


def _has_ended(wake: Wake) -> NoReturn:
    raise StopAsyncIteration
