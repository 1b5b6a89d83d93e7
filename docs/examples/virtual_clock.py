"""An event loop whose clock advances only when no task has anything to do."""

import asyncio
import math
from selectors import DefaultSelector, SelectorKey

MOST_PASSES = 100_000  # through the loop, before the clock must have moved
MOST_SECONDS = 100 * 365 * 86_400.0  # nobody waits longer, except by mistake


class Deadlock(AssertionError):
    """The loop can't go on."""


class VirtualSelector(DefaultSelector):
    """Never blocks: where another selector would sleep, it advances its clock."""

    now = 0.0
    end = MOST_SECONDS
    busy = 0  # passes since the clock last moved

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        events = super().select(0)
        self.busy = 0 if timeout else self.busy + 1
        if self.busy > MOST_PASSES:
            self.busy = 0  # the loop still has to cancel its tasks
            raise Deadlock("somebody spins: the clock can't move")
        if not events:
            if timeout is None:
                raise Deadlock("every task waits, and no timer is set")
            if self.now > self.end:
                self.end = self.now + MOST_SECONDS
                raise Deadlock("a hundred years have passed, and it has not ended")
            self.now += timeout
            if self.now + 1e-9 == self.now:  # 1e-9: what asyncio adds, lost after 194 days
                self.now = math.nextafter(self.now, math.inf)
        return events


class VirtualClockLoop(asyncio.SelectorEventLoop):
    """An event loop that runs on the clock of its selector."""

    def __init__(self) -> None:
        self.virtual = VirtualSelector()
        super().__init__(self.virtual)

    def time(self) -> float:
        return self.virtual.now
