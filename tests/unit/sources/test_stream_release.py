"""A stream that woke a source is left alone between two calls, for whoever reads it then."""

from __future__ import annotations

import asyncio
import functools
import gc
from collections.abc import Callable
from typing import Any

import pytest

from multi_await import MultiAwait, each, multi_await
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
    """Or is told by asyncio that another waits already."""
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


@pytest.mark.in_order
@pytest.mark.parametrize("make", SOURCES)
async def test_the_end_of_a_set_takes_the_stream_from_no_one(make: Make) -> None:
    reader, queue = asyncio.StreamReader(), asyncio.Queue[str]()
    async with multi_await(queue.get, make(reader)) as m:
        reading = await reading_after_an_item(m, queue, reader)
    reader.feed_data(b"line\n")
    assert await reading == b"half line\n"


@pytest.mark.in_order
@pytest.mark.parametrize("make", SOURCES)
async def test_the_next_call_takes_the_stream_from_no_one(make: Make) -> None:
    """asyncio tells the source that another waits already."""
    reader, queue = asyncio.StreamReader(), asyncio.Queue[str]()
    async with multi_await(queue.get, make(reader)) as m:
        reading = await reading_after_an_item(m, queue, reader)
        with pytest.raises(RuntimeError, match="already waiting"):
            await m.select()
        reader.feed_data(b"line\n")
        assert await reading == b"half line\n"


async def reading_after_an_item(
    m: MultiAwait[str, bytes], queue: asyncio.Queue[str], reader: asyncio.StreamReader
) -> asyncio.Task[bytes]:
    """A task that reads the stream, which woke its source in a call that delivered an item."""
    selecting = asyncio.ensure_future(m.select())
    await steps(2)
    queue.put_nowait("item")
    reader.feed_data(b"half ")
    assert await selecting == (0, "item")
    reading = asyncio.create_task(reader.readline())
    await steps(3)
    return reading


@pytest.mark.parametrize("make", SOURCES)
@pytest.mark.parametrize("is_called", [False, True])
async def test_the_failure_of_a_stream_is_delivered_or_is_still_in_the_stream(
    make: Make, is_called: bool, reported: Reported
) -> None:
    reader = asyncio.StreamReader()
    async with multi_await(asyncio.Queue[str]().get, make(reader)) as m:
        assert m.select_nowait() is None
        selecting = asyncio.ensure_future(m.select()) if is_called else None
        await steps(2)
        reader.set_exception(ConnectionResetError("reset"))
        await steps(3)
        if selecting is not None:
            with pytest.raises(ConnectionResetError):
                await selecting
    del m, selecting
    gc.collect()
    assert isinstance(reader.exception(), ConnectionResetError)
    assert reported == []


async def test_what_a_stream_has_is_delivered_by_the_call_after_its_wake() -> None:
    reader, queue = asyncio.StreamReader(), asyncio.Queue[str]()
    async with multi_await(queue.get, reader.readline) as m:
        assert m.select_nowait() is None
        reader.feed_data(b"a line\n")
        await steps(3)
        assert await m.select() == (1, b"a line\n")
        reader.feed_data(b"the next\n")
    assert await reader.readline() == b"the next\n"
