"""Real sources with nothing mocked: sockets on loopback, pipes, processes, threads.

This folder proves what docs/guides/sources.md says about each; these tests are the same for all.
They run on the real clock, because the other end of most of these sources does. Servers have
separate tests.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import queue
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import janus
import pytest
from add_reader import Readable

from multi_await import SourceLike, each, inline
from tests.machinery.ends import (
    aiohttp_websocket,
    needs_pipes,
    on_the_real_clock,
    python,
    tcp,
    websocket,
)
from tests.machinery.feeds import (
    MESSAGES,
    Feed,
    check_each_message_arrives_once_and_in_order,
    check_undelivered_values_are_kept,
)

Kind = Callable[[], contextlib.AbstractAsyncContextManager[Feed]]
KINDS: list[Any] = []
LOSES_NOTHING: list[Any] = []


def kind(
    *marks: pytest.MarkDecorator, loses_nothing: bool = True
) -> Callable[[Callable[..., AsyncIterator[Feed]]], None]:
    """Add a kind of source to those that these tests run with."""

    def add(function: Callable[..., AsyncIterator[Feed]]) -> None:
        make = contextlib.asynccontextmanager(function)
        parameter = pytest.param(make, id=function.__name__, marks=marks)
        KINDS.append(parameter)
        if loses_nothing:
            LOSES_NOTHING.append(parameter)

    return add


def from_a_thread(send: Callable[[str], object]) -> Callable[[str], Awaitable[None]]:
    async def sent(message: str) -> None:
        await asyncio.to_thread(send, message)

    return sent


def line_text(value: bytes) -> str:
    return value.decode().rstrip("\n")


@kind()
async def tcp_readline() -> AsyncIterator[Feed]:
    async with tcp() as (reader, theirs):
        yield lines_of(reader.readline, reader, theirs)


@kind()
async def tcp_each() -> AsyncIterator[Feed]:
    async with tcp() as (reader, theirs):
        yield lines_of(each(reader), reader, theirs)


@kind()
async def subprocess_each() -> AsyncIterator[Feed]:
    async with python(
        "import sys; [print(line, end='', flush=True) for line in sys.stdin]"
    ) as echo:
        assert echo.stdout is not None
        assert echo.stdin is not None
        yield lines_of(each(echo.stdout), echo.stdout, echo.stdin)


def lines_of(
    source: SourceLike[bytes], reader: asyncio.StreamReader, theirs: asyncio.StreamWriter
) -> Feed:
    async def send_in_parts(message: str) -> None:
        for part in (message[:3], message[3:], "\n"):
            theirs.write(part.encode())
            await theirs.drain()
            await asyncio.sleep(0)

    return Feed(source, send_in_parts, line_text, reader.readline, runs_ahead=False)


@kind()
async def websockets_recv() -> AsyncIterator[Feed]:
    async with websocket() as (ours, theirs):
        yield Feed(ours.recv, theirs.send, str, ours.recv)


@kind()
async def websockets_each() -> AsyncIterator[Feed]:
    async with websocket() as (ours, theirs):
        yield Feed(each(ours), theirs.send, str, ours.recv)


@kind()
async def aiohttp_receive() -> AsyncIterator[Feed]:
    async with aiohttp_websocket() as (ours, theirs):
        yield Feed(ours.receive, theirs.send_str, lambda message: str(message.data), ours.receive)


@kind()
async def aiohttp_each() -> AsyncIterator[Feed]:
    async with aiohttp_websocket() as (ours, theirs):
        yield Feed(each(ours), theirs.send_str, lambda message: str(message.data), ours.receive)


@kind(loses_nothing=False)
async def to_thread() -> AsyncIterator[Feed]:
    items: queue.SimpleQueue[str] = queue.SimpleQueue()
    get = functools.partial(asyncio.to_thread, items.get)
    try:
        yield Feed(get, from_a_thread(items.put), str, get)
    finally:
        items.put("for the thread that still waits")


@kind()
async def call_soon_threadsafe() -> AsyncIterator[Feed]:
    items: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    send = from_a_thread(lambda item: loop.call_soon_threadsafe(items.put_nowait, item))
    yield Feed(items.get, send, str, items.get, runs_ahead=False)


@kind()
async def janus_get() -> AsyncIterator[Feed]:
    async with contextlib.aclosing(janus.Queue[str]()) as items:
        send = from_a_thread(items.sync_q.put)
        yield Feed(items.async_q.get, send, str, items.async_q.get)


@kind()
async def janus_get_inline() -> AsyncIterator[Feed]:
    async with contextlib.aclosing(janus.Queue[str]()) as items:
        send = from_a_thread(items.sync_q.put)
        yield Feed(inline(items.async_q.get), send, str, items.async_q.get, runs_ahead=False)


@kind()
async def anyio_receive() -> AsyncIterator[Feed]:
    theirs, ours = anyio.create_memory_object_stream[str](len(MESSAGES))
    async with theirs, ours:
        yield Feed(ours.receive, theirs.send, str, ours.receive)


@kind()
async def anyio_each() -> AsyncIterator[Feed]:
    theirs, ours = anyio.create_memory_object_stream[str](len(MESSAGES))
    async with theirs, ours:
        yield Feed(each(ours), theirs.send, str, ours.receive)


@kind(needs_pipes)
async def add_reader() -> AsyncIterator[Feed]:
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    read = functools.partial(os.read, ours, len(MESSAGES[0]))

    async def send(message: str) -> None:
        os.write(theirs, message.encode())

    async def rest() -> bytes:
        return read()

    try:
        yield Feed(Readable(ours, read), send, line_text, rest, runs_ahead=False)
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize("kind", KINDS)
@on_the_real_clock
async def test_each_message_arrives_once_and_in_order_despite_ticks_and_timeouts(
    kind: Kind,
) -> None:
    async with kind() as feed:
        await check_each_message_arrives_once_and_in_order(feed)


@pytest.mark.parametrize("kind", LOSES_NOTHING)
@on_the_real_clock
async def test_undelivered_messages_are_in_undelivered_or_still_in_the_source(
    kind: Kind,
) -> None:
    async with kind() as feed:
        await check_undelivered_values_are_kept(feed)
