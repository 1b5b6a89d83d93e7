"""Stop is a source, and comes first: the current job is finished, and no other is started."""

import asyncio

from multi_await import multi_await


async def worker(jobs: asyncio.Queue[int], stop: asyncio.Event) -> None:
    async with multi_await(stop.wait, jobs.get, biased=True) as m:
        async for event in m:
            match event:
                case (0, _):
                    break
                case (1, job):
                    await asyncio.sleep(0.4)  # the work
                    print("done:", job)
                    if job == 2:
                        stop.set()


async def main() -> None:
    jobs: asyncio.Queue[int] = asyncio.Queue()
    for job in range(1, 11):
        jobs.put_nowait(job)
    await worker(jobs, asyncio.Event())
    print("not started:", [jobs.get_nowait() for _ in range(jobs.qsize())])


if __name__ == "__main__":
    asyncio.run(main())
