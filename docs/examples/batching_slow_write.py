"""A slow write: ticks are counted meanwhile, and views wait in the queue."""

import asyncio

from multi_await import every, multi_await


async def browse(views: asyncio.Queue[int]) -> None:
    for _ in range(3):
        for user in range(100):
            views.put_nowait(user)
        await asyncio.sleep(0.4)


async def main() -> None:
    views = asyncio.Queue[int]()
    unwritten: set[int] = set()
    browsing = asyncio.create_task(browse(views))

    async with multi_await(views.get, every(0.2)) as m:
        while unwritten or not browsing.done():
            match await m.select():
                case (0, user):
                    unwritten.add(user)
                case (1, periods):
                    in_memory, in_queue = len(unwritten), views.qsize()
                    while not views.empty():
                        unwritten.add(views.get_nowait())
                    print(f"periods: {periods}, in memory: {in_memory}, in the queue: {in_queue}")
                    await asyncio.sleep(0.44)  # the write
                    unwritten.clear()
    await browsing


if __name__ == "__main__":
    asyncio.run(main())
