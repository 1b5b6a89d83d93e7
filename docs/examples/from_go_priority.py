"""Go's nested selects: `biased=True` looks at the sources from position 0 on, at each call."""

import asyncio

from multi_await import multi_await


async def main() -> None:
    jobs: asyncio.Queue[int] = asyncio.Queue()
    stop = asyncio.Event()
    for job in range(1, 6):
        jobs.put_nowait(job)
    async with multi_await(stop.wait, jobs.get, biased=True) as m:
        async for event in m:
            match event:
                case (0, _):
                    print("stop, jobs left:", jobs.qsize())
                    break
                case (1, job):
                    print("job:", job)
                    if job == 2:
                        stop.set()


if __name__ == "__main__":
    asyncio.run(main())
