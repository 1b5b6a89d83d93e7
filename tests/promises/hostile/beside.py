"""A setting for hostile sources: none may hang the others, or lose their items.

Beside each hostile source there is a well-behaved one, the `get` of a queue. An item put there must
arrive within as many calls as there are sources, once and in order, or be in the queue at the end.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Iterable, Iterator
from typing import Any, Self, TypeAlias

from multi_await import PENDING, Source, SourceLike, Wake, multi_await
from tests.conftest import Reported, new_loop
from tests.machinery.tools import steps
from tests.machinery.zoo import Fault as Fault

CALLS = ["select", "__anext__", "get", "get_or_raise", "select_nowait", "get_nowait"]
WAITING_CALLS = CALLS[:4]
# While a source fails in every round, get_or_raise() keeps the same outcomes forever.
OTHER_CALLS = [call for call in CALLS if call != "get_or_raise"]
LONG = 1_000_000.0  # seconds: what has not arrived by then never will

Raised: TypeAlias = type[BaseException]


class Beside:
    """Hostile sources, and last a queue's `get`; records what the calls give."""

    def __init__(self, *hostile: SourceLike[Any]) -> None:
        self.queue = asyncio.Queue[int]()
        self.m = multi_await()
        for source in hostile:
            self.m.add(source)
        self.position = self.m.add(self.queue.get)
        self.put = 0
        self.items = list[int]()
        self.events = list[Any]()  # of the hostile ones
        self.failures = list[BaseException]()

    def put_item(self) -> None:
        self.queue.put_nowait(self.put)
        self.put += 1

    async def call(self, name: str = "select") -> None:
        """Make one call; record what it gives or raises."""
        try:
            given = getattr(self.m, name)()
            self.take(name, given if name.endswith("nowait") else await given)
        except BaseException as failure:
            self.failures.append(failure)

    def take(self, name: str, given: Any) -> None:
        if name in ("get", "get_nowait"):
            given, failures = given
            self.failures += [failure for failure in failures if failure is not None]
        if name.startswith("get"):
            events = [event for event in enumerate(given) if event[1] is not None]
        else:
            events = [] if given is None else [given]
        for position, value in events:
            (self.items if position == self.position else self.events).append(value)

    async def item(self, name: str = "select") -> None:
        """Put an item; it must arrive within as many calls as there are sources."""
        self.put_item()
        await steps(3)
        for _ in range(len(self.m)):
            if len(self.items) < self.put:
                await self.call(name)
        assert self.items == [*range(self.put)]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.put_item()
            await steps(1)
        try:
            await self.m.cancel()
        finally:
            assert self.m.undelivered is not None  # counts as read, even when the test fails
        if kind is None:
            self.check()

    def check(self) -> None:
        """Each item was delivered or is still there, and no task waits for one."""
        assert "_getters" not in repr(self.queue)
        left = [self.queue.get_nowait() for _ in range(self.queue.qsize())]
        assert self.items + left == [*range(self.put)]
        assert self.position not in [position for position, _ in self.m.undelivered]


def run(main: Awaitable[None]) -> Reported:
    """Run it in its own event loop, which may be left in a bad state."""
    reported: Reported = []

    async def awaited() -> None:
        await main

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.get_loop().set_exception_handler(lambda _, context: reported.append(context))
        runner.run(awaited())
        assert asyncio.all_tasks(runner.get_loop()) == set(), "tasks are left"
    return reported


def run_program(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 -- a program of ours
        [sys.executable, "-W", "always", "-c", text],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def now() -> float:
    return asyncio.get_running_loop().time()


class Quiet(Source[Any]):
    """Never has anything. The hostile subclasses say what else they do."""

    wake: Wake

    def poll(self, wake: Wake) -> Any:
        self.wake = wake
        return PENDING


class RaisesInPoll(Quiet):
    def __init__(self, kind: Raised) -> None:
        self.kind = kind

    def poll(self, wake: Wake) -> Any:
        raise self.kind


def raises(kind: Raised) -> Any:
    raise kind


ORDINARY: list[Raised] = [ValueError, Fault, GeneratorExit, asyncio.CancelledError, StopIteration]
INTERRUPTS: list[Raised] = [KeyboardInterrupt, SystemExit]


def fails_after(values: Iterable[Any]) -> Iterator[Any]:
    yield from values
    raise ValueError("no more")
