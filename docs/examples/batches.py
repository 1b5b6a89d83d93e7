"""Everything that is in the queue, three items at most, as one event."""

import asyncio

from multi_await import batched, multi_await


async def main() -> None:
    rows = asyncio.Queue[str]()
    stop = asyncio.Event()
    for row in "abcdefg":
        rows.put_nowait(row)

    async with multi_await(batched(rows, 3), stop.wait) as m:
        async for event in m:
            match event:
                case (0, batch):
                    print("INSERT", batch)
                    if rows.empty():
                        stop.set()
                case (1, _):
                    break


if __name__ == "__main__":
    asyncio.run(main())
