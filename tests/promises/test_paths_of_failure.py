"""The promises on the paths of failure, of cancellation and of priority."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import sys
from collections.abc import Callable
from typing import Any

import pytest

from multi_await import PENDING, Pending, Source, Wake, multi_await
from tests.machinery.tools import steps, ticks

CALLS = ["select", "__anext__", "get", "get_or_raise"]


@dataclasses.dataclass(frozen=True)
class FrozenError(Exception):
    key: str


class EmptyError(Exception):
    """Counts as false."""

    def __len__(self) -> int:
        return 0


class OddNotesError(Exception):
    __notes__ = ("a tuple",)  # type: ignore[assignment]  # what this test is about


class UnequalError(Exception):
    __hash__ = None  # type: ignore[assignment]  # likewise

    def __eq__(self, other: object) -> bool:
        raise KeyError("don't compare me")


class ClosedError(Exception):
    """Can be neither read nor written to."""

    def __getattribute__(self, name: str) -> Any:
        raise KeyError("don't read me")

    def __setattr__(self, name: str, value: object) -> None:
        raise KeyError("don't write to me")


class NoteWithOddEquality:
    def __eq__(self, other: object) -> bool:
        raise KeyError("don't compare me")

    __hash__ = object.__hash__


def annotated() -> Exception:
    failure = ValueError("annotated")
    failure.__notes__ = [NoteWithOddEquality()]  # type: ignore[list-item]  # likewise
    return failure


EXCEPTIONS: dict[str, Callable[[], Exception]] = {
    "frozen": lambda: FrozenError("k"),
    "falsy": EmptyError,
    "odd notes": OddNotesError,
    "refuses equality": UnequalError,
    "refuses every attribute": ClosedError,
    "with a note that refuses equality": annotated,
}


class FailsOnce(Source[Any]):
    def __init__(self, failure: Exception) -> None:
        self.failures = [failure]

    def poll(self, wake: Wake) -> Pending:
        if self.failures:
            raise self.failures.pop()
        return PENDING


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", EXCEPTIONS)
async def test_an_odd_exception_is_delivered_and_nothing_of_the_others_is_lost(
    kind: str, call: str
) -> None:
    failure = EXCEPTIONS[kind]()
    first, last = asyncio.Queue[str](), asyncio.Queue[str]()
    delivered = list[str]()
    failed = list[BaseException]()
    async with multi_await(first.get, FailsOnce(failure), last.get) as m:
        for item in ("one", "two"):
            first.put_nowait(item)
            last.put_nowait(item)
        while len(delivered) < 4:
            try:
                given: Any = await getattr(m, call)()
            except Exception as raised:
                failed.append(raised)
                continue
            if call == "get":
                given, failures = given
                failed += [each for each in failures if each is not None]
            values = given if call.startswith("get") else given[1:]
            delivered += [value for value in values if value is not None]
    assert sorted(delivered) == ["one", "one", "two", "two"]
    assert len(failed) == 1
    assert failed[0] is failure


@pytest.mark.parametrize("call", CALLS)
async def test_a_timeout_of_zero_around_each_call_delivers_everything(call: str) -> None:
    queue = asyncio.Queue[int]()
    for number in range(500):
        queue.put_nowait(number)
    calls = 0
    async with multi_await(queue.get) as m:
        while not queue.empty():
            calls += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0):
                    await getattr(m, call)()
    assert 500 < calls < 520, "one in 128 calls yields to the event loop instead"


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("biased", [False, True])
async def test_calls_that_all_fail_yield_to_the_event_loop(call: str, biased: bool) -> None:
    class AlwaysFails(Source[Any]):
        def poll(self, wake: Wake) -> Pending:
            raise ConnectionError

    async with (
        multi_await(AlwaysFails(), asyncio.Queue[int]().get, biased=biased) as m,
        ticks() as n,
    ):
        for _ in range(1000):
            with contextlib.suppress(ConnectionError):
                await getattr(m, call)()
        assert 7 <= n() <= 9


class AsksAgain(Source[int]):
    """Has nothing, and asks to be polled again at once."""

    polls = 0

    def poll(self, wake: Wake) -> Pending:
        self.polls += 1
        wake()
        return PENDING


@pytest.mark.parametrize("biased", [False, True])
async def test_a_source_that_wakes_itself_in_its_poll_starves_no_other(biased: bool) -> None:
    asks, queue = AsksAgain(), asyncio.Queue[str]()
    async with multi_await(asks, queue.get, biased=biased) as m:
        queue.put_nowait("now")
        assert m.select_nowait() == (1, "now")
        queue.put_nowait("next")
        assert await m.select() == (1, "next")
        assert asks.polls < 5


async def test_a_biased_call_takes_what_the_body_of_the_loop_has_just_made_possible() -> None:
    stop, jobs, begun = asyncio.Event(), asyncio.Queue[int](), list[int]()
    for number in range(10):
        jobs.put_nowait(number)
    async with multi_await(stop.wait, jobs.get, biased=True) as m:
        async for position, value in m:
            if position == 0:
                break
            begun.append(value)
            if value == 2:
                stop.set()
    assert begun == [0, 1, 2]
    assert jobs.qsize() == 7


async def test_a_biased_set_that_sources_join_and_leave_does_not_grow() -> None:
    always = asyncio.Event()
    always.set()
    async with multi_await(biased=True) as m:
        m.add(always.wait)

        async def come_and_go() -> None:
            position = m.add(asyncio.Queue[int]().get)
            assert await m.select() == (0, True)
            assert await m.remove(position) == ()

        for _ in range(10):
            await come_and_go()
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(200):
            await come_and_go()
        gc.collect()
        assert len(gc.get_objects()) - before < 20


@pytest.mark.parametrize("biased", [False, True])
async def test_a_blocked_biased_call_is_woken_as_any_other(biased: bool) -> None:
    first, second = asyncio.Queue[int](), asyncio.Queue[int]()
    async with multi_await(first.get, second.get, biased=biased) as m:
        for queue, event in ((second, (1, 7)), (first, (0, 7)), (second, (1, 7))):
            blocked = asyncio.ensure_future(m.select())
            await steps(3)
            queue.put_nowait(7)
            await steps(2)
            assert blocked.done()
            assert await blocked == event


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks that start eagerly came with 3.12")
@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
async def test_an_interrupt_before_a_functions_first_await_is_raised_and_not_logged(
    interrupt: type[BaseException],
) -> None:
    if asyncio.get_running_loop().get_task_factory() is not None:
        pytest.skip("how a task begins is the factory's")

    async def interrupted() -> None:
        raise interrupt

    async with multi_await(interrupted) as m:
        with pytest.raises(interrupt):
            await m.select()
        assert m.failed == 0
