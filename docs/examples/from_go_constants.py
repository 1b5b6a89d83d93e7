"""Names for positions: `case` compares with a dotted name, and captures into a bare one."""

import asyncio
from typing import Final

from multi_await import multi_await


class At:
    JOBS: Final = 0
    STOP: Final = 1


async def bare(jobs: asyncio.Queue[str], stop: asyncio.Event) -> None:
    async with multi_await(jobs.get, stop.wait) as m:
        match await m.select():
            case (JOBS, job):  # noqa: N806 -- the mistake: any position matches
                print("bare:   a job at position", JOBS, "is", job)


async def dotted(jobs: asyncio.Queue[str], stop: asyncio.Event) -> None:
    async with multi_await(jobs.get, stop.wait) as m:
        match await m.select():
            case (At.JOBS, job):
                print("dotted: a job:", job)
            case (At.STOP, _):
                print("dotted: stop")


async def main() -> None:
    jobs: asyncio.Queue[str] = asyncio.Queue()
    stop = asyncio.Event()
    stop.set()
    await bare(jobs, stop)
    await dotted(jobs, stop)


if __name__ == "__main__":
    asyncio.run(main())
