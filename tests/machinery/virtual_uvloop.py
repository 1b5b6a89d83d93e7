"""The virtual clock for uvloop, which has no selector that could be told not to block.

How it notices that no task has work: a callback that reschedules itself runs once in every pass
through the loop, so that the loop never blocks, and checks whether call_soon() was used since its
last run. All activity uses it sooner or later: a task's next step, a future that is done, data for
a waiting reader. What uvloop schedules without it (stop(), the end of a transport, a signal's
handler) has run a pass or two later. So after three passes without it, the clock moves to the next
timer.

As on the other virtual clock, the work of other threads does not count: a test that waits for a
thread (of run_in_executor(), or the one that resolves host names) needs a real clock.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import math
from collections.abc import Callable
from typing import TypeAlias, TypeVarTuple

import uvloop

from tests.conftest import MOST_PASSES, Deadlock

Ts = TypeVarTuple("Ts")
Call: TypeAlias = Callable[[*Ts], object]
Context: TypeAlias = contextvars.Context | None


class Timer(asyncio.TimerHandle):
    """What call_at() returns."""

    call: Call[()]
    timers: dict[int, Timer]  # the loop's, by id(), because TimerHandle's == compares callbacks

    def cancel(self) -> None:
        self.timers.pop(id(self), None)
        self.call = lambda: None  # a call that call_soon() has already scheduled does nothing
        asyncio.Handle.cancel(self)  # TimerHandle's own would notify a loop of asyncio


class VirtualClockUvloop(uvloop.Loop):
    """uvloop, with a clock that moves on when no task has work."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.timers: dict[int, Timer] = {}
        self.used = False  # whether call_soon() was used since watch() last ran
        self.quiet = 0  # consecutive passes without it
        self.busy = 0  # passes since the clock last moved
        self.stuck = ""  # why the loop can't proceed
        super().call_soon(self.watch)

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Call[*Ts], *args: *Ts, context: Context = None) -> asyncio.Handle:
        self.used = True
        return super().call_soon(callback, *args, context=context)

    def call_later(
        self, delay: float, callback: Call[*Ts], *args: *Ts, context: Context = None
    ) -> Timer:
        return self.call_at(self.now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Call[*Ts], *args: *Ts, context: Context = None
    ) -> Timer:
        context = contextvars.copy_context() if context is None else context
        timer = Timer(when, callback, args, self, context)
        timer.call = functools.partial(context.run, callback, *args)
        timer.timers = self.timers
        self.timers[id(timer)] = timer
        if when <= self.now:
            self.ring(timer)
        return timer

    def run_forever(self) -> None:
        super().run_forever()
        if self.stuck:  # exceptions in callbacks do not leave the loop
            why, self.stuck = self.stuck, ""
            raise Deadlock(why)

    def watch(self) -> None:
        super().call_soon(self.watch)
        self.quiet = 0 if self.used else self.quiet + 1
        self.used = False
        self.busy += 1
        if self.busy > MOST_PASSES:
            self.fail("somebody spins: the clock can't move")
        elif self.quiet == 3:
            self.move_on()

    def move_on(self) -> None:
        soonest = min((timer.when() for timer in self.timers.values()), default=math.inf)
        if soonest == math.inf:
            self.fail("every task waits, and no timer is set")
            return
        self.busy = 0
        self.now = soonest
        for timer in [each for each in self.timers.values() if each.when() == self.now]:
            self.ring(timer)

    def ring(self, timer: Timer) -> None:
        del self.timers[id(timer)]
        self.call_soon(lambda: timer.call())

    def fail(self, why: str) -> None:
        self.busy = 0
        self.stuck = why
        self.stop()
