"""The candidates: each peer waits on N sources through its own normal API.

A peer is opened on N sources and yields a `Take`: the loop shown in its documentation, which takes
a number of items and passes each to `deliver`. One that can't do a workload raises `Cannot`. Peers
that wait on functions get `asyncio.Queue.get`; those with their own channels get those.
"""
# ruff: noqa: D102 -- Peer documents these methods

from __future__ import annotations

import asyncio
import functools
import importlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any, Protocol, TypeAlias

from benchmarks import old
from multi_await import Group, MultiAwait, batched, each, every, multi_await

PLENTY = 1 << 20  # the size of a channel that never fills up

Function: TypeAlias = Callable[[], Awaitable[Any]]
Deliver: TypeAlias = Callable[[Any], object]
Take: TypeAlias = Callable[[int, Deliver], Coroutine[Any, Any, None]]
Cancel: TypeAlias = Callable[[], object]
Opened: TypeAlias = AbstractAsyncContextManager[Take]


class Cannot(Exception):  # noqa: N818 -- the name of the peer precedes it
    """Says why a peer can't do a workload."""


class Channel(Protocol):
    """Where a producer puts items for a peer: an `asyncio.Queue`, or the peer's equivalent."""

    def put_nowait(self, item: int, /) -> object:
        """Put an item; there is room."""

    def put(self, item: int, /) -> Awaitable[object]:
        """Wait for room, and put an item."""


class Peer(Protocol):
    """One way of waiting on N sources."""

    name: str
    module: str  # the module that a program imports for it

    def channels(self, size: int, room: int = 0) -> Sequence[Any]:
        """Channels, each with room for the given number of items; unlimited by default."""

    def items(self, channels: Sequence[Any], order: Iterable[int]) -> Opened:
        """Wait on channels. Only the floor uses the order in which they will have items."""

    def calls(self, functions: Sequence[Function], order: Iterable[int]) -> Opened:
        """Wait on the user's functions."""

    def ticks(self, periods: Sequence[float], moments: Iterable[float]) -> Opened:
        """Wait on timers. Only the floor uses the times at which they will tick."""

    def started(self, wait: Coroutine[Any, Any, None]) -> tuple[asyncio.Task[None], Cancel]:
        """A task that waits, and a function that cancels it."""

    async def left(self, channels: Sequence[Any]) -> list[int]:
        """The items that are still in the channels."""


class ByTask:
    """Base of most peers: a wait is cancelled like any asyncio task."""

    module = ""

    def __init__(self, name: str) -> None:
        self.name = name

    def started(self, wait: Coroutine[Any, Any, None]) -> tuple[asyncio.Task[None], Cancel]:
        task = asyncio.create_task(wait)
        return task, task.cancel


class Functions(ByTask):
    """A peer that waits on functions, and so on the `get` of queues."""

    def channels(self, size: int, room: int = 0) -> list[asyncio.Queue[int]]:
        return [asyncio.Queue(room) for _ in range(size)]

    def items(self, channels: Sequence[asyncio.Queue[int]], order: Iterable[int]) -> Opened:
        return self.opened([queue.get for queue in channels])

    def calls(self, functions: Sequence[Function], order: Iterable[int]) -> Opened:
        return self.opened(functions)

    def ticks(self, periods: Sequence[float], moments: Iterable[float]) -> Opened:
        return self.opened([functools.partial(asyncio.sleep, each, 1) for each in periods])

    async def left(self, channels: Sequence[asyncio.Queue[int]]) -> list[int]:
        return [queue.get_nowait() for queue in channels for _ in range(queue.qsize())]

    def opened(self, functions: Sequence[Function]) -> Opened:
        """Wait on any functions."""
        raise NotImplementedError


# -- the floor -------------------------------------------------------------------------------------


