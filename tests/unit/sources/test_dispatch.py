"""Which methods are polled inline: asyncio's own that await only asyncio's own."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from multi_await import each, multi_await
from tests.machinery.tools import steps


class OwnUntil(asyncio.StreamReader):
    async def readuntil(self, separator: Any = b"\n") -> bytes:
        async with asyncio.timeout(1):
            return await super().readuntil(separator)


class OwnLine(asyncio.StreamReader):
    async def readline(self) -> bytes:
        async with asyncio.timeout(1):
            return await super().readline()

    def own_super(self) -> Callable[[], Awaitable[bytes]]:
        return super().readline


class OwnWait(asyncio.StreamReader):
    async def _wait_for_data(self, _: str) -> None:
        async with asyncio.timeout(1):
            await asyncio.sleep(2)


class OnlyRead(asyncio.StreamReader):
    async def read(self, n: int = -1) -> bytes:
        return await super().read(n)

    def feed_data(self, data: Any) -> None:
        super().feed_data(data)


def patched() -> Any:
    reader: Any = asyncio.StreamReader()
    reader.readuntil = functools.partial(OwnUntil.readuntil, OwnUntil())
    return reader


async def tasks_of(function: Callable[[], Awaitable[object]] | Any) -> int:
    """How many tasks a source needs for waiting."""
    async with multi_await(function) as m:
        assert m.select_nowait() is None
        tasks = len(asyncio.all_tasks()) - 1
        await steps(2)
    return tasks


@pytest.mark.parametrize(
    "function",
    [
        lambda: OwnUntil().readline,
        lambda: OwnUntil().readuntil,
        lambda: OwnLine().readline,
        lambda: OwnWait().readline,
        lambda: OwnWait().readuntil,
        lambda: functools.partial(OwnWait().readexactly, 4),
        lambda: each(OwnLine()),
        lambda: each(OwnUntil()),
        lambda: patched().readline,
    ],
)
async def test_a_reader_method_that_awaits_an_override_gets_a_task(
    function: Callable[[], Any],
) -> None:
    assert await tasks_of(function()) == 1


@pytest.mark.parametrize(
    "function",
    [
        lambda: OwnUntil().__class__.__mro__[1]().readline,
        lambda: functools.partial(OwnUntil().readexactly, 4),
        lambda: OwnLine().readuntil,
        lambda: OwnLine().own_super(),
        lambda: OnlyRead().readline,
        lambda: each(OnlyRead()),
    ],
)
async def test_a_reader_method_that_awaits_no_override_needs_no_task(
    function: Callable[[], Any],
) -> None:
    assert await tasks_of(function()) == 0


async def test_a_timeout_in_an_overridden_reader_method_is_a_failure_of_the_source() -> None:
    async with multi_await(OwnUntil().readline, asyncio.Event().wait) as m:
        with pytest.raises(TimeoutError):
            await m.select()


async def test_super_get_polls_asyncios_get_rather_than_the_override() -> None:
    class Closing(asyncio.Queue[int]):
        async def get(self) -> int:
            async with multi_await(super().get, asyncio.Event().wait) as m:
                assert m.select_nowait() is None
                assert len(asyncio.all_tasks()) == 2
                match await m.select():
                    case (0, item):
                        return item
            return 0

    queue = Closing()
    getting = asyncio.ensure_future(queue.get())
    await steps(2)
    queue.put_nowait(1)
    assert await getting == 1


class Asks(asyncio.Queue[int]):
    """Overrides everything that `get` and `put` call."""

    def __init__(self, maxsize: int = 0) -> None:
        super().__init__(maxsize)
        self.asked: list[str] = []

    def empty(self) -> bool:
        self.asked.append("empty")
        return super().empty()

    def full(self) -> bool:
        self.asked.append("full")
        return super().full()

    def qsize(self) -> int:
        self.asked.append("qsize")
        return super().qsize()

    def get_nowait(self) -> int:
        self.asked.append("get_nowait")
        return super().get_nowait()

    def put_nowait(self, item: int) -> None:
        self.asked.append("put_nowait")
        super().put_nowait(item)


async def test_overridden_methods_that_get_calls_are_called_without_a_task() -> None:
    queue = Asks()
    assert await tasks_of(queue.get) == 0
    queue.put_nowait(1)
    queue.asked.clear()
    async with multi_await(queue.get) as m:
        assert await m.select() == (0, 1)
    by_multi_await, queue.asked = queue.asked, []
    queue.put_nowait(1)
    queue.asked.clear()
    await queue.get()
    assert by_multi_await == queue.asked


async def test_overridden_methods_that_put_calls_are_called_without_a_task() -> None:
    queue = Asks(1)
    queue.put_nowait(1)
    assert await tasks_of(functools.partial(queue.put, 2)) == 0
    assert queue.get_nowait() == 1
    queue.asked.clear()
    async with multi_await(functools.partial(queue.put, 2)) as m:
        assert await m.select() == (0, None)
    assert "put_nowait" in queue.asked


async def test_a_partial_that_does_more_when_it_is_called_is_called_in_a_task() -> None:
    class Limited(functools.partial[Any]):
        async def __call__(self) -> Any:
            async with asyncio.timeout(1):
                return await super().__call__()

    queue = asyncio.Queue[int]()
    assert await tasks_of(Limited(queue.get)) == 1
    async with multi_await(Limited(queue.get)) as m:
        with pytest.raises(TimeoutError):
            await m.select()

    class Named(functools.partial[Any]):
        name = "a job"

    assert await tasks_of(Named(queue.get)) == 0


async def test_queue_empty_from_a_subclass_is_a_failure_but_from_asyncio_means_empty() -> None:
    class Moody(asyncio.Queue[int]):
        def get_nowait(self) -> int:
            raise asyncio.QueueEmpty("not today")

    moody, plain = Moody(), asyncio.Queue[int]()
    moody.put_nowait(1)
    async with multi_await(plain.get, moody.get) as m:
        with pytest.raises(asyncio.QueueEmpty, match="not today"):
            await m.select()
        plain.put_nowait(2)
        assert m.get_nowait()[0] == (2, None)


async def test_overridden_locked_and_is_set_need_no_task() -> None:
    class OwnSemaphore(asyncio.Semaphore):
        def locked(self) -> bool:
            return super().locked()

    class OwnEvent(asyncio.Event):
        def is_set(self) -> bool:
            return True

    semaphore = OwnSemaphore(1)
    await semaphore.acquire()
    assert await tasks_of(semaphore.acquire) == 0
    assert await tasks_of(OwnEvent().wait) == 0


async def test_an_overridden_acquire_gets_a_task_but_the_inherited_one_does_not() -> None:
    class OwnLock(asyncio.Lock):
        async def acquire(self) -> Any:
            return await super().acquire()

        def theirs(self) -> Callable[[], Awaitable[Any]]:
            return super().acquire

    lock = OwnLock()
    await lock.acquire()
    assert await tasks_of(lock.acquire) == 1
    assert await tasks_of(lock.theirs()) == 0
