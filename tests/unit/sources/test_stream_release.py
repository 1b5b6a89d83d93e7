"""A stream that woke a source is free between two calls, for any task that reads it then."""

from __future__ import annotations

import asyncio
import functools
import gc
from collections.abc import Callable
from typing import Any

import pytest

from multi_await import each, multi_await
from tests.conftest import Reported
from tests.machinery.tools import steps

Make = Callable[[asyncio.StreamReader], Any]
SOURCES: list[Make] = [
    lambda reader: reader.readline,
    lambda reader: reader.readuntil,
    lambda reader: functools.partial(reader.readuntil, b"\n"),
    lambda reader: each(reader),
]


@pytest.mark.parametrize("make", SOURCES)
@pytest.mark.parametrize("passes", [0, 1, 2, 3])
async def test_a_program_that_reads_a_stream_after_a_call_gets_its_line(
    make: Make, passes: int
) -> None:
    """Or asyncio tells it that another task is already waiting."""
    reader, queue = asyncio.StreamReader(), asyncio.Queue[str]()
    async with multi_await(queue.get, make(reader)) as m:
        selecting = asyncio.ensure_future(m.select())
        await steps(2)
        queue.put_nowait("item")
        reader.feed_data(b"half ")
        assert await selecting == (0, "item")
        await steps(passes)
        reading = asyncio.ensure_future(reader.readline())
        await steps(3)
        reader.feed_data(b"line\n")
        await asyncio.wait([reading], timeout=1)
        assert reading.done()
        if reading.exception() is None:
            assert reading.result() == b"half line\n"
        else:
            assert "already waiting" in str(reading.exception())


async def test_the_call_after_a_streams_wake_delivers_its_line() -> None:
    reader, queue = asyncio.StreamReader(), asyncio.Queue[str]()
    async with multi_await(queue.get, reader.readline) as m:
        assert m.select_nowait() is None
        reader.feed_data(b"a line\n")
        await steps(3)
        assert await m.select() == (1, b"a line\n")
        reader.feed_data(b"the next\n")
    assert await reader.readline() == b"the next\n"


async def test_a_stream_can_be_read_again_after_the_end_of_each() -> None:
    reader = asyncio.StreamReader()
    source = each(reader)
    async with multi_await(source) as m:
        assert m.select_nowait() is None
    reading = asyncio.ensure_future(reader.readline())
    await steps(1)
    reader.feed_data(b"a line\n")
    assert await reading == b"a line\n"
    del source


@pytest.mark.parametrize("make", SOURCES)
async def test_a_stream_that_failed_between_two_calls_ends_without_logging_anything(
    make: Make, reported: Reported
) -> None:
    """As asyncio's own task does, whoever gives up a wait that has failed has seen the failure."""
    reader, queue = asyncio.StreamReader(), asyncio.Queue[str]()
    async with multi_await(queue.get, make(reader)) as m:
        assert m.select_nowait() is None
        reader.set_exception(ConnectionResetError("gone"))
    assert isinstance(reader.exception(), ConnectionResetError)
    del m
    gc.collect()
    assert reported == []