class Oracle(Functions):
    """Is told beforehand which source has the next item, and awaits only that one."""

    def items(self, channels: Sequence[asyncio.Queue[int]], order: Iterable[int]) -> Opened:
        return self._queues(channels, order)

    @asynccontextmanager
    async def _queues(
        self, queues: Sequence[asyncio.Queue[int]], order: Iterable[int]
    ) -> AsyncIterator[Take]:
        rest = iter(order)

        async def take(count: int, deliver: Deliver) -> None:
            for _, k in zip(range(count), rest, strict=False):
                deliver(await queues[k].get())

        yield take

    @asynccontextmanager
    async def calls(
        self, functions: Sequence[Function], order: Iterable[int]
    ) -> AsyncIterator[Take]:
        rest = iter(order)

        async def take(count: int, deliver: Deliver) -> None:
            for _, k in zip(range(count), rest, strict=False):
                deliver(await functions[k]())

        yield take

    @asynccontextmanager
    async def ticks(
        self, periods: Sequence[float], moments: Iterable[float]
    ) -> AsyncIterator[Take]:
        loop = asyncio.get_running_loop()
        start = loop.time()
        rest = iter(moments)

        async def take(count: int, deliver: Deliver) -> None:
            for _, due in zip(range(count), rest, strict=False):
                tick = loop.create_future()
                loop.call_at(start + due, tick.set_result, 1)
                deliver(await tick)

        yield take


class WaitsAlone(Oracle):
    """Runs each queue's `get()` by hand to the point where it waits, and closes it at the end."""

    def items(self, channels: Sequence[asyncio.Queue[int]], order: Iterable[int]) -> Opened:
        return self._waits(channels)

    @asynccontextmanager
    async def _waits(self, queues: Sequence[asyncio.Queue[int]]) -> AsyncIterator[Take]:
        waits = [queue.get() for queue in queues[:-1]]
        for wait in waits:
            wait.send(None)

        async def take(count: int, deliver: Deliver) -> None:
            for _ in range(count):
                deliver(await queues[-1].get())

        yield take
        for wait in waits:
            wait.close()


class Iterates(Oracle):
    """A plain loop over one async iterable."""

    @asynccontextmanager
    async def items(self, channels: Sequence[Any], order: Iterable[int]) -> AsyncIterator[Take]:
        (iterator,) = channels
        yield functools.partial(_iterate, iterator)


# -- ours ------------------------------------------------------------------------------------------


async def by_select(m: MultiAwait[*tuple[Any, ...]], count: int, deliver: Deliver) -> None:
    """One event at a time."""
    for _ in range(count):
        _, value = await m.select()
        deliver(value)


async def by_iteration(m: MultiAwait[*tuple[Any, ...]], count: int, deliver: Deliver) -> None:
    """The same, as `async for`."""
    async for _, value in m:
        deliver(value)
        count -= 1
        if not count:
            break


async def by_get(m: Any, count: int, deliver: Deliver) -> None:
    """Everything that is ready, as in 1.0.4."""
    while count > 0:
        completed, _ = await m.get()
        for value in completed:
            if value is not None:
                deliver(value)
                count -= 1


class Ours(Functions):
    """A `MultiAwait`, through one of its three calls."""

    module = "multi_await"

    def __init__(
        self,
        name: str,
        loop: Callable[[Any, int, Deliver], Coroutine[Any, Any, None]],
        *,
        biased: bool = False,
    ):
        super().__init__(name)
        self._loop = loop
        self._biased = biased

    @asynccontextmanager
    async def opened(self, functions: Sequence[Any]) -> AsyncIterator[Take]:
        async with multi_await(*functions, biased=self._biased) as m:
            yield functools.partial(self._loop, m)

    def ticks(self, periods: Sequence[float], moments: Iterable[float]) -> Opened:
        return self.opened([every(period) for period in periods])


class Each(Ours):
    """The same, for async iterables."""

    def items(self, channels: Sequence[Any], order: Iterable[int]) -> Opened:
        return self.opened([each(channel) for channel in channels])


async def by_batch(m: MultiAwait[*tuple[Any, ...]], count: int, deliver: Deliver) -> None:
    """One batch at a time."""
    while count > 0:
        _, items = await m.select()
        for item in items:
            deliver(item)
        count -= len(items)


