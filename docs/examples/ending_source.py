"""A loop that also ticks ends with its only reader, because the end is an event."""

import asyncio
from collections.abc import AsyncIterator

from multi_await import each, ending, every, multi_await


async def lines() -> AsyncIterator[str]:
    for line in ("one", "two"):
        await asyncio.sleep(0.75)
        yield line


async def main() -> None:
    async with multi_await(ending(each(lines()), None), every(1)) as m:
        async for event in m:
            match event:
                case (1, _):
                    print("tick")
                case (0, line) if line is not None:
                    print("line:", line)
                case (0, _):
                    print("no more lines")
                    break


if __name__ == "__main__":
    asyncio.run(main())
