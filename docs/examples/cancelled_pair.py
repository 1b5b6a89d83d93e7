"""Right: the timeout is around the call; the coroutine goes on, with what it has."""

import asyncio

from multi_await import multi_await

queue: asyncio.Queue[str] = asyncio.Queue()


async def pair() -> str:
    left = await queue.get()
    right = await queue.get()
    return f"{left} and {right}"


async def main() -> None:
    asyncio.get_running_loop().call_later(0.25, queue.put_nowait, "salt")
    asyncio.get_running_loop().call_later(0.75, queue.put_nowait, "pepper")
    async with multi_await(pair) as m:
        for _ in range(2):
            try:
                async with asyncio.timeout(0.5):
                    _, both = await m.select()
                    print("got", both)
            except TimeoutError:
                print("nothing for half a second")
    print("still in the queue:", queue.qsize())


if __name__ == "__main__":
    asyncio.run(main())
