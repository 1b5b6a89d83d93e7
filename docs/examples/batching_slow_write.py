"""A slow write: what the next batch has, with views and ticks in turn and with all views first."""

import asyncio

from multi_await import batched, every, multi_await

Views = asyncio.Queue[int]


async def browse(views: Views) -> None:
    for _ in range(3):
        for user in range(100):
            views.put_nowait(user)
        await asyncio.sleep(0.4)


async def write(periods: int, unwritten: set[int], views: Views) -> None:
    print(f"  periods: {periods}, in memory: {len(unwritten)}, in the queue: {views.qsize()}")
    unwritten.clear()
    await asyncio.sleep(0.44)


async def one_in_turn(views: Views) -> None:
    unwritten = set[int]()
    async with multi_await(views.get, every(0.2)) as m:
        async for event in m:
            match event:
                case (0, user):
                    unwritten.add(user)
                case (1, periods):
                    await write(periods, unwritten, views)


async def all_first(views: Views) -> None:
    unwritten = set[int]()
    async with multi_await(batched(views, 1000), every(0.2), biased=True) as m:
        async for event in m:
            match event:
                case (0, users):
                    unwritten.update(users)
                case (1, periods):
                    await write(periods, unwritten, views)


async def main() -> None:
    for loop in (one_in_turn, all_first):
        print(loop.__name__)
        views = Views()
        looping = asyncio.create_task(loop(views))
        await browse(views)
        looping.cancel()
        await asyncio.wait([looping])


if __name__ == "__main__":
    asyncio.run(main())
