"""One event at a time, typed by position: `word` is a str, `number` an int."""

import asyncio
from typing import assert_never

from multi_await import multi_await


async def main() -> None:
    words: asyncio.Queue[str] = asyncio.Queue()
    numbers: asyncio.Queue[int] = asyncio.Queue()
    stop = asyncio.Event()

    words.put_nowait("hello")
    numbers.put_nowait(42)
    asyncio.get_running_loop().call_later(1, stop.set)

    async with multi_await(words.get, numbers.get, stop.wait) as m:
        async for event in m:
            match event:
                case (0, word):
                    print("a word,", word.upper())
                case (1, number):
                    print("a number,", number + 1)
                case (2, _):
                    print("stop")
                    break
                case _:
                    assert_never(event)


if __name__ == "__main__":
    asyncio.run(main())
