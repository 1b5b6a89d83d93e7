"""Methods of asyncio's own primitives take nothing before it is delivered."""

import asyncio

from multi_await import multi_await


async def main() -> None:
    jobs: asyncio.Queue[str] = asyncio.Queue()
    stop = asyncio.Event()

    def three_jobs_and_stop() -> None:
        for job in ("sweep", "wash", "cook"):
            jobs.put_nowait(job)
        stop.set()

    asyncio.get_running_loop().call_later(1, three_jobs_and_stop)

    async with multi_await(jobs.get, stop.wait) as m:
        async for event in m:
            match event:
                case (0, job):
                    print("job:", job)
                case (1, _):
                    print("stop")
                    break

    print("still in the queue:", [jobs.get_nowait() for _ in range(jobs.qsize())])


if __name__ == "__main__":
    asyncio.run(main())
