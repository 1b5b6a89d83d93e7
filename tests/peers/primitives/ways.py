"""The ways to wait: bare, through a MultiAwait per call, and through a reused one."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

from multi_await import MultiAwait, NothingToAwait, multi_await
from tests.peers.primitives.shared import Function, Shared

# How a consumer waits for the next value: bare, or through a MultiAwait.
Way: TypeAlias = Callable[["Shared", int], AbstractAsyncContextManager[Function]]
Call: TypeAlias = Callable[[MultiAwait[Any]], Awaitable[Any]]


@contextlib.asynccontextmanager
async def bare(shared: Shared, consumer: int) -> AsyncIterator[Function]:
    async def take() -> Any:
        return await shared.function(consumer)()

    yield take


def for_each_call(call: Call) -> Way:
    """A MultiAwait per call."""

    @contextlib.asynccontextmanager
    async def way(shared: Shared, consumer: int) -> AsyncIterator[Function]:
        async def take() -> Any:
            async with multi_await(shared.function(consumer)) as m:
                return await call(m)

        yield take

    return way


def kept(call: Call) -> Way:
    """One MultiAwait for all the calls."""

    @contextlib.asynccontextmanager
    async def way(shared: Shared, consumer: int) -> AsyncIterator[Function]:
        async with multi_await(shared.source(consumer)) as m:
            yield functools.partial(call, m)

    return way


async def select(m: MultiAwait[Any]) -> Any:
    return (await m.select())[1]


async def get(m: MultiAwait[Any]) -> Any:
    (value,), (failure,) = await m.get()
    if failure is not None:
        raise failure
    return value


async def get_or_raise(m: MultiAwait[Any]) -> Any:
    return (await m.get_or_raise())[0]


async def iterate(m: MultiAwait[Any]) -> Any:
    async for _, value in m:
        return value
    raise NothingToAwait


async def now_or_later(m: MultiAwait[Any]) -> Any:
    return (m.select_nowait() or await m.select())[1]


CALLS: list[Call] = [select, get, get_or_raise, iterate, now_or_later]


@contextlib.asynccontextmanager
async def in_line(shared: Shared, consumer: int) -> AsyncIterator[Function]:
    try:
        yield functools.partial(shared.line.wait, consumer)
    finally:
        shared.line.places.pop(consumer, None)
