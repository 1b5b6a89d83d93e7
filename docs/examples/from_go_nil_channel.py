"""Go's nil channel: no new job is taken while as many as allowed are running."""

import asyncio

from multi_await import multi_await

LIMIT = 2


async def main() -> None:
    jobs: asyncio.Queue[tuple[str, float]] = asyncio.Queue()
    done: asyncio.Queue[str] = asyncio.Queue()
    for job in (("sweep", 0.5), ("wash", 1.1), ("cook", 0.3)):
        jobs.put_nowait(job)

    running = 0
    async with multi_await(jobs.get, done.get) as m:
        for _ in range(6):
            match await m.select():
                case (0, (name, seconds)):
                    print("start", name)
                    asyncio.get_running_loop().call_later(seconds, done.put_nowait, name)
                    running += 1
                    if running == LIMIT:
                        m.pause(0)
                case (1, name):
                    print("done", name)
                    if running == LIMIT:
                        m.resume(0)
                    running -= 1


if __name__ == "__main__":
    asyncio.run(main())
