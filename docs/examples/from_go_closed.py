"""Go's closed channel: a source that has ended is never polled again."""

import asyncio
from typing import TypeVar

from multi_await import Source, inline, multi_await

T = TypeVar("T")


def until_none(queue: asyncio.Queue[T | None]) -> Source[T]:
    async def receive() -> T:
        item = await queue.get()
        if item is None:
            raise StopAsyncIteration
        return item

    return inline(receive)


async def main() -> None:
    words: asyncio.Queue[str | None] = asyncio.Queue()
    numbers: asyncio.Queue[int | None] = asyncio.Queue()
    for word in ("one", None):
        words.put_nowait(word)
    for number in (1, 2, 3, None):
        numbers.put_nowait(number)

    async with multi_await(until_none(words), until_none(numbers)) as m:
        async for event in m:
            print(event)
        print("both have ended")


if __name__ == "__main__":
    asyncio.run(main())
