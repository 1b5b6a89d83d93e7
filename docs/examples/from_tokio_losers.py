"""Losers that are dropped lose words; a source keeps them."""

import asyncio
from functools import partial

from multi_await import every, multi_await


def words() -> asyncio.Queue[str]:
    stream: asyncio.Queue[str] = asyncio.Queue()
    for seconds, word in ((0.3, "good"), (0.7, "morning"), (1.2, "good"), (1.4, "night")):
        asyncio.get_running_loop().call_later(seconds, stream.put_nowait, word)
    return stream


async def greeting(stream: asyncio.Queue[str]) -> str:
    first = await stream.get()
    second = await stream.get()  # dropped here, it takes the first word with it
    return f"{first} {second}"


async def main() -> None:
    print("the losers are dropped:")
    stream = words()
    for _ in range(3):
        branches = [asyncio.create_task(greeting(stream)), asyncio.create_task(asyncio.sleep(0.5))]
        done, losers = await asyncio.wait(branches, return_when=asyncio.FIRST_COMPLETED)
        for loser in losers:
            loser.cancel()
        print(done.pop().result() or "tick")

    print("an unfinished source goes on:")
    async with multi_await(partial(greeting, words()), every(0.5)) as m:
        for _ in range(4):
            match await m.select():
                case (0, text):
                    print(text)
                case (1, _):
                    print("tick")


if __name__ == "__main__":
    asyncio.run(main())
