"""anyio's cancel scopes: held across a `yield` in each(), and around calls and blocks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

import pytest

from multi_await import NothingToAwait, each, multi_await

anyio = pytest.importorskip("anyio")

Limited: TypeAlias = Callable[[], AsyncIterator[str]]


@pytest.fixture(autouse=True)
def _skip_task_groups_with_an_eager_factory(request: pytest.FixtureRequest) -> None:
    has_a_task_group = "task_group" in request.node.name or "has_a_task" in request.node.name
    if has_a_task_group and request.config.getoption("--tasks") == "eager":
        pytest.skip("a TaskGroup of anyio knows no eager factory but asyncio's own, bare too")


# -- held across a yield ---------------------------------------------------------------------------


async def fails_after_a_second() -> AsyncIterator[str]:
    with anyio.fail_after(1):
        yield "first"
        await asyncio.sleep(9)
        yield "too late"


async def moves_on_after_a_second() -> AsyncIterator[str]:
    with anyio.move_on_after(1) as scope:
        yield "first"
        await asyncio.sleep(9)
        yield "too late"
    yield f"cancelled: {scope.cancelled_caught}"


async def cancels_itself_after_a_second() -> AsyncIterator[str]:
    with anyio.CancelScope() as scope:
        asyncio.get_running_loop().call_later(1, scope.cancel)
        yield "first"
        await asyncio.sleep(9)
        yield "too late"
    yield f"cancelled: {scope.cancelled_caught}"


async def has_a_task_that_fails_after_a_second() -> AsyncIterator[str]:
    async def fail() -> None:
        await asyncio.sleep(1)
        raise ValueError("failed")

    async with anyio.create_task_group() as group:
        group.start_soon(fail)
        yield "first"
        await asyncio.sleep(9)
        yield "too late"


WHERE_IT_STRIKES = pytest.mark.parametrize(
    "a_call_waits", [True, False], ids=["in a call", "between two calls"]
)


@WHERE_IT_STRIKES
async def test_fail_after_around_a_yield_raises_timeout_error(a_call_waits: bool) -> None:
    async with multi_await(each(fails_after_a_second())) as m:
        assert await m.select() == (0, "first")
        await asyncio.sleep(0 if a_call_waits else 2)
        with pytest.raises(TimeoutError):
            await m.select()
        with pytest.raises(NothingToAwait):
            await m.select()


@WHERE_IT_STRIKES
@pytest.mark.parametrize("limited", [moves_on_after_a_second, cancels_itself_after_a_second])
async def test_a_cancelled_scope_around_a_yield_is_left_and_the_generator_continues(
    limited: Limited, a_call_waits: bool
) -> None:
    async with multi_await(each(limited())) as m:
        assert await m.select() == (0, "first")
        await asyncio.sleep(0 if a_call_waits else 2)
        assert [event async for event in m] == [(0, "cancelled: True")]


@WHERE_IT_STRIKES
async def test_an_anyio_task_group_that_fails_around_a_yield_raises_exception_group(
    a_call_waits: bool,
) -> None:
    async with multi_await(each(has_a_task_that_fails_after_a_second())) as m:
        assert await m.select() == (0, "first")
        await asyncio.sleep(0 if a_call_waits else 2)
        with pytest.raises(ExceptionGroup) as e:
            await m.select()
        assert [str(failure) for failure in e.value.exceptions] == ["failed"]


@pytest.mark.parametrize(
    "limited",
    [
        fails_after_a_second,
        moves_on_after_a_second,
        cancels_itself_after_a_second,
        has_a_task_that_fails_after_a_second,
    ],
)
@pytest.mark.parametrize("wait", [0, 0.5])
async def test_a_block_that_ends_leaves_the_scope_of_its_generator(
    limited: Limited, wait: float
) -> None:
    """anyio raises an error if a task leaves a scope that another task entered."""
    async with multi_await(each(limited())) as m:
        assert await m.select() == (0, "first")
        if wait:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await m.select()
    assert m.undelivered == ()
    assert asyncio.get_running_loop().time() == wait
    assert asyncio.all_tasks() == {asyncio.current_task()}
    await asyncio.sleep(5)  # nothing is left of the scope that could cancel


# -- around a call ---------------------------------------------------------------------------------


async def test_a_call_cancelled_by_a_scope_loses_nothing() -> None:
    queue = asyncio.Queue[int]()
    taken = list[int]()

    async def function() -> int:
        taken.append(await queue.get())
        await asyncio.sleep(0.5)
        return taken[-1]

    async with multi_await(queue.get, function) as m:
        for _ in range(2):
            with anyio.move_on_after(1) as scope:
                await m.select()
            assert scope.cancelled_caught
        with pytest.raises(TimeoutError), anyio.fail_after(1):
            await m.get()
        for number in range(3):
            queue.put_nowait(number)
        with anyio.fail_after(1):
            events = [await m.select() for _ in range(3)]
    assert sorted(number for _, number in events) == [0, 1, 2]


async def test_a_call_in_an_already_cancelled_scope_takes_nothing() -> None:
    queue = asyncio.Queue[int]()
    async with multi_await(queue.get) as m:
        queue.put_nowait(1)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anyio.lowlevel.checkpoint()
            await m.select()
        assert scope.cancelled_caught
        assert await m.select() == (0, 1)


async def test_a_block_in_a_cancelled_scope_ends_its_sources_before_it_exits() -> None:
    """anyio cancels again at every pass of the event loop, so time would not pass meanwhile."""
    passes = 0

    async def slow_to_end() -> None:
        nonlocal passes
        try:
            await asyncio.sleep(1000)
        finally:
            for _ in range(50):
                await asyncio.sleep(0)
                passes += 1

    with anyio.move_on_after(1) as scope:
        async with multi_await(slow_to_end) as m:
            await m.select()
    assert scope.cancelled_caught
    assert passes == 50
    assert asyncio.all_tasks() == {asyncio.current_task()}
