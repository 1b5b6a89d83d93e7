"""Passing something that is not a source is an error at once, which says what to pass instead."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from multi_await import each, every, inline, multi_await, once, put


async def lines() -> AsyncIterator[str]:
    yield "a line"


async def main() -> None:
    queue: asyncio.Queue[str] = asyncio.Queue()
    mistakes: list[Any] = [queue.get(), queue, asyncio.Event(), lines(), 5, "queue"]
    for mistake in mistakes:
        try:
            multi_await(mistake)
        except TypeError as error:
            print(f"TypeError: {error}")

    wrong: Any = None
    for call in (once, each, inline, every):
        try:
            call(wrong)
        except TypeError as error:
            print(f"TypeError: {error}")
    for arguments in ((wrong, queue.get_nowait), (queue, wrong)):
        try:
            put(*arguments)
        except TypeError as error:
            print(f"TypeError: {error}")
    tick = every(5)
    try:
        multi_await(tick, tick)
    except RuntimeError as error:
        print(f"RuntimeError: {error}")
    try:
        every(-1)
    except ValueError as error:
        print(f"ValueError: {error}")


if __name__ == "__main__":
    asyncio.run(main())
