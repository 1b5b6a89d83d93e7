"""What type checkers infer for ending() and catching()."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import assert_type

from multi_await import Source, catching, each, ending, once


@dataclass
class Broken:
    failure: Exception


def checks(items: AsyncIterator[str], queue: asyncio.Queue[int]) -> None:
    assert_type(ending(each(items), None), Source[str | None])
    assert_type(ending(queue.get, None), Source[int | None])
    assert_type(catching(each(items), Broken), Source[str | Broken])
    assert_type(ending(catching(each(items), Broken), None), Source[str | Broken | None])


def mistakes(items: AsyncIterator[str], queue: asyncio.Queue[int], broken: Broken) -> None:
    ending(items, None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ending(queue, None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ending(queue.get(), None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ending(queue.get)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    catching(queue.get, broken)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    catching(queue.get, len)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    once(items)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    once(queue.get)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
