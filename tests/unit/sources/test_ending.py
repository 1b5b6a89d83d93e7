"""ending() and catching(): an end, and failures, as values."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from multi_await import Group, MultiAwait, Source, Wake, catching, each, ending, multi_await, once
from tests.machinery.tools import steps


@dataclass
class Broken:
    failure: Exception


async def items(failure: BaseException | None = None) -> AsyncIterator[str]:
    yield "first"
    yield "second"
    if failure is not None:
        raise failure


async def test_ending_gives_its_value_once_after_the_last_item() -> None:
    async with multi_await(ending(each(items()), None)) as m:
        assert [event async for event in m] == [(0, "first"), (0, "second"), (0, None)]


async def test_ending_and_catching_give_the_items_then_the_failure_then_the_end() -> None:
    failure = ValueError("broken")
    async with multi_await(ending(catching(each(items(failure)), Broken), None)) as m:
        seen = [value async for _, value in m]
    assert seen == ["first", "second", Broken(failure), None]


async def test_catching_lets_a_cancelled_error_of_its_source_pass() -> None:
    async def cancelled() -> str:
        raise asyncio.CancelledError("mine")

    async with multi_await(catching(cancelled, Broken)) as m:
        assert isinstance((await m.get())[1][0], asyncio.CancelledError)


async def test_an_exception_in_wrap_is_the_failure() -> None:
    def wrap(failure: Exception) -> str:
        raise KeyError("of wrap") from failure

    async with multi_await(catching(each(items(ValueError())), wrap)) as m:
        assert [await m.select(), await m.select()] == [(0, "first"), (0, "second")]
        with pytest.raises(KeyError, match="of wrap"):
            await m.select()


async def test_stop_async_iteration_in_wrap_is_a_failure() -> None:
    def wrap(failure: Exception) -> str:
        raise StopAsyncIteration

    async def fail() -> str:
        raise ValueError

    async with multi_await(catching(fail, wrap)) as m:
        with pytest.raises(RuntimeError, match="would end the source"):
            await m.select()


class NeverStarts(Source[str]):
    def start(self) -> None:
        raise OSError("no start")

    def poll(self, wake: Wake) -> str:
        raise AssertionError("polled")


async def test_a_failed_start_is_caught_and_then_the_end_follows() -> None:
    async with multi_await(ending(catching(NeverStarts(), Broken), None)) as m:
        (_, broken), end = [event async for event in m]
    assert isinstance(broken, Broken)
    assert isinstance(broken.failure, OSError)
    assert end == (0, None)


async def test_ending_takes_nothing_ahead() -> None:
    queue = asyncio.Queue[int]()
    async with multi_await(ending(queue.get, None)) as m:
        assert m.select_nowait() is None
        queue.put_nowait(1)
        await steps(3)
        assert queue.qsize() == 1
        assert await m.select() == (0, 1)


def test_a_dropped_once_closes_its_coroutine_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        once(asyncio.sleep(1))
        gc.collect()


def in_a_group(source: Source[Any]) -> Group[str, Any]:
    group = Group[str, Any]()
    group.add("once", source)
    return group


def in_an_open_set(source: Source[None]) -> MultiAwait[()]:
    m = multi_await()
    m.add(source)
    return m


def in_a_refused_call(source: Source[None]) -> None:
    mistake: Any = 5
    with pytest.raises(TypeError):
        multi_await(in_a_group(source), mistake)


@pytest.mark.parametrize(
    "use",
    [
        multi_await,
        in_an_open_set,
        in_a_group,
        in_a_refused_call,
        lambda source: multi_await(ending(source, None)),
        lambda source: multi_await(in_a_group(ending(catching(source, Broken), None))),
    ],
)
def test_dropping_an_unused_set_or_source_closes_the_coroutine_of_its_once(
    use: Callable[[Source[None]], object],
) -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        use(once(asyncio.sleep(1)))
        gc.collect()
    assert warned == []


async def test_a_failed_iteration_leaves_its_wrapped_failure_in_undelivered() -> None:
    failure = ConnectionError("reset")
    async with multi_await(catching(each(items(failure)), Broken)) as m:
        assert [await m.select(), await m.select()] == [(0, "first"), (0, "second")]
        assert m.select_nowait() is None
        await steps(5)
    assert m.undelivered == ((0, Broken(failure)),)


async def test_an_undelivered_function_failure_is_a_value_in_undelivered() -> None:
    failure = ConnectionError("reset")

    async def fails() -> str:
        await asyncio.sleep(1)
        raise failure

    async with multi_await(catching(fails, Broken), ending(catching(fails, Broken), None)) as m:
        assert m.select_nowait() is None
        await asyncio.sleep(2)
    assert m.undelivered == ((0, Broken(failure)), (1, Broken(failure)))
