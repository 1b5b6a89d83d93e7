"""Cancelled just as an item arrives: the call has not taken it."""

import asyncio

from multi_await import multi_await


async def main() -> None:
    files: asyncio.Queue[str] = asyncio.Queue()
    async with multi_await(files.get) as m:
        waiting = asyncio.create_task(m.select())
        await asyncio.sleep(0.1)
        files.put_nowait("an open file")
        waiting.cancel()
        await asyncio.wait([waiting])
        print("cancelled:", waiting.cancelled())
        print("in the queue:", files.qsize())
        print("the next call gives", await m.select())
    print("undelivered:", m.undelivered)


if __name__ == "__main__":
    asyncio.run(main())
