"""Broadcast: every client gets every message, and one that is too slow is dropped."""

import asyncio

from multi_await import multi_await

Outbox = asyncio.Queue[str | None]  # None: the end


async def hub(
    joins: asyncio.Queue[Outbox], leaves: asyncio.Queue[Outbox], news: asyncio.Queue[str | None]
) -> None:
    clients: list[Outbox] = []
    async with multi_await(joins.get, leaves.get, news.get) as m:
        async for event in m:
            match event:
                case (0, client):
                    clients.append(client)
                case (1, client):
                    clients.remove(client)
                case (2, line):
                    for client in list(clients):
                        if client.full():
                            clients.remove(client)
                            print("dropped a client that had not read", client.qsize(), "lines")
                        else:
                            client.put_nowait(line)
                    if line is None:
                        break


async def main() -> None:
    joins, leaves = asyncio.Queue[Outbox](), asyncio.Queue[Outbox]()
    news = asyncio.Queue[str | None]()
    quick, slow = Outbox(100), Outbox(2)
    joins.put_nowait(quick)
    joins.put_nowait(slow)
    for seconds, line in enumerate(["one", "two", "three", None], start=1):
        asyncio.get_running_loop().call_later(seconds / 4, news.put_nowait, line)
    await hub(joins, leaves, news)
    print([quick.get_nowait() for _ in range(quick.qsize())])


if __name__ == "__main__":
    asyncio.run(main())
