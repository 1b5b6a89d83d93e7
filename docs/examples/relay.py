"""A relay with a bounded buffer: it pauses a case where Go would set a channel to nil."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from multi_await import each, ending, multi_await, put

LIMIT = 3


async def relay(inbox: AsyncIterator[str], outbox: asyncio.Queue[str], stop: asyncio.Event) -> None:
    waiting: deque[str] = deque()
    more = True
    async with multi_await(ending(each(inbox), None), put(outbox, waiting.popleft), stop.wait) as m:
        while more or waiting:
            m.resume(0) if len(waiting) < LIMIT else m.pause(0)
            m.resume(1) if waiting else m.pause(1)
            match await m.select():
                case (0, item) if item is not None:
                    waiting.append(item)
                    print("in: ", item, list(waiting))
                case (0, _):
                    more = False
                    print("end of input")
                case (1, item):
                    print("out:", item, list(waiting))
                case (2, _):
                    break
    print("not sent:", list(waiting))


async def letters(word: str) -> AsyncIterator[str]:
    for letter in word:
        yield letter


async def main() -> None:
    for word in ("abcdefgh", "xyz"):
        outbox: asyncio.Queue[str] = asyncio.Queue(1)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(relay(letters(word), outbox, stop))
            for _ in range(3):
                await asyncio.sleep(0.5)
                print("got:", outbox.get_nowait())
            await asyncio.sleep(0.5)
            print("stop, please")
            stop.set()


if __name__ == "__main__":
    asyncio.run(main())
