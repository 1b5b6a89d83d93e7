"""A relay with a bounded buffer: its cases are paused as a Go programmer sets a channel to nil."""

import asyncio
from collections import deque

from multi_await import multi_await, put

LIMIT = 3


async def relay(inbox: asyncio.Queue[str], outbox: asyncio.Queue[str], stop: asyncio.Event) -> None:
    waiting: deque[str] = deque()
    async with multi_await(inbox.get, put(outbox, waiting.popleft), stop.wait) as m:
        m.pause(1)  # nothing to send yet
        async for event in m:
            match event:
                case (0, item):
                    waiting.append(item)
                    print("in: ", item, list(waiting))
                case (1, item):
                    print("out:", item, list(waiting))
                case (2, _):
                    print("stopped, not sent:", list(waiting))
                    break
            m.resume(0) if len(waiting) < LIMIT else m.pause(0)
            m.resume(1) if waiting else m.pause(1)


async def main() -> None:
    inbox: asyncio.Queue[str] = asyncio.Queue()
    outbox: asyncio.Queue[str] = asyncio.Queue(1)
    stop = asyncio.Event()
    for item in "abcdef":
        inbox.put_nowait(item)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(relay(inbox, outbox, stop))
        for _ in range(3):
            await asyncio.sleep(0.5)
            print("got:", outbox.get_nowait())
        await asyncio.sleep(0.5)
        print("stop, please")
        stop.set()


if __name__ == "__main__":
    asyncio.run(main())
