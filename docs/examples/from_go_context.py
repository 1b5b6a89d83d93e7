"""Go's `ctx.Done()`: a cancellation needs no case, and takes no job with it."""

import asyncio

from multi_await import multi_await


async def work(jobs: asyncio.Queue[str]) -> None:
    try:
        async with multi_await(jobs.get) as m:
            async for _, job in m:
                print("job:", job)
    finally:
        print("cleaned up")


async def main() -> None:
    jobs: asyncio.Queue[str] = asyncio.Queue()
    for seconds, job in ((0.4, "sweep"), (0.8, "wash"), (1.6, "cook")):
        asyncio.get_running_loop().call_later(seconds, jobs.put_nowait, job)
    try:
        async with asyncio.timeout(1.2):
            await work(jobs)
    except TimeoutError:
        print("1.2 seconds are over")
    await asyncio.sleep(0.8)
    print("still in the queue:", jobs.get_nowait())


if __name__ == "__main__":
    asyncio.run(main())
