"""Small sources for tests of groups, and one that records what happens to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from multi_await import PENDING, Pending, Source, Wake


@dataclass
class Broken:
    failure: Exception


def filled(*items: int) -> asyncio.Queue[int]:
    queue = asyncio.Queue[int]()
    for item in items:
        queue.put_nowait(item)
    return queue


async def letters(text: str, failure: Exception | None = None) -> AsyncIterator[str]:
    for letter in text:
        yield letter
    if failure is not None:
        raise failure


class Probe(Source[int]):
    """Records what happens to it."""

    def __init__(self) -> None:
        self.seen = list[str]()
        self.wake: Wake | None = None
        self.has: list[int] = []

    def start(self) -> None:
        self.seen.append("start")

    def poll(self, wake: Wake) -> int | Pending:
        self.wake = wake
        return self.has.pop(0) if self.has else PENDING

    def release(self) -> None:
        self.seen.append("release")

    async def aclose(self) -> Iterable[int]:
        self.seen.append("aclose")
        return self.has

    def give(self, item: int) -> None:
        self.has.append(item)
        if self.wake is not None:
            self.wake()
