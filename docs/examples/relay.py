"""A relay with a bounded buffer: its cases are paused as a Go programmer sets a channel to nil."""

import asyncio
from collections import deque

from multi_await import multi_await, put

LIMIT = 3


async def relay(inbox: asyncio.Queue[str], outbox: asyncio.Queue[str]) -> None:
    waiting: deque[str] = deque()
    async with multi_await(inbox.get, put(outbox, waiting.popleft)) as m:
        m.pause(1)  # nothing to send yet
        async for event in m:
            match event:
                case (0, item):
                    waiting.append(item)
                    print("in: ", item, list(waiting))
                    if len(waiting) == 1:
                        m.resume(1)
                    if len(waiting) == LIMIT:
                        m.pause(0)
                case (1, item):
                    print("out:", item, list(waiting))
                    if len(waiting) == LIMIT - 1:
                        m.resume(0)
                    if not waiting:
                        m.pause(1)


async def main() -> None:
    inbox: asyncio.Queue[str] = asyncio.Queue()
    outbox: asyncio.Queue[str] = asyncio.Queue(1)
    for item in "abcdef":
        inbox.put_nowait(item)
    async with asyncio.TaskGroup() as tasks:
        relaying = tasks.create_task(relay(inbox, outbox))
        for _ in range(6):
            await asyncio.sleep(1)
            print("got:", outbox.get_nowait())
        relaying.cancel()


if __name__ == "__main__":
    asyncio.run(main())
