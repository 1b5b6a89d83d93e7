"""The items of an asynchronous generator, which is closed when the block ends."""

import asyncio
from collections.abc import AsyncIterator

from multi_await import each, multi_await


async def lines(name: str, seconds: float, count: int) -> AsyncIterator[str]:
    try:
        for number in range(count):
            await asyncio.sleep(seconds)
            yield f"line {number} of {name}"
    finally:
        print(name, "is closed")


async def main() -> None:
    async with multi_await(each(lines("a.log", 1, 2)), each(lines("b.log", 0.7, 100))) as m:
        async for position, line in m:
            print(position, line)
            if line == "line 3 of b.log":
                break
    print("the block has ended")


if __name__ == "__main__":
    asyncio.run(main())
