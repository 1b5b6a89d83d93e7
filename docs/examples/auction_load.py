"""The two auction servers under load, and what each of them loses.

    python auction_load.py --seconds 30

200 clients: half of them bid, and wait for the answer before they bid again. The others hang up in
the middle of a bid, come and go, read nothing, or send rubbish. At the end SIGTERM stops the server
at full speed. What clients were told is then compared with what is in the database.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import random
import signal
import socket
import sqlite3
import statistics
import struct
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

HERE = Path(__file__).parent
SERVERS = "auction_server.py", "auction_server_plain.py"
HANDSHAKE = """GET /bids?name={} HTTP/1.1\r
Host: 127.0.0.1\r
Connection: Upgrade\r
Upgrade: websocket\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r
\r
"""
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends RST
RUBBISH = b"hello", b"-1", b"1" * 101, b"1" * 16, b"\xff\xfe", b""


@dataclass
class Load:
    """What the clients saw."""

    port: int
    over: asyncio.Event = field(default_factory=asyncio.Event)
    amounts: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    told: set[tuple[int, int, str]] = field(default_factory=set)  # bids that were accepted
    answers: list[float] = field(default_factory=list)  # seconds from a bid to its answer
    closed: list[int | None] = field(default_factory=list)  # close codes at shutdown

    @contextlib.asynccontextmanager
    async def running(self, clients: int) -> AsyncIterator[None]:
        """Let clients loose; the block should end when the server has."""
        kinds = itertools.cycle(["aborts", "leaves", "deaf", "rubbish"])
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
            for number in range(clients // 2):
                tasks.create_task(self.bids(session, f"bidder-{number:-<30}"))
                tasks.create_task(self.misbehaves(f"harm-{number:-<30}", next(kinds)))
            yield
            self.over.set()

    async def bids(self, session: aiohttp.ClientSession, name: str) -> None:
        """Bid, and bid again when there is an answer; until the server goes away."""
        async with session.ws_connect(f"http://127.0.0.1:{self.port}/bids?name={name}") as ws:
            while True:
                start = time.monotonic()
                with contextlib.suppress(ConnectionError):
                    await ws.send_str(str(next(self.amounts)))
                if not await self.is_answered(ws, name):
                    break
                self.answers.append(time.monotonic() - start)
        self.closed.append(ws.close_code)

    async def is_answered(self, ws: aiohttp.ClientWebSocketResponse[bool], name: str) -> bool:
        async for message in ws:
            if name in message.data or " too l" in message.data:
                events = [json.loads(line) for line in message.data.split("\n")]
                mine = [event for event in events if event["text"].startswith(f"{name} bids")]
                self.told.update((bid["lot"], bid["amount"], bid["bidder"]) for bid in mine)
                if mine or any(event["event"].startswith("too l") for event in events):
                    return True
        return False

    async def misbehaves(self, name: str, kind: str) -> None:
        """Connect, misbehave, and connect again."""
        with contextlib.suppress(ConnectionError):
            while not self.over.is_set():
                with socket.socket() as connection:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                    connection.setblocking(False)
                    await self.harm(connection, name, kind)

    async def harm(self, connection: socket.socket, name: str, kind: str) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, ("127.0.0.1", self.port))
        await loop.sock_sendall(connection, HANDSHAKE.format(name).encode())
        await loop.sock_recv(connection, 1024)
        with contextlib.suppress(ConnectionError):
            if kind == "deaf":  # but it bids
                while not self.over.is_set():
                    await loop.sock_sendall(connection, frame(str(next(self.amounts)).encode()))
                    await asyncio.sleep(0.1)
            elif kind == "rubbish":
                await loop.sock_sendall(connection, frame(random.choice(RUBBISH)))
                await asyncio.sleep(random.random() / 2)
            else:  # it hangs up, maybe in the middle of a bid
                bid = frame(str(next(self.amounts)).encode())
                await loop.sock_sendall(connection, bid + bid[: random.randrange(len(bid))])
                await asyncio.sleep(random.random() / 2)
        if kind == "aborts":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def frame(data: bytes, opcode: int = 1) -> bytes:
    """A WebSocket frame, masked by zeros."""
    return bytes([0x80 | opcode, 0x80 | len(data)]) + bytes(4) + data


@dataclass
class Outcome:
    """Of one server; `lost` should be empty and `dropped` 0."""

    lost: set[tuple[int, int, str]]  # bids whose bidder was told that they are accepted
    dropped: int  # bids that the server had read, and that it never answered
    report: dict[str, int]
    answers: list[float]
    closed: list[int | None]
    to_stop: float
    complaints: str

    def __str__(self) -> str:
        ordered = sorted(self.answers)
        return "\n".join(
            [
                f"  bids accepted         {self.report['accepted']:8,}",
                f"  written, in batches   {self.report['written']:8,} {self.report['batches']:8,}",
                f"  clients cut off       {self.report['cut_off']:8,}",
                f"  accepted and lost     {len(self.lost):8,}",
                f"  read, never answered  {self.dropped:8,}",
                f"  answer, median        {statistics.median(ordered) * 1000:8.0f} ms",
                f"  answer, 99 %          {ordered[len(ordered) * 99 // 100] * 1000:8.0f} ms",
                f"  from SIGTERM to end   {self.to_stop:8.1f} s",
            ]
        )


async def attack(server: str, seconds: float, clients: int) -> Outcome:
    """Run a server, let clients loose on it, stop it at full speed."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder, "auction.db")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, HERE / server),
            *("--port=0", f"--database={database}"),
            # Debug mode complains about a slow machine.
            env={**os.environ, "PYTHONASYNCIODEBUG": "", "PYTHONDEVMODE": ""},
            stdout=PIPE,
            stderr=PIPE,
        )
        assert process.stdout is not None
        try:
            line = (await process.stdout.readline()).decode()
            load = Load(int(line.rpartition(":")[2]))
            async with load.running(clients):
                await asyncio.sleep(seconds)
                process.send_signal(signal.SIGTERM)
                start = time.monotonic()
                printed, complaints = await process.communicate()
                to_stop = time.monotonic() - start
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()
        with contextlib.closing(sqlite3.connect(database)) as connection:
            written = set(connection.execute("SELECT lot, amount, bidder FROM bids"))
    report: dict[str, int] = json.loads(printed or b"{}")
    answered = report["accepted"] + report["too_low"] + report["too_late"]
    return Outcome(
        lost=load.told - written,
        dropped=report["heard"] - answered,
        report=report,
        answers=load.answers,
        closed=load.closed,
        to_stop=to_stop,
        complaints=complaints.decode(),
    )


async def main(servers: Iterable[str], seconds: float, clients: int) -> None:
    for server in servers:
        print(f"{server}, {clients} clients, {seconds:g} seconds", flush=True)
        outcome = await attack(server, seconds, clients)
        print(outcome)
        print(outcome.complaints, end="", file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--server", dest="servers", action="append", choices=SERVERS)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--clients", type=int, default=200)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.servers or SERVERS, arguments.seconds, arguments.clients))
