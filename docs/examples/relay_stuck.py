"""The mistake: a put in the body of the loop makes every other source wait for room."""

import asyncio

from multi_await import multi_await


async def relay(inbox: asyncio.Queue[str], outbox: asyncio.Queue[str], stop: asyncio.Event) -> None:
    async with multi_await(inbox.get, stop.wait) as m:
        async for event in m:
            match event:
                case (0, item):
                    await outbox.put(item)
                    print("out:", item)
                case (1, _):
                    print("stopped")
                    break


async def main() -> None:
    inbox: asyncio.Queue[str] = asyncio.Queue()
    outbox: asyncio.Queue[str] = asyncio.Queue(1)
    stop = asyncio.Event()
    for item in "abc":
        inbox.put_nowait(item)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(relay(inbox, outbox, stop))
        await asyncio.sleep(0.5)
        print("stop, please")
        stop.set()
        for _ in range(2):
            await asyncio.sleep(0.5)
            print("got:", outbox.get_nowait())


if __name__ == "__main__":
    asyncio.run(main())
