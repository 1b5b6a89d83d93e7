"""Go's `job, ok := <-jobs`: `ending` makes the end of a source an event."""

import asyncio
from typing import TypeVar

from multi_await import Source, ending, inline, multi_await

T = TypeVar("T")


def until_none(queue: asyncio.Queue[T | None]) -> Source[T]:
    async def receive() -> T:
        item = await queue.get()
        if item is None:
            raise StopAsyncIteration
        return item

    return inline(receive)


def two_jobs() -> asyncio.Queue[str | None]:
    jobs: asyncio.Queue[str | None] = asyncio.Queue()
    for job in ("sweep", "wash", None):
        jobs.put_nowait(job)
    return jobs


async def hangs(jobs: asyncio.Queue[str | None], stop: asyncio.Event) -> None:
    async with multi_await(until_none(jobs), stop.wait) as m:
        async for event in m:
            match event:
                case (0, job):
                    print("job:", job)
                case (1, _):
                    print("stop")
                    break


async def ends(jobs: asyncio.Queue[str | None], stop: asyncio.Event) -> None:
    async with multi_await(ending(until_none(jobs), None), stop.wait) as m:
        async for event in m:
            match event:
                case (0, None):
                    print("no more jobs")
                    break
                case (0, job):
                    print("job:", job)
                case (1, _):
                    print("stop")
                    break


async def main() -> None:
    try:
        async with asyncio.timeout(2):
            await hangs(two_jobs(), asyncio.Event())
    except TimeoutError:
        print("two seconds later it still waits for the stop")
    print()
    await ends(two_jobs(), asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main())
