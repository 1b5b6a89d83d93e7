"""What the model (model.py) knows about sources: what each kind waits for, and what it does."""

from __future__ import annotations

import asyncio
import contextlib
import math
from abc import ABC, abstractmethod
from collections import Counter
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypeAlias

from multi_await import after, batched, catching, ending, every, put

# What a function source does with an item that it takes. Other takers just keep it.
Meaning: TypeAlias = Literal["value", "failure", "end", "cancelled"]

EIGHTH = 2.0**-3  # every wait is a whole multiple of this

ENDS: tuple[type[Exception], ...] = (StopAsyncIteration,)
if hasattr(asyncio, "QueueShutDown"):  # Python 3.13
    ENDS += (asyncio.QueueShutDown,)


class Item(NamedTuple):
    """An item that is put into queues."""

    number: int
    meaning: Meaning


class Fault(Exception):  # noqa: N818 -- what it is
    """The failure of a function source."""


class Ledger(Protocol):
    """The records about everything that exists: the World of the model."""

    seen: Counter[str]
    put: list[object]
    delivered: list[object]
    spent: list[object]

    def must(self, condition: bool, otherwise: str) -> None: ...
    def item(self, meaning: Meaning) -> Item: ...
    def changed(self) -> None: ...


# -- what sources wait for -------------------------------------------------------------------------


class Box:
    """A queue, and the items that must be in it."""

    def __init__(self, world: Ledger, real: asyncio.Queue[Item]) -> None:
        self.world = world
        self.real = real
        self.items: list[Item] = []
        self.promised = 0  # room for which a task was woken that is slow to put
        self.shut = False

    def full(self) -> bool:
        return 0 < self.real.maxsize <= len(self.items)

    def entered(self, item: Item) -> None:
        self.items.append(item)
        self.world.put.append(item)
        self.world.changed()

    def left(self, item: object) -> None:
        if isinstance(item, Item) and item in self.items:
            self.items.remove(item)
            self.world.changed()
        else:
            self.world.must(False, f"{item} came from a queue that has {self.items}")

    def at_rest(self) -> None:
        waiting = repr(self.real)
        gets, puts = "_getters" in waiting, "_putters" in waiting
        self.world.must(not (gets and (self.items or self.shut)), f"a lost wake-up: {waiting}")
        room = len(self.items) + self.promised < self.real.maxsize
        self.world.must(not (puts and (room or self.shut)), f"a lost wake-up: {waiting}")


class Slots:
    """A semaphore, or a lock, which has one slot; and how many slots must be free."""

    def __init__(self, world: Ledger, real: asyncio.Lock | asyncio.Semaphore, size: int) -> None:
        self.world = world
        self.real = real
        self.size = self.free = size
        self.lent = 0  # by a MultiAwait, to the program

    def acquired(self) -> None:
        self.world.must(self.free > 0, "a slot was acquired when none was free")
        self.free -= 1
        self.world.changed()

    def released(self) -> None:
        self.real.release()
        self.free += 1

    def at_rest(self) -> None:
        waiting = repr(self.real)
        self.world.must(self.real.locked() == (self.free == 0), f"{self.free} free, of {waiting}")
        self.world.must(not (self.free and "waiters" in waiting), f"a lost wake-up: {waiting}")

    async def at_the_end(self) -> None:
        for _ in range(self.lent):
            self.released()
        for _ in range(self.size):
            self.world.must(not self.real.locked(), "somebody has a slot yet")
            await asyncio.wait_for(self.real.acquire(), 1)
        self.world.must(self.real.locked(), "there is a slot too many")


class Flag:
    """An event."""

    def __init__(self, world: Ledger) -> None:
        self.world = world
        self.real = asyncio.Event()
        self.was_set = False  # since the event loop was at rest; waiting tasks have been woken

    def set(self) -> None:
        self.real.set()
        self.was_set = True

    def clear(self) -> None:
        self.real.clear()
        self.world.changed()

    def at_rest(self) -> None:
        self.was_set = self.real.is_set()
        self.world.must(not (self.was_set and "waiters" in repr(self.real)), "a lost wake-up")


# -- the kinds of source ---------------------------------------------------------------------------


