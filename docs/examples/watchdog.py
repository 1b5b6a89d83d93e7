"""A watchdog: a worker that gives no sign of life is reported, and the watch goes on."""

import asyncio

from multi_await import every, multi_await


async def worker(signs: asyncio.Queue[str]) -> None:
    for sign, seconds in [("started", 0), ("a job", 0.6), ("a slow job", 2.5), ("done", 0.5)]:
        await asyncio.sleep(seconds)
        signs.put_nowait(sign)


async def watch(signs: asyncio.Queue[str]) -> None:
    silence = every(1)
    async with multi_await(signs.get, silence) as m:
        async for event in m:
            match event:
                case (0, sign):
                    silence.reset()
                    print("sign of life:", sign)
                    if sign == "done":
                        break
                case (1, _):
                    print("no sign of life for a second")


async def main() -> None:
    signs: asyncio.Queue[str] = asyncio.Queue()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(worker(signs))
        tasks.create_task(watch(signs))


if __name__ == "__main__":
    asyncio.run(main())
