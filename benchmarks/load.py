"""Millions of events and a hundred thousand sources: is memory flat, is the end linear?

First, events through two sources, a queue's `get` and a function, with memory at intervals. Then
that many sources at once: what building, polling, events and the end take for each of them. It
fails if memory grows with the events, if an item is missing, or if sources leave something behind.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import itertools
import platform
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from multi_await import multi_await

EVENTS, SOURCES = 10_000_000, 100_000
INTERVALS = 20
ROOM = 100  # in each queue, so that producers and consumer take turns
MOST_BLOCKS = 1000  # that may come and go by themselves; one for each event would be millions

Advance: TypeAlias = Callable[[int], None]


def main() -> None:
    """Run both parts, and say how they went."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=EVENTS, help="through two sources")
    parser.add_argument("--sources", type=int, default=SOURCES, help="at once")
    options = parser.parse_args()
    say(f"{platform.python_implementation()} {platform.python_version()}")
    failures = [*asyncio.run(many_events(options.events))]
    failures += asyncio.run(many_sources(options.sources))
    sys.exit("; ".join(failures) or None)


async def many_events(count: int) -> list[str]:
    """So many events through two sources; returns what was wrong."""
    say(f"\n{count:,} events through two sources\n")
    say(f"{'events':>14}{'blocks':>12}{'memory':>12}{'per event':>14}")
    queues = [asyncio.Queue[int](ROOM) for _ in range(2)]

    async def function() -> int:
        return await queues[1].get()

    async def produce(queue: asyncio.Queue[int]) -> None:
        for item in range(count // 2):
            await queue.put(item)

    producers = [asyncio.create_task(produce(queue)) for queue in queues]
    blocks, sums = [blocks_in_use()], [0, 0]
    step = max(count // INTERVALS, 2)
    with progress(count) as advance:
        async with multi_await(queues[0].get, function) as m:
            start = time.perf_counter()
            for seen in range(1, count // 2 * 2 + 1):
                position, item = await m.select()
                sums[position] += item
                if seen % step == 0:
                    seconds = time.perf_counter() - start
                    blocks.append(blocks_in_use())
                    say(line(seen, blocks[-1], seconds / step))
                    advance(step)
                    start = time.perf_counter()
    await asyncio.gather(*producers)
    wanted = sum(range(count // 2))
    failures = [] if sums == [wanted, wanted] else ["an item is missing, or came twice"]
    grown = blocks[-1] - blocks[1]
    return failures + ([f"{grown} blocks more than at the start"] if grown > MOST_BLOCKS else [])


async def many_sources(most: int) -> list[str]:
    """A hundredth, a tenth and all of so many sources; returns what was wrong."""
    say("\nmicroseconds for each source; bytes for each that waits, its queue not counted\n")
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
    """Build, poll, use and end a MultiAwait with so many sources; returns a line of the table."""
    queues = [asyncio.Queue[int]() for _ in range(count)]
    memory = resident()
    times = [time.perf_counter()]
    m = multi_await(*[queue.get for queue in queues])
    times.append(time.perf_counter())
    assert m.select_nowait() is None  # noqa: S101 -- nothing was put yet
    times.append(time.perf_counter())
    weight = resident() - memory
    for number, queue in enumerate(queues):
        asyncio.get_running_loop().call_soon(queue.put_nowait, number)
        assert await m.select() == (number, number)  # noqa: S101 -- what was put
    times.append(time.perf_counter())
    await m.cancel()
    times.append(time.perf_counter())
    each = [(after - before) / count * 1e6 for before, after in itertools.pairwise(times)]
    shown = "".join(f"{microseconds:>12.2f}" for microseconds in each)
    return f"{count:>14,}{shown}{weight // count if weight and count >= 1000 else '-':>12}"


def line(events: int, blocks: int, seconds: float) -> str:
    """How things stand after so many events."""
    memory = f"{resident() / 2**20:.1f} MB" if resident() else "-"
    return f"{events:>14,}{blocks:>12,}{memory:>12}{seconds * 1e6:>11.2f} us"


def blocks_in_use() -> int:
    """How many pieces of memory Python's objects take now: an exact count."""
    gc.collect()
    return sys.getallocatedblocks()


def resident() -> int:
    """The bytes of memory that the process takes; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    except OSError:
        return 0


@contextlib.contextmanager
def progress(total: int) -> Iterator[Advance]:
    """A bar, if this is a terminal and rich is there."""
    with contextlib.suppress(ImportError):
        if sys.stdout.isatty():
            from rich.progress import Progress

            with Progress(transient=True) as bar:
                task = bar.add_task("", total=total)
                yield lambda steps: bar.advance(task, steps)
            return
    yield lambda _: None


def say(text: str) -> None:
    """Print it at once, also into a file."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