class Batched(Ours):
    """The same, for queues in batches."""

    def __init__(self, most: int) -> None:
        super().__init__(f"multi_await, `batched(queue, {most})`", by_batch)
        self._most = most

    def items(self, channels: Sequence[asyncio.Queue[int]], order: Iterable[int]) -> Opened:
        return self.opened([batched(channel, self._most) for channel in channels])


class OpenSet(Ours):
    """The same, for sources that are added one by one."""

    @asynccontextmanager
    async def opened(self, functions: Sequence[Any]) -> AsyncIterator[Take]:
        async with multi_await() as m:
            for function in functions:
                m.add(function)
            yield functools.partial(self._loop, m)


class Grouped(Ours):
    """The same, for sources in a group."""

    @asynccontextmanager
    async def opened(self, functions: Sequence[Any]) -> AsyncIterator[Take]:
        group = Group[int, Any]()
        for key, function in enumerate(functions):
            group.add(key, function)
        async with multi_await(group) as m:
            yield functools.partial(self._loop, m)


async def by_select_of_a_group(m: Any, count: int, deliver: Deliver) -> None:
    """One event at a time, from a group."""
    for _ in range(count):
        _, (_, value) = await m.select()
        deliver(value)


class Old(Functions):
    """multi-await 1.0.4."""

    module = old.NAME

    @asynccontextmanager
    async def opened(self, functions: Sequence[Function]) -> AsyncIterator[Take]:
        async with old.load().multi_await() as m:
            for function in functions:
                m.add(function)
            yield functools.partial(by_get, m)


# -- asyncio by hand -------------------------------------------------------------------------------


async def ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and wait until they have ended."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class ByHand(Functions):
    """A task for each function, and `asyncio.wait`; only finished ones are started again."""

    @asynccontextmanager
    async def opened(self, functions: Sequence[Function]) -> AsyncIterator[Take]:
        tasks = {asyncio.create_task(_call(function)): function for function in functions}

        async def take(count: int, deliver: Deliver) -> None:
            while count > 0:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    function = tasks.pop(task)
                    tasks[asyncio.create_task(_call(function))] = function
                    deliver(task.result())
                    count -= 1

        try:
            yield take
        finally:
            await ended(tasks)


def _call(function: Function) -> Coroutine[Any, Any, Any]:
    coroutine: Any = function()
    return coroutine  # type: ignore[no-any-return]  # all functions here are coroutine functions


class Pumps(Functions):
    """A task for each function, which puts its results into one shared queue."""

    def __init__(self, name: str, room: int) -> None:
        super().__init__(name)
        self._room = room

    @asynccontextmanager
    async def opened(self, functions: Sequence[Function]) -> AsyncIterator[Take]:
        queue: asyncio.Queue[tuple[int, Any]] = asyncio.Queue(self._room)

        async def pump(position: int, function: Function) -> None:
            while True:
                await queue.put((position, await function()))

        async def take(count: int, deliver: Deliver) -> None:
            for _ in range(count):
                _, value = await queue.get()
                deliver(value)

        tasks = [asyncio.create_task(pump(k, function)) for k, function in enumerate(functions)]
        try:
            yield take
        finally:
            await ended(tasks)


# -- packages that wait on functions or iterables --------------------------------------------------


class Aiostream(Functions):
    """`stream.merge` of an async generator for each source."""

    module = "aiostream"

    @asynccontextmanager
    async def opened(self, functions: Sequence[Function]) -> AsyncIterator[Take]:
        stream = importlib.import_module("aiostream.stream")

        async def generator(function: Function) -> AsyncIterator[Any]:
            while True:
                yield await function()

        async with stream.merge(*map(generator, functions)).stream() as streamer:
            yield functools.partial(_iterate, streamer)


async def _iterate(iterator: AsyncIterator[Any], count: int, deliver: Deliver) -> None:
    async for value in iterator:
        deliver(value)
        count -= 1
        if not count:
            break


