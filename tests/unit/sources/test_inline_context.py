"""inline(): each coroutine has one context, from its first step to its last."""

from __future__ import annotations

import asyncio
import contextvars
import types
from collections.abc import Generator
from typing import Any

import pytest

from multi_await import inline, multi_await
from tests.machinery.tools import steps

span = contextvars.ContextVar("span", default="outside")


def traced(queue: asyncio.Queue[int], seen: list[str]) -> Any:
    async def coroutine() -> str:
        seen.append(span.get())
        token = span.set("inside")
        try:
            await queue.get()
            return span.get()
        finally:
            seen.append(span.get())
            span.reset(token)

    return coroutine


async def test_context_variables_set_by_an_inline_coroutine_stay_its_own_in_every_call() -> None:
    queue, seen = asyncio.Queue[int](), list[str]()
    async with multi_await(inline(traced(queue, seen))) as m:
        for _ in range(2):
            assert m.select_nowait() is None
            assert span.get() == "outside"
            queue.put_nowait(1)
            assert await asyncio.create_task(m.select()) == (0, "inside")
            assert span.get() == "outside"
    assert set(zip(seen[::2], seen[1::2], strict=True)) == {("outside", "inside")}


async def test_an_inline_coroutines_context_is_copied_from_the_caller_at_its_first_poll() -> None:
    queue, seen = asyncio.Queue[int](), list[str]()
    async with multi_await(inline(traced(queue, seen))) as m:
        token = span.set("the first caller")
        assert m.select_nowait() is None
        span.reset(token)
        queue.put_nowait(1)
        assert await m.select() == (0, "inside")
    assert seen[0] == "the first caller"


async def test_clean_up_at_the_end_runs_in_the_coroutines_context() -> None:
    queue, seen = asyncio.Queue[int](), list[str]()
    async with multi_await(inline(traced(queue, seen))) as m:
        assert m.select_nowait() is None
    assert seen == ["outside", "inside"]
    assert span.get() == "outside"


async def test_clean_up_after_a_wake_was_passed_on_runs_in_the_coroutines_context() -> None:
    queue, seen = asyncio.Queue[int](), list[str]()
    async with multi_await(inline(traced(queue, seen))) as m:
        assert m.select_nowait() is None
        rival = asyncio.ensure_future(queue.get())
        await asyncio.sleep(0)
        queue.put_nowait(1)
        assert await rival == 1
        await steps(2)
        assert seen == ["outside", "inside"]


async def test_clean_up_after_awaiting_a_non_future_runs_in_the_coroutines_context() -> None:
    @types.coroutine
    def not_asyncios() -> Generator[object]:
        yield 3

    async def wrong() -> None:
        token = span.set("inside")
        try:
            await not_asyncios()
        finally:
            span.reset(token)

    async with multi_await(inline(wrong)) as m:
        with pytest.raises(RuntimeError, match="awaited 3, which is not a future"):
            await m.select()
    assert span.get() == "outside"


async def test_asyncios_own_methods_run_in_the_callers_context() -> None:
    class Traced(asyncio.Queue[int]):
        def _get(self) -> int:
            span.set("by the queue")
            return super()._get()

    queue = Traced()
    queue.put_nowait(1)
    async with multi_await(queue.get) as m:
        await m.select()
        assert span.get() == "by the queue"
