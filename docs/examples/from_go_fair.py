"""Where Go chooses at random, sources take turns, or the lowest goes first."""

import asyncio

from multi_await import multi_await


async def main() -> None:
    for biased in (False, True):
        queues: list[asyncio.Queue[str]] = [asyncio.Queue() for _ in range(3)]
        for queue in queues:
            queue.put_nowait("first")
            queue.put_nowait("second")
        async with multi_await(*[queue.get for queue in queues], biased=biased) as m:
            events = [await m.select() for _ in range(6)]
        print("biased" if biased else "fair", [position for position, _ in events])


if __name__ == "__main__":
    asyncio.run(main())
