"""A heartbeat is sent when nothing else was: each message postpones it."""

import asyncio

from multi_await import every, multi_await


async def application(outbox: asyncio.Queue[str]) -> None:
    for message, pause in [("hello", 0.5), ("how are you?", 0.7), ("bye", 2.5), ("", 0)]:
        await asyncio.sleep(pause)
        outbox.put_nowait(message)


async def send(outbox: asyncio.Queue[str]) -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    beat = every(1)
    async with multi_await(outbox.get, beat) as m:
        async for event in m:
            match event:
                case (0, ""):
                    break
                case (0, message):
                    beat.reset()
                    print(f"{loop.time() - start:.1f} {message}")
                case (1, _):
                    print(f"{loop.time() - start:.1f} (heartbeat)")


async def main() -> None:
    outbox: asyncio.Queue[str] = asyncio.Queue()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(application(outbox))
        tasks.create_task(send(outbox))


if __name__ == "__main__":
    asyncio.run(main())
