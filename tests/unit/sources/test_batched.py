"""batched(): what a batch holds, its place in line, its end, and what fails halfway."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import pytest

from multi_await import MultiAwait, batched, multi_await
from tests.conftest import Reported
from tests.machinery.tools import cancelled_after, steps

Queue = asyncio.Queue[int]

needs_shutdown = pytest.mark.skipif(
    sys.version_info < (3, 13), reason="Queue.shutdown() came with 3.13"
)


def filled(count: int, queue: Queue | None = None) -> Queue:
    queue = queue or Queue()
    for number in range(count):
        queue.put_nowait(number)
    return queue


class Unlucky(asyncio.Queue[int]):
    """Fails at 3 without taking it."""

    def get_nowait(self) -> int:
        item = super().get_nowait()
        if item == 3:
            raise ValueError("unlucky")
        return item


class Tens(asyncio.Queue[int]):
    """Gives tens for ones, whichever way an item is taken."""

    async def get(self) -> int:
        if self.empty():
            await asyncio.sleep(1)
        return self.get_nowait()

    def get_nowait(self) -> int:
        return 10 * super().get_nowait()


class Counts(asyncio.Queue[int]):
    """Overrides what asyncio's `get` calls, and not `get` itself."""

    taken = 0

    def get_nowait(self) -> int:
        self.taken += 1
        return super().get_nowait()


async def test_a_batch_has_everything_in_the_queue_in_its_order() -> None:
    async with multi_await(batched(filled(3), 10)) as m:
        assert await m.select() == (0, [0, 1, 2])


async def test_a_batch_never_exceeds_its_limit() -> None:
    queue = filled(7)
    async with multi_await(batched(queue, 3)) as m:
        assert [await m.select() for _ in range(3)] == [(0, [0, 1, 2]), (0, [3, 4, 5]), (0, [6])]
        assert m.select_nowait() is None


@pytest.mark.parametrize(
    ("kind", "order"), [(asyncio.LifoQueue, [1, 2, 0]), (asyncio.PriorityQueue, [0, 1, 2])]
)
async def test_a_batch_has_the_order_of_the_queues_class(
    kind: type[Queue], order: list[int]
) -> None:
    queue = kind()
    for number in (0, 2, 1):
        queue.put_nowait(number)
    async with multi_await(batched(queue, 3)) as m:
        assert await m.select() == (0, order)


async def test_items_put_before_the_delivery_are_in_the_batch() -> None:
    queue = Queue()
    async with multi_await(batched(queue, 5)) as m:
        assert m.select_nowait() is None
        filled(2, queue)
        await steps(3)
        queue.put_nowait(2)
        assert await m.select() == (0, [0, 1, 2])


async def test_no_item_of_a_batch_is_taken_before_its_delivery() -> None:
    queue = Queue()
    async with multi_await(batched(queue, 5), asyncio.Event().wait) as m:
        assert m.select_nowait() is None
        filled(3, queue)
        await steps(3)
        assert queue.qsize() == 3
    assert queue.qsize() == 3
    assert m.undelivered == ()


async def test_a_batch_takes_its_turn_in_the_queues_line_of_consumers() -> None:
    queue = Queue()
    first = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    async with multi_await(batched(queue, 5)) as m:
        assert m.select_nowait() is None
        last = asyncio.ensure_future(queue.get())
        await asyncio.sleep(0)
        queue.put_nowait(1)
        await asyncio.sleep(0)
        assert await first == 1
        queue.put_nowait(2)
        assert await m.select() == (0, [2])
        queue.put_nowait(3)
        assert await last == 3


async def test_a_wake_that_no_call_uses_goes_to_the_next_in_line() -> None:
    queue = Queue()
    async with multi_await(batched(queue, 5)) as m:
        assert m.select_nowait() is None
        rival = asyncio.ensure_future(queue.get())
        await asyncio.sleep(0)
        queue.put_nowait(1)
        assert await rival == 1


@pytest.mark.in_order
async def test_a_batch_wakes_every_putter_it_made_room_for() -> None:
    queue = filled(3, Queue(3))
    putting = [asyncio.ensure_future(queue.put(number)) for number in (3, 4, 5)]
    await asyncio.sleep(0)
    async with multi_await(batched(queue, 3)) as m:
        assert await m.select() == (0, [0, 1, 2])
        await steps(2)
        assert all(put.done() for put in putting)
        assert await m.select() == (0, [3, 4, 5])


async def test_a_cancelled_call_leaves_the_items_in_the_queue() -> None:
    queue = Queue()
    async with multi_await(batched(queue, 3)) as m:
        asyncio.get_running_loop().call_later(1, filled, 2, queue)
        await cancelled_after(1, m.select())
        assert queue.qsize() == 2
        assert await m.select() == (0, [0, 1])


@needs_shutdown
async def test_a_shut_down_queue_gives_its_remaining_items_and_ends() -> None:
    if sys.version_info >= (3, 13):
        queue = filled(3)
        queue.shutdown()
        async with multi_await(batched(queue, 2)) as m:
            assert [batch async for _, batch in m] == [[0, 1], [2]]


