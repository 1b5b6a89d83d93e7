"""The FastAPI recipe: its programs in separate processes, stopped by real signals."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.machinery.ends import on_the_real_clock
from tests.real.test_examples import EXAMPLES

pytest.importorskip("fastapi", reason="FastAPI is not installed")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM on Windows")

SERVICE_RESTART = 1012  # uvicorn's close code at shutdown


@contextlib.asynccontextmanager
async def running(program: str) -> AsyncIterator[tuple[Process, str]]:
    """A program in its own process, once it answers; and its address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, Path(EXAMPLES, program), str(port)),
        env={**os.environ, "PYTHONASYNCIODEBUG": ""},  # it complains about a slow machine
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        assert process.stderr is not None
        while b"running on" not in await process.stderr.readline():
            assert process.returncode is None
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ended(process: Process) -> tuple[str, int | None]:
    printed, _ = await process.communicate()
    return printed.decode(), process.returncode


@on_the_real_clock
async def test_fastapi_websockets_hear_each_other_and_close_on_sigterm() -> None:
    async with (
        running("recipe_fastapi.py") as (process, address),
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{address}/room") as ada,
    ):
        async with session.ws_connect(f"{address}/room") as grace:
            await grace.send_str("hello")
            assert await grace.receive_str() == "hello"
            assert await ada.receive_str() == "hello"
        await ada.send_str("still here")
        assert await ada.receive_str() == "still here"
        process.send_signal(signal.SIGTERM)
        async for _ in ada:
            pass
        assert ada.close_code == SERVICE_RESTART
        # uvicorn raises the signal again, so nothing after uvicorn.run() is reached.
        assert await ended(process) == ("messages passed on: 2\n", -signal.SIGTERM)


@on_the_real_clock
async def test_a_fastapi_client_that_does_not_read_is_cut_off_and_delays_nobody() -> None:
    async with (
        running("recipe_fastapi.py") as (process, address),
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{address}/room") as ada,
        session.ws_connect(f"{address}/room", max_msg_size=0) as deaf,
    ):
        text = "x" * 100_000
        for _ in range(150):  # fifteen megabytes: more than the buffers and the outbox hold
            await ada.send_str(text)
            assert await ada.receive_str() == text
        del deaf
        process.send_signal(signal.SIGTERM)
        assert await ended(process) == ("messages passed on: 150\n", -signal.SIGTERM)


@on_the_real_clock
async def test_code_started_after_uvicorn_gets_the_signals_and_can_finish_its_jobs() -> None:
    async with (
        running("recipe_fastapi_signals.py") as (process, address),
        aiohttp.ClientSession() as session,
    ):
        for number in range(5):
            async with session.post(f"{address}/jobs/{number}") as response:
                assert response.status == 202
        process.send_signal(signal.SIGTERM)
        expected = "".join(f"done: {number}\n" for number in range(5))
        assert await ended(process) == (expected, 0)
