"""Streams, processes and file descriptors as sources."""

from __future__ import annotations

import asyncio
import functools
import os
from typing import Any

import pytest
from add_reader import Readable

from multi_await import Wake, each, multi_await, once
from tests.machinery.ends import needs_pipes, on_the_real_clock, python, tcp
from tests.machinery.tools import steps


@on_the_real_clock
async def test_readline_returns_empty_bytes_forever_at_the_end_of_a_stream() -> None:
    async with tcp() as (reader, theirs), multi_await(reader.readline) as m:
        theirs.write(b"the last line, without an end")
        theirs.close()
        lines = [(await m.select())[1] for _ in range(4)]
        assert lines == [b"the last line, without an end", b"", b"", b""]


@on_the_real_clock
async def test_each_ends_at_the_end_of_a_stream() -> None:
    async with tcp() as (reader, theirs), multi_await(each(reader)) as m:
        theirs.write(b"one\nthe last line, without an end")
        theirs.close()
        assert [line async for _, line in m] == [b"one\n", b"the last line, without an end"]


@on_the_real_clock
async def test_a_line_over_the_limit_fails_and_is_lost_and_the_next_line_arrives() -> None:
    reader = asyncio.StreamReader(limit=10)
    reader.feed_data(b"a line of more than ten bytes\nnext\n")
    async with multi_await(reader.readline) as m:
        with pytest.raises(ValueError, match="longer than limit"):
            await m.select()
        assert await m.select() == (0, b"next\n")


@on_the_real_clock
async def test_an_incomplete_long_line_fails_and_its_rest_arrives_as_a_line() -> None:
    reader = asyncio.StreamReader(limit=10)
    reader.feed_data(b"a line of more than ten")
    async with multi_await(reader.readline) as m:
        with pytest.raises(ValueError, match="exceed the limit"):
            await m.select()
        reader.feed_data(b" bytes\n")
        assert await m.select() == (0, b" bytes\n")


@on_the_real_clock
async def test_a_stream_cannot_be_read_elsewhere_while_its_source_waits() -> None:
    async with tcp() as (reader, theirs), multi_await(reader.readline) as m:
        assert m.select_nowait() is None
        with pytest.raises(RuntimeError, match="another coroutine is already waiting"):
            await reader.read(1)
        theirs.write(b"ours\n")
        assert await m.select() == (0, b"ours\n")
        theirs.write(b"theirs\n")
        assert await reader.readline() == b"theirs\n"


@on_the_real_clock
async def test_a_read_to_the_end_of_a_stream_loses_its_data_when_the_block_ends() -> None:
    reader = asyncio.StreamReader()
    async with multi_await(reader.read) as m:
        reader.feed_data(b"gathered")
        assert m.select_nowait() is None
        await steps(3)
    assert m.undelivered == ()
    reader.feed_data(b" and the rest")
    reader.feed_eof()
    assert await reader.read() == b" and the rest"


@on_the_real_clock
async def test_reading_some_bytes_from_a_stream_loses_none() -> None:
    reader = asyncio.StreamReader()
    async with multi_await(functools.partial(reader.read, 100)) as m:
        assert m.select_nowait() is None
        reader.feed_data(b"taken")
        await steps(3)
        reader.feed_data(b" and the rest")
    taken = b"".join(data for _, data in m.undelivered)
    reader.feed_eof()
    assert taken + await reader.read() == b"taken and the rest"


@on_the_real_clock
async def test_the_output_errors_and_exit_of_a_process_are_three_sources_that_all_end() -> None:
    program = "import sys; print(1); print('oops', file=sys.stderr); print(2); sys.exit(3)"
    async with python(program) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        values: list[list[bytes | int]] = [[], [], []]
        async with multi_await(
            each(process.stdout), each(process.stderr), once(process.wait())
        ) as m:
            async for position, value in m:
                values[position].append(value)
        assert values == [[b"1\n", b"2\n"], [b"oops\n"], [3]]


@on_the_real_clock
async def test_a_process_keeps_running_when_the_block_ends() -> None:
    async with python("input(); print('still there')") as process:
        assert process.stdout is not None
        assert process.stdin is not None
        async with multi_await(each(process.stdout), once(process.wait())) as m:
            assert m.select_nowait() is None
        assert process.returncode is None
        process.stdin.write(b"\n")
        assert await process.stdout.readline() == b"still there\n"
        assert await process.wait() == 0


class Counted(Readable):
    """Counts how often the event loop woke it."""

    wakes = 0

    def poll(self, wake: Wake) -> Any:
        def counted(*ignored: object) -> None:
            self.wakes += 1
            wake()

        return super().poll(counted)


@needs_pipes
@on_the_real_clock
async def test_a_source_reads_a_pipe_only_when_polled_and_ends_with_the_pipe() -> None:
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    source = Counted(ours, functools.partial(os.read, ours, 5))
    async with multi_await(source) as m:
        assert m.select_nowait() is None
        os.write(theirs, b"first")
        await steps(20)
        assert source.wakes == 1  # data that waits for a call does not keep the loop busy
        assert await m.select() == (0, b"first")
        assert m.select_nowait() is None
        os.close(theirs)
        assert [data async for _, data in m] == []
        wakes = source.wakes
        await steps(20)
        assert source.wakes == wakes  # nor does the end of the pipe
    os.close(ours)
