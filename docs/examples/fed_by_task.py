"""An iterator drops what it holds when a block ends; a queue that a task feeds does not."""

import asyncio
from collections.abc import AsyncIterator

from multi_await import each, multi_await


class Connection:
    """Takes packets from the network, and gives the messages in them one by one."""

    def __init__(self) -> None:
        self.packets: asyncio.Queue[list[str]] = asyncio.Queue()
        self.packets.put_nowait(["a", "b", "c"])
        self.packets.put_nowait(["d"])

    async def messages(self) -> AsyncIterator[str]:
        while True:
            for message in await self.packets.get():
                yield message


async def listen(connection: Connection, news: asyncio.Queue[str]) -> None:
    async for message in connection.messages():
        news.put_nowait(message)


async def main() -> None:
    connection = Connection()
    for _ in range(2):
        async with multi_await(each(connection.messages())) as m:
            print("by each:", (await m.select())[1])

    connection = Connection()
    news: asyncio.Queue[str] = asyncio.Queue()
    listening = asyncio.create_task(listen(connection, news))
    for _ in range(2):
        async with multi_await(news.get) as m:
            print("from the queue:", (await m.select())[1])
    print("still in it:", [news.get_nowait() for _ in range(news.qsize())])
    listening.cancel()
    await asyncio.wait([listening])


if __name__ == "__main__":
    asyncio.run(main())
