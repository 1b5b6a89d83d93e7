"""Consumers that are cancelled again and again: what was put is delivered or still in its queue."""

import asyncio

from multi_await import multi_await

Queues = list[asyncio.Queue[int]]


async def a_task_for_each(queues: Queues, delivered: list[int]) -> None:
    tasks = [asyncio.create_task(queue.get()) for queue in queues]
    try:
        while True:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for number, task in enumerate(tasks):
                if task.done():
                    delivered.append(task.result())
                    tasks[number] = asyncio.create_task(queues[number].get())
    finally:
        for task in tasks:
            task.cancel()


async def one_multi_await(queues: Queues, delivered: list[int]) -> None:
    async with multi_await(*[queue.get for queue in queues]) as m:
        async for _, item in m:
            delivered.append(item)


async def passes(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def main() -> None:
    for consume in (a_task_for_each, one_multi_await):
        queues = [asyncio.Queue[int](), asyncio.Queue[int]()]
        delivered: list[int] = []
        for moment in (4, 3, 2, 1, 0):  # each time a new consumer, cancelled ever sooner
            consumer = asyncio.create_task(consume(queues, delivered))
            await passes(5)  # until it has taken what is there, and waits
            for queue in queues:
                queue.put_nowait(moment)
            await passes(moment)
            consumer.cancel()
            await asyncio.wait([consumer])
        left = sum(queue.qsize() for queue in queues)
        lost = 10 - len(delivered) - left
        print(f"{consume.__name__}: put 10, delivered {len(delivered)}, left {left}, lost {lost}")


if __name__ == "__main__":
    asyncio.run(main())