class Kind(ABC):
    """What the model knows about a source."""

    given: Any  # passed to the MultiAwait
    shared: object = None  # where other tasks may be woken for what this one waits for
    holds: object = None  # what it took or made before a poll asked for it
    puts = False  # its values are in a queue
    must_be_watched = False  # by the model, at each of its polls
    timer: Timer | None = None  # which can be reset

    def wants(self) -> object:
        """What it, or its task, waits for."""
        return self.shared

    @abstractmethod
    def ready(self) -> bool:
        """Whether there is an outcome, for a poll or for another task that was woken for it."""

    def over(self) -> bool:
        """Whether a poll would find that it has ended."""
        return False

    def start(self) -> None:  # noqa: B027 -- most don't care
        """The MultiAwait has started it."""

    @abstractmethod
    def took(self, outcome: object) -> None:
        """A poll gave this."""

    def handed_over(self, value: object) -> None:  # noqa: B027 -- as above
        """The caller received this value, or found it in `undelivered`."""

    def left(self) -> list[object]:
        """The outcomes that no poll took before it ended."""
        return []


class Gets(Kind):
    """The source `queue.get`."""

    def __init__(self, box: Box) -> None:
        self.box = self.shared = box
        self.given = box.real.get

    def ready(self) -> bool:
        return bool(self.box.items)

    def over(self) -> bool:
        return self.box.shut and not self.box.items

    def took(self, outcome: object) -> None:
        self.box.left(outcome)

    def handed_over(self, value: object) -> None:
        self.box.world.delivered.append(value)


class Batches(Kind):
    """The source `batched(queue, most)`."""

    must_be_watched = True  # otherwise nobody knows what was there

    def __init__(self, box: Box, most: int) -> None:
        self.box = self.shared = box
        self.most = most
        self.given = batched(box.real, most)

    def ready(self) -> bool:
        return bool(self.box.items)

    def over(self) -> bool:
        return self.box.shut and not self.box.items

    def took(self, outcome: Any) -> None:
        must, box = self.box.world.must, self.box
        must(0 < len(outcome) <= self.most, f"{outcome}, and not 1 to {self.most}")
        must(len(outcome) == self.most or box.real.empty(), f"{outcome} is not all there was")
        there = box.items[::-1] if isinstance(box.real, asyncio.LifoQueue) else box.items
        in_order = [item for item in there if item in outcome]
        must(outcome == in_order, f"{outcome}, and not {in_order}")
        for item in outcome:
            self.box.left(item)

    def handed_over(self, value: Any) -> None:
        self.box.world.delivered += value


class Function(Kind):
    """A function that gets from a queue, and fails or ends if the item says so.

    A slow one suspends once more after that, and keeps the item if it is cancelled there.
    """

    ENDED: ClassVar[str] = "ended"  # what it must do with what it holds,
    CANCELLED: ClassVar[str] = "cancelled"  # and this too

    def wants(self) -> object:
        return self.box

    def __init__(self, box: Box, slow: bool) -> None:
        self.box = box
        self.slow = slow
        self.given = self.__anext__
        self.running = False

    def __aiter__(self) -> Function:
        return self

    async def __anext__(self) -> Item:
        world = self.box.world
        world.must(not self.running and self.holds is None, "a source was started before its turn")
        self.running = True
        try:
            item = await self.box.real.get()
            self.box.left(item)
            if item.meaning != "value":
                world.spent.append(item)
            made = {"failure": Fault(), "end": self.ENDED, "cancelled": self.CANCELLED}
            self.holds = made.get(item.meaning, item)
            if self.slow:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(EIGHTH)
        except ENDS:  # the queue was shut down
            self.holds = self.ENDED
            raise
        finally:
            self.running = False
        if isinstance(self.holds, Fault):
            raise self.holds
        if self.holds is self.ENDED:
            raise StopAsyncIteration
        if self.holds is self.CANCELLED:
            raise asyncio.CancelledError
        return item

    def ready(self) -> bool:
        return not self.running and self.holds is not None and self.holds is not self.ENDED

    def over(self) -> bool:
        return not self.running and self.holds is self.ENDED

    def took(self, outcome: object) -> None:
        cancelled = self.holds is self.CANCELLED and isinstance(outcome, asyncio.CancelledError)
        self.box.world.must(
            self.ready() and (outcome is self.holds or cancelled),
            f"{outcome!r} came from a function that has {self.holds!r}",
        )
        self.holds = None

    def handed_over(self, value: object) -> None:
        self.box.world.delivered.append(value)

    def left(self) -> list[object]:
        return [] if self.holds in (None, self.ENDED, self.CANCELLED) else [self.holds]


