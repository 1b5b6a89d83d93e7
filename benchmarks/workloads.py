"""The work of each peer, and the check of its result: every item is received exactly once.

A workload sets a peer up, untimed, and times the part of interest; the figure is per event, or per
source. It measures processor time: nothing here waits for a clock, and other load on the machine
matters less. A slow peer takes fewer items.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import importlib
import json
import random
import subprocess
import sys
import time
import tracemalloc
from collections import deque
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeAlias

from benchmarks.peers import (
    BATCHES,
    EACHES,
    FLOOR,
    GROUPS,
    ITERATES,
    OURS,
    PACKAGES,
    SELECT,
    STANDARD,
    WAITS_ALONE,
    Deliver,
    Opened,
    Peer,
    Take,
)

EVENTS = 8192  # or more, if there are more sources than that


@dataclass
class Sample:
    """The result of one run."""

    cost: float  # seconds or bytes, per event or source; or the number of items lost
    note: str = ""  # what went wrong, if anything


Run: TypeAlias = Callable[[Peer, int, float], Awaitable[Sample]]


@dataclass(frozen=True)
class Workload:
    """One kind of work."""

    title: str
    text: str
    run: Run
    floor: Peer = FLOOR
    unit: str = "µs"
    beside: int = 64  # the number of sources for which a table also has microseconds or bytes
    loops: Sequence[str] = ("asyncio", "uvloop")
    peers: Sequence[Peer] = (*OURS, *STANDARD, *PACKAGES)
    sizes: Sequence[int] = ()  # the numbers of sources, if not all are of interest


class Received:
    """Times a `Take`, and checks what it received."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    async def sample(
        self, take: Take, count: int, limit: float, deliver: Deliver | None = None
    ) -> Sample:
        """Take `count` items; fewer, without counting the first, if all would take too long."""
        deliver = deliver or self.items.append
        limit *= max(count / EVENTS, 1)
        first = 0
        with garbage_of_its_own():
            start = after_first = time.process_time()
            async with Watch(10 * limit) as watch:
                await take(1, deliver)
                first, after_first = len(self.items), time.process_time()
                more = 1
                while len(self.items) < count and time.process_time() < after_first + limit:
                    await take(min(more, count - len(self.items)), deliver)
                    more *= 2
            end = time.process_time()
        if watch.in_vain:
            return Sample(0, f"stops after {len(self.items)} of {count} items")
        if count > len(self.items) > first > 0:
            return Sample((end - after_first) / (len(self.items) - first), self.fault(count))
        return Sample((end - start) / max(len(self.items), 1), self.fault(count))

    def fault(self, count: int) -> str:
        """Report duplicates among the items from 1 to count; without any, none can be missing."""
        different = set(self.items)
        if len(different) < len(self.items):
            return f"{len(self.items) - len(different)} of {count} items twice"
        if not different <= set(range(1, count + 1)):
            return "items that nobody put"
        return ""


@contextmanager
def garbage_of_its_own() -> Iterator[None]:
    """Let the garbage collector examine only objects created from here on, as in a long run."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


class Watch:
    """Stops a run that has used up its processor time, or that waits in vain."""

    def __init__(self, limit: float) -> None:
        self.in_vain = False
        self._limit = limit
        self._used: deque[float] = deque(maxlen=50)
        self._timeout = asyncio.timeout(None)

    async def __aenter__(self) -> Self:
        self._start = time.process_time()
        await self._timeout.__aenter__()
        self._timer = asyncio.get_running_loop().call_later(0.02, self._look)
        return self

    def _look(self) -> None:
        used = time.process_time() - self._start
        self._used.append(used)
        # In a second, nothing but these checks has run; even a starved process does more.
        self.in_vain = len(self._used) == 50 and used - self._used[0] < 0.02
        if self.in_vain or used > self._limit:
            self._timeout.reschedule(0)
        else:
            self._timer = asyncio.get_running_loop().call_later(0.02, self._look)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        self._timer.cancel()
        try:
            await self._timeout.__aexit__(kind, fault, traceback)
        except TimeoutError:
            return True
        return False


async def settled(channels: Sequence[Any], take: Take) -> None:
    """Make sure that all sources are waited on: the last, the middle and the first get an item."""
    for k in (-1, len(channels) // 2, 0):
        channels[k].put_nowait(1)
        await take(1, ignore)
        await passes(5)


def ignore(_: object) -> None:
    """Drop the item."""


def settling(size: int) -> list[int]:
    """The order of the items in `settled`, for the floor."""
    return [size - 1, size // 2, 0]


# -- events ----------------------------------------------------------------------------------------


async def backlog(peer: Peer, size: int, limit: float) -> Sample:
    """Every source has items from the start."""
    return await prefilled(peer.channels(size), limit, peer.items)


async def functions(peer: Peer, size: int, limit: float) -> Sample:
    """The same, but a source is a function that calls `queue.get`."""

    def opened(queues: Sequence[asyncio.Queue[int]], order: Iterable[int]) -> Opened:
        return peer.calls([functools.partial(get_from, queue) for queue in queues], order)

    return await prefilled([asyncio.Queue() for _ in range(size)], limit, opened)


def get_from(queue: asyncio.Queue[int]) -> Awaitable[int]:
    """A user's function, about which nothing is known."""
    return queue.get()


