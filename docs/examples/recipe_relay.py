"""A relay with a bounded buffer: it holds at most two items, and never blocks in a put."""

import asyncio
from collections import deque

from multi_await import multi_await, put


async def relay(inbox: asyncio.Queue[str], outbox: asyncio.Queue[str], stop: asyncio.Event) -> None:
    buffer: deque[str] = deque()
    async with multi_await(inbox.get, put(outbox, buffer.popleft), stop.wait) as m:
        m.pause(1)  # nothing to send yet
        async for event in m:
            match event:
                case (0, item):
                    buffer.append(item)
                case (1, item):
                    print("passed on", item)
                case (2, _):
                    break
            m.resume(0) if len(buffer) < 2 else m.pause(0)
            m.resume(1) if buffer else m.pause(1)
    print("not passed on:", list(buffer), "still in the inbox:", inbox.qsize())


async def main() -> None:
    inbox: asyncio.Queue[str] = asyncio.Queue()
    outbox: asyncio.Queue[str] = asyncio.Queue(1)  # a very slow consumer: none at all
    stop = asyncio.Event()
    for item in "abcdef":
        inbox.put_nowait(item)
    asyncio.get_running_loop().call_later(0.5, stop.set)
    await relay(inbox, outbox, stop)


if __name__ == "__main__":
    asyncio.run(main())
