"""The auction with real WebSockets, and both its servers under load, in separate processes.

docs/tests/test_auction_page.py tests its page in a real browser.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import io
import json
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import aiohttp
import auction_house
import auction_load
import auction_server
import auction_server_plain
import pytest
from aiohttp import WSCloseCode
from auction_house import Report

from tests.machinery.ends import on_the_real_clock
from tests.real.test_examples import ROOT

Bids = set[tuple[int, int, str]]

needs_signals = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows can't ask a process to stop by SIGTERM"
)
both_servers = pytest.mark.parametrize(
    "server", [auction_server, auction_server_plain], ids=lambda server: server.__name__
)


class Printed(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self.anything = asyncio.Event()

    def write(self, text: str) -> int:
        self.anything.set()
        return super().write(text)


class Served:
    """A server in this event loop."""

    address: str
    report: Report

    def __init__(self, database: Path) -> None:
        self.database = database

    def written(self) -> Bids:
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            return set(connection.execute("SELECT lot, amount, bidder FROM bids"))


@contextlib.asynccontextmanager
async def serving(
    server: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch, period: float = 60
) -> AsyncIterator[Served]:
    """A server that is stopped, as if by a signal, at the end of the block."""
    stop = asyncio.Event()
    monkeypatch.setattr(server, "stop_at_signals", lambda: stop)
    served = Served(folder / "auction.db")
    with contextlib.redirect_stdout(Printed()) as printed:
        running = asyncio.create_task(server.main(0, str(served.database), period))
        await asyncio.wait(
            [running, anything := asyncio.create_task(printed.anything.wait())],
            return_when=asyncio.FIRST_COMPLETED,
        )
    anything.cancel()
    served.address = printed.getvalue().removeprefix("listening on ").strip()
    try:
        yield served
    finally:
        stop.set()
        served.report = await running


class Bidder:
    """A client that reads line by line."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse[bool]) -> None:
        self.ws = ws
        self.lines = self._lines()

    async def _lines(self) -> AsyncIterator[dict[str, Any]]:
        async for message in self.ws:
            for line in message.data.split("\n"):
                yield json.loads(line)

    async def bid(self, amount: int) -> None:
        await self.ws.send_str(str(amount))

    async def told(self, text: str) -> dict[str, Any]:
        """Wait for this text; return the whole line."""
        async for line in self.lines:
            if line["text"] == text:
                return line
        raise AssertionError(f"it was not told {text!r}")

    async def close_code(self) -> int | None:
        """Read until the end of the connection."""
        async for _ in self.lines:
            pass
        return self.ws.close_code


@contextlib.asynccontextmanager
async def bidder(served: Served, name: str = "", **options: Any) -> AsyncIterator[Bidder]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{served.address}/bids", params={"name": name}, **options) as ws,
    ):
        yield Bidder(ws)


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert [record.message for record in caplog.get_records("call")] == []


# -- the auction -----------------------------------------------------------------------------------


