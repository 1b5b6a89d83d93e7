"""The same function in a task, which runs ahead, and inline, where nothing is taken ahead."""

import asyncio

from multi_await import inline, multi_await


async def main() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()

    async def next_job() -> str:
        return f"job {await queue.get()}"

    for source in (next_job, inline(next_job)):
        async with multi_await(source) as m:
            queue.put_nowait(1)
            print(await m.select())
            print("ready now:", m.select_nowait())
            queue.put_nowait(2)
            await asyncio.sleep(1)  # the program does something else
        print("undelivered:", m.undelivered, "items in the queue:", queue.qsize())


if __name__ == "__main__":
    asyncio.run(main())
