"""The four helpers of multi-await 1.0.4: all of a number of tasks, or none of them.

They stand on asyncio alone, and know nothing of `MultiAwait`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Iterable, Iterator
from typing import Any, TypeVar

from multi_await._tasks import until_done

T = TypeVar("T")
V = TypeVar("V")


async def gather_or_abort(*tasks: asyncio.Task[T]) -> list[T]:
    """`asyncio.gather`, but if one task fails, the others are cancelled.

    The others have ended when this raises. The same happens if the caller is cancelled. In new
    programs, use `asyncio.TaskGroup`.

    Args:
        tasks: Task objects.

    Returns:
        Their results, in the order of the arguments.

    Raises:
        BaseException: the first failure, or the `CancelledError` of a task that was cancelled.
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
    """`asyncio.wait` for all, but if one task fails or the time is out, the others are cancelled.

    The others have ended when this raises. The same happens if the caller is cancelled. A failure
    that is there before the time is out is raised instead of the `TimeoutError`, even with
    `timeout=0`.

    Args:
        tasks: Task objects.
        timeout: seconds; `None` for no limit.

    Returns:
        The set of all tasks, each of which has a result.

    Raises:
        TimeoutError: the time is out.
        BaseException: a task's failure, or the `CancelledError` of a task that was cancelled.
        asyncio.CancelledError: the caller was cancelled.

    Example::

        done = await wait_or_abort([asyncio.create_task(fetch(url)) for url in urls], timeout=10)
    """
    tasks = tuple(tasks)
    try:
        if tasks:
            # Ends at the first failure or cancellation; asyncio.wait's FIRST_EXCEPTION would not
            # end for a task that was cancelled.
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
    """`asyncio.as_completed`, but after a failure the others are cancelled and the iterator ends.

    The others have ended when the awaitable raises.

    Args:
        tasks: Task objects. They go on if you leave the loop.
        timeout: seconds for all of them; `None` for no limit.

    Yields:
        As many awaitables as there are tasks, each of which gives the next result; await one
        before asking for the next. It raises `TimeoutError` when the time is out, a task's failure,
        or the `CancelledError` of a task that was cancelled; then no other awaitable follows.

    Example::

        downloads = [asyncio.create_task(fetch(url)) for url in urls]
        for next_page in as_completed_or_abort(downloads, timeout=10):
            print(await next_page)
    """
    tasks = tuple(tasks)
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
    """Pair the result of an awaitable with a value that says which it is.

    Args:
        value: anything.
        awaitable: is awaited.

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


async def _abort(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel what still runs, wait until it has ended, and see to it that no failure is logged."""
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
