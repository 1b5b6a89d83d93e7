"""Millions of events, and a hundred thousand sources: is memory flat, and the end linear?

First, it sends events through three sources, a queue's `get`, a function and `batched`, and
measures memory at intervals. Then connections join a `Group`, end, and leave it. Then it waits on
many sources at once, and measures the time per source for building, polling, events and the end. It
fails if memory grows with the events or connections, if an item is missing, or if sources leave
objects behind.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import itertools
import platform
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from multi_await import Group, batched, each, ending, multi_await

EVENTS, CONNECTIONS, SOURCES = 10_000_000, 100_000, 100_000
INTERVALS = 20
ROOM = 100  # in each queue, so that producers and consumer take turns
MOST = 20  # items in a batch
OPEN = 100  # connections at any time
MOST_BLOCKS = 1000  # of normal variation; a leak of one per event would take millions

Advance: TypeAlias = Callable[[int], None]


def main() -> None:
    """Run the three parts, and report the result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=EVENTS, help="through three sources")
    parser.add_argument("--connections", type=int, default=CONNECTIONS, help="in a group")
    parser.add_argument("--sources", type=int, default=SOURCES, help="at the same time, at most")
    options = parser.parse_args()
    say(f"{platform.python_implementation()} {platform.python_version()}")
    failures = [*asyncio.run(many_events(options.events))]
    failures += asyncio.run(many_connections(options.connections))
    failures += asyncio.run(many_sources(options.sources))
    sys.exit("; ".join(failures) or None)


