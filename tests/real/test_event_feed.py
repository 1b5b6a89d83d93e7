"""The event feed with real WebSockets: messages, clients that are cut off, and the stop.

docs/tests/test_event_feed_page.py tests its page in a real browser.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import itertools
import json
import os
import signal
import socket
import struct
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import aiohttp
import event_feed
import event_feed_core
import pytest
from aiohttp import WSCloseCode

from tests.machinery.ends import on_the_real_clock

Socket = aiohttp.ClientWebSocketResponse[bool]

SERVER = Path(event_feed.__file__)
HANDSHAKE = b"""GET /events HTTP/1.1\r
Host: 127.0.0.1\r
Connection: Upgrade\r
Upgrade: websocket\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r
\r
"""
PING = b"\x89\xfd" + bytes(4 + 125)  # masked with zeros, and of the maximal length

needs_signals = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows can't ask a process to stop by SIGTERM"
)


class Printed(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self.anything = asyncio.Event()

    def write(self, text: str) -> int:
        self.anything.set()
        return super().write(text)


@contextlib.asynccontextmanager
async def server() -> AsyncIterator[str]:
    """The address of a server in this event loop, which ends at the latest with the block."""
    with contextlib.redirect_stdout(Printed()) as printed:
        serving = asyncio.create_task(event_feed.main(port=0))
        await printed.anything.wait()
    try:
        yield address_in(printed.getvalue())
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving


@contextlib.asynccontextmanager
async def process(port: int = 0) -> AsyncIterator[tuple[Process, str]]:
    """A server in its own process, which does not outlive the block; and its address."""
    program = sys.executable, "-W", "always::ResourceWarning", SERVER, f"--port={port}"
    environment = {**os.environ, "PYTHONASYNCIODEBUG": ""}  # it complains about a slow machine
    process = await asyncio.create_subprocess_exec(
        *program, env=environment, stdout=PIPE, stderr=PIPE
    )
    try:
        assert process.stdout is not None
        yield process, address_in((await process.stdout.readline()).decode())
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ended(process: Process) -> list[str]:
    """Wait for a clean exit; return the messages that came too late."""
    printed, complaints = await process.communicate()
    assert complaints == b""
    assert process.returncode == 0
    first, _, late = printed.decode().partition(": ")
    assert first == "stopped; said too late"
    messages: list[str] = ast.literal_eval(late)
    return messages


def address_in(line: str) -> str:
    assert line.startswith("listening on http://127.0.0.1:")
    return line.removeprefix("listening on ").strip()


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


@contextlib.asynccontextmanager
async def client(address: str, **options: Any) -> AsyncIterator[Socket]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{address}/events", **options) as ws,
    ):
        yield ws


@contextlib.asynccontextmanager
async def client_that_does_not_read(address: str) -> AsyncIterator[socket.socket]:
    """A handmade WebSocket, because every library reads ahead."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, ("127.0.0.1", port_of(address)))
        await loop.sock_sendall(connection, HANDSHAKE)
        yield connection


async def told(ws: Socket, text: str) -> dict[str, Any]:
    """Wait until a client receives this text; return the whole event."""
    while True:
        event: dict[str, Any] = await ws.receive_json()
        if event["text"] == text:
            return event


async def close_code(ws: Socket) -> int | None:
    """Wait for the end of the connection."""
    async for _ in ws:
        pass
    return ws.close_code


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    logged = caplog.get_records("call")
    assert [record for record in logged if record.name.startswith("aiohttp")] == []


