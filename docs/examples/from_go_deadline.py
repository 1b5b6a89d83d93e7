"""A deadline that has passed already, beside a backlog."""

import asyncio

from multi_await import after, multi_await


def backlog() -> asyncio.Queue[int]:
    jobs: asyncio.Queue[int] = asyncio.Queue()
    for job in range(1000):
        jobs.put_nowait(job)
    return jobs


async def around_the_loop(deadline: float) -> int:
    done = 0
    try:
        async with asyncio.timeout_at(deadline), multi_await(backlog().get) as m:
            async for _ in m:
                done += 1
    except TimeoutError:
        pass
    return done


async def as_a_source(deadline: float) -> int:
    done = 0
    seconds = deadline - asyncio.get_running_loop().time()
    async with multi_await(after(seconds), backlog().get, biased=True) as m:
        async for event in m:
            match event:
                case (0, _):
                    break
                case (1, _):
                    done += 1
    return done


async def main() -> None:
    passed = asyncio.get_running_loop().time() - 1
    print("jobs done after the deadline, by timeout_at():", await around_the_loop(passed))
    print("jobs done after the deadline, by after():     ", await as_a_source(passed))


if __name__ == "__main__":
    asyncio.run(main())
