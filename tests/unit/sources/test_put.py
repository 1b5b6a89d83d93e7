"""put(): where an item is, whatever the queue does with it, and queues with an overridden put."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from typing import Any

import pytest

from multi_await import multi_await, put
from tests.conftest import Reported
from tests.machinery.tools import cancelled_after, steps


class Word(str):
    """Can't be compared with a number."""

    __slots__ = ()


class Stamping(asyncio.Queue[Any]):
    """Its own put stamps each item, and suspends before and after."""

    def __init__(self, maxsize: int = 0, before: float = 0, after: float = 0) -> None:
        super().__init__(maxsize)
        self.before, self.after = before, after
        self.failure: BaseException | None = None
        self.puts = 0

    async def put(self, item: Any) -> None:
        self.puts += 1
        async with asyncio.timeout(100):  # looks at the current task
            if self.before:
                await asyncio.sleep(self.before)
            if self.failure is not None and not self.after:
                raise self.failure
            await super().put(("stamped", item))
            if self.after:
                await asyncio.sleep(self.after)
            if self.failure is not None:
                raise self.failure


def items_in(queue: asyncio.Queue[Any]) -> list[Any]:
    return [queue.get_nowait() for _ in range(queue.qsize())]


# -- what the queue took, although it raised ---------------------------------------------------


async def test_an_item_that_a_priority_queue_took_but_cannot_compare_is_only_in_the_queue() -> None:
    queue = asyncio.PriorityQueue[Any]()
    queue.put_nowait(1)
    async with multi_await(put(queue, lambda: "a word")) as m:
        with pytest.raises(TypeError, match="not supported between"):
            await m.select()
    assert queue.qsize() == 2
    assert m.undelivered == ()


async def test_an_item_refused_by_the_queue_is_only_in_undelivered() -> None:
    class Picky(asyncio.Queue[int]):
        def _put(self, item: int) -> None:
            raise ValueError("no")

    queue = Picky()
    async with multi_await(put(queue, lambda: 1)) as m:
        with pytest.raises(ValueError, match="no"):
            await m.select()
    assert queue.empty()
    assert m.undelivered == ((0, 1),)


async def test_an_item_is_undelivered_if_both_its_put_and_the_clean_up_fail(
    reported: Reported,
) -> None:
    class Broken(asyncio.Queue[int]):
        ended = False

        def put_nowait(self, item: int) -> None:
            raise ValueError("no")

        def full(self) -> bool:
            if self.ended:
                raise OSError("at the end")
            return super().full()

    queue = Broken(1)
    async with multi_await(put(queue, lambda: 1)) as m:
        with pytest.raises(ValueError, match="no"):
            await m.select()
        asyncio.Queue.put_nowait(queue, 0)
        assert m.select_nowait() is None
        queue.get_nowait()  # wakes the source
        queue.ended = True
    assert m.undelivered == ((0, 1),)
    assert [str(context["exception"]) for context in reported] == ["at the end"]


# -- a put of the queue's own ------------------------------------------------------------------


@pytest.mark.parametrize(("before", "after"), [(0, 0), (1, 0), (0, 1), (1, 1)])
async def test_an_overridden_put_is_what_puts_the_item(before: float, after: float) -> None:
    queue, supply = Stamping(0, before, after), deque("ab")
    async with multi_await(put(queue, supply.popleft)) as m:
        assert [await m.select(), await m.select()] == [(0, "a"), (0, "b")]
    assert items_in(queue) == [("stamped", "a"), ("stamped", "b")]
    assert m.undelivered == ()


async def test_an_overridden_put_is_called_only_when_there_is_room() -> None:
    queue, supply = Stamping(1), deque("a")
    queue.put_nowait("full")
    async with multi_await(put(queue, supply.popleft)) as m:
        assert m.select_nowait() is None
        await steps(3)
        assert (queue.puts, list(supply)) == (0, ["a"])
        queue.get_nowait()
        await steps(3)
        assert (queue.puts, list(supply)) == (0, ["a"]), "no call came for it"
        assert await m.select() == (0, "a")


async def test_an_overridden_put_keeps_its_place_in_line() -> None:
    queue = Stamping(1)
    queue.put_nowait("full")
    async with multi_await(put(queue, lambda: "ours")) as m:
        selecting = asyncio.ensure_future(m.select())
        await steps(2)
        rival = asyncio.ensure_future(asyncio.Queue.put(queue, "the rival's"))
        await steps(2)
        assert queue.get_nowait() == "full"
        assert await selecting == (0, "ours")
        assert queue.get_nowait() == ("stamped", "ours")
        await rival
        assert queue.get_nowait() == "the rival's"


async def test_cancelling_a_call_does_not_cancel_a_running_overridden_put() -> None:
    queue, supply = Stamping(0, before=5), deque("a")
    async with multi_await(put(queue, supply.popleft)) as m:
        await cancelled_after(1, m.select())
        assert await m.select() == (0, "a")
    assert (queue.puts, items_in(queue)) == (1, [("stamped", "a")])


@pytest.mark.parametrize("before", [0, 1])
async def test_an_item_that_an_overridden_put_did_not_take_is_undelivered(before: float) -> None:
    queue, supply = Stamping(0, before), deque("ab")
    queue.failure = ValueError("no")
    async with multi_await(put(queue, supply.popleft)) as m:
        with pytest.raises(ValueError, match="no"):
            await m.select()
        queue.failure = None
        assert await m.select() == (0, "b")
    assert items_in(queue) == [("stamped", "b")]
    assert m.undelivered == ((0, "a"),)


