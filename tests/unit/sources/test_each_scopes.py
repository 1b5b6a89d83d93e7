"""each(): one task for the whole iteration, including its end."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from multi_await import NothingToAwait, Source, catching, each, multi_await
from tests.conftest import Reported

request = contextvars.ContextVar("request", default="none")


async def test_a_timeout_around_a_yield_expires_while_the_item_waits() -> None:
    async def limited() -> AsyncIterator[str]:
        try:
            async with asyncio.timeout(1):
                yield "first"
                yield "too late"
        except TimeoutError:
            yield "time is up"

    async with multi_await(each(limited())) as m:
        assert await m.select() == (0, "first")
        await asyncio.sleep(2)
        assert [event async for event in m] == [(0, "time is up")]


async def test_a_timeout_that_expires_at_the_yield_raises_timeout_error() -> None:
    async def limited() -> AsyncIterator[str]:
        async with asyncio.timeout(1):
            yield "first"
            yield "too late"

    async with multi_await(each(limited())) as m:
        assert await m.select() == (0, "first")
        await asyncio.sleep(2)
        with pytest.raises(TimeoutError):
            await m.select()
        with pytest.raises(NothingToAwait):
            await m.select()


async def test_a_task_group_that_fails_around_a_yield_raises_exception_group() -> None:
    async def fail() -> None:
        await asyncio.sleep(1)
        raise ValueError("failed")

    async def fed() -> AsyncIterator[str]:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            yield "first"
            yield "too late"

    async with multi_await(each(fed())) as m:
        assert await m.select() == (0, "first")
        await asyncio.sleep(2)
        with pytest.raises(ExceptionGroup):
            await m.select()


@pytest.mark.parametrize("fails", [False, True])
async def test_the_end_of_the_block_closes_a_task_group_around_a_yield(
    fails: bool, reported: Reported
) -> None:
    """A task group wraps the GeneratorExit that closes the generator, which is not a failure."""
    ended = list[str]()

    async def background() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append("background")
            if fails:
                raise ValueError("at the end")

    async def fed() -> AsyncIterator[str]:
        async with asyncio.TaskGroup() as group:
            group.create_task(background())
            await asyncio.sleep(0)
            yield "first"

    async with multi_await(each(fed())) as m:
        assert await m.select() == (0, "first")
    assert ended == ["background"]
    assert [type(context["exception"]) for context in reported] == [BaseExceptionGroup] * fails


async def test_the_iteration_runs_and_closes_in_one_task_and_one_context() -> None:
    tasks = list[asyncio.Task[None] | None]()

    async def pages() -> AsyncIterator[str]:
        token = request.set("inside")
        try:
            while True:
                await asyncio.sleep(0)
                tasks.append(asyncio.current_task())
                yield request.get()
        finally:
            tasks.append(asyncio.current_task())
            request.reset(token)

    async with multi_await(each(pages())) as m:
        for _ in range(3):
            assert await m.select() == (0, "inside")
    assert len(tasks) == 4
    assert len(set(tasks)) == 1
    assert request.get() == "none"


async def test_no_item_is_fetched_before_another_call_needs_it() -> None:
    begun = list[int]()

    async def numbers() -> AsyncIterator[int]:
        for number in range(3):
            begun.append(number)
            yield number

    async with multi_await(each(numbers())) as m:
        assert await m.select() == (0, 0)
        await asyncio.sleep(1)
        assert begun == [0]
        assert await m.select() == (0, 1)
        assert begun == [0, 1]


class Rows:
    """An iterable whose iterator is not a generator and has no athrow."""

    def __init__(self, *, fails: bool) -> None:
        self.fails = fails
        self.closed = 0

    def __aiter__(self) -> RowIterator:
        return RowIterator(self)


class RowIterator:
    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def __aiter__(self) -> RowIterator:
        return self

    async def __anext__(self) -> str:
        await asyncio.sleep(0)
        if self.rows.fails:
            raise ValueError("bad row")
        return "row"

    async def aclose(self) -> None:
        self.rows.closed += 1


async def test_an_iterator_is_closed_once_after_its_failure_was_delivered() -> None:
    rows = Rows(fails=True)
    async with multi_await(each(rows)) as m:
        with pytest.raises(ValueError, match="bad row"):
            await m.select()
    assert rows.closed == 1


async def test_an_iterator_is_closed_once_if_its_failure_is_not_delivered(
    reported: Reported,
) -> None:
    rows = Rows(fails=True)
    async with multi_await(each(rows)) as m:
        assert m.select_nowait() is None
        await asyncio.sleep(1)
    assert rows.closed == 1
    assert [type(context["exception"]) for context in reported] == [ValueError]


@pytest.mark.parametrize("polls", [0, 1])
async def test_an_iterator_is_closed_once_whether_started_or_not(polls: int) -> None:
    rows = Rows(fails=False)
    async with multi_await(each(rows)) as m:
        for _ in range(polls):
            assert await m.select() == (0, "row")
    assert rows.closed == 1


@pytest.mark.skipif(sys.version_info < (3, 13), reason="Queue.shutdown() came with 3.13")
@pytest.mark.parametrize("adapter", [each, lambda items: catching(each(items), repr)])
async def test_an_iteration_that_ends_by_a_shutdown_leaves_no_failure(
    adapter: Callable[[AsyncIterator[int]], Source[Any]],
) -> None:
    if sys.version_info >= (3, 13):
        queue = asyncio.Queue[int]()

        async def items() -> AsyncIterator[int]:
            while True:
                yield await queue.get()

        async with multi_await(adapter(items())) as m:
            assert m.select_nowait() is None
            queue.shutdown()
            await asyncio.sleep(1)
        assert m.undelivered == ()


async def test_a_generator_that_ends_its_own_multi_await_cleans_up() -> None:
    cleaned_up = asyncio.Event()

    async def items() -> AsyncIterator[str]:
        try:
            await asyncio.sleep(0)
            await m.cancel()
            yield "too late"
        finally:
            cleaned_up.set()

    m = multi_await(each(items()))
    with pytest.raises(RuntimeError, match=r"cancel\(\)"):
        await m.select()
    await cleaned_up.wait()
    await asyncio.sleep(0)


async def test_a_stream_has_ended_after_a_failure() -> None:
    reader = asyncio.StreamReader(limit=10)
    reader.feed_data(b"a line of more than ten bytes\nnext\n")
    async with multi_await(each(reader)) as m:
        with pytest.raises(ValueError, match="longer than limit"):
            await m.select()
        with pytest.raises(NothingToAwait):
            await m.select()
