"""The promises on the paths of failure, cancellation and priority."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from typing import Any

import pytest

from multi_await import PENDING, Pending, Source, Wake, multi_await
from tests.machinery.tools import steps, ticks

CALLS = ["select", "__anext__", "get", "get_or_raise"]


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
    """Has nothing, and asks for another poll at once."""

    polls = 0

    def poll(self, wake: Wake) -> Pending:
        self.polls += 1
        wake()
        return PENDING


@pytest.mark.parametrize("biased", [False, True])
async def test_a_source_that_wakes_itself_in_its_poll_does_not_starve_others(biased: bool) -> None:
    asks, queue = AsksAgain(), asyncio.Queue[str]()
    async with multi_await(asks, queue.get, biased=biased) as m:
        queue.put_nowait("now")
        assert m.select_nowait() == (1, "now")
        queue.put_nowait("next")
        assert await m.select() == (1, "next")
        assert asks.polls < 5


async def test_a_biased_call_sees_an_event_that_the_loop_body_has_just_set() -> None:
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


async def test_a_biased_set_does_not_grow_as_sources_join_and_leave() -> None:
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
async def test_a_blocked_biased_call_is_woken_like_any_other(biased: bool) -> None:
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
