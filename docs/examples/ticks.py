"""Ticks at a fixed rate: a loop that is late is told how many periods have passed."""

import asyncio

from multi_await import every, multi_await


async def main() -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    async with multi_await(every(0.5)) as m:
        async for _, periods in m:
            seconds = round(loop.time() - start, 1)
            print("after", seconds, "seconds, periods:", periods)
            if seconds == 1:
                await asyncio.sleep(1.7)  # the program does something else
            if seconds == 3:
                break


if __name__ == "__main__":
    asyncio.run(main())
