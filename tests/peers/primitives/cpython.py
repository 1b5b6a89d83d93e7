"""What CPython's own tests of queues and locks need, with every wait through a MultiAwait.

After Lib/test/test_asyncio/test_queues.py and test_locks.py, in our own code. Each test also runs
with bare waits, to make sure that it demands what asyncio does. Left out are tests of repr(),
constructors, private attributes, and calls that never wait.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest

from multi_await import NothingToAwait, multi_await
from tests.peers.primitives.shared import Function
from tests.peers.primitives.ways import Call

Wait: TypeAlias = Callable[[Function], Awaitable[Any]]


class Ended(Exception):  # noqa: N818 -- what it says
    """Nothing more will come: QueueShutDown, or NothingToAwait."""


SHUT_DOWN: tuple[type[Exception], ...] = (NothingToAwait,)
if sys.version_info >= (3, 13):
    SHUT_DOWN = (NothingToAwait, asyncio.QueueShutDown)
needs_shutdown = pytest.mark.skipif(sys.version_info < (3, 13), reason="came with Python 3.13")


def through(call: Call | None) -> Wait:
    async def wait(function: Function) -> Any:
        try:
            if call is None:
                return await function()
            async with multi_await(function) as m:
                return await call(m)
        except SHUT_DOWN:
            raise Ended from None

    return wait


def start(wait: Wait, *functions: Function) -> list[asyncio.Task[Any]]:
    """Start one task that waits for each of these."""

    async def one(function: Function) -> Any:
        return await wait(function)

    return [asyncio.create_task(one(function)) for function in functions]


async def rest() -> None:
    """Wait until everything that can proceed has done so."""
    await asyncio.sleep(1)


async def end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def done(*tasks: asyncio.Task[Any]) -> list[Any]:
    """The results of the tasks that have one."""
    return [task.result() for task in tasks if task.done() and not task.cancelled()]
