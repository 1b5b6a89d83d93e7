"""A set built without sources gives lists whose values are Any."""

import asyncio
from typing import Any, assert_type

from multi_await import MultiAwait, multi_await

Failure = BaseException | None


async def open_set(words: asyncio.Queue[str]) -> None:
    async with multi_await() as m:
        assert_type(m, MultiAwait[()])
        assert_type(m.add(words.get), int)
        completed, failures = await m.get()
        assert_type(completed, list[Any])
        assert_type(failures, list[Failure])
        assert_type(m.get_nowait(), tuple[list[Any], list[Failure]])
        assert_type(await m.get_or_raise(), list[Any])
        assert_type(await m.select(), tuple[int, Any])
        assert_type(m.select_nowait(), tuple[int, Any] | None)
        async for position, value in m:
            assert_type(position, int)
            assert_type(value, Any)
        assert_type(m.undelivered, tuple[tuple[int, Any], ...])
        assert_type(len(m), int)
    await m.cancel()
    await m.aclose()


async def the_class() -> None:
    assert_type(MultiAwait(), MultiAwait[()])
    annotated: MultiAwait[()] = multi_await()
    annotated.add(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
