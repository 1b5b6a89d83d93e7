"""A send case: the item is made at the moment it goes in, so it is never stale."""

import asyncio

from multi_await import every, multi_await, put


async def measure(outbox: asyncio.Queue[str]) -> None:
    number = 0

    def newest() -> str:
        return f"measurement {number}"

    async with multi_await(every(0.3), put(outbox, newest)) as m:
        async for event in m:
            match event:
                case (0, periods):
                    number += periods
                case (1, item):
                    print("put in:", item)


async def main() -> None:
    outbox: asyncio.Queue[str] = asyncio.Queue(1)
    async with asyncio.TaskGroup() as tasks:
        measuring = tasks.create_task(measure(outbox))
        for _ in range(3):
            await asyncio.sleep(0.7)
            print("got out:", await outbox.get())
        measuring.cancel()


if __name__ == "__main__":
    asyncio.run(main())
