"""What remove() leaves: items in their queues; it returns the value of a function source."""

import asyncio

from multi_await import multi_await


async def measure() -> str:
    await asyncio.sleep(0.5)
    return "20 degrees"


async def main() -> None:
    queue: asyncio.Queue[str] = asyncio.Queue()
    async with multi_await() as m:
        positions = m.add(queue.get), m.add(measure), m.add(asyncio.Event().wait)
        print("positions:", positions)
        queue.put_nowait("an item")
        print("a round:", await m.get())
        queue.put_nowait("another")
        await asyncio.sleep(1)  # the measurement comes in

        print("what the queue's source left:", await m.remove(0))
        print("still in the queue:", queue.qsize())
        print("what the function's source left:", await m.remove(1))
        print("the next positions:", m.add(measure), m.add(measure), m.add(measure))


if __name__ == "__main__":
    asyncio.run(main())
