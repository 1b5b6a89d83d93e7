"""The virtual clock, with a random order of callbacks where asyncio promises none.

The rule. What one callback makes ready may run in any order, if it is

- a callback of a future that is done, which wakes a task or calls a function: those of *different*
  futures swap places, those of one future run in the order in which they were added;
- the first step of a new task.

These swap places among themselves, and with nothing else. The rest is as asyncio documents it:

- Functions passed to `call_soon` run in that order, and nothing overtakes them: what was made ready
  before one runs before it, and what is made ready after it runs after it.
- A task that yields without a future, as in `asyncio.sleep(0)`, resumes after everything that it
  made ready before: "to allow other tasks to run" is the purpose of that.
- What one callback made ready runs before what the next callback makes ready. (What the selector
  calls in one pass for sockets and signals counts as one callback.)
- Timers run at their time, the earlier ones first. Only of those that are due at the very same time
  does asyncio say that "the order in which they are called is undefined".

A seed determines the order: with the same seed, the same program does the same. A call of
`loop.call_soon(function, future)` with a future that is done looks the same as a future's callback.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import random
from collections.abc import Callable
from typing import NamedTuple, TypeAlias, TypeVarTuple

from virtual_clock import VirtualClockLoop

Ts = TypeVarTuple("Ts")
Call: TypeAlias = Callable[[*Ts], object]
Context: TypeAlias = contextvars.Context | None


class Ready(NamedTuple):
    """What may swap places."""

    cause: object  # the completed future, or the new task
    call: Call[()]
    handle: asyncio.Handle  # the caller's, who may cancel it


class Due(float):
    """The time of a timer; of two at the same time, chance decides which is earlier."""

    chance: float

    def __lt__(self, other: float) -> bool:
        if isinstance(other, Due) and self == other:
            return self.chance < other.chance
        return super().__lt__(other)


class ShuffledLoop(VirtualClockLoop):
    """The virtual clock, with a seed that determines the order where any order is allowed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 -- an order is no secret
        self.group: list[Ready] = []  # what the running callback has made ready, to be shuffled
        super().__init__()

    def call_soon(self, callback: Call[*Ts], *args: *Ts, context: Context = None) -> asyncio.Handle:
        cause = self.cause_of(callback, args)
        if cause is None:
            self.group = []
            return super().call_soon(self.run, callback, *args, context=context)
        context = contextvars.copy_context() if context is None else context
        handle = asyncio.Handle(callback, args, self, context)
        # A place in the line; who gets it is decided when its turn comes.
        super().call_soon(self.run, self.run_one_of, self.group, context=contextvars.Context())
        self.group.append(Ready(cause, functools.partial(context.run, callback, *args), handle))
        return handle

    def call_soon_threadsafe(
        self, callback: Call[*Ts], *args: *Ts, context: Context = None
    ) -> asyncio.Handle:
        return super().call_soon_threadsafe(self.run, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Call[*Ts], *args: *Ts, context: Context = None
    ) -> asyncio.TimerHandle:
        due = Due(when)
        due.chance = self.random.random()
        return super().call_at(due, self.run, callback, *args, context=context)

    def cause_of(self, callback: Callable[..., object], args: tuple[object, ...]) -> object:
        """The future whose callback this is, or the task whose first step it is, or None."""
        if len(args) == 1 and asyncio.isfuture(args[0]) and args[0].done():
            return args[0]
        task = getattr(callback, "__self__", None)
        if args or not isinstance(task, asyncio.Task) or task is asyncio.current_task(self):
            return None
        # A task's public methods, such as cancel(), are not its steps.
        return None if hasattr(task, getattr(callback, "__name__", "")) else task

    def run(self, callback: Call[*Ts], *args: *Ts) -> None:
        """Run a callback; what it makes ready forms a group."""
        self.group = []
        try:
            callback(*args)
        finally:
            del callback, args  # a failure in there may keep this frame: avoid a cycle

    def run_one_of(self, group: list[Ready]) -> None:
        self.one_of(group)()

    def one_of(self, group: list[Ready]) -> Call[()]:
        """Any of them; but of one future's callbacks, the first."""
        cause = self.random.choice(group).cause
        first = next(ready for ready in group if ready.cause is cause)
        group.remove(first)
        return (lambda: None) if first.handle.cancelled() else first.call