class Puts(Kind):
    """The source `put(queue, supplier)`."""

    puts = True

    def __init__(self, box: Box) -> None:
        self.box = self.shared = box
        self.given = put(box.real, self.supply)
        self.supplied: Item | None = None
        self.refused: list[object] = []

    def supply(self) -> Item:
        self.box.world.must(not self.box.real.full(), "an item was asked for without room for it")
        item = self.supplied = self.box.world.item("value")
        if self.box.shut:
            self.refused.append(item)
        else:
            self.box.entered(item)
        return item

    def ready(self) -> bool:
        return not self.box.full() and not self.box.shut

    def over(self) -> bool:
        return self.box.shut

    def took(self, outcome: object) -> None:
        self.box.world.must(outcome is self.supplied, f"{outcome!r} is not what was supplied")

    def left(self) -> list[object]:
        return self.refused


class SlowToPut(asyncio.Queue[Item]):
    """A queue with its own `put`, which records whose items it has put or refused.

    It refuses some of those that a `put()` supplies.
    """

    def __init__(self, maxsize: int) -> None:
        super().__init__(maxsize)
        self.put_by: dict[Item, OwnPuts] = {}

    async def put(self, item: Item) -> None:
        by = self.put_by.pop(item, None)
        try:
            await asyncio.sleep(EIGHTH)
            if by is not None and item.number % 2 == 0:
                raise Fault
            await super().put(item)
        except BaseException as failure:
            if by is not None:
                by.was_refused(failure)
            raise
        if by is not None:
            by.has_put(item)


class OwnPuts(Kind):
    """The source `put(queue, supplier)`, for a queue with its own `put`."""

    puts = True

    def __init__(self, box: Box, real: SlowToPut) -> None:
        self.box = box
        self.real = real
        self.given = put(real, self.supply)
        self.supplied: Item | None = None
        self.refused: list[object] = []
        self.outcome: object = None  # the item, as soon as it is in, or a failure
        self.has_ended = False

    def supply(self) -> Item:
        must = self.box.world.must
        must(not self.box.real.full(), "an item was asked for without room for it")
        must(
            self.supplied is self.outcome is None,
            "an item was asked for before the last one was delivered",
        )
        self.supplied = self.box.world.item("value")
        self.real.put_by[self.supplied] = self
        self.box.promised += 1
        return self.supplied

    def has_put(self, item: Item) -> None:
        self.supplied, self.outcome = None, item
        self.box.promised -= 1
        self.box.entered(item)

    def was_refused(self, failure: BaseException) -> None:
        self.refused.append(self.supplied)
        self.supplied = None
        self.box.promised -= 1
        if isinstance(failure, Fault):
            self.outcome = failure
        self.has_ended = isinstance(failure, ENDS)

    def wants(self) -> object:
        return self.box

    def ready(self) -> bool:
        return self.outcome is not None

    def over(self) -> bool:
        in_line = self.supplied is None and self.outcome is None
        return self.has_ended or (in_line and self.box.shut and self.box.full())

    def took(self, outcome: object) -> None:
        must = self.box.world.must
        must(self.outcome is not None and outcome is self.outcome, f"{outcome}, not {self.outcome}")
        self.outcome = None

    def left(self) -> list[object]:
        """What was put is in the queue."""
        never_begun = [] if self.supplied is None else [self.supplied]
        failure = [self.outcome] if isinstance(self.outcome, Fault) else []
        return [*self.refused, *never_begun, *failure]


class Waits(Kind):
    """The source `event.wait`."""

    def __init__(self, flag: Flag) -> None:
        self.flag = flag
        self.given = flag.real.wait

    def ready(self) -> bool:
        return self.flag.real.is_set()

    def took(self, outcome: object) -> None:
        self.flag.world.must(self.flag.was_set, "an event came that was not set")


class Acquires(Kind):
    """The source `lock.acquire`, or a semaphore's."""

    def __init__(self, slots: Slots) -> None:
        self.slots = self.shared = slots
        self.given = slots.real.acquire

    def ready(self) -> bool:
        return self.slots.free > 0

    def took(self, outcome: object) -> None:
        self.slots.acquired()

    def handed_over(self, value: object) -> None:
        self.slots.lent += 1