class Anyio(Functions):
    """Memory object streams, and a task for each that sends into one shared stream."""

    module = "anyio"

    def channels(self, size: int, room: int = 0) -> list[Any]:
        anyio = importlib.import_module("anyio")
        return [AnyioChannel(anyio, room or PLENTY) for _ in range(size)]

    def items(self, channels: Sequence[Any], order: Iterable[int]) -> Opened:
        return self.opened([channel.out.receive for channel in channels])

    def started(self, wait: Coroutine[Any, Any, None]) -> tuple[asyncio.Task[None], Cancel]:
        scope = importlib.import_module("anyio").CancelScope()

        async def scoped() -> None:
            with scope:
                await wait

        return asyncio.create_task(scoped()), scope.cancel

    async def left(self, channels: Sequence[Any]) -> list[int]:
        counts = [channel.out.statistics().current_buffer_used for channel in channels]
        return [
            channel.out.receive_nowait()
            for channel, count in zip(channels, counts, strict=True)
            for _ in range(count)
        ]

    @asynccontextmanager
    async def opened(self, functions: Sequence[Function]) -> AsyncIterator[Take]:
        anyio = importlib.import_module("anyio")
        send, receive = anyio.create_memory_object_stream()

        async def forward(position: int, function: Function) -> None:
            while True:
                await send.send((position, await function()))

        async def take(count: int, deliver: Deliver) -> None:
            for _ in range(count):
                _, value = await receive.receive()
                deliver(value)

        with send, receive:
            async with anyio.create_task_group() as tasks:
                for k, function in enumerate(functions):
                    tasks.start_soon(forward, k, function)
                yield take
                tasks.cancel_scope.cancel()


class AnyioChannel:
    """A memory object stream."""

    def __init__(self, anyio: Any, room: int) -> None:
        self._in, self.out = anyio.create_memory_object_stream(room)
        self.put_nowait = self._in.send_nowait
        self.put = self._in.send

    def __del__(self) -> None:
        self._in.close()
        self.out.close()


# -- packages with channels of their own -----------------------------------------------------------


class Channels(ByTask):
    """A peer that waits on its own channels only."""

    def calls(self, functions: Sequence[Function], order: Iterable[int]) -> Opened:
        raise Cannot("its own channels only")

    def ticks(self, periods: Sequence[float], moments: Iterable[float]) -> Opened:
        raise Cannot("has no timers")


class AsyncioChannel(Channels):
    """`asyncio_channel.complete_one`."""

    module = "asyncio_channel"

    def channels(self, size: int, room: int = 0) -> list[Any]:
        package = importlib.import_module(self.module)
        channels = [package.create_channel(room or PLENTY) for _ in range(size)]
        for channel in channels:
            channel.put_nowait = channel.offer
        return channels

    @asynccontextmanager
    async def items(self, channels: Sequence[Any], order: Iterable[int]) -> AsyncIterator[Take]:
        complete_one = importlib.import_module(self.module).complete_one

        async def take(count: int, deliver: Deliver) -> None:
            for _ in range(count):
                value, _ = await complete_one(*channels)
                deliver(value)

        yield take

    async def left(self, channels: Sequence[Any]) -> list[int]:
        return [item for channel in channels for item in iter(channel.poll, None)]


class Aiochan(Channels):
    """`aiochan.select`."""

    module = "aiochan"

    def channels(self, size: int, room: int = 0) -> list[Any]:
        package = importlib.import_module(self.module)
        return [package.Chan(room or PLENTY) for _ in range(size)]

    @asynccontextmanager
    async def items(self, channels: Sequence[Any], order: Iterable[int]) -> AsyncIterator[Take]:
        select = importlib.import_module(self.module).select

        async def take(count: int, deliver: Deliver) -> None:
            for _ in range(count):
                value, _ = await select(*channels)
                deliver(value)

        yield take

    @asynccontextmanager
    async def ticks(
        self, periods: Sequence[float], moments: Iterable[float]
    ) -> AsyncIterator[Take]:
        package = importlib.import_module(self.module)
        channels = [package.tick_tock(period) for period in periods]
        async with self.items(channels, ()) as take:
            yield take
        for channel in channels:
            channel.close()

    async def left(self, channels: Sequence[Any]) -> list[int]:
        return [item for channel in channels for item in iter(channel.get_nowait, None)]


