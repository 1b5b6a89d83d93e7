"""Go's own tests of select: select.go to select8.go.

test_go_channels.py explains what stands for what, and the names.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import itertools
import sys
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from multi_await import MultiAwait, NothingToAwait, Source, SourceLike, inline, multi_await, put
from tests.machinery.tools import SCHEDULES, steps, waiting_calls
from tests.peers.go.goroutines import blocks, go, until_none

# select.go


async def test_select_a_supplier_is_called_only_for_an_item_that_is_sent() -> None:
    first, second = asyncio.Queue[int](1), asyncio.Queue[int](1)
    calls = 0

    def value() -> int:
        nonlocal calls
        calls += 1
        return int(2 ** (calls - 1))

    def send(m: MultiAwait[int, int]) -> int:
        sent = 0
        while (event := m.select_nowait()) is not None:
            m.pause(event[0])
            sent += 1
        return sent

    async with multi_await(put(first, value), put(second, value)) as m:
        assert send(m) == 2
    assert first.get_nowait() | second.get_nowait() == 3
    async with multi_await(put(first, value), put(second, value)) as m:
        m.pause(1)
        assert send(m) == 1
    assert calls == 3


# select2.go


async def test_select2_many_more_selects_take_no_more_memory() -> None:
    queue, dummy = asyncio.Queue[int](1), asyncio.Queue[int](1)

    async def send(count: int) -> None:
        for _ in range(count):
            await queue.put(1)

    async def receive(count: int) -> None:
        sending = asyncio.create_task(send(count))
        for _ in range(count):
            assert await m.select() == (0, 1)
        await sending

    def memory() -> tuple[int, int]:
        gc.collect()
        return len(gc.get_objects()), tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        async with multi_await(queue.get, dummy.get) as m:
            await receive(10)  # caches for later use are filled now
            memory()
            await receive(10)
            objects, size = memory()
            await receive(4 * SCHEDULES)
            more_objects, more = memory()
    finally:
        tracemalloc.stop()
    assert more_objects - objects < 20
    assert more - size < 1000


# select3.go


def queue_of(*items: object) -> asyncio.Queue[object]:
    queue = asyncio.Queue[object](1)
    for item in items:
        queue.put_nowait(item)
    return queue


def sends(queue: asyncio.Queue[object]) -> Source[object]:
    return put(queue, lambda: 7)


@pytest.mark.parametrize(
    ("what", "paused", "waits"),
    [
        # Go's nil channel is a source that is paused.
        (lambda: [queue_of(7).get], [0], True),
        (lambda: [sends(queue_of())], [0], True),
        (lambda: [queue_of(7).get, sends(queue_of())], [0, 1], True),
        (lambda: [queue_of(7).get, queue_of().get], [0], True),
        (lambda: [queue_of(7).get, queue_of(8).get], [0], False),
        # Channels that are not ready, and channels that are.
        (lambda: [queue_of().get], [], True),
        (lambda: [sends(queue_of(7))], [], True),
        (lambda: [queue_of().get, sends(queue_of(7))], [], True),
        (lambda: [queue_of(7).get], [], False),
        (lambda: [sends(queue_of())], [], False),
        (lambda: [queue_of().get, queue_of(7).get], [], False),
    ],
)
async def test_select3_a_select_waits_only_while_no_case_is_ready(
    what: Callable[[], list[SourceLike[object]]], paused: list[int], waits: bool
) -> None:
    async with multi_await(*what()) as m:
        for position in paused:
            m.pause(position)
        if waits:
            assert m.select_nowait() is None  # with a default, a call does not wait
        assert await blocks(m.select()) == waits


async def test_select3_an_ended_source_is_never_ready_and_is_an_error_on_its_own() -> None:
    closed: Source[int] = until_none(queue_of(None))  # type: ignore[arg-type]  # there is no int
    async with multi_await(closed, queue_of().get) as m:
        assert await blocks(m.select())
    closed = until_none(queue_of(None))  # type: ignore[arg-type]
    async with multi_await(closed) as m:
        with pytest.raises(NothingToAwait):
            await m.select()


@pytest.mark.skipif(sys.version_info < (3, 13), reason="Queue.shutdown() came with Python 3.13")
async def test_select3_a_send_to_a_shut_down_queue_ends_and_hands_the_item_back() -> None:
    queue: Any = queue_of()  # Any: for the checkers, shutdown() came with Python 3.13
    queue.shutdown()
    m = multi_await(sends(queue))
    with pytest.raises(NothingToAwait):
        await m.select()
    await m.cancel()
    assert m.undelivered == ((0, 7),)


async def test_select3_a_select_without_cases_raises_where_go_waits_forever() -> None:
    async with multi_await() as m:
        for call in waiting_calls(m):
            with pytest.raises(NothingToAwait):
                await call()


async def test_select3_a_select_can_send_to_the_queue_that_it_receives_from() -> None:
    queue = asyncio.Queue[object](1)
    async with multi_await(sends(queue), queue.get) as m:
        assert [await m.select() for _ in range(6)] == [(0, 7), (1, 7)] * 3


# select4.go


async def test_select4_the_code_of_a_case_runs_only_if_the_case_is_chosen() -> None:
    ran = list[str]()

    def chosen(name: str, queue: asyncio.Queue[object]) -> Source[object]:
        async def receive() -> object:
            item = await queue.get()
            ran.append(name)
            return item

        return inline(receive)

    async with multi_await(chosen("empty", queue_of()), chosen("ready", queue_of(42))) as m:
        assert await m.select() == (1, 42)
    async with multi_await(chosen("first", queue_of(1)), chosen("second", queue_of(2))) as m:
        assert await m.select() == (0, 1)
    assert ran == ["ready", "first"]


# select5.go: one operation in every notation, among every choice of others that can't proceed


async def by_iterating(m: MultiAwait[*tuple[Any, ...]]) -> Any:
    async for event in m:
        return event
    raise NothingToAwait


async def by_select(m: MultiAwait[*tuple[Any, ...]]) -> Any:
    return await m.select()


async def by_select_nowait(m: MultiAwait[*tuple[Any, ...]]) -> Any:
    return m.select_nowait()


async def by_get(m: MultiAwait[*tuple[Any, ...]]) -> Any:
    return only((await m.get())[0])


async def by_get_nowait(m: MultiAwait[*tuple[Any, ...]]) -> Any:
    return only(m.get_nowait()[0])


async def by_get_or_raise(m: MultiAwait[*tuple[Any, ...]]) -> Any:
    return only(await m.get_or_raise())


def only(completed: tuple[Any, ...]) -> tuple[int, Any]:
    (event,) = [(n, value) for n, value in enumerate(completed) if value is not None]
    return event


PHRASES = [by_select, by_select_nowait, by_get, by_get_nowait, by_get_or_raise, by_iterating]
NAMES = ["send to a full queue", "receive from an empty one", "paused send", "paused receive"]


def never() -> int:
    raise AssertionError("this is not to be sent")


def others(names: tuple[str, ...]) -> list[tuple[SourceLike[Any], bool]]:
    """Sources of which none can proceed, and whether to pause each."""
    sources: dict[str, tuple[SourceLike[Any], bool]] = {
        NAMES[0]: (put(queue_of(1), never), False),
        NAMES[1]: (queue_of().get, False),
        NAMES[2]: (put(queue_of(), never), True),
        NAMES[3]: (queue_of(1).get, True),
    }
    return [sources[name] for name in names]


def settings() -> list[tuple[tuple[str, ...], int]]:
    """Every choice of other sources, and every place among them."""
    return [
        (names, place)
        for count in range(len(NAMES) + 1)
        for names in itertools.combinations(NAMES, count)
        for place in range(count + 1)
    ]


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("phrase", PHRASES)
async def test_select5_the_only_case_that_can_proceed_does_however_it_is_written(
    phrase: Callable[[MultiAwait[*tuple[Any, ...]]], Awaitable[Any]], biased: bool
) -> None:
    queue = asyncio.Queue[Any](1)
    for number, (names, place) in enumerate(settings(), start=1):
        for real in (queue.get, put(queue, lambda item=number: item)):  # type: ignore[misc]  # an int
            if real == queue.get:
                queue.put_nowait(number)
            sources = others(names)
            sources.insert(place, (real, False))
            async with multi_await(*[source for source, _ in sources], biased=biased) as m:
                for position, (_, paused) in enumerate(sources):
                    if paused:
                        m.pause(position)
                assert await phrase(m) == (place, number)
            assert queue.empty() == (real == queue.get)
        assert queue.get_nowait() == number


async def test_select5_if_no_case_can_proceed_a_nowait_call_returns_nothing() -> None:
    for names, _ in settings():
        sources = others(names)
        if not sources:
            continue
        async with multi_await(*[source for source, _ in sources]) as m:
            for position, (_, paused) in enumerate(sources):
                if paused:
                    m.pause(position)
            assert m.select_nowait() is None
            assert m.get_nowait()[0] == (None,) * len(sources)


# select6.go


async def test_select6_a_waiter_behind_a_select_is_woken_if_it_took_another_case() -> None:
    first, second, third = (asyncio.Queue[bool](1) for _ in range(3))

    async def receive() -> None:
        await first.get()

    async def choose() -> None:
        async with multi_await(first.get, second.get) as m:
            assert await m.select() == (1, True)
            await third.put(True)
        await first.get()

    async with go() as start:
        receiving = [start(receive()), start(choose())]
        await steps(3)
        await second.put(True)
        await third.get()
        await first.put(True)
        await first.put(True)
        await asyncio.wait(receiving, timeout=1)
        assert all(task.done() for task in receiving)


# select7.go


@pytest.mark.parametrize("cases_of_receiver", [0, 1, 2])
@pytest.mark.parametrize("cases_of_sender", [0, 1, 2])
async def test_select7_an_item_that_nobody_uses_is_still_received(
    cases_of_receiver: int, cases_of_sender: int
) -> None:
    queue = queue_of()

    async def receive() -> None:
        await either(queue.get, [queue.get, queue_of().get][:cases_of_receiver])

    async def either(alone: Callable[[], Awaitable[object]], cases: list[Any]) -> None:
        if not cases:
            await alone()
            return
        async with multi_await(*cases) as m:
            await m.select()

    async with asyncio.TaskGroup() as group:
        group.create_task(receive())
        await steps(1)
        await either(
            functools.partial(queue.put, 7), [sends(queue), sends(queue_of(1))][:cases_of_sender]
        )
    assert queue.empty()


# select8.go


@pytest.mark.parametrize("cases", [1, 2, 3])
async def test_select8_break_in_a_case_leaves_the_loop_before_the_next_case(
    cases: int,
) -> None:
    queues = [queue_of(5) for _ in range(cases)]
    received = 0
    async with multi_await(*[queue.get for queue in queues]) as m:
        async for event in m:
            match event:
                case (0, 5):
                    received += 1
                    break
            raise AssertionError("break leaves the loop, and not only the match")
    assert received == 1
    assert [queue.qsize() for queue in queues] == [0] + [1] * (cases - 1)
