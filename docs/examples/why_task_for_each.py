"""The loop that people write: a task for each source takes an item that nobody gets."""

import asyncio


async def main() -> None:
    jobs: asyncio.Queue[str] = asyncio.Queue()
    stop = asyncio.Event()

    def three_jobs_and_stop() -> None:
        for job in ("sweep", "wash", "cook"):
            jobs.put_nowait(job)
        stop.set()

    asyncio.get_running_loop().call_later(0.5, three_jobs_and_stop)

    stopped = asyncio.create_task(stop.wait())
    job = asyncio.create_task(jobs.get())
    while True:
        await asyncio.wait([stopped, job], return_when=asyncio.FIRST_COMPLETED)
        if stopped.done():
            print("stop")
            job.cancel()
            break
        print("job:", job.result())
        job = asyncio.create_task(jobs.get())

    print("still in the queue:", [jobs.get_nowait() for _ in range(jobs.qsize())])


if __name__ == "__main__":
    asyncio.run(main())
