"""Three events of two bounded queues: with a task for each queue, and with multi_await."""

import asyncio
import functools
from collections.abc import Awaitable, Callable

from multi_await import multi_await

Event = tuple[int, str]
Queue = asyncio.Queue[str]
Events = asyncio.Queue[Event]
Consumer = Callable[[list[Queue], list[Event]], Awaitable[None]]


async def pump(position: int, queue: Queue, events: Events) -> None:
    while True:
        await events.put((position, await queue.get()))


async def with_tasks(bound: int, queues: list[Queue], handled: list[Event]) -> None:
    events: Events = asyncio.Queue(bound)
    pumps = [asyncio.create_task(pump(n, q, events)) for n, q in enumerate(queues)]
    while len(handled) < 3:
        handled.append(await events.get())
        await asyncio.sleep(0.1)  # the work
    for task in pumps:
        task.cancel()
    await asyncio.wait(pumps)


async def with_multi_await(queues: list[Queue], handled: list[Event]) -> None:
    async with multi_await(*[queue.get for queue in queues]) as m:
        while len(handled) < 3:
            handled.append(await m.select())
            await asyncio.sleep(0.1)  # the work


async def produce(queue: Queue, produced: list[str]) -> None:
    for number in range(100):
        await queue.put(f"item {number}")
        produced.append(f"item {number}")


async def main() -> None:
    consumers: dict[str, Consumer] = {
        "tasks": functools.partial(with_tasks, 0),
        "tasks and a bound of 1": functools.partial(with_tasks, 1),
        "multi_await": with_multi_await,
    }
    for name, consume in consumers.items():
        queues: list[Queue] = [asyncio.Queue(1), asyncio.Queue(1)]
        produced: list[str] = []
        producers = [asyncio.create_task(produce(queue, produced)) for queue in queues]
        handled: list[Event] = []
        await consume(queues, handled)
        for task in producers:
            task.cancel()
        await asyncio.wait(producers)
        left = sum(queue.qsize() for queue in queues)
        lost = len(produced) - len(handled) - left
        print(f"{name}: produced {len(produced)}, handled {len(handled)}, lost {lost}")


if __name__ == "__main__":
    asyncio.run(main())
