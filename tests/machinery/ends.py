"""Both ends of real connections, and the real clock that the other end needs."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, ParamSpec

import aiohttp
import pytest
from aiohttp import web
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from tests.conftest import new_loop

P = ParamSpec("P")
needs_pipes = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows can't wait for a pipe by add_reader"
)


def on_the_real_clock(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an async test on a real clock: it must not hang, leave a task or report a failure."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        reported: list[dict[str, Any]] = []

        async def guarded() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: reported.append(context))
            async with asyncio.timeout(60):  # for debug mode on a busy machine
                await test(*args, **kwargs)
            assert asyncio.all_tasks() == {asyncio.current_task()}, "tasks are left"

        with asyncio.Runner(loop_factory=lambda: new_loop(real_clock=True)) as runner:
            runner.run(guarded())
        gc.collect()
        assert reported == []

    return run


@contextlib.asynccontextmanager
async def tcp() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """The reader of one end, and the writer of the other."""
    accepted: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
    async with await asyncio.start_server(
        lambda _, theirs: accepted.set_result(theirs), "127.0.0.1", 0
    ) as server:
        reader, ours = await asyncio.open_connection(*server.sockets[0].getsockname())
        theirs = await accepted
        try:
            yield reader, theirs
        finally:
            for writer in (ours, theirs):
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()


@contextlib.asynccontextmanager
async def python(program: str, *, isolated: bool = True) -> AsyncIterator[Process]:
    """A Python process that does not outlive the block; an isolated one has no packages."""
    options = "-ISc" if isolated else "-c"
    process = await asyncio.create_subprocess_exec(
        sys.executable, options, program, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@contextlib.asynccontextmanager
async def websocket(
    close_timeout: float = 10,
) -> AsyncIterator[tuple[ClientConnection, ServerConnection]]:
    """Both ends of a connection of the websockets package."""
    accepted: asyncio.Future[ServerConnection] = asyncio.get_running_loop().create_future()

    async def handler(connection: ServerConnection) -> None:
        accepted.set_result(connection)
        await connection.wait_closed()

    async with serve(handler, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        address = f"ws://127.0.0.1:{port}"
        async with connect(address, proxy=None, close_timeout=close_timeout) as connection:
            yield connection, await accepted


class BreakableWebSocket(web.WebSocketResponse):
    """The server's end, with the transport that it lives on."""

    transport: asyncio.Transport | None = None


@contextlib.asynccontextmanager
async def aiohttp_websocket() -> AsyncIterator[
    tuple[aiohttp.ClientWebSocketResponse, BreakableWebSocket]
]:
    """Both ends of a WebSocket of aiohttp."""
    accepted: asyncio.Future[BreakableWebSocket] = asyncio.get_running_loop().create_future()
    done = asyncio.Event()

    async def handler(request: web.Request) -> BreakableWebSocket:
        theirs = BreakableWebSocket()
        await theirs.prepare(request)
        theirs.transport = request.transport
        accepted.set_result(theirs)
        await done.wait()
        return theirs

    app = web.Application()
    app.router.add_get("/", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        address = "http://{}:{}".format(*runner.addresses[0])
        async with aiohttp.ClientSession() as session, session.ws_connect(address) as ours:
            try:
                yield ours, await accepted
            finally:
                done.set()
    finally:
        await runner.cleanup()