@both_servers
@on_the_real_clock
async def test_every_client_is_told_who_joins_bids_and_leaves(
    server: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(server, tmp_path, monkeypatch) as served, bidder(served, "Ada") as ada:
        assert await ada.told("Ada is here") == {
            "event": "joined",
            "text": "Ada is here",
            "lot": 1,
            "amount": 0,
            "bidder": "nobody",
            "clients": 1,
        }
        async with bidder(served) as other:
            assert (await ada.told("bidder 1 is here"))["clients"] == 2
            await other.bid(100)
            for ws in (ada, other):
                line = await ws.told("bidder 1 bids 100")
                assert (line["amount"], line["bidder"]) == (100, "bidder 1")
            await ada.bid(100)
            assert (await ada.told("100 is too low"))["event"] == "too low"
        assert (await ada.told("bidder 1 has left"))["clients"] == 1
    assert served.written() == {(1, 100, "bidder 1")}


@both_servers
@on_the_real_clock
async def test_a_lot_is_sold_at_the_third_call_and_the_next_one_begins(
    server: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        serving(server, tmp_path, monkeypatch, period=0.05) as served,
        bidder(served, "Ada") as ada,
    ):
        await ada.told("Ada is here")
        await ada.bid(7)
        for text in ("going once at 7 to Ada", "going twice at 7 to Ada", "sold at 7 to Ada"):
            assert (await ada.told(text))["lot"] == 1
        await ada.bid(5)
        assert (await ada.told("Ada bids 5"))["lot"] == 2
    assert served.written() == {(1, 7, "Ada"), (2, 5, "Ada")}


@both_servers
@on_the_real_clock
async def test_each_bid_restarts_the_countdown(
    server: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 0.5
    async with (
        serving(server, tmp_path, monkeypatch, period=seconds) as served,
        bidder(served, "Ada") as ada,
    ):
        await ada.told("Ada is here")
        clock = asyncio.get_running_loop().time
        await ada.bid(1)
        await asyncio.sleep(seconds / 2)
        start = clock()
        await ada.bid(2)
        assert (await ada.told("going once at 2 to Ada"))["amount"] == 2
        assert clock() - start >= seconds * 0.9


@both_servers
@on_the_real_clock
async def test_the_auction_continues_after_a_restart(
    server: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for lot in (1, 2):
        async with serving(server, tmp_path, monkeypatch) as served, bidder(served, "Ada") as ada:
            await ada.told("Ada is here")
            await ada.bid(3)
            assert (await ada.told("Ada bids 3"))["lot"] == lot


# -- clients that misbehave ------------------------------------------------------------------------


@both_servers
@pytest.mark.parametrize("rubbish", auction_load.RUBBISH, ids=repr)
@on_the_real_clock
async def test_malformed_data_ends_only_its_senders_connection(
    server: ModuleType, rubbish: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(server, tmp_path, monkeypatch) as served, bidder(served, "Ada") as ada:
        with socket.socket() as connection:
            await shakes_hands(connection, served, "Eve")
            await ada.told("Eve is here")
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(connection, auction_load.frame(rubbish))
            await ada.told("Eve has left")
            with contextlib.suppress(ConnectionResetError):
                while await loop.sock_recv(connection, 4096):
                    pass
        await ada.bid(1)
        await ada.told("Ada bids 1")


@both_servers
@on_the_real_clock
async def test_a_client_that_does_not_read_is_cut_off_and_delays_nobody(
    server: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auction_house, "LIMIT", 50)
    async with serving(server, tmp_path, monkeypatch) as served, bidder(served, "Ada") as ada:
        with socket.socket() as connection:
            await shakes_hands(connection, served, "E" * 40)
            await ada.told(f"{'E' * 40} is here")
            text = ""
            for amount in range(1, 20_000):
                await ada.bid(amount)
                text = (await anext(ada.lines))["text"]
                if text == f"{'E' * 40} has left":
                    break
            assert text == f"{'E' * 40} has left"
    assert served.report.cut_off == 1


@both_servers
@on_the_real_clock
async def test_a_client_that_resets_its_connection_counts_as_having_left(
    server: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(server, tmp_path, monkeypatch) as served, bidder(served, "Ada") as ada:
        with socket.socket() as connection:
            await shakes_hands(connection, served, "Eve")
            await ada.told("Eve is here")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, auction_load.RESET)
        await ada.told("Eve has left")


@on_the_real_clock
async def test_a_page_from_another_site_may_not_bid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(auction_server, tmp_path, monkeypatch) as served:
        async with bidder(served, "Ada", origin=served.address) as ada:
            await ada.told("Ada is here")
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            async with bidder(served, origin="http://example.com"):
                pass


async def shakes_hands(connection: socket.socket, served: Served, name: str) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, ("127.0.0.1", int(served.address.rpartition(":")[2])))
    await loop.sock_sendall(connection, auction_load.HANDSHAKE.format(name).encode())


# -- the stop --------------------------------------------------------------------------------------


@both_servers
@on_the_real_clock
async def test_at_shutdown_every_client_is_told_that_the_server_is_going_away(
    server: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with serving(server, tmp_path, monkeypatch) as served:
            clients = [await stack.enter_async_context(bidder(served)) for _ in range(3)]
            await clients[0].told("bidder 3 is here")
            closing = [asyncio.create_task(ws.close_code()) for ws in clients]
        assert await asyncio.gather(*closing) == [WSCloseCode.GOING_AWAY] * 3


@on_the_real_clock
async def test_a_database_failure_ends_the_auction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(auction_house.Table, "write", fails)

    codes = list[int | None]()

    async def bids() -> None:
        async with serving(auction_server, tmp_path, monkeypatch) as served, bidder(served) as ada:
            await ada.bid(1)
            codes.append(await ada.close_code())

    with pytest.raises(OSError, match="the disk is full"):
        await bids()
    assert codes == [WSCloseCode.GOING_AWAY]


@both_servers
@on_the_real_clock
async def test_bids_accepted_just_before_the_stop_are_written_even_to_a_slow_disk(
    server: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = auction_house.Table.write

    async def writes_slowly(table: auction_house.Table, bids: list[auction_house.Bid]) -> None:
        await asyncio.sleep(2)
        await write(table, bids)

    monkeypatch.setattr(auction_house.Table, "write", writes_slowly)
    async with serving(server, tmp_path, monkeypatch) as served, bidder(served, "Ada") as ada:
        for amount in (1, 2, 3):
            await ada.bid(amount)
            await ada.told(f"Ada bids {amount}")
    assert served.written() == {(1, 1, "Ada"), (1, 2, "Ada"), (1, 3, "Ada")}
    assert served.report.batches == 2


@needs_signals
@both_servers
def test_no_accepted_bid_is_lost_when_sigterm_comes_under_full_load(
    server: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = asyncio.run(auction_load.attack(f"{server.__name__}.py", seconds=3, clients=200))
    with capsys.disabled():
        sys.stdout.write(f"\n{server.__name__}, 200 clients, 3 seconds\n{outcome}\n")
    assert outcome.complaints == ""
    assert outcome.lost == set()
    assert outcome.report["written"] == outcome.report["accepted"] > 100
    assert outcome.dropped == 0
    assert WSCloseCode.GOING_AWAY in outcome.closed


# -- what the tutorial says ------------------------------------------------------------------------


def test_the_central_loop_has_at_most_60_lines() -> None:
    assert len(inspect.getsource(auction_server.hold).splitlines()) <= 60


def test_the_tutorial_states_the_length_of_the_servers_and_their_main_functions() -> None:
    servers = auction_server, auction_server_plain
    code = [
        sum(line.strip() != "" for line in inspect.getsource(server).splitlines())
        for server in servers
    ]
    central = [len(inspect.getsource(server.hold).splitlines()) for server in servers]
    page = (ROOT / "docs/tutorials/auction.md").read_text(encoding="utf-8")
    assert f"| lines of code, excluding blank lines | {code[0]} | {code[1]} |" in page
    assert f"| the central function | {central[0]} lines | {central[1]} lines |" in page
