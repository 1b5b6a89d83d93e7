"""Go's `time.NewTicker`: missed ticks are counted, where Go drops them."""

import asyncio

from multi_await import every, multi_await


async def main() -> None:
    async with multi_await(every(0.5)) as m:
        for work in (0, 1.2, 0, 0):
            _, periods = await m.select()
            print("periods:", periods)
            await asyncio.sleep(work)


if __name__ == "__main__":
    asyncio.run(main())
