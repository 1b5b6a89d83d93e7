"""Write a batch when it has a hundred items, or half a second after its first."""

import asyncio

from multi_await import every, multi_await

MOST = 100


async def produce(items: asyncio.Queue[int]) -> None:
    for number in range(250):  # all at once: two full batches, and fifty items more
        items.put_nowait(number)
    await asyncio.sleep(2)
    items.put_nowait(250)


async def write(items: asyncio.Queue[int]) -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    batch: list[int] = []
    flush = every(0.5)
    flush.stop()  # it runs only while there is something to write
    written = 0
    async with multi_await(items.get, flush) as m:
        while written < 251:
            match await m.select():
                case (0, item):
                    batch.append(item)
                    if len(batch) == 1:
                        flush.reset()
                    if len(batch) < MOST:
                        continue
                case (1, _):
                    pass
            flush.stop()
            print(f"{loop.time() - start:.1f} write {len(batch)}")
            written += len(batch)
            batch.clear()


async def main() -> None:
    items: asyncio.Queue[int] = asyncio.Queue()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(produce(items))
        tasks.create_task(write(items))


if __name__ == "__main__":
    asyncio.run(main())
