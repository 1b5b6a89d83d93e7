"""Wrong: a timeout around a coroutine that takes twice; its first half is lost with it."""

import asyncio

queue: asyncio.Queue[str] = asyncio.Queue()


async def pair() -> str:
    left = await queue.get()
    right = await queue.get()  # cancelled here, it drops what it has
    return f"{left} and {right}"


async def main() -> None:
    asyncio.get_running_loop().call_later(0.25, queue.put_nowait, "salt")
    asyncio.get_running_loop().call_later(0.75, queue.put_nowait, "pepper")
    for _ in range(2):
        try:
            async with asyncio.timeout(0.5):
                print("got", await pair())
        except TimeoutError:
            print("nothing for half a second")
    print("still in the queue:", queue.qsize())


if __name__ == "__main__":
    asyncio.run(main())
