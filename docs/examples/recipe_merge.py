"""Merge two streams: each item is delivered as it arrives, whichever stream it is from."""

import asyncio
from collections.abc import AsyncIterator

from multi_await import each, multi_await


async def stream(name: str, pause: float) -> AsyncIterator[str]:
    for number in range(3):
        await asyncio.sleep(pause)
        yield f"{name}{number}"


async def main() -> None:
    async with multi_await(each(stream("a", 0.4)), each(stream("b", 1))) as m:
        async for _, item in m:
            print(item)


if __name__ == "__main__":
    asyncio.run(main())
