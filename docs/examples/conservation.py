"""A consumer is cancelled at each of its steps: is every item in one place afterwards?"""

import asyncio
import functools
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from multi_await import multi_await

Queues: TypeAlias = list[asyncio.Queue[int]]
Consumer: TypeAlias = Callable[[Queues, list[int]], Coroutine[Any, Any, None]]
STEPS = 30


async def task_for_each_queue(queues: Queues, kept: list[int]) -> None:
    tasks = [asyncio.create_task(queue.get()) for queue in queues]
    try:
        while True:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for position, task in enumerate(tasks):
                if task in done:
                    kept.append(task.result())
                    tasks[position] = asyncio.create_task(queues[position].get())
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def queues_as_sources(queues: Queues, kept: list[int]) -> None:
    async with multi_await(*[queue.get for queue in queues]) as m:
        async for _, item in m:
            kept.append(item)


async def item_of(queue: asyncio.Queue[int]) -> int:
    return await queue.get()


async def functions_as_sources(queues: Queues, kept: list[int]) -> None:
    m = multi_await(*[functools.partial(item_of, queue) for queue in queues])
    try:
        async with m:
            async for _, item in m:
                kept.append(item)
    finally:
        kept += [item for _, item in m.undelivered]


async def astray(consumer: Consumer, step: int) -> list[int]:
    """The items that are lost or duplicated when the consumer is cancelled at this step."""
    queues: Queues = [asyncio.Queue(), asyncio.Queue()]
    kept: list[int] = []
    consuming = asyncio.create_task(consumer(queues, kept))
    for number in range(STEPS):
        queues[number % 2].put_nowait(number)
        await asyncio.sleep(0)  # one step
        if number == step:
            consuming.cancel()
    await asyncio.wait([consuming])
    left = [queue.get_nowait() for queue in queues for _ in range(queue.qsize())]
    places = Counter(kept + left)
    return [number for number in range(STEPS) if places[number] != 1]


async def main() -> None:
    for consumer in (task_for_each_queue, queues_as_sources, functions_as_sources):
        bad = [step for step in range(STEPS) if await astray(consumer, step)]
        print(f"{consumer.__name__}: items astray at {len(bad)} of {STEPS} steps")


if __name__ == "__main__":
    asyncio.run(main())
