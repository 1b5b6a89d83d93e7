"""Go's `for range ch`, over two: `each` ends where its iteration ends."""

import asyncio
from collections.abc import AsyncIterator

from multi_await import each, multi_await


async def countdown(start: int, seconds: float) -> AsyncIterator[int]:
    for n in range(start, 0, -1):
        await asyncio.sleep(seconds)
        yield n


async def main() -> None:
    async with multi_await(each(countdown(2, 0.3)), each(countdown(3, 0.5))) as m:
        async for event in m:
            print(event)
        print("both have ended")


if __name__ == "__main__":
    asyncio.run(main())