async def many_events(count: int) -> list[str]:
    """Send the given number of events through three sources; return what went wrong."""
    say(f"\n{count:,} events through three sources\n")
    say(heading("events"))
    queues = [asyncio.Queue[int](ROOM) for _ in range(3)]

    async def function() -> int:
        return await queues[1].get()

    async def produce(queue: asyncio.Queue[int]) -> None:
        for item in itertools.count():
            await queue.put(item)

    producers = [asyncio.create_task(produce(queue)) for queue in queues]
    following, seen, missing = [0, 0, 0], 0, 0
    with progress(count) as advance:
        flat = Flat(max(count // INTERVALS, 1), advance)
        async with multi_await(queues[0].get, function, batched(queues[2], MOST)) as m:
            while seen < count:
                position, given = await m.select()
                items = given if isinstance(given, list) else [given]
                for item in items:
                    missing += item != following[position]
                    following[position] += 1
                seen += len(items)
                flat.seen(seen)
    for producer in producers:
        producer.cancel()
    await asyncio.wait(producers)
    return ["an item is missing, or came twice"] * bool(missing) + flat.failures()


async def many_connections(count: int) -> list[str]:
    """Let the given number of connections come, end and leave; return what went wrong."""
    say(f"\n{count:,} connections that come and go, {OPEN} at a time, in a group\n")
    say(heading("connections"))
    await come_and_go(10 * OPEN, None)  # warms up: what Python caches must not count
    before = blocks_in_use()
    with progress(count) as advance:
        flat = Flat(max(count // INTERVALS, 1), advance)
        lines = await come_and_go(count, flat)
    missing = [] if 2 * count <= lines <= 2 * (count + OPEN) else ["a line is missing"]
    left = blocks_in_use() - before
    say(f"\n{left} blocks left at the end")
    behind = [f"connections left {left} blocks behind"] if left > MOST_BLOCKS else []
    return missing + flat.failures() + behind


async def come_and_go(count: int, flat: Flat | None) -> int:
    """Wait until the given number have left; return the number of lines received from them."""
    clients = Group[int, bytes | None]()
    writers = dict[int, asyncio.StreamWriter]()
    come, gone, lines = itertools.count(), 0, 0
    async with multi_await(clients) as m:
        for _ in range(OPEN):
            await connect(next(come), clients, writers)
        while gone < count:
            _, (client, line) = await m.select()
            if line is not None:
                lines += line == b"%d\n" % client
                continue
            writers.pop(client).close()
            gone += 1
            await connect(next(come), clients, writers)
            if flat is not None:
                flat.seen(gone)
    for writer in writers.values():
        writer.close()
    await asyncio.sleep(0.1)  # until the transports have closed
    return lines


async def connect(
    client: int, clients: Group[int, bytes | None], writers: dict[int, asyncio.StreamWriter]
) -> None:
    """Connect a client that sends a line, then another one a moment later, and hangs up."""
    ours, theirs = socket.socketpair()
    theirs.send(b"%d\n" % client)
    reader, writers[client] = await asyncio.open_connection(sock=ours)
    clients.add(client, ending(each(reader), None))

    def hang_up() -> None:
        theirs.send(b"%d\n" % client)
        theirs.close()

    asyncio.get_running_loop().call_soon(hang_up)


async def many_sources(most: int) -> list[str]:
    """Run a hundredth, a tenth, and all of the sources; return what went wrong."""
    say("\nmicroseconds per source; bytes per waiting source, not counting its queue\n")
    columns = ["build", "first poll", "event", "end"]
    say(f"{'sources':>14}" + "".join(f"{name:>12}" for name in [*columns, "bytes", "left"]))
    failures = list[str]()
    with progress(3) as advance:
        for count in (most // 100, most // 10, most):
            before = blocks_in_use()
            shown = await many(count)
            left = blocks_in_use() - before
            say(f"{shown}{left:>12}")
            advance(1)
            if left > MOST_BLOCKS:
                failures.append(f"{count:,} sources left {left} blocks behind")
    return failures


async def many(count: int) -> str:
    """Build, poll, use and end a MultiAwait of many sources; return a line of the table."""
    queues = [asyncio.Queue[int]() for _ in range(count)]
    memory = resident()
    times = [time.perf_counter()]
    m = multi_await(*[queue.get for queue in queues])
    times.append(time.perf_counter())
    assert m.select_nowait() is None  # noqa: S101 -- nothing has been put yet
    times.append(time.perf_counter())
    weight = resident() - memory
    for number, queue in enumerate(queues):
        asyncio.get_running_loop().call_soon(queue.put_nowait, number)
        assert await m.select() == (number, number)  # noqa: S101 -- the item that was put
    times.append(time.perf_counter())
    await m.cancel()
    times.append(time.perf_counter())
    each = [(after - before) / count * 1e6 for before, after in itertools.pairwise(times)]
    shown = "".join(f"{microseconds:>12.2f}" for microseconds in each)
    return f"{count:>14,}{shown}{weight // count if weight and count >= 1000 else '-':>12}"


class Flat:
    """Measures memory at intervals, and prints it."""

    def __init__(self, step: int, advance: Advance) -> None:
        self.step = step
        self.next = step
        self.blocks = list[int]()
        self.advance = advance
        self.start = time.perf_counter()

    def seen(self, count: int) -> None:
        """Take note of the number seen so far."""
        if count < self.next:
            return
        seconds = time.perf_counter() - self.start
        self.blocks.append(blocks_in_use())
        memory = f"{resident() / 2**20:.1f} MB" if resident() else "-"
        each_took = seconds / self.step * 1e6
        say(f"{count:>14,}{self.blocks[-1]:>12,}{memory:>12}{each_took:>11.2f} us")
        self.advance(self.step)
        self.next += self.step
        self.start = time.perf_counter()

    def failures(self) -> list[str]:
        """Report memory that has grown."""
        grown = self.blocks[-1] - self.blocks[0]
        return [f"{grown} blocks more than at the start"] if grown > MOST_BLOCKS else []


def heading(what: str) -> str:
    """The heading of the lines that `Flat` prints."""
    return f"{what:>14}{'blocks':>12}{'memory':>12}{'for each':>14}"


def blocks_in_use() -> int:
    """The exact number of memory blocks that Python's objects occupy now."""
    gc.collect()
    return sys.getallocatedblocks()


def resident() -> int:
    """The memory of the process in bytes; 0 where the system does not report it."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    except OSError:
        return 0


@contextlib.contextmanager
def progress(total: int) -> Iterator[Advance]:
    """A progress bar, if this is a terminal and rich is installed."""
    with contextlib.suppress(ImportError):
        if sys.stdout.isatty():
            from rich.progress import Progress

            with Progress(transient=True) as bar:
                task = bar.add_task("", total=total)
                yield lambda steps: bar.advance(task, steps)
            return
    yield lambda _: None


def say(text: str) -> None:
    """Print immediately, even into a file."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
