"""What type checkers infer for ending() and catching()."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import assert_type

from multi_await import Source, catching, each, ending


@dataclass
class Broken:
    failure: Exception


def checks(items: AsyncIterator[str], queue: asyncio.Queue[int]) -> None:
    assert_type(ending(each(items), None), Source[str | None])
    assert_type(ending(queue.get, None), Source[int | None])
    assert_type(catching(each(items), Broken), Source[str | Broken])
    assert_type(ending(catching(each(items), Broken), None), Source[str | Broken | None])
