"""A worker pool that drains at shutdown: the workers finish all jobs, then end."""

import asyncio

from multi_await import multi_await


async def work(jobs: asyncio.Queue[int], stop: asyncio.Event, done: list[int]) -> None:
    async with multi_await(jobs.get, stop.wait, biased=True) as m:  # the jobs come first
        async for event in m:
            match event:
                case (0, job):
                    await asyncio.sleep(0.1)  # the work
                    done.append(job)
                case (1, _):
                    break  # the stop, and no job is left


async def main() -> None:
    jobs: asyncio.Queue[int] = asyncio.Queue()
    stop = asyncio.Event()
    done: list[int] = []
    async with asyncio.TaskGroup() as workers:
        for _ in range(3):
            workers.create_task(work(jobs, stop, done))
        for job in range(10):
            jobs.put_nowait(job)
        stop.set()
    print("done:", sorted(done), "left:", jobs.qsize())


if __name__ == "__main__":
    asyncio.run(main())
