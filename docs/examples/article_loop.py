"""The loop from the 2020 article: everything that is ready, by position."""

import asyncio

from multi_await import multi_await


async def produce(queue: asyncio.Queue[str], seconds: float, item: str) -> None:
    await asyncio.sleep(seconds)
    await queue.put(item)


async def main() -> None:
    q1: asyncio.Queue[str] = asyncio.Queue()
    q2: asyncio.Queue[str] = asyncio.Queue()

    async with asyncio.TaskGroup() as producers:
        producers.create_task(produce(q1, 1, "one"))
        producers.create_task(produce(q2, 2, "two"))

        async with multi_await() as m:
            m.add(q1.get)
            m.add(q2.get)
            for _ in range(2):
                completed, failures = await m.get()
                print("completed", completed, "failures", failures)


if __name__ == "__main__":
    asyncio.run(main())
