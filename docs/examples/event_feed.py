"""A web page of live events: who is here, what they say, and how long the server has been up.

    python event_feed.py --port 8080

SIGTERM or Ctrl-C stops it: each client gets a close frame, and its page tries again until there is
a server.
"""

import argparse
import asyncio
import contextlib
import functools
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import WSCloseCode, WSMsgType, web

from multi_await import each, ending, every, multi_await, once

PAGE = Path(__file__).with_name("event_feed.html")
LIMIT = 1000  # lines that may wait for a client
LONGEST = 1024  # bytes of a message
PATIENCE = 1.0  # seconds that a client gets at shutdown


class Client:
    """A WebSocket: what it says, and the lines that wait to be sent to it."""

    name = ""

    def __init__(self, request: web.Request, ws: web.WebSocketResponse) -> None:
        self.request = request
        self.ws = ws
        self.outbox: asyncio.Queue[str | None] = asyncio.Queue()

    async def says(self) -> AsyncIterator[str]:
        """Its messages, until it leaves. A failure here would end the feed."""
        with contextlib.suppress(ConnectionError):
            async for message in self.ws:
                if message.type is not WSMsgType.TEXT:
                    break
                yield str(message.data)

    async def writes(self) -> None:
        """Send the lines in its outbox, until it has left or must leave."""
        with contextlib.suppress(ConnectionError):
            while (line := await self.outbox.get()) is not None:
                await self.ws.send_str(line)
            await self.ws.close(code=WSCloseCode.GOING_AWAY)

    def tell(self, line: str) -> None:
        if self.outbox.qsize() < LIMIT:
            self.outbox.put_nowait(line)
        else:
            self.cut_off()  # it then ends like any other client that leaves

    def cut_off(self) -> None:
        if self.request.transport is not None:
            self.request.transport.abort()


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


async def connection(
    doors: asyncio.Queue[Client], over: asyncio.Event, request: web.Request
) -> web.StreamResponse:
    """Hand a client over to the feed; write to it what the feed puts into its outbox."""
    here = str(request.url.origin())
    if request.headers.get("Origin", here) != here:
        raise web.HTTPForbidden(text="a page of another site may not listen in\n")
    ws = web.WebSocketResponse(heartbeat=20, max_msg_size=LONGEST)
    try:
        await ws.prepare(request)
    except ConnectionError:
        return web.Response()  # nobody waits for an answer any more
    client = Client(request, ws)
    doors.put_nowait(client)
    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(client.writes())
        async with multi_await(once(writing), over.wait) as m:
            await m.get()  # it has left, or the feed is over
        client.outbox.put_nowait(None)
        await asyncio.wait([writing], timeout=PATIENCE)
        client.cut_off()
    return ws


async def page(_: web.Request) -> web.FileResponse:
    return web.FileResponse(PAGE)


async def main(port: int) -> None:
    stop, over = asyncio.Event(), asyncio.Event()
    # Not signals(): a second one while clients are closed must not end the process either.
    for signum in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C cancels main()
            asyncio.get_running_loop().add_signal_handler(signum, stop.set)

    doors: asyncio.Queue[Client] = asyncio.Queue()
    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/events", functools.partial(connection, doors, over))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        print("listening on http://{}:{}".format(*runner.addresses[0]), flush=True)
        print("stopped; said too late:", await feed(doors, stop))
    finally:
        over.set()
        await runner.cleanup()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=8080, help="0 takes any that is free")
    asyncio.run(main(**vars(parser.parse_args())))
