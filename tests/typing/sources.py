"""Custom sources, and the helpers of 1.0.4."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import assert_type

from multi_await import (
    PENDING,
    MultiAwait,
    Pending,
    Source,
    SourceLike,
    Timer,
    Wake,
    after,
    as_completed_or_abort,
    each,
    every,
    gather_or_abort,
    inline,
    multi_await,
    once,
    put,
    signals,
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


async def items() -> AsyncIterator[float]:
    yield 1.0


async def the_packages_own(
    task: asyncio.Task[bytes], reader: asyncio.StreamReader, queue: asyncio.Queue[int], done: str
) -> None:
    assert_type(every(0.5), Timer)
    assert_type(after(3), Timer)
    assert_type(once(task), Source[bytes])
    assert_type(once(asyncio.sleep(1, done)), Source[str])
    assert_type(each(items()), Source[float])
    assert_type(each(reader), Source[bytes])
    assert_type(put(queue, lambda: 1), Source[int])
    assert_type(signals(signal.SIGTERM), Source[signal.Signals])
    async with multi_await(every(1), each(items()), signals(signal.SIGINT), biased=True) as m:
        assert_type(m, MultiAwait[int, float, signal.Signals])
        m.pause(0)
        m.resume(0)
        await m.remove(0)  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    every("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    each([1])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    put(queue, lambda: "no int")  # type: ignore[arg-type,return-value]  # pyright: ignore[reportArgumentType]
    async with multi_await(biased=True) as open_set:
        await open_set.remove(open_set.add(after(1)))


def a_source_of_strings_is_a_source_of_objects(own: Own) -> Source[object]:
    return own


async def helpers(one: asyncio.Task[int], two: asyncio.Task[int], other: asyncio.Task[str]) -> None:
    mixed = await gather_or_abort(one, other)
    assert_type(await gather_or_abort(one, two), list[int])
    assert_type(await wait_or_abort([one, two], timeout=1.5), set[asyncio.Task[int]])
    assert_type(as_completed_or_abort({one, two}), Iterator[Awaitable[int]])
    for following in as_completed_or_abort([one, two], 3):
        assert_type(await following, int)
    pair: tuple[str, int] = await with_value("one", one)
    print(pair, mixed[0], mixed[1])
