"""Stop is a source, and comes first: the job in hand is done, and no other is begun."""

import asyncio

from multi_await import multi_await


async def worker(jobs: asyncio.Queue[str], stop: asyncio.Event) -> None:
    async with multi_await(stop.wait, jobs.get, biased=True) as m:
        async for event in m:
            match event:
                case (0, _):
                    break
                case (1, job):
                    await asyncio.sleep(0.4)  # the work
                    print("done:", job)


async def main() -> None:
    jobs: asyncio.Queue[str] = asyncio.Queue()
    for job in "abc":
        jobs.put_nowait(job)
    stop = asyncio.Event()
    working = asyncio.create_task(worker(jobs, stop))
    await asyncio.sleep(0.6)
    stop.set()
    await working
    print("not begun:", [jobs.get_nowait() for _ in range(jobs.qsize())])


if __name__ == "__main__":
    asyncio.run(main())
