"""The four helpers of multi-await 1.0.4: either all tasks succeed, or none is left running.

They are based on asyncio alone, and do not use `MultiAwait`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Iterable, Iterator
from typing import Any, TypeVar

from multi_await._names import short
from multi_await._tasks import close_coroutines, until_done

T = TypeVar("T")
V = TypeVar("V")


async def gather_or_abort(*tasks: asyncio.Task[T]) -> list[T]:
    """Like `asyncio.gather`, but if one task fails, the others are cancelled.

    By the time this raises, they have ended. The same happens if the caller is cancelled. In new
    programs, use `asyncio.TaskGroup`.

    Args:
        tasks: Task objects.

    Returns:
        Their results, in the order of the arguments.

    Raises:
        BaseException: the first failure, or the `CancelledError` of a task that was cancelled.
        TypeError: an argument is not a Task object.
        asyncio.CancelledError: the caller was cancelled.

    Example::

        page, image = await gather_or_abort(
            asyncio.create_task(fetch("/")), asyncio.create_task(fetch("/logo.png"))
        )
    """
    await wait_or_abort(tasks)
    return [task.result() for task in tasks]


async def wait_or_abort(
    tasks: Iterable[asyncio.Task[T]],
    timeout: float | None = None,  # noqa: ASYNC109 -- 1.0.4's signature
) -> set[asyncio.Task[T]]:
    """Wait for all tasks, but if one fails or the time runs out, cancel the others.

    By the time this raises, they have ended. The same happens if the caller is cancelled. A failure
    that occurs before the time runs out is raised instead of the `TimeoutError`, even with
    `timeout=0`.

    Args:
        tasks: Task objects.
        timeout: seconds; `None` for no limit.

    Returns:
        The set of all tasks, each of which has a result.

    Raises:
        TimeoutError: the time ran out.
        BaseException: a task's failure, or the `CancelledError` of a task that was cancelled.
        TypeError: `tasks` is not an iterable of Task objects.
        asyncio.CancelledError: the caller was cancelled.

    Example::

        done = await wait_or_abort([asyncio.create_task(fetch(url)) for url in urls], timeout=10)
    """
    tasks = _listed(tasks)
    try:
        _check(tasks)
        if tasks:
            # Ends at the first failure or cancellation; asyncio.wait's FIRST_EXCEPTION does not end
            # when a task is cancelled.
            everything = asyncio.gather(*tasks)
            everything.add_done_callback(_retrieve)
            await asyncio.wait([everything], timeout=timeout)
        for task in tasks:
            if task.done():
                task.result()
        if not all(task.done() for task in tasks):
            raise TimeoutError(f"not every task was done within {timeout} seconds")
        return set(tasks)
    except BaseException:
        await _abort(tasks)
        raise


def as_completed_or_abort(
    tasks: Iterable[asyncio.Task[T]], timeout: float | None = None
) -> Iterator[Awaitable[T]]:
    """Like `asyncio.as_completed`, but a failure cancels the others and ends the iterator.

    By the time the awaitable raises, the others have ended.

    Args:
        tasks: Task objects. They keep running if you leave the loop.
        timeout: seconds for all of them; `None` for no limit.

    Yields:
        One awaitable per task, each of which returns the next result; await each one before you ask
        for the next. It raises `TimeoutError` if the time runs out, a task's failure, or the
        `CancelledError` of a task that was cancelled; after that, no other awaitable follows.

    Raises:
        TypeError: `tasks` is not an iterable of Task objects; raised by the first step of the loop.

    Example::

        downloads = [asyncio.create_task(fetch(url)) for url in urls]
        for next_page in as_completed_or_abort(downloads, timeout=10):
            print(await next_page)
    """
    tasks = _listed(tasks)
    _check(tasks)
    completed = asyncio.as_completed(tasks, timeout=timeout)
    failed = False

    async def next_or_abort(following: Awaitable[T]) -> T:
        nonlocal failed
        try:
            return await following
        except BaseException:
            failed = True
            await _abort(tasks)
            raise

    for following in completed:
        yield next_or_abort(following)
        if failed:
            return


async def with_value(value: V, awaitable: Awaitable[T]) -> tuple[V, T]:
    """Pair the result of an awaitable with a value that identifies it.

    Args:
        value: anything.
        awaitable: what to await.

    Returns:
        `(value, result)`.

    Raises:
        BaseException: what the awaitable raises.

    Example::

        tasks = [asyncio.create_task(with_value(url, fetch(url))) for url in urls]
        for following in as_completed_or_abort(tasks):
            url, page = await following
    """
    return value, await awaitable


def _listed(tasks: Iterable[asyncio.Task[T]]) -> tuple[asyncio.Task[T], ...]:
    if asyncio.isfuture(tasks) or not isinstance(tasks, Iterable):  # `await` iterates over a task
        close_coroutines((tasks,))
        raise TypeError(
            f"{short(tasks)} is not an iterable of tasks: pass a list of Task objects, such as "
            "[asyncio.create_task(fetch())]"
        )
    return tuple(tasks)


def _check(tasks: Collection[object]) -> None:
    mistakes = [task for task in tasks if not asyncio.isfuture(task)]
    close_coroutines(mistakes)
    if mistakes:
        raise TypeError(
            f"{short(mistakes[0])} is not a task: pass Task objects, such as "
            "asyncio.create_task(fetch())"
        )


async def _abort(given: Collection[object]) -> None:
    """Cancel the running tasks, wait until they have ended, and keep failures out of the log."""
    caller = asyncio.current_task()  # it can't wait for its own end
    tasks = [task for task in given if asyncio.isfuture(task) and task is not caller]
    for task in tasks:
        task.cancel()
    cancelled = await until_done(tasks)
    for task in tasks:
        _retrieve(task)
    if cancelled is not None:
        raise cancelled


def _retrieve(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
