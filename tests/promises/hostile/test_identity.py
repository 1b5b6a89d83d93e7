"""How a hostile source describes itself, whom it belongs to, and the send case."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from multi_await import MultiAwait, Wake, each, every, inline, multi_await, once, put
from tests.promises.hostile.beside import CALLS, Beside, Quiet, run

# -- its repr and its owner ------------------------------------------------------------------------


class Nameless(Quiet):
    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails

    def poll(self, wake: Wake) -> Any:
        if self.fails:
            raise ValueError("its failure")
        return super().poll(wake)

    def __repr__(self) -> str:
        raise KeyError("no name")


class Mistake:
    def __repr__(self) -> str:
        raise KeyError("no name")


@pytest.mark.parametrize("fails", [True, False])
@pytest.mark.parametrize("call", CALLS)
def test_a_source_whose_repr_fails_is_named_by_its_type(call: str, fails: bool) -> None:
    async def main() -> None:
        async with Beside(Nameless(fails=fails)) as here:
            for _ in range(3):
                await here.item(call)
            assert "Nameless object at" in repr(here.m)
        assert {str(failure) for failure in here.failures} == ({"its failure"} if fails else set())
        if fails and call not in ("get", "get_nowait"):
            assert "Nameless object at" in here.failures[0].__notes__[0]

    assert run(main()) == []


@pytest.mark.parametrize("use", [MultiAwait, inline, once, each, every])
def test_a_wrong_argument_whose_repr_fails_gets_the_usual_error(
    use: Callable[[Any], object],
) -> None:
    with pytest.raises(TypeError, match="Mistake object"):
        use(Mistake())


async def test_using_a_source_object_twice_is_an_error() -> None:
    source = Quiet()
    with pytest.raises(RuntimeError, match=r"^source 1 .* a Source belongs to one"):
        multi_await(source, source)
    source = Quiet()
    async with Beside(source) as here:
        await here.item()
        with pytest.raises(RuntimeError, match=r"^source 2 .* a Source belongs to one"):
            here.m.add(source)
        with pytest.raises(RuntimeError, match=r"^source 0 .* a Source belongs to one"):
            multi_await(source, asyncio.sleep(0))  # type: ignore[call-overload]  # a second mistake
        await here.m.remove(0)
        with pytest.raises(RuntimeError, match="belongs to one"):
            here.m.add(source)
        await here.item()


async def test_an_async_generator_shared_by_two_sources_gives_each_item_once() -> None:
    async def numbers() -> AsyncIterator[int]:
        for number in range(5):
            await asyncio.sleep(1)
            yield number

    shared = numbers()
    async with Beside(each(shared), each(shared)) as here:
        for _ in range(20):
            await here.item()
            await asyncio.sleep(0.5)
    assert here.events == [*range(5)]
    assert {str(failure) for failure in here.failures} == {
        "anext(): asynchronous generator is already running"
    }


async def test_a_queue_with_its_own_get_is_not_cancelled_between_calls() -> None:
    class Slow(asyncio.Queue[int]):
        async def get(self) -> int:
            item = await super().get()
            await asyncio.sleep(1)  # cancelled here, it would lose the item
            return item

    queue = Slow()
    for number in range(5):
        queue.put_nowait(number)
    async with Beside(queue.get) as here:
        while len(here.events) < 5:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.3):
                    here.take("select", await here.m.select())
            await here.item()
        assert here.events == [*range(5)]


# -- the send case ---------------------------------------------------------------------------------


async def test_a_supplied_item_that_the_queue_did_not_take_is_in_undelivered() -> None:
    full = asyncio.Queue[str](1)
    supplied = iter(["one", "two", "three"])

    def supplier() -> str:
        item = next(supplied)
        if item != "two":
            full.put_nowait("its own")
        return item

    async with Beside(put(full, supplier)) as here:
        await here.item()
        assert [type(failure) for failure in here.failures] == [asyncio.QueueFull]
        assert full.get_nowait() == "its own"
        await here.call()
        assert (here.events, full.get_nowait()) == (["two"], "two")
        await here.call()
        assert len(here.failures) == 2
    assert here.m.undelivered == ((0, "one"), (0, "three"))


async def test_a_supplier_that_takes_from_the_queue_makes_room_for_its_own_item() -> None:
    queue = asyncio.Queue[int](2)

    def supplier() -> int:
        return queue.get_nowait() + 1 if queue.qsize() else 0

    async with Beside(put(queue, supplier)) as here:
        for _ in range(3):
            await here.item()
    assert here.events == [*range(len(here.events))]
    assert here.failures == []