class Frequenz(Channels):
    """`frequenz.channels.select`, with its chain of `selected_from`."""

    module = "frequenz.channels"

    def channels(self, size: int, room: int = 0) -> list[Any]:
        package = importlib.import_module(self.module)
        logging.getLogger(package.__name__).setLevel(
            logging.ERROR
        )  # it logs when a channel is full
        return [FrequenzChannel(package, f"{k}", room or PLENTY) for k in range(size)]

    def items(self, channels: Sequence[Any], order: Iterable[int]) -> Opened:
        return self._selected([channel.receiver for channel in channels])

    def ticks(self, periods: Sequence[float], moments: Iterable[float]) -> Opened:
        timer = importlib.import_module("frequenz.channels.timer")
        policy = timer.SkipMissedAndResync()
        return self._selected([timer.Timer(timedelta(seconds=each), policy) for each in periods])

    @asynccontextmanager
    async def _selected(self, receivers: Sequence[Any]) -> AsyncIterator[Take]:
        package = importlib.import_module(self.module)
        selected_from = package.selected_from
        iterator = package.select(*receivers)

        async def take(count: int, deliver: Deliver) -> None:
            async for selected in iterator:
                for receiver in receivers:
                    if selected_from(selected, receiver):
                        deliver(selected.message)
                        break
                count -= 1
                if not count:
                    break

        try:
            yield take
        finally:
            await iterator.aclose()

    async def left(self, channels: Sequence[Any]) -> list[int]:
        found = []
        for channel in channels:
            while True:
                try:
                    async with asyncio.timeout(0.001):
                        found.append(await channel.receiver.receive())
                except TimeoutError:
                    break
        return found


class FrequenzChannel:
    """An `Anycast` channel."""

    def __init__(self, package: Any, name: str, room: int) -> None:
        channel = package.Anycast(name=name, limit=room)
        self.receiver = channel.new_receiver()
        self.put = channel.new_sender().send

    def put_nowait(self, item: int) -> None:
        """Run `send` to its end, without the task that it would otherwise need."""
        try:
            self.put(item).send(None)
        except StopIteration:
            return
        raise RuntimeError("send() had to wait")


# -- all of them -----------------------------------------------------------------------------------


FLOOR = Oracle("bare `await queues[k].get()`")
WAITS_ALONE = WaitsAlone("the bare `queue.get()` of each")
ITERATES = Iterates("a plain `async for`")
SELECT = Ours("multi_await, `select()`", by_select)
GET = Ours("multi_await, `get()`", by_get)
BIASED = Ours("multi_await, `select()`, biased", by_select, biased=True)
OURS: list[Peer] = [SELECT, Ours("multi_await, `async for`", by_iteration), GET, BIASED]
EACHES: list[Peer] = [
    Each("multi_await, `select()` of `each`", by_select),
    Each("multi_await, `async for` of `each`", by_iteration),
]
GROUPS: list[Peer] = [
    OpenSet("multi_await, `select()` of an open set", by_select),
    Grouped("multi_await, `select()` of a `Group`", by_select_of_a_group),
]
BATCH, BATCH_OF_64 = BATCHES = Batched(1), Batched(64)
STANDARD: list[Peer] = [
    ByHand("`asyncio.wait` by hand"),
    Pumps("a task each, one `Queue()`", 0),
    Pumps("a task each, one `Queue(1)`", 1),
]
PACKAGES: list[Peer] = [
    Old("multi-await 1.0.4"),
    Aiostream("aiostream, `merge`"),
    Frequenz("frequenz-channels, `select`"),
    AsyncioChannel("asyncio-channel, `complete_one`"),
    Aiochan("aiochan, `select`"),
    Anyio("anyio, a task each"),
]
FLOORS: list[Peer] = [FLOOR, WAITS_ALONE, ITERATES]
PEERS = {
    peer.name: peer for peer in [*FLOORS, *OURS, *EACHES, *BATCHES, *GROUPS, *STANDARD, *PACKAGES]
}