async def prefilled(
    channels: Sequence[Any], limit: float, opened: Callable[[Sequence[Any], Iterable[int]], Opened]
) -> Sample:
    """Take everything from channels that are filled beforehand."""
    size = len(channels)
    count = max(EVENTS, 4 * size) // size * size
    order = [k % size for k in range(count)]
    for item, k in enumerate(order, 1):
        channels[k].put_nowait(item)
    async with opened(channels, order) as take:
        return await Received().sample(take, count, limit)


async def wake(peer: Peer, size: int, limit: float) -> Sample:
    """One item at a time, into any source, and only when the consumer is waiting."""
    count = EVENTS // 2
    order = settling(size) + random.Random(size).choices(range(size), k=count)  # noqa: S311
    channels = peer.channels(size)
    call_soon = asyncio.get_running_loop().call_soon
    nothing: tuple[Deliver, int] = ignore, 0
    puts = iter([(channels[k].put_nowait, item) for item, k in enumerate(order[3:], 1)])
    async with peer.items(channels, order) as take:
        await settled(channels, take)
        received = Received()

        def deliver(item: int) -> None:
            received.items.append(item)
            call_soon(*next(puts, nothing))

        call_soon(*next(puts, nothing))
        return await received.sample(take, count, limit, deliver)


async def bounded(peer: Peer, size: int, limit: float) -> Sample:
    """A producer for each source, which has room for one item."""
    each = max(EVENTS // 2, 2 * size) // size
    order = [k % size for k in range(each * size)]
    channels = peer.channels(size, 1)
    async with peer.items(channels, order) as take, asyncio.TaskGroup() as producers:
        tasks = [
            producers.create_task(produce(channel, range(k + 1, each * size + 1, size)))
            for k, channel in enumerate(channels)
        ]
        sample = await Received().sample(take, each * size, limit)
        for task in tasks:
            task.cancel()
    return sample


async def produce(channel: Any, items: Iterable[int]) -> None:
    """Put all the items, waiting for room."""
    for item in items:
        await channel.put(item)


async def iterations(peer: Peer, size: int, limit: float) -> Sample:
    """One generator, which yields to the event loop before each item."""
    return await iterated(peer, waits(EVENTS), limit)


async def iterations_ready(peer: Peer, size: int, limit: float) -> Sample:
    """The same, but the generator never waits."""
    return await iterated(peer, waits_never(EVENTS), limit)


async def waits(count: int) -> AsyncGenerator[int, None]:
    """Items from 1 on."""
    for item in range(1, count + 1):
        await asyncio.sleep(0)
        yield item


async def waits_never(count: int) -> AsyncGenerator[int, None]:
    """Items from 1 on."""
    for item in range(1, count + 1):
        yield item


async def iterated(peer: Peer, items: AsyncGenerator[int, None], limit: float) -> Sample:
    """Take all the items of a generator."""
    async with aclosing(items), peer.items([items], [0] * EVENTS) as take:
        return await Received().sample(take, EVENTS, limit)


async def idle(peer: Peer, size: int, limit: float) -> Sample:
    """One source has items, and the others never do."""
    count = EVENTS
    active = size // 2
    channels = peer.channels(size)
    async with peer.items(channels, settling(size) + [active] * count) as take:
        await settled(channels, take)
        for item in range(1, count + 1):
            channels[active].put_nowait(item)
        return await Received().sample(take, count, limit)


async def timers(peer: Peer, size: int, limit: float) -> Sample:
    """Timers with periods between one and two seconds, on a clock that jumps."""
    count = max(EVENTS // 4, size)
    periods = [round(1 + k / size, 6) for k in range(size)]
    moments = ticks(periods, count)
    loop = asyncio.get_running_loop()
    limit *= max(count / EVENTS, 1)
    seen = 0

    def deliver(_: object) -> None:
        nonlocal seen
        seen += 1
        if not seen % 32 and time.process_time() > begun + limit:
            raise TimeoutError

    async with peer.ticks(periods, moments) as take:
        with garbage_of_its_own(), suppress(TimeoutError):
            started, begun = loop.time(), time.process_time()
            await take(count, deliver)
        seconds = time.process_time() - begun
        late = loop.time() - started - moments[seen - 1]
    return Sample(seconds / seen, f"is {late:.3f} s late" if abs(late) > 1e-3 else "")


def ticks(periods: Sequence[float], count: int) -> list[float]:
    """The times of the first `count` ticks of timers with these periods."""
    end = max(periods) * (count / len(periods) + 1)
    found = [period * n for period in periods for n in range(1, int(end / period) + 1)]
    return sorted(found)[:count]


# -- sources ---------------------------------------------------------------------------------------


async def start(peer: Peer, size: int, limit: float) -> Sample:
    """Begin to wait on all the sources, take one item, and end."""
    times = max(256 // size, 1)
    channels = peer.channels(size)
    received = Received()
    call_soon = asyncio.get_running_loop().call_soon
    with garbage_of_its_own():
        begun = time.process_time()
        for item in range(1, times + 1):
            async with peer.items(channels, [size - 1]) as take:
                call_soon(channels[-1].put_nowait, item)
                await take(1, received.items.append)
        seconds = time.process_time() - begun
    return Sample(seconds / times / size, received.fault(times))


async def memory(peer: Peer, size: int, limit: float) -> Sample:
    """The memory in use while all sources are waited on, not counting their channels."""
    channels = peer.channels(size)
    gc.collect()
    tracemalloc.start()
    try:
        async with peer.items(channels, [size - 1] * 2) as take:
            channels[-1].put_nowait(1)
            await take(1, ignore)
            wait = asyncio.create_task(take(1, ignore))
            await passes(5)
            gc.collect()
            held, _ = tracemalloc.get_traced_memory()
            channels[-1].put_nowait(1)
            await wait
            return Sample(held / size)
    finally:
        tracemalloc.stop()


IMPORT = """
import asyncio, sys, time
if {by_path}:
    from benchmarks import old
start = time.process_time()
if {by_path}:
    old.load()
else:
    import {module}
print(time.process_time() - start)
"""
IMPORT_ASYNCIO = """
import time
start = time.process_time()
import asyncio
print(time.process_time() - start)
"""


async def importing(peer: Peer, size: int, limit: float) -> Sample:
    """The time of an import once asyncio is imported; the floor is the import of asyncio."""
    by_path = peer.module == "multi_await_1_0_4"
    code = IMPORT.format(module=peer.module, by_path=by_path)
    code = IMPORT_ASYNCIO if peer is FLOOR else code
    if not by_path and peer.module:
        importlib.import_module(peer.module)  # is it installed?
    printed = subprocess.check_output([sys.executable, "-c", code])  # noqa: S603, ASYNC221
    return Sample(json.loads(printed))


# -- losses ----------------------------------------------------------------------------------------


async def leave(peer: Peer, size: int, limit: float) -> Sample:
    """The items that arrived before waiting ended, and were neither received nor left over."""
    count = 1000
    channels = peer.channels(size)
    channels[-1].put_nowait(1)
    received = Received()
    async with peer.items(channels, [size - 1]) as take:
        await take(1, received.items.append)
        for item in range(2, count + 1):
            channels[item % size].put_nowait(item)
        await passes(10)
    return lost(received, await peer.left(channels), count)


async def cancelled(peer: Peer, size: int, limit: float) -> Sample:
    """The items that arrived around the cancellation of a wait, and disappeared."""
    count = 210
    received = Received()
    left: list[int] = []
    notes: set[str] = set()
    for item in range(1, count + 1):
        channels = peer.channels(size)
        channel = channels[item % size]
        async with peer.items(channels, [item % size] * 2) as take:
            notes |= await cancel_one(peer, take, channel, item, received)
        left += await peer.left(channels)
    sample = lost(received, left, count)
    sample.note = sample.note or ", ".join(sorted(notes))
    return sample


async def cancel_one(
    peer: Peer, take: Take, channel: Any, item: int, received: Received
) -> set[str]:
    """Wait, cancel the wait some passes before or after an item arrives, and wait again."""
    deliver = received.items.append
    wait, cancel = peer.started(take(1, deliver))
    await passes(10)
    if item % 7 == 0:
        cancel()
        await passes(5)
    try:
        channel.put_nowait(item)
    except Exception as fault:
        return {f"the next put raises {type(fault).__name__}"}
    await passes(item % 7)
    cancel()
    await asyncio.wait([wait])
    if item not in received.items:
        wait, cancel = peer.started(take(1, deliver))
        await passes(10)
        cancel()
        await asyncio.wait([wait])
        if not wait.cancelled() and (raised := wait.exception()):
            return {f"the next wait raises {type(raised).__name__}"}
        if not wait.cancelled() and item not in received.items:
            return {"the next wait ends at once"}
    return set()


async def passes(count: int) -> None:
    """Let the event loop make some passes."""
    for _ in range(count):
        await asyncio.sleep(0)


def lost(received: Received, left: Sequence[int], count: int) -> Sample:
    """Count the items that are neither received nor left over."""
    received.items += left
    return Sample(count - len(set(received.items)), received.fault(count))


WORKLOADS = {
    "backlog": Workload(
        "Backlog",
        "Every source has items from the start: no wait is needed.",
        backlog,
    ),
    "wake": Workload(
        "Wake",
        "An item arrives in any of the queues while the consumer is waiting for it.",
        wake,
    ),
    "bounded": Workload(
        "Bounded producers",
        "A task for each queue puts items into it; the queue has room for one.",
        bounded,
    ),
    "idle": Workload(
        "Mostly idle",
        "One source always has an item, and all the others never.",
        idle,
    ),
    "timers": Workload(
        "Timers",
        "Timers with different periods. The clock jumps to the next tick, so nothing sleeps; the "
        "floor is told when the next tick comes.",
        timers,
        loops=("asyncio",),
    ),
    "functions": Workload(
        "Functions",
        "A backlog, but each source is a user's function that calls `queue.get`: it needs a task. "
        "The floor awaits the function that it is told to.",
        functions,
    ),
    "iterations": Workload(
        "Iterations that wait",
        "One async generator, which yields to the event loop before each item.",
        iterations,
        floor=ITERATES,
        beside=1,
        peers=EACHES,
        sizes=(1,),
    ),
    "iterations_ready": Workload(
        "Iterations that never wait",
        "One async generator, which never waits for anything.",
        iterations_ready,
        floor=ITERATES,
        beside=1,
        peers=EACHES,
        sizes=(1,),
    ),
    "batches": Workload(
        "Batches",
        "A backlog in one queue; the cost is per item.",
        backlog,
        beside=1,
        peers=(SELECT, *BATCHES),
        sizes=(1,),
    ),
    "group": Workload(
        "Groups, backlog",
        "Every source has items from the start; the sources are in an open set or in a group.",
        backlog,
        beside=100,
        peers=GROUPS,
        sizes=(1, 100, 10_000),
    ),
    "group_wake": Workload(
        "Groups, wake",
        "An item arrives in any of the queues while the consumer is waiting for it.",
        wake,
        beside=100,
        peers=GROUPS,
        sizes=(1, 100, 10_000),
    ),
    "start": Workload(
        "Start and leave",
        "Begin to wait on N queues, take one item, and end; the cost is per source. The floor runs "
        "each queue's `get()` by hand to the point where it waits, and closes it.",
        start,
        floor=WAITS_ALONE,
    ),
    "memory": Workload(
        "Memory",
        "The memory of each waiting source, not counting the queues themselves. The floor is only "
        "each queue's `get()`, run by hand to the point where it waits.",
        memory,
        floor=WAITS_ALONE,
        unit="bytes",
        beside=1024,
    ),
    "import": Workload(
        "Import", "", importing, unit="ms", beside=0, peers=(SELECT, *PACKAGES), sizes=(8,)
    ),
    "leave": Workload("Left behind", "", leave, unit="items", sizes=(8,)),
    "cancelled": Workload("Cancelled waits", "", cancelled, unit="items", sizes=(8,)),
}
