"""Go's send case: the item is asked for only when there is room for it."""

import asyncio

from multi_await import multi_await, put


def measure() -> str:
    print("measuring")
    return "20 degrees"


async def main() -> None:
    outbox: asyncio.Queue[str] = asyncio.Queue(1)
    outbox.put_nowait("19 degrees")
    async with multi_await(put(outbox, measure)) as m:
        print("outbox is full:", m.select_nowait())
        outbox.get_nowait()
        print("outbox has room:", m.select_nowait())


if __name__ == "__main__":
    asyncio.run(main())