@pytest.fixture
def long_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages of which a few fill the buffers of a client that does not read."""
    monkeypatch.setattr(event_feed, "LONGEST", 200_000)


def long(number: int) -> str:
    return f"{number}".zfill(100_000)


# -- messages to all -------------------------------------------------------------------------------


@on_the_real_clock
async def test_every_client_is_told_who_joins_what_they_say_and_who_leaves() -> None:
    async with server() as address, client(address) as ada:
        first = {"clients": 1, "seconds": 0, "text": "client 1 is here"}
        assert await ada.receive_json() == first
        async with client(address) as grace:
            for ws in (ada, grace):
                assert (await told(ws, "client 2 is here"))["clients"] == 2
            await ada.send_str("¿hello?")
            await grace.send_str("<b>yes</b>")
            for ws in (ada, grace):
                await told(ws, "client 1: ¿hello?")
                await told(ws, "client 2: <b>yes</b>")
        assert (await told(ada, "client 2 has left"))["clients"] == 1


@on_the_real_clock
async def test_silent_clients_still_receive_the_clock() -> None:
    async with server() as address, client(address) as ws:
        await told(ws, "client 1 is here")
        assert await ws.receive_json() == {"clients": 1, "seconds": 1, "text": None}
        assert await ws.receive_json() == {"clients": 1, "seconds": 2, "text": None}


@on_the_real_clock
async def test_a_burst_from_one_client_arrives_complete_and_in_order() -> None:
    async with server() as address, client(address) as ada, client(address) as grace:
        await told(ada, "client 2 is here")
        for number in range(500):
            await ada.send_str(f"{number}")
        for ws in (ada, grace):
            for number in range(500):
                await told(ws, f"client 1: {number}")


def test_the_loop_of_the_first_step_is_the_loop_of_the_server() -> None:
    assert inspect.getsource(event_feed_core.feed) == inspect.getsource(event_feed.feed)


# -- difficult clients -----------------------------------------------------------------------------


@pytest.mark.usefixtures("long_messages")
@on_the_real_clock
async def test_a_client_that_does_not_read_is_cut_off_and_delays_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_feed, "LIMIT", 20)
    async with server() as address, client(address) as ada, client(address) as grace:
        await told(grace, "client 2 is here")
        async with client_that_does_not_read(address):
            await told(ada, "client 3 is here")
            for number in itertools.count():
                assert number < 1000, "it is still there"
                await ada.send_str(long(number))
                await told(grace, f"client 1: {long(number)}")
                event = await told(ada, f"client 1: {long(number)}")
                if event["clients"] == 2:
                    break


async def test_a_client_never_has_more_waiting_lines_than_the_limit() -> None:
    request: Any = Mock()
    slow = event_feed.Client(request, ws=Mock())
    for number in range(event_feed.LIMIT):
        slow.tell(f"line {number}")
    request.transport.abort.assert_not_called()
    slow.tell("one more")
    request.transport.abort.assert_called_once()
    assert slow.outbox.qsize() == event_feed.LIMIT


@on_the_real_clock
async def test_a_client_that_dies_counts_as_having_left() -> None:
    async with server() as address, client(address) as ada:
        async with client_that_does_not_read(address) as dying:
            await told(ada, "client 2 is here")
            linger = struct.pack("ii", 1, 0)  # the connection is reset, as by a crashed machine
            dying.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            await asyncio.get_running_loop().sock_sendall(dying, PING * 500 + b"\x81\xff")
        assert (await told(ada, "client 2 has left"))["clients"] == 1


@on_the_real_clock
async def test_a_client_that_disconnects_during_the_handshake_is_never_announced() -> None:
    async with server() as address, client(address) as ada:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port_of(address))) as impatient:
                impatient.sendall(HANDSHAKE)
        async with client(address) as grace:
            text = (await grace.receive_json())["text"]
            await grace.send_str("hello")
            await told(ada, text.replace(" is here", ": hello"))


@pytest.mark.parametrize("message", ["x" * (event_feed.LONGEST + 1), b"no text"])
@on_the_real_clock
async def test_a_client_that_sends_a_forbidden_message_is_disconnected(
    message: str | bytes,
) -> None:
    async with server() as address, client(address) as ada, client(address) as grace:
        await told(ada, "client 2 is here")
        await (grace.send_str(message) if isinstance(message, str) else grace.send_bytes(message))
        await close_code(grace)
        assert (await told(ada, "client 2 has left"))["clients"] == 1


@on_the_real_clock
async def test_a_page_from_another_site_may_not_listen() -> None:
    async with server() as address:
        async with client(address, origin=address) as ws:
            await told(ws, "client 1 is here")
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            async with client(address, origin="http://example.com"):
                pass


@on_the_real_clock
async def test_the_page_is_served() -> None:
    async with (
        server() as address,
        aiohttp.ClientSession() as session,
        session.get(address) as response,
    ):
        assert response.status == 200
        assert response.content_type == "text/html"
        assert await response.text() == event_feed.PAGE.read_text(encoding="utf-8")


# -- the stop --------------------------------------------------------------------------------------


@needs_signals
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
@on_the_real_clock
async def test_on_a_signal_every_client_is_told_that_the_server_is_going_away(
    signum: signal.Signals,
) -> None:
    async with process() as (feed, address), contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(client(address)) for _ in range(3)]
        await told(clients[0], "client 3 is here")
        feed.send_signal(signum)
        assert [await close_code(ws) for ws in clients] == [WSCloseCode.GOING_AWAY] * 3
        assert await ended(feed) == []


@needs_signals
@on_the_real_clock
async def test_at_shutdown_every_message_was_delivered_or_is_reported_late() -> None:
    async with process() as (feed, address), client(address) as ada, client(address) as grace:

        async def talks() -> None:
            with contextlib.suppress(ConnectionError, aiohttp.WSMessageTypeError):  # the end
                for number in itertools.count():
                    await ada.send_str(f"{number}")
                    if number >= 20:
                        await told(ada, f"client 1: {number - 20}")

        talking = asyncio.create_task(talks())
        await told(grace, "client 1: 99")
        feed.send_signal(signal.SIGTERM)
        heard = [str(json.loads(message.data)["text"]) async for message in grace]
        late = await ended(feed)
        await talking
    everything = [text.removeprefix("client 1: ") for text in heard if ":" in text] + late
    assert everything == [f"{number}" for number in range(100, 100 + len(everything))]


@needs_signals
@on_the_real_clock
async def test_a_client_that_connects_during_shutdown_is_told_too() -> None:
    async with process() as (feed, address):
        come = asyncio.Event()

        async def comes() -> int | None:
            try:
                async with client(address) as ws:
                    come.set()
                    return await close_code(ws)
            except aiohttp.ClientError:
                return None  # it came too late

        coming = [asyncio.create_task(comes()) for _ in range(50)]
        await come.wait()
        feed.send_signal(signal.SIGTERM)
        codes = await asyncio.gather(*coming)
        assert WSCloseCode.GOING_AWAY in codes
        assert set(codes) <= {WSCloseCode.GOING_AWAY, None}
        assert await ended(feed) == []


@pytest.mark.usefixtures("long_messages")
@on_the_real_clock
async def test_clients_that_do_not_read_do_not_delay_shutdown() -> None:
    async with contextlib.AsyncExitStack() as stack:
        address = await (serving := contextlib.AsyncExitStack()).enter_async_context(server())
        ada = await stack.enter_async_context(client(address))
        await stack.enter_async_context(client_that_does_not_read(address))
        slow = await stack.enter_async_context(client_that_does_not_read(address))
        await told(ada, "client 3 is here")
        for number in range(100):  # ten megabytes: more than the buffers hold
            await ada.send_str(long(number))
            await told(ada, f"client 1: {long(number)}")
        # So many that the server can't answer them all, and says() has to wait too.
        await asyncio.get_running_loop().sock_sendall(slow, PING * 5000)
        await ada.send_str("pings were sent")
        await told(ada, "client 1: pings were sent")
        closing = asyncio.create_task(close_code(ada))
        start = asyncio.get_running_loop().time()
        await serving.aclose()
        assert asyncio.get_running_loop().time() - start < 3 * event_feed.PATIENCE
        assert await closing == WSCloseCode.GOING_AWAY


@needs_signals
@on_the_real_clock
async def test_a_second_signal_is_harmless() -> None:
    async with process() as (feed, address), client_that_does_not_read(address):
        async with client(address) as ada:
            await told(ada, "client 2 is here")
            feed.send_signal(signal.SIGTERM)
            await close_code(ada)
            feed.send_signal(signal.SIGTERM)
        assert await ended(feed) == []


@needs_signals
@on_the_real_clock
async def test_after_a_crash_the_next_server_can_use_the_same_port() -> None:
    port = 0
    for _ in range(2):
        async with process(port) as (feed, address), client(address) as ws:
            await told(ws, "client 1 is here")
            feed.kill()
            assert await close_code(ws) == WSCloseCode.ABNORMAL_CLOSURE
            port = port_of(address)