@needs_shutdown
async def test_a_shutdown_ends_a_waiting_batch() -> None:
    if sys.version_info >= (3, 13):
        queue = Queue()
        async with multi_await(batched(queue, 2)) as m:
            asyncio.get_running_loop().call_later(1, queue.shutdown)
            assert [batch async for _, batch in m] == []


async def test_items_taken_before_a_failure_are_delivered_before_the_failure() -> None:
    async with multi_await(batched(filled(6, Unlucky()), 10)) as m:
        assert await m.select() == (0, [0, 1, 2])
        with pytest.raises(ValueError, match="unlucky"):
            await m.select()
        assert await m.select() == (0, [4, 5])


async def test_a_failure_that_no_call_delivered_is_reported(reported: Reported) -> None:
    async with multi_await(batched(filled(6, Unlucky()), 10)) as m:
        assert await m.select() == (0, [0, 1, 2])
    assert [str(context["exception"]) for context in reported] == ["unlucky"]
    assert m.undelivered == ()


async def test_a_queue_that_counts_more_items_than_it_gives_ends_the_batch_early() -> None:
    class Skips(Queue):
        def get_nowait(self) -> int:
            while (item := super().get_nowait()) >= 2:
                pass
            return item

    queue = filled(4, Skips())
    async with multi_await(batched(queue, 10)) as m:
        assert await m.select() == (0, [0, 1])
        assert queue.empty()
        asyncio.get_running_loop().call_later(1, filled, 1, queue)
        assert await m.select() == (0, [0])


async def test_a_class_that_overrides_only_get_nowait_gives_every_item_through_it() -> None:
    queue = Counts()
    filled(5, queue)
    async with multi_await(batched(queue, 10)) as m:
        assert await m.select() == (0, [0, 1, 2, 3, 4])
        assert queue.taken == 5


async def test_a_class_that_overrides_get_and_get_nowait_gives_every_item_through_one() -> None:
    queue = Tens()
    async with multi_await(batched(queue, 10)) as m:
        asyncio.get_running_loop().call_later(0.5, filled, 4, queue)
        assert await m.select() == (0, [0, 10, 20, 30])


async def test_an_item_taken_ahead_by_a_custom_get_is_undelivered_as_a_batch_of_one() -> None:
    queue = Tens()
    async with multi_await(batched(queue, 10)) as m:
        assert m.select_nowait() is None
        queue.put_nowait(7)
        queue.put_nowait(8)
        await asyncio.sleep(1)
    assert m.undelivered == ((0, [70]),)
    assert queue.qsize() == 1


async def test_batched_refuses_a_queue_whose_get_alone_is_replaced_on_the_instance() -> None:
    async def own() -> int:
        return 1

    queue = asyncio.Queue[int]()
    queue.get = own  # type: ignore[method-assign]  # what this test is about
    with pytest.raises(TypeError, match=r"does not override as it does get\(\)"):
        batched(queue, 2)


async def test_a_class_that_overrides_only_get_is_refused() -> None:
    class Stamped(asyncio.Queue[int]):
        async def get(self) -> int:
            return await super().get()

    with pytest.raises(TypeError) as e:
        batched(Stamped(), 2)
    assert str(e.value) == (
        "batched() takes items by get_nowait(), which "
        "test_a_class_that_overrides_only_get_is_refused.<locals>.Stamped does not override as it "
        "does get(): override both alike, or pass the queue's get"
    )


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: batched([], 3), TypeError, r"needs an asyncio.Queue to take from, not \[\]"),  # type: ignore[arg-type]  # what this test is about
        (lambda: batched(Queue(), 0), ValueError, "needs at least 1 item in a batch, not 0"),
        (lambda: batched(Queue(), -3), ValueError, "needs at least 1 item in a batch, not -3"),
        (lambda: batched(Queue(), 1.5), TypeError, "needs the most items in a batch, not 1.5"),  # type: ignore[arg-type]  # likewise
    ],
)
def test_a_misuse_of_batched_raises_at_once(
    make: Callable[[], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=rf"^batched\(\) {message}"):
        make()


async def test_a_batch_with_a_limit_of_one_is_one_item() -> None:
    async with multi_await(batched(filled(2), 1)) as m:
        assert await m.select() == (0, [0])
        assert await m.select() == (0, [1])


async def test_a_batch_is_a_single_event_among_those_of_other_sources() -> None:
    other = asyncio.Queue[str]()
    other.put_nowait("other")
    async with multi_await(batched(filled(3), 2), other.get) as m:
        events: list[Any] = [await m.select() for _ in range(3)]
    assert events == [(0, [0, 1]), (1, "other"), (0, [2])]


async def test_a_batch_shows_its_queue_and_limit() -> None:
    m: MultiAwait[Any] = multi_await(batched(Queue(), 5))
    assert "0 batched(Queue.get, 5)" in repr(m)
    await m.cancel()
