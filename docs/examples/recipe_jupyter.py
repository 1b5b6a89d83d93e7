"""A loop that runs in the background of a notebook while you run other cells."""

import asyncio

from multi_await import every, multi_await

words: asyncio.Queue[str] = asyncio.Queue()


async def watch() -> None:
    async with multi_await(words.get, every(60)) as m:
        async for event in m:
            match event:
                case (0, word):
                    print("received", word)
                case (1, _):
                    print("a minute has passed")


async def main() -> None:
    watching = asyncio.create_task(watch())
    words.put_nowait("hello")
    await asyncio.sleep(0.1)
    watching.cancel()
    await asyncio.wait([watching])


if __name__ == "__main__":
    asyncio.run(main())
