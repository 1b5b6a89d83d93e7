"""What is ready this very moment: a timeout of zero may miss it, select_nowait() does not."""

import asyncio

from multi_await import multi_await


async def main() -> None:
    queue: asyncio.Queue[str] = asyncio.Queue()
    async with multi_await(queue.get) as m:
        print("first:", m.select_nowait())
        queue.put_nowait("an item")
        try:
            async with asyncio.timeout(0):
                print("select:", await m.select())
        except TimeoutError:
            print("select: timed out, items in the queue:", queue.qsize())
        print("select_nowait:", m.select_nowait())


if __name__ == "__main__":
    asyncio.run(main())
