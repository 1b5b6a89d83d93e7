"""The four helpers of 1.0.4."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any

import pytest

import multi_await
from tests.machinery.tools import cancelled_after, fails_at_the_end, slow_to_end, steps

Tasks = list[asyncio.Task[Any]]


async def value_after(seconds: float, value: object) -> object:
    return await asyncio.sleep(seconds, value)


async def fail_after(seconds: float, message: str = "failed") -> None:
    await asyncio.sleep(seconds)
    raise ValueError(message)


def tasks_of(*coroutines: Any) -> Tasks:
    return [asyncio.ensure_future(each) for each in coroutines]


async def as_completed(tasks: Collection[asyncio.Task[Any]], timeout: float | None = None) -> Any:  # noqa: ASYNC109 -- 1.0.4's signature
    return [await each for each in multi_await.as_completed_or_abort(tasks, timeout)]


async def gather(tasks: Iterable[asyncio.Task[Any]]) -> Any:
    return await multi_await.gather_or_abort(*tasks)


ALL: list[Callable[[Tasks], Awaitable[Any]]] = [gather, multi_await.wait_or_abort, as_completed]
WITH_TIMEOUT: list[Callable[..., Awaitable[Any]]] = [multi_await.wait_or_abort, as_completed]


async def test_gather_or_abort_gives_a_list_in_the_order_of_the_arguments() -> None:
    tasks = tasks_of(value_after(2, "a"), value_after(1, "b"))
    assert await gather(tasks) == ["a", "b"]


async def test_wait_or_abort_waits_for_all_and_gives_a_set_of_them() -> None:
    tasks = tasks_of(value_after(2, "a"), value_after(1, "b"))
    assert await multi_await.wait_or_abort(tasks) == set(tasks)
    assert await multi_await.wait_or_abort(tasks, timeout=0) == set(tasks)
    assert asyncio.get_running_loop().time() == 2


async def test_wait_or_abort_without_tasks_returns_an_empty_set() -> None:
    assert await multi_await.wait_or_abort([]) == set()


@pytest.mark.parametrize("helper", WITH_TIMEOUT)
async def test_the_tasks_can_come_from_a_one_shot_iterator(
    helper: Callable[..., Awaitable[Any]],
) -> None:
    ended = list[float]()
    await helper(iter(tasks_of(value_after(1, "a"), value_after(2, "b"))))
    with pytest.raises(ValueError, match="failed"):
        await helper(iter(tasks_of(fail_after(1), slow_to_end(ended))))
    assert ended == [8]


async def test_as_completed_or_abort_gives_each_result_as_it_arrives() -> None:
    tasks = tasks_of(value_after(2, "a"), value_after(1, "b"))
    assert await as_completed(tasks) == ["b", "a"]


async def test_with_value_pairs_each_result_with_a_value_that_identifies_it() -> None:
    assert await multi_await.with_value("url", value_after(1, "page")) == ("url", "page")


@pytest.mark.in_order
@pytest.mark.parametrize("helper", ALL)
async def test_when_one_task_fails_the_others_are_cancelled_and_awaited(
    helper: Callable[[Tasks], Awaitable[Any]],
) -> None:
    ended = list[float]()
    tasks = tasks_of(slow_to_end(ended), fail_after(1), slow_to_end(ended), fail_after(1, "too"))
    with pytest.raises(ValueError, match="failed"):
        await helper(tasks)
    assert ended == [6, 6]
    assert all(task.done() for task in tasks)


@pytest.mark.parametrize("helper", ALL)
async def test_when_one_task_is_cancelled_so_are_the_others(
    helper: Callable[[Tasks], Awaitable[Any]],
) -> None:
    tasks = tasks_of(value_after(5, 1), value_after(5, 2), value_after(5, 3))
    asyncio.get_running_loop().call_later(1, tasks[1].cancel)
    with pytest.raises(asyncio.CancelledError):
        await helper(tasks)
    assert all(task.cancelled() for task in tasks)
    assert asyncio.get_running_loop().time() == 1


@pytest.mark.parametrize("helper", ALL)
async def test_when_the_caller_is_cancelled_the_tasks_are_cancelled_and_awaited(
    helper: Callable[[Tasks], Awaitable[Any]],
) -> None:
    ended = list[float]()
    tasks = tasks_of(slow_to_end(ended), slow_to_end(ended))
    await cancelled_after(1, helper(tasks))
    assert ended == [6, 6]


@pytest.mark.parametrize("helper", ALL)
async def test_a_second_cancellation_of_the_caller_waits_for_the_tasks_too(
    helper: Callable[[Tasks], Awaitable[Any]],
) -> None:
    ended = list[float]()
    caller = asyncio.ensure_future(helper(tasks_of(slow_to_end(ended))))
    for _ in range(3):
        await asyncio.sleep(1)
        caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert ended == [6]


@pytest.mark.parametrize("helper", ALL)
async def test_a_cancellation_while_a_failure_ends_the_others_is_raised(
    helper: Callable[[Tasks], Awaitable[Any]],
) -> None:
    ended = list[float]()
    await cancelled_after(2, helper(tasks_of(fail_after(1), slow_to_end(ended))))
    assert ended == [6]


@pytest.mark.parametrize("helper", ALL)
async def test_failures_of_other_tasks_during_their_cancellation_are_not_logged(
    helper: Callable[[Tasks], Awaitable[Any]],
) -> None:
    with pytest.raises(ValueError, match="failed"):
        await helper(tasks_of(fail_after(1), fails_at_the_end()))


@pytest.mark.parametrize("helper", WITH_TIMEOUT)
async def test_when_the_timeout_expires_the_tasks_are_cancelled_and_awaited(
    helper: Callable[..., Awaitable[Any]],
) -> None:
    ended = list[float]()
    tasks = tasks_of(value_after(1, 1), slow_to_end(ended))
    with pytest.raises(TimeoutError):
        await helper(tasks, 2)
    assert ended == [7]


async def test_a_failure_that_is_ready_takes_precedence_over_the_timeout_even_of_zero() -> None:
    async def fail() -> None:
        raise ValueError("at once")

    tasks = tasks_of(fail(), asyncio.sleep(100))
    with pytest.raises(ValueError, match="at once"):
        await multi_await.wait_or_abort(tasks, timeout=0.0)
    assert tasks[1].cancelled()


async def test_as_completed_or_abort_ends_after_a_failure() -> None:
    tasks = tasks_of(value_after(1, 1), fail_after(2), value_after(3, 3))
    results = list[object]()
    for each in multi_await.as_completed_or_abort(tasks):
        try:
            results.append(await each)
        except ValueError as exc:
            results.append(str(exc))
    assert results == [1, "failed"]
    assert tasks[2].cancelled()


async def test_as_completed_or_abort_pairs_with_with_value() -> None:
    tasks = [
        asyncio.ensure_future(multi_await.with_value(name, value_after(seconds, seconds)))
        for name, seconds in [("slow", 2), ("quick", 1)]
    ]
    assert await as_completed(tasks) == [("quick", 1), ("slow", 2)]
    await steps(1)


@pytest.mark.parametrize("helper", ALL)
@pytest.mark.parametrize("make", [lambda: 5, lambda: value_after(1, "a"), lambda: None])
async def test_the_helpers_refuse_anything_but_tasks_and_close_coroutines(
    helper: Callable[[Any], Awaitable[Any]], make: Callable[[], Any]
) -> None:
    tasks, mistake = tasks_of(value_after(1, "a")), make()
    await steps(1)
    refused = rf"^{re.escape(repr(mistake))[:30]}.* is not a task: pass Task objects, such as "
    with pytest.raises(TypeError, match=refused):
        await helper([*tasks, mistake, "another mistake"])
    if helper is as_completed:  # which is no coroutine, and can't wait for a task to end
        assert await tasks[0] == "a"
    else:
        assert tasks[0].cancelled()


@pytest.mark.parametrize("helper", WITH_TIMEOUT)
async def test_the_helpers_refuse_a_single_task_or_coroutine_instead_of_an_iterable(
    helper: Callable[[Any], Awaitable[Any]],
) -> None:
    (task,) = tasks_of(value_after(1, "a"))
    for mistake in (5, task, value_after(1, "a")):
        with pytest.raises(TypeError, match=r" is not an iterable of tasks: pass a list of "):
            await helper(mistake)
    assert await task == "a"


@pytest.mark.parametrize("helper", ALL)
async def test_a_helper_given_the_callers_own_task_can_be_cancelled_and_does_not_wait_for_it(
    helper: Callable[[Any], Awaitable[Any]],
) -> None:
    async def caller() -> None:
        own: Any = asyncio.current_task()
        await helper([own, tasks[0]])

    tasks = tasks_of(fail_after(2))
    with pytest.raises(ValueError, match="failed"):
        await asyncio.ensure_future(caller())
    tasks = tasks_of(value_after(5, "a"))
    await cancelled_after(1, caller())
    assert tasks[0].cancelled()
