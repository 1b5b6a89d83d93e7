"""The loop of an event feed, on queues in place of connections; one client reads nothing."""

import asyncio
import json
from collections.abc import AsyncIterator

from multi_await import each, ending, every, multi_await, once

LIMIT = 2  # lines that may wait for a client


class Client:
    name = ""

    def __init__(self) -> None:
        self.words: asyncio.Queue[str | None] = asyncio.Queue()
        self.outbox: asyncio.Queue[str | None] = asyncio.Queue()

    async def says(self) -> AsyncIterator[str]:
        while (word := await self.words.get()) is not None:
            yield word

    async def writes(self) -> None:
        while (line := await self.outbox.get()) is not None:
            print(f"{self.name} gets {line}")

    def tell(self, line: str) -> None:
        if self.outbox.qsize() < LIMIT:
            self.outbox.put_nowait(line)
        else:
            self.cut_off()  # it then ends like any other client that leaves

    def cut_off(self) -> None:
        self.words.put_nowait(None)


async def feed(doors: asyncio.Queue[Client], stop: asyncio.Event) -> list[str]:
    """Tell all clients what happens; return what was said too late to be passed on."""
    clients: dict[int, Client] = {}  # by the position of what they say
    seconds = joined = 0
    async with multi_await() as m:
        door, clock, end = m.add(doors.get), m.add(every(1)), m.add(stop.wait)
        async for position, value in m:
            text = None
            if position == end:
                break
            if position == clock:
                seconds += value
            elif position == door:
                joined += 1
                value.name = f"client {joined}"
                clients[m.add(ending(each(value.says()), None))] = value
                text = f"{value.name} is here"
            elif value is None:
                await m.remove(position)
                client = clients.pop(position)
                client.outbox.put_nowait(None)
                text = f"{client.name} has left"
            else:
                text = f"{clients[position].name}: {value}"
            line = json.dumps({"clients": len(clients), "seconds": seconds, "text": text})
            for client in clients.values():
                client.tell(line)
    return [text for _, text in m.undelivered]


async def connection(client: Client, over: asyncio.Event) -> None:
    async with multi_await(once(client.writes()), over.wait) as m:
        await m.get()  # it has left, or the feed is over
    print(f"{client.name} is closed")


async def main() -> None:
    doors: asyncio.Queue[Client] = asyncio.Queue()
    stop, over = asyncio.Event(), asyncio.Event()
    ada, grace = Client(), Client()
    async with asyncio.TaskGroup() as tasks:
        feeding = tasks.create_task(feed(doors, stop))
        tasks.create_task(connection(ada, over))
        doors.put_nowait(ada)
        doors.put_nowait(grace)  # and nobody reads what she is told
        await asyncio.sleep(0.5)
        ada.words.put_nowait("hello")
        await asyncio.sleep(2)
        stop.set()
        ada.words.put_nowait("bye")
        print("said too late:", await feeding)
        over.set()


if __name__ == "__main__":
    asyncio.run(main())
