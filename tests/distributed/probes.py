"""Workers that report more, and the handwritten loop: python probes.py PROBE OPTIONS..."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "docs/examples"))
from distributed import worker

change = pytest.MonkeyPatch().setattr


def deaf() -> None:
    """Print the longest time during which the loop read nothing while it was writing."""
    gather, write = worker.Worker.gather, worker.Worker.write
    heard, longest = 0.0, 0.0

    def timed_gather(self: worker.Worker, entries: Iterable[worker.Entry]) -> None:
        nonlocal heard, longest
        if heard:
            longest = max(longest, time.monotonic() - heard)
            heard = time.monotonic()
        gather(self, entries)

    async def timed_write(self: worker.Worker) -> str:
        nonlocal heard, longest
        heard, longest = time.monotonic(), 0.0
        began = heard
        line = await write(self)
        heard = 0.0
        print(f"deaf for {longest} s of {time.monotonic() - began} s")
        return line

    change(worker, "BLOCK", 10)  # milliseconds: something arrives at least this often
    change(worker.Worker, "gather", timed_gather)
    change(worker.Worker, "write", timed_write)


def cpu() -> None:
    """At the end, print the processor time of the loop."""
    work = worker.Worker.work

    async def timed_work(self: worker.Worker) -> None:
        began = time.process_time()
        await work(self)
        print(f"cpu {time.process_time() - began}", flush=True)

    change(worker.Worker, "work", timed_work)


def cpu_by_hand() -> None:
    """The same for the same loop on asyncio.wait."""
    change(worker.Worker, "work", work_by_hand)
    cpu()


async def work_by_hand(self: worker.Worker) -> None:
    """A task per source, restarted whenever it is done."""
    at = worker.At
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    begin: dict[int, Callable[[], Coroutine[Any, Any, Any]]] = {
        at.READ: worker.retrying(self.read),
        at.TICK: lambda: asyncio.sleep(self.period),
        at.SIGNAL: stop.wait,
        at.CLAIM: worker.retrying(self.claim),
        at.WRITE: worker.retrying(self.write),
    }
    tasks = {
        position: asyncio.create_task(begin[position]())
        for position in (at.READ, at.TICK, at.SIGNAL, at.CLAIM)
    }
    is_due = is_full = False
    while tasks.keys() & {at.READ, at.CLAIM, at.WRITE} or self.gathered.ids:
        waiting = [task for position, task in tasks.items() if position != at.READ or not is_full]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for position in [position for position, task in tasks.items() if task in done]:
            task = tasks.pop(position)
            try:
                value = task.result()
            except StopAsyncIteration:
                continue
            if position in (at.READ, at.CLAIM):
                self.gather(value)
            elif position == at.TICK:
                is_due = True
            elif position == at.SIGNAL:
                self.stop()
                continue
            else:
                print(value, flush=True)
                self.written = worker.Batch()
                continue
            tasks[position] = asyncio.create_task(begin[position]())
        is_full = len(self.gathered.ids) >= self.limit
        is_due = is_due or is_full or self.views.stopping.is_set()
        if is_due and at.WRITE not in tasks:
            if self.gathered.ids:
                self.gathered, self.written = worker.Batch(), self.gathered
                tasks[at.WRITE] = asyncio.create_task(begin[at.WRITE]())
                is_full = False
            is_due = False
        self.views.may_claim = not is_full
    for task in tasks.values():
        task.cancel()


PROBES: list[Callable[[], None]] = [deaf, cpu, cpu_by_hand]

if __name__ == "__main__":
    name = sys.argv.pop(1)
    {probe.__name__: probe for probe in PROBES}[name]()
    asyncio.run(worker.main(**vars(worker.arguments())))
