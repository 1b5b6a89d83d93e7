"""A chat with FastAPI and uvicorn: WebSockets are sources of a group while they are open."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, assert_never

import uvicorn
from fastapi import FastAPI, WebSocket

from multi_await import Group, catching, each, ending, multi_await

LIMIT = 100  # messages that may wait for a client


@dataclass(eq=False)
class Client:
    socket: WebSocket
    outbox: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(LIMIT))
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def sends(self) -> None:
        while True:
            await self.socket.send_text(await self.outbox.get())


@dataclass
class Broken:
    failure: Exception


class At:
    CLIENTS: Final = 0
    DOORS: Final = 1
    OVER: Final = 2


async def room(doors: asyncio.Queue[Client], over: asyncio.Event) -> None:
    clients, passed_on = Group[Client, str | Broken | None](), 0
    async with multi_await(clients, doors.get, over.wait) as m:
        async for event in m:
            match event:
                case (At.DOORS, client):
                    messages = each(client.socket.iter_text())
                    clients.add(client, ending(catching(messages, Broken), None))
                case (At.CLIENTS, (client, None | Broken())):
                    client.left.set()
                case (At.CLIENTS, (_, text)):
                    passed_on += 1
                    for client in clients:
                        if client.outbox.full():
                            client.left.set()  # it does not read: cut it off
                        else:
                            client.outbox.put_nowait(text)
                case (At.OVER, _):
                    break
                case _:
                    assert_never(event)
    print("messages passed on:", passed_on, flush=True)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    over, app.state.doors = asyncio.Event(), asyncio.Queue[Client]()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(room(app.state.doors, over))
        yield  # uvicorn serves, and comes back when every handler has ended
        over.set()


app = FastAPI(lifespan=lifespan)


@app.websocket("/room")
async def enter(socket: WebSocket) -> None:
    await socket.accept()
    client = Client(socket)
    socket.app.state.doors.put_nowait(client)
    async with multi_await(client.sends, client.left.wait) as m:
        await m.get()  # it has left, was cut off, or can't be sent to


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), timeout_graceful_shutdown=5)
