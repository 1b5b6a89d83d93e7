"""A function source may have an outcome at the end that nobody received: it is handed back."""

import asyncio

from multi_await import multi_await


async def worker(jobs: asyncio.Queue[str], stop: asyncio.Event) -> None:
    async def next_job() -> str:
        return await jobs.get()

    async with multi_await(stop.wait, next_job, biased=True) as m:
        async for event in m:
            match event:
                case (0, _):
                    break
                case (1, job):
                    print("done:", job)
    for _, job in m.undelivered:
        print("taken and not done:", job)
        jobs.put_nowait(job)


async def main() -> None:
    jobs: asyncio.Queue[str] = asyncio.Queue()
    stop = asyncio.Event()
    working = asyncio.create_task(worker(jobs, stop))
    jobs.put_nowait("a")
    await asyncio.sleep(0.5)
    jobs.put_nowait("b")
    stop.set()
    await working
    print("for the next start:", [jobs.get_nowait() for _ in range(jobs.qsize())])


if __name__ == "__main__":
    asyncio.run(main())
