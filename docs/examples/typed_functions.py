"""A function that takes a MultiAwait declares its values; a constant can stand for a position."""

import asyncio
from typing import Any, Final, assert_never

from multi_await import MultiAwait, every, multi_await


class At:
    WORDS: Final = 0
    TICKS: Final = 1


async def read(m: MultiAwait[str, int]) -> None:
    async for event in m:
        match event:
            case (At.WORDS, word):
                print("a word,", word.upper())
            case (At.TICKS, periods):
                print("periods:", periods)
                break
            case _:
                assert_never(event)


async def longest(m: MultiAwait[*tuple[str, ...]]) -> str:
    completed, _ = await m.get()
    return max((word for word in completed if word is not None), key=len)


def describe(m: MultiAwait[*tuple[Any, ...]]) -> str:
    return f"{len(m)} sources"


async def main() -> None:
    words: asyncio.Queue[str] = asyncio.Queue()
    words.put_nowait("hello")
    async with multi_await(words.get, every(0.5)) as m:
        print(describe(m))
        await read(m)

    queues: list[asyncio.Queue[str]] = [asyncio.Queue() for _ in range(3)]
    queues[0].put_nowait("one")
    queues[2].put_nowait("three")
    async with multi_await(*[queue.get for queue in queues]) as m2:
        print(describe(m2))
        print("the longest:", await longest(m2))


if __name__ == "__main__":
    asyncio.run(main())
