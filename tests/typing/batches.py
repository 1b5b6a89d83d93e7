"""batched() gives lists of what the queue holds."""

import asyncio
from typing import assert_type

from multi_await import MultiAwait, Source, batched, multi_await


async def batches(words: asyncio.Queue[str], numbers: asyncio.Queue[int]) -> None:
    assert_type(batched(words, 10), Source[list[str]])
    m = multi_await(batched(words, 10), numbers.get)
    assert_type(m, MultiAwait[list[str], int])
    match await m.select():
        case (0, some_words):
            assert_type(some_words, list[str])
        case (1, number):
            assert_type(number, int)


def mistakes(words: asyncio.Queue[str]) -> None:
    batched(words.get, 10)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    batched(words, "10")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    batched(words)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
