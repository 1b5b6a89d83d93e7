"""The mistake: a worker that is stopped by cancelling it loses its current job."""

import asyncio


async def worker(jobs: asyncio.Queue[str]) -> None:
    while True:
        job = await jobs.get()
        await asyncio.sleep(0.4)  # the work
        print("done:", job)


async def main() -> None:
    jobs: asyncio.Queue[str] = asyncio.Queue()
    for job in "abc":
        jobs.put_nowait(job)
    working = asyncio.create_task(worker(jobs))
    await asyncio.sleep(0.6)
    working.cancel()
    await asyncio.wait([working])
    print("not started:", [jobs.get_nowait() for _ in range(jobs.qsize())])


if __name__ == "__main__":
    asyncio.run(main())
