"""A last item in a queue ends the one worker that gets it; an event that is set ends them all."""

import asyncio

from multi_await import multi_await


async def work(jobs: asyncio.Queue[int | None], stop: asyncio.Event) -> None:
    async with multi_await(jobs.get, stop.wait, biased=True) as m:
        async for event in m:
            match event:
                case (0, None):
                    break
                case (0, _):
                    await asyncio.sleep(0.1)
                case (1, _):
                    break


async def main() -> None:
    jobs: asyncio.Queue[int | None] = asyncio.Queue()
    stop = asyncio.Event()
    workers = [asyncio.create_task(work(jobs, stop)) for _ in range(3)]

    jobs.put_nowait(None)
    await asyncio.sleep(1)
    print("ended by a sentinel:", sum(worker.done() for worker in workers), "of 3")

    stop.set()
    await asyncio.wait(workers)
    print("ended by the stop:  ", sum(worker.done() for worker in workers), "of 3")


if __name__ == "__main__":
    asyncio.run(main())