async def test_an_item_that_an_overridden_put_took_before_it_failed_is_in_the_queue() -> None:
    queue = Stamping(0, after=1)
    queue.failure = ValueError("too late")
    async with multi_await(put(queue, lambda: "a")) as m:
        with pytest.raises(ValueError, match="too late"):
            await m.select()
    assert items_in(queue) == [("stamped", "a")]
    assert m.undelivered == ()


async def test_an_item_that_others_have_since_taken_is_not_undelivered() -> None:
    queue = Stamping(0, after=1)
    queue.failure = ValueError("too late")
    async with multi_await(put(queue, lambda: "a")) as m:
        taking = asyncio.ensure_future(queue.get())
        with pytest.raises(ValueError, match="too late"):
            await m.select()
        assert await taking == ("stamped", "a")
    assert m.undelivered == ()


@pytest.mark.parametrize(
    ("before", "after", "in_queue", "undelivered"),
    [(9, 0, [], ((0, "a"),)), (0, 9, [("stamped", "a")], ()), (0.5, 0, [("stamped", "a")], ())],
)
async def test_at_the_end_the_item_of_an_overridden_put_is_in_exactly_one_place(
    before: float, after: float, in_queue: list[Any], undelivered: tuple[Any, ...]
) -> None:
    queue, supply = Stamping(0, before, after), deque("a")
    async with multi_await(put(queue, supply.popleft)) as m:
        assert m.select_nowait() is None
        await asyncio.sleep(1)
    assert items_in(queue) == in_queue
    assert m.undelivered == undelivered


async def test_a_failed_supplier_is_called_again_but_the_overridden_put_is_not_called() -> None:
    queue, supply = Stamping(), deque[str]()
    async with multi_await(put(queue, supply.popleft)) as m:
        with pytest.raises(IndexError):
            await m.select()
        assert queue.puts == 0
        supply.append("a")
        assert await m.select() == (0, "a")


async def test_a_failed_overridden_put_at_the_end_is_reported_and_its_item_undelivered(
    reported: Reported,
) -> None:
    class Stubborn(asyncio.Queue[str]):
        async def put(self, item: str) -> None:
            try:
                await asyncio.sleep(9)
            finally:
                raise OSError("at the end")

    async with multi_await(put(Stubborn(), lambda: "a")) as m:
        assert m.select_nowait() is None
        await steps(2)
    assert m.undelivered == ((0, "a"),)
    assert [str(context["exception"]) for context in reported] == ["at the end"]


@pytest.mark.parametrize("end", ["failure", "cancelled"])
async def test_room_that_an_overridden_put_did_not_use_goes_to_the_next_in_line(end: str) -> None:
    queue = Stamping(1, before=1)
    queue.put_nowait("in the way")
    async with multi_await(put(queue, lambda: "ours")) as m:
        select = asyncio.create_task(m.select())
        await asyncio.sleep(0.25)
        next_in_line = asyncio.create_task(asyncio.Queue.put(queue, "next"))
        await asyncio.sleep(0.25)
        queue.get_nowait()
        await asyncio.sleep(0.5)  # the queue's own put has begun
        assert queue.puts == 1
        if end == "failure":
            queue.failure = ValueError()
            with pytest.raises(ValueError):  # noqa: PT011 -- it says nothing
                await select
            await asyncio.wait_for(asyncio.shield(next_in_line), 1)  # without another call
        else:
            select.cancel()
            await asyncio.wait([select])
    assert m.undelivered == ((0, "ours"),)
    await asyncio.wait_for(next_in_line, 1)
    assert queue.get_nowait() == "next"


@pytest.mark.skipif(sys.version_info < (3, 13), reason="Queue.shutdown() came with 3.13")
async def test_an_overridden_put_ends_when_the_queue_is_shut_down() -> None:
    if sys.version_info >= (3, 13):
        queue, supply = Stamping(), deque("ab")
        async with multi_await(put(queue, supply.popleft)) as m:
            assert await m.select() == (0, "a")
            queue.shutdown()
            assert [event async for event in m] == []
        assert m.undelivered == ((0, "b"),)


async def test_a_put_that_is_replaced_on_the_instance_is_called() -> None:
    """A test may do that, to watch what goes in."""
    queue, seen = asyncio.Queue[str](), list[str]()

    async def watched(item: str) -> None:
        seen.append(item)
        await asyncio.Queue.put(queue, item)

    queue.put = watched  # type: ignore[method-assign]  # what this test is about
    async with multi_await(put(queue, lambda: "a")) as m:
        assert await m.select() == (0, "a")
    assert seen == ["a"]
    assert items_in(queue) == ["a"]


# -- queues that drop an item to make room, and then refuse ----------------------------------------


class Dropping(asyncio.Queue[str]):
    def _put(self, item: str) -> None:
        if self.qsize():
            self.get_nowait()
            raise ValueError("no")
        super()._put(item)


class DroppingInPut(asyncio.Queue[str]):
    async def put(self, item: str) -> None:
        if self.qsize():
            self.get_nowait()
            raise ValueError("no")
        await super().put(item)


@pytest.mark.parametrize("kind", [Dropping, DroppingInPut])
async def test_an_item_that_was_refused_after_another_was_dropped_is_undelivered(
    kind: type[asyncio.Queue[str]],
) -> None:
    queue, supply = kind(), deque("abc")
    async with multi_await(put(queue, supply.popleft)) as m:
        assert await m.select() == (0, "a")
        with pytest.raises(ValueError, match="no"):
            await m.select()
        assert await m.select() == (0, "c")
    assert items_in(queue) == ["c"]
    assert m.undelivered == ((0, "b"),)
