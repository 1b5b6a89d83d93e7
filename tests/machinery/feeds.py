"""Tests that are the same for every real source, however it is fed."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from multi_await import SourceLike, every, multi_await

MESSAGES = [f"message {number:02}" for number in range(30)]


@dataclass
class Feed:
    """A source, and how to feed it."""

    source: SourceLike[Any]
    send: Callable[[str], Awaitable[object]]
    text: Callable[[Any], str]  # of a value
    rest: Callable[[], Awaitable[Any]]  # the next value, when the block has ended
    runs_ahead: bool = True


async def take(m: Any, *enough: int) -> tuple[list[list[Any]], int]:
    """Take events until each position has delivered enough; two of three calls have short timeouts.

    Returns the values by position, and how many calls were timed out.
    """
    values: list[list[Any]] = [[] for _ in enough]
    timed_out = 0
    patience = itertools.cycle([0, 0.001, None])
    while any(len(had) < wanted for had, wanted in zip(values, enough, strict=True)):
        try:
            async with asyncio.timeout(next(patience)):
                position, value = await m.select()
        except TimeoutError:
            timed_out += 1
        else:
            values[position].append(value)
    return values, timed_out


async def check_each_message_arrives_once_and_in_order(feed: Feed) -> None:
    """Beside ticks, and whichever calls time out."""
    async with multi_await(feed.source, every(0.001)) as m:

        async def send_all() -> None:
            for message in MESSAGES:
                await feed.send(message)

        async with asyncio.TaskGroup() as sending:
            sending.create_task(send_all())
            (received, ticks), timed_out = await take(m, len(MESSAGES), 5)
        assert [feed.text(value) for value in received] == MESSAGES
        assert sum(ticks) >= 5
        assert timed_out > 0


async def check_undelivered_values_are_kept(feed: Feed) -> None:
    """At the end of the block it is in `undelivered` or still in the source."""
    async with multi_await(feed.source, every(0.001)) as m:
        for message in MESSAGES[:10]:
            await feed.send(message)
        (received, _), _ = await take(m, 4, 3)
    assert feed.runs_ahead or m.undelivered == ()
    received += [value for _, value in m.undelivered]
    while len(received) < 10:
        received.append(await feed.rest())
    assert [feed.text(value) for value in received] == MESSAGES[:10]
