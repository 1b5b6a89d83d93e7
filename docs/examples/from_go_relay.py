"""Go's relay whose inbox is closed: `put` never ends, so the end of the inbox must be an event."""

import asyncio
from collections import deque

from multi_await import Source, ending, inline, multi_await, put


def until_none(queue: asyncio.Queue[int | None]) -> Source[int]:
    async def receive() -> int:
        item = await queue.get()
        if item is None:
            raise StopAsyncIteration
        return item

    return inline(receive)


async def relay(inbox: asyncio.Queue[int | None], outbox: asyncio.Queue[int | None]) -> None:
    waiting: deque[int] = deque()
    is_open = True
    async with multi_await(ending(until_none(inbox), None), put(outbox, waiting.popleft)) as m:
        m.pause(1)
        while is_open or waiting:
            match await m.select():
                case (0, None):
                    is_open = False
                case (0, item):
                    waiting.append(item)
            m.resume(1) if waiting else m.pause(1)
    await outbox.put(None)


async def main() -> None:
    inbox: asyncio.Queue[int | None] = asyncio.Queue()
    outbox: asyncio.Queue[int | None] = asyncio.Queue(1)
    for item in (1, 2, 3, None):
        inbox.put_nowait(item)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(relay(inbox, outbox))
        while (got := await outbox.get()) is not None:
            print("got", got)
    print("outbox is closed")


if __name__ == "__main__":
    asyncio.run(main())