class Timer(Kind):
    """The source `every(seconds)`; or `after(seconds)`, which is its first tick and no other."""

    must_be_watched = True  # its start must be known

    def __init__(self, world: Ledger, seconds: float, once: bool) -> None:
        self.world = world
        self.seconds = seconds
        self.once = once
        self.given = after(seconds) if once else every(seconds)
        self.delay: float | None = seconds  # from the start to the first tick
        self.started = False
        self.next: float | None = None  # when the next tick is due
        self.has_ended = False
        self.timer = self

    def start(self) -> None:
        self.started = True
        self.count()

    def count(self) -> None:
        now = asyncio.get_running_loop().time()
        self.next = None if self.delay is None else now + max(self.delay, 0)

    def reset(self, seconds: float | None) -> None:
        self.delay = self.seconds if seconds is None else seconds
        if self.started:
            self.count()

    def stop(self) -> None:
        self.delay = self.next = None

    def due(self) -> int:
        late = -1.0 if self.next is None else asyncio.get_running_loop().time() - self.next
        return 0 if late < 0 else 1 if self.once else 1 + math.floor(late / self.seconds)

    def ready(self) -> bool:
        return self.due() > 0

    def over(self) -> bool:
        return self.has_ended

    def took(self, outcome: object) -> None:
        due = self.due()
        self.world.must(due > 0 and outcome == due, f"{outcome!r}, when {due} ticks are due")
        if self.once:
            self.has_ended = True
            self.next = None
        elif self.next is not None:
            self.next += due * self.seconds


# -- sources around a source -----------------------------------------------------------------------


class Broken(NamedTuple):
    """What `catching` makes of a failure."""

    failure: Exception


class Around(Kind):
    """A source around a source; the inner one shows through."""

    def __init__(self, world: Ledger, inner: Kind) -> None:
        self.world = world
        self.inner = inner
        self.shared = inner.shared
        self.puts = inner.puts
        self.must_be_watched = inner.must_be_watched
        self.timer = inner.timer

    @property
    def holds(self) -> object:  # type: ignore[override]  # an attribute of the others
        return self.inner.holds

    def wants(self) -> object:
        return self.inner.wants()

    def start(self) -> None:
        self.inner.start()

    def ready(self) -> bool:
        return self.inner.ready()

    def over(self) -> bool:
        return self.inner.over()

    def took(self, outcome: object) -> None:
        self.inner.took(outcome)

    def handed_over(self, value: object) -> None:
        self.inner.handed_over(value)

    def left(self) -> list[object]:
        return self.inner.left()


class Ends(Around):
    """The source `ending(source, value)`."""

    VALUE: ClassVar[str] = "it has ended"

    def __init__(self, world: Ledger, inner: Kind) -> None:
        super().__init__(world, inner)
        self.given = ending(inner.given, self.VALUE)
        self.has_told = False

    def ready(self) -> bool:
        return not self.has_told and (self.inner.ready() or self.inner.over())

    def over(self) -> bool:
        return self.has_told

    def took(self, outcome: object) -> None:
        self.world.must(not self.has_told, f"{outcome!r} came after the end")
        if outcome is not self.VALUE:
            self.inner.took(outcome)
            return
        self.world.must(self.inner.over(), f"the end of {self.inner} came too early")
        self.has_told = True

    def handed_over(self, value: object) -> None:
        if value is self.VALUE:
            self.world.seen["an end as a value"] += 1
        else:
            self.inner.handed_over(value)


class Catches(Around):
    """The source `catching(source, wrap)`."""

    def __init__(self, world: Ledger, inner: Kind) -> None:
        super().__init__(world, inner)
        self.given = catching(inner.given, Broken)

    def took(self, outcome: object) -> None:
        self.world.must(not isinstance(outcome, Exception), f"{outcome!r} was not caught")
        self.inner.took(outcome.failure if isinstance(outcome, Broken) else outcome)

    def left(self) -> list[object]:
        return [Broken(each) if isinstance(each, Exception) else each for each in self.inner.left()]

    def handed_over(self, value: object) -> None:
        if isinstance(value, Broken):
            self.world.seen["a failure as a value"] += 1
        else:
            self.inner.handed_over(value)
