"""What the two auction servers share: the rules, the clients, the table, the page. No loop."""

import argparse
import asyncio
import contextlib
import dataclasses
import itertools
import json
import re
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Protocol

import aiosqlite
from aiohttp import WSCloseCode, WSMsgType, web

PAGE = Path(__file__).with_name("auction_server.html")
LIMIT = 500  # lines that may wait for a client
LONGEST = 100  # bytes of a message
MOST = 1000  # bids in one transaction
PATIENCE = 1.0  # seconds that a client gets at shutdown
IN_THE_KERNEL = 16 * 1024  # bytes that it may hold for a client that does not read

TABLE = """CREATE TABLE IF NOT EXISTS bids
           (lot INTEGER, amount INTEGER, bidder TEXT, PRIMARY KEY (lot, amount))"""
LAST_LOT = "SELECT coalesce(max(lot), 0) FROM bids"
INSERT = "INSERT INTO bids VALUES (?, ?, ?)"


@dataclasses.dataclass(frozen=True)
class Bid:
    lot: int
    amount: int
    bidder: str


@dataclasses.dataclass(frozen=True)
class Broken:
    """How a connection broke, or what a client sent that is not a bid."""

    failure: Exception


@dataclasses.dataclass
class Report:
    """Printed at the end. A bid that was heard and never answered is lost."""

    heard: int = 0
    accepted: int = 0
    too_low: int = 0
    too_late: int = 0
    written: int = 0
    batches: int = 0
    cut_off: int = 0


class Auction:
    """The rules: lots are sold one after the other, each to the highest bidder."""

    def __init__(self, lot: int, report: Report) -> None:
        self.report = report
        self.begin(lot)

    def begin(self, lot: int) -> None:
        self.lot = lot
        self.highest = self.calls = 0
        self.bidder = "nobody"

    def bid(self, bidder: str, amount: int) -> Bid | None:
        """The bid if it is accepted."""
        if amount <= self.highest:
            self.report.too_low += 1
            return None
        self.report.accepted += 1
        self.bidder, self.highest, self.calls = bidder, amount, 0
        return Bid(self.lot, amount, bidder)

    def call(self) -> str:
        """What the auctioneer says when nobody has bid for a while."""
        self.calls += 1
        return ("going once", "going twice", "sold")[self.calls - 1]

    def line(self, clients: int, event: str, text: str) -> str:
        """What clients are told."""
        now = {"lot": self.lot, "amount": self.highest, "bidder": self.bidder, "clients": clients}
        return json.dumps({"event": event, "text": text, **now})


class Client:
    """A WebSocket: its bids, and the lines that wait to be sent to it."""

    def __init__(
        self, name: str, request: web.Request, ws: web.WebSocketResponse, report: Report
    ) -> None:
        self.name = name
        self.transport = request.transport  # which the request forgets when it has ended
        self.ws = ws
        self.report = report
        self.outbox = asyncio.Queue[str](LIMIT)
        self.left = asyncio.Event()  # set by whoever hears that it has left
        self.is_cut_off = False

    async def bids(self) -> AsyncIterator[int]:
        """Its bids until it leaves. Raises if the connection breaks or the client sends rubbish."""
        async for message in self.ws:
            if message.type is WSMsgType.ERROR:
                raise ConnectionError(f"the connection broke: {message.data!r}")
            if message.type is not WSMsgType.TEXT or not re.fullmatch("[0-9]{1,15}", message.data):
                raise ValueError(f"not a bid: {message.data!r}")
            self.report.heard += 1
            yield int(message.data)

    def tell(self, line: str) -> None:
        """Never waits: a client that does not read its lines is cut off."""
        if not self.outbox.full():
            self.outbox.put_nowait(line)
        elif not self.is_cut_off:
            self.report.cut_off += 1
            self.cut_off()

    def cut_off(self) -> None:
        """Drop the connection at once: the client has then left, like any other."""
        self.is_cut_off = True
        if self.transport is not None:
            self.transport.abort()

    async def send(self, lines: list[str]) -> None:
        await self.ws.send_str("\n".join(lines))


class Table:
    """The bids in a SQLite database."""

    def __init__(self, connection: aiosqlite.Connection, last_lot: int, report: Report) -> None:
        self.connection = connection
        self.last_lot = last_lot
        self.report = report

    async def write(self, bids: list[Bid]) -> None:
        """In one transaction."""
        await self.connection.executemany(INSERT, [dataclasses.astuple(bid) for bid in bids])
        await self.connection.commit()
        self.report.written += len(bids)
        self.report.batches += 1


@contextlib.asynccontextmanager
async def opened(database: str, report: Report) -> AsyncIterator[Table]:
    async with aiosqlite.connect(database) as connection:
        await connection.execute(TABLE)
        async with connection.execute(LAST_LOT) as cursor:
            ((last_lot,),) = await cursor.fetchall()
        yield Table(connection, last_lot, report)


@contextlib.asynccontextmanager
async def serving(
    attend: Callable[[Client], Awaitable[None]], report: Report, port: int
) -> AsyncIterator[None]:
    """Serve the page and the clients; at the end, wait for the handlers."""
    names = itertools.count(1)
    clients = set[Client]()

    async def hurry(_: web.Application) -> None:
        for client in clients:
            asyncio.get_running_loop().call_later(PATIENCE, client.cut_off)

    async def page(_: web.Request) -> web.FileResponse:
        return web.FileResponse(PAGE)

    async def connection(request: web.Request) -> web.StreamResponse:
        here = str(request.url.origin())
        if request.headers.get("Origin", here) != here:
            raise web.HTTPForbidden(text="a page from another site may not bid\n")
        ws = web.WebSocketResponse(timeout=PATIENCE, heartbeat=20, max_msg_size=LONGEST)
        name = request.query.get("name", "")[:40] or f"bidder {next(names)}"
        client = Client(name, request, ws, report)
        clients.add(client)
        try:
            await ws.prepare(request)
            await attend(client)
            await ws.close(code=WSCloseCode.GOING_AWAY)
        except ConnectionError:
            pass  # it is gone, and whoever reads its bids is told so, too
        finally:
            clients.discard(client)
            client.cut_off()
        return ws

    app = web.Application()
    app.on_shutdown.append(hurry)
    app.router.add_get("/", page)
    app.router.add_get("/bids", connection)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=3 * PATIENCE)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", port))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, IN_THE_KERNEL)
    try:
        await web.SockSite(runner, listening).start()
        print("listening on http://{}:{}".format(*runner.addresses[0]), flush=True)
        yield
    finally:
        await runner.cleanup()


def stop_at_signals() -> asyncio.Event:
    """Set by SIGTERM and Ctrl-C. Not `signals()`: a second one must not end the clean-up either."""
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C cancels main()
            asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    return stop


class Main(Protocol):
    async def __call__(self, port: int, database: str, period: float) -> Report: ...


def run(main: Main) -> None:
    """Run a server from the command line, and print its report."""
    parser = argparse.ArgumentParser(description="An auction: one lot after the other")
    parser.add_argument("--port", type=int, default=8080, help="0 takes any that is free")
    parser.add_argument("--database", default="auction.db", metavar="PATH")
    parser.add_argument("--period", type=float, default=3.0, metavar="SECONDS")
    report = asyncio.run(main(**vars(parser.parse_args())))
    print(json.dumps(dataclasses.asdict(report)))
