"""What a source looks like in messages, logs and the repr of its set."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from typing import Any

from multi_await import (
    Source,
    after,
    batched,
    catching,
    each,
    ending,
    every,
    inline,
    once,
    put,
    signals,
)


async def numbers() -> AsyncIterator[int]:
    yield 1


async def own() -> int:
    return 1


async def test_a_sources_repr_shows_what_it_is_made_of() -> None:
    queue, reader = asyncio.Queue[int](), asyncio.StreamReader()
    sources: dict[str, Source[Any]] = {
        "after(5)": after(5),
        "every(0.5)": every(0.5),
        "each(numbers)": each(numbers()),
        "each(StreamReader)": each(reader),
        "batched(Queue.get, 2)": batched(queue, 2),
        "batched(Queue.get, 64)": batched(queue, 64),
        "ending(each(StreamReader))": ending(each(reader), None),
        "catching(after(5))": catching(after(5), str),
        "once(own)": once(own()),
        "own": inline(own),
        "put(Queue.get_nowait)": put(queue, queue.get_nowait),
        "signals(SIGTERM, SIGINT)": signals(signal.SIGTERM, signal.SIGINT),
    }
    for shown, source in sources.items():
        assert repr(source) == shown
        await source.aclose()
