"""A source of one's own, and the helpers of 1.0.4."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import assert_type

from multi_await import (
    PENDING,
    MultiAwait,
    Pending,
    Source,
    SourceLike,
    Wake,
    as_completed_or_abort,
    gather_or_abort,
    inline,
    multi_await,
    wait_or_abort,
    with_value,
)


class Own(Source[str]):
    def __init__(self, later: Callable[[Callable[[], object]], None]) -> None:
        self.later = later

    def poll(self, wake: Wake) -> str | Pending:
        self.later(wake)
        asyncio.get_running_loop().call_later(1, wake)
        asyncio.get_running_loop().create_future().add_done_callback(wake)
        return PENDING

    async def aclose(self) -> Iterable[str]:
        return ["left"]


class WithoutPoll(Source[int]):
    pass


def sources(own: Own) -> None:
    assert_type(multi_await(own), MultiAwait[str])
    narrowed = own.poll(print)
    if narrowed is not PENDING:
        assert_type(narrowed, str)
    source_like: SourceLike[str] = own
    assert_type(multi_await(source_like), MultiAwait[str])
    WithoutPoll()  # type: ignore[abstract]  # pyright: ignore[reportAbstractUsage]
    inline(asyncio.Event)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def a_source_of_strings_is_a_source_of_objects(own: Own) -> Source[object]:
    return own


async def helpers(one: asyncio.Task[int], two: asyncio.Task[int], other: asyncio.Task[str]) -> None:
    mixed: list[object] = await gather_or_abort(one, other)
    assert_type(await gather_or_abort(one, two), list[int])
    assert_type(await wait_or_abort([one, two], timeout=1.5), set[asyncio.Task[int]])
    assert_type(as_completed_or_abort({one, two}), Iterator[Awaitable[int]])
    for each in as_completed_or_abort([one, two], 3):
        assert_type(await each, int)
    pair: tuple[str, int] = await with_value("one", one)
    print(pair, mixed)
