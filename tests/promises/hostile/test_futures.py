"""Tasks and futures that belong to others, and what an inline coroutine waits for."""

from __future__ import annotations

import asyncio
import contextlib
import types
from collections.abc import Callable, Generator
from typing import Any

import pytest

from multi_await import SourceLike, inline, once
from tests.conftest import Reported, new_loop
from tests.machinery.tools import steps, ticks
from tests.promises.hostile.beside import LONG, OTHER_CALLS, Beside, run

# -- whose tasks and futures it returns ------------------------------------------------------------


async def test_a_task_returned_by_two_sources_is_an_outcome_of_both() -> None:
    task = asyncio.ensure_future(asyncio.sleep(1, "slept"))
    async with Beside(lambda: task, lambda: task) as here:
        await here.item()
        await asyncio.sleep(1)
        await here.call("get")
        assert here.events == ["slept", "slept"]
        await here.item()


async def test_a_task_shared_by_two_multi_awaits_is_cancelled_by_the_first_to_end() -> None:
    task = asyncio.ensure_future(asyncio.sleep(LONG))
    async with Beside(lambda: task) as here:
        await here.item()
        async with Beside(lambda: task) as other:
            await other.item()
        assert task.cancelled()
        await here.item()
        await here.call()
        (failure,) = here.failures
        assert str(failure).endswith("was cancelled, and not by this call")


async def test_the_callers_own_task_is_never_ready_and_goes_on_after_the_end() -> None:
    own: Any = asyncio.current_task
    async with Beside(own) as here:
        for _ in range(3):
            await here.item()
        await asyncio.sleep(1)
    assert own().cancelling() == 0
    assert here.failures == here.events == []


@pytest.mark.parametrize("adapt", [lambda future: lambda: future, once])
@pytest.mark.parametrize("kind", ["future", "task"])
def test_a_future_of_another_event_loop_is_a_failure_and_is_not_awaited_at_the_end(
    kind: str, adapt: Callable[[Any], SourceLike[Any]]
) -> None:
    async def main() -> None:
        async with Beside(adapt(theirs)) as here:
            for _ in range(3):
                await here.item()
        assert {type(failure) for failure in here.failures} == {RuntimeError}
        assert "of another event loop" in str(here.failures[0])
        assert not theirs.done()

    with asyncio.Runner(loop_factory=new_loop) as other:
        loop = other.get_loop()
        theirs: asyncio.Future[Any] = (
            loop.create_task(asyncio.sleep(LONG)) if kind == "task" else loop.create_future()
        )
        other.run(steps(2))  # cancel a task only after its first step, or a wrapper never awaits
        run(main())


def test_an_inline_coroutine_awaiting_another_loops_future_fails() -> None:
    async def main() -> None:
        async def waits() -> Any:
            return await theirs

        async with Beside(inline(waits)) as here:
            for _ in range(3):
                await here.item()
        assert {type(failure) for failure in here.failures} == {RuntimeError}
        assert "awaited a future of another event loop" in str(here.failures[0])
        assert not theirs.done()

    with asyncio.Runner(loop_factory=new_loop) as other:
        theirs = other.get_loop().create_future()
        run(main())


def test_a_queue_of_another_event_loop_is_a_failure() -> None:
    queue = asyncio.Queue[int]()

    async def bind() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await queue.get()

    async def main() -> None:
        async with Beside(queue.get) as here:
            for _ in range(3):
                await here.item()
        assert {type(failure) for failure in here.failures} == {RuntimeError}
        assert "is bound to a different event loop" in str(here.failures[0])

    run(bind())
    run(main())


# -- what an inline coroutine waits for ------------------------------------------------------------


@types.coroutine
def bare(value: object) -> Generator[object, Any, Any]:
    return (yield value)


def future() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("make", [int, str, object, list, future, lambda: asyncio.sleep])
async def test_an_inline_coroutine_that_yields_something_not_a_future_fails(
    make: Callable[[], object],
) -> None:
    closed = list[str]()

    async def waits() -> None:
        try:
            await bare(make())
        finally:
            closed.append("closed")

    for call in OTHER_CALLS:
        async with Beside(inline(waits)) as here:
            for _ in range(3):
                await here.item(call)
        assert "which is not a future" in str(here.failures[0])
        assert {type(failure) for failure in here.failures} == {RuntimeError}
        assert len(closed) == len(here.failures)
        closed.clear()


async def test_an_inline_coroutine_that_cannot_be_closed_fails() -> None:
    async def waits() -> None:
        try:
            await bare(1)
        finally:
            await bare(2)

    async with Beside(inline(waits)) as here:
        for _ in range(3):
            await here.item()
    assert {str(failure) for failure in here.failures} == {"coroutine ignored GeneratorExit"}


async def test_an_inline_coroutine_that_keeps_yielding_none_does_not_block_the_others() -> None:
    async def waits() -> None:
        while True:
            await bare(None)

    async with Beside(inline(waits)) as here, ticks() as ticked:
        for _ in range(3):
            await here.item()
        blocked = asyncio.ensure_future(here.call())
        await steps(100)
        assert not blocked.done()
        assert ticked() >= 100
        here.put_item()
        await blocked


async def test_a_future_with_several_waiters_is_an_outcome_for_all() -> None:
    shared = future()

    async def waits() -> Any:
        return await shared

    rival = asyncio.ensure_future(waits())
    async with Beside(inline(waits), inline(waits), waits) as here:
        for _ in range(2):
            await here.item()
        shared.set_result("done")
        await steps(3)
        await here.call("get")
        assert here.events == ["done"] * 3
        assert await rival == "done"


async def test_a_timeout_inside_an_inline_coroutine_cancels_the_caller(
    reported: Reported,
) -> None:
    async def waits() -> str:
        async with asyncio.timeout(1):
            return await asyncio.sleep(2, "slept")

    task = asyncio.current_task()
    assert task is not None
    async with Beside(inline(waits)) as here:
        await here.item()
        await here.call()
        assert [type(failure) for failure in here.failures] == [asyncio.CancelledError]
        task.uncancel()
        await here.item()
    assert [type(each["exception"]) for each in reported] == [TimeoutError]
