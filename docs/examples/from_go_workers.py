"""Go's workers on one channel: a MultiAwait for each task."""

import asyncio

from multi_await import multi_await


async def work(jobs: asyncio.Queue[int], stop: asyncio.Event, seconds: float) -> list[int]:
    done: list[int] = []
    async with multi_await(jobs.get, stop.wait) as m:
        async for event in m:
            match event:
                case (0, job):
                    await asyncio.sleep(seconds)
                    done.append(job)
                case (1, _):
                    break
    return done


async def main() -> None:
    jobs: asyncio.Queue[int] = asyncio.Queue()
    stop = asyncio.Event()
    for job in range(10):
        jobs.put_nowait(job)
    async with asyncio.TaskGroup() as tasks:
        workers = [tasks.create_task(work(jobs, stop, seconds)) for seconds in (0.01, 0.02, 0.03)]
        await asyncio.sleep(0.5)
        stop.set()
    print("done:", sorted(job for worker in workers for job in worker.result()))
    print("each worker did some:", all(worker.result() for worker in workers))


if __name__ == "__main__":
    asyncio.run(main())
