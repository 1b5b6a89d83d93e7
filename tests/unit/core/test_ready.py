"""The ready queue: the order of polling, what a wake does, and how many passes it takes."""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from typing import Any

import pytest

from multi_await import PENDING, Group, Pending, Source, Wake, multi_await
from tests.machinery.tools import cancelled_after, steps, ticks


@pytest.mark.in_order
async def test_sources_are_polled_in_the_order_they_became_ready() -> None:
    queues = [asyncio.Queue[int]() for _ in range(5)]
    async with multi_await(*[queue.get for queue in queues]) as m:
        assert m.select_nowait() is None
        blocked = asyncio.ensure_future(m.select())
        await steps(2)
        for position in (3, 1, 4, 0, 2):
            queues[position].put_nowait(position)
        events = [await blocked, *[await m.select() for _ in range(4)]]
    assert events == [(3, 3), (1, 1), (4, 4), (0, 0), (2, 2)]


async def test_a_source_that_has_just_delivered_goes_to_the_end() -> None:
    queues = [asyncio.Queue[int]() for _ in range(3)]
    for queue in queues:
        for item in range(4):
            queue.put_nowait(item)
    async with multi_await(*[queue.get for queue in queues]) as m:
        positions = [(await m.select())[0] for _ in range(12)]
    assert positions == [0, 1, 2] * 4


async def test_an_always_ready_source_does_not_keep_others_waiting() -> None:
    always, queue = asyncio.Event(), asyncio.Queue[int]()
    always.set()
    async with multi_await(always.wait, queue.get, always.wait) as m:
        for _ in range(10):
            await m.select()
        await steps(1)
        queue.put_nowait(1)
        await steps(2)
        seen = Counter([(await m.select())[0] for _ in range(3)])
    assert seen == {0: 1, 1: 1, 2: 1}


async def test_an_item_reaches_a_blocked_call_in_two_event_loop_passes() -> None:
    queue = asyncio.Queue[int]()
    async with multi_await(queue.get, asyncio.Event().wait) as m:
        blocked = asyncio.ensure_future(m.select())
        await steps(2)
        queue.put_nowait(1)
        await steps(2)
        assert blocked.done()
        assert await blocked == (0, 1)


class Log(Source[str]):
    """Records the calls of its methods; is woken by hand."""

    def __init__(self) -> None:
        self.log = list[str]()
        self.value: str | None = None
        self.wake: Wake | None = None

    def poll(self, wake: Wake) -> str | Pending:
        self.wake = wake
        value, self.value = self.value, None
        self.log.append("pending" if value is None else value)
        return PENDING if value is None else value

    def release(self) -> None:
        self.log.append("released")

    def ready(self, value: str) -> None:
        self.value = value
        assert self.wake is not None
        self.wake()


async def test_a_source_woken_between_calls_is_released_at_once_and_polled_later() -> None:
    source = Log()
    async with multi_await(source) as m:
        await cancelled_after(1, m.select())
        source.ready("value")
        assert source.log == ["pending", "released"]
        assert await m.select() == (0, "value")
        assert source.log == ["pending", "released", "value"]


@pytest.mark.parametrize("calls", range(125, 132))
async def test_a_source_woken_between_calls_is_released_even_if_the_budget_is_used_up(
    calls: int,
) -> None:
    always, source = asyncio.Event(), Log()
    always.set()
    async with multi_await(source, always.wait) as m:
        for _ in range(calls):
            assert await m.select() == (1, True)
        source.ready("value")
        assert source.log == ["pending", "released"]


async def test_claims_left_by_a_call_are_released_once_the_event_loop_gets_control() -> None:
    first, second, third = Log(), Log(), Log()
    async with multi_await(first, second, third) as m:
        assert m.select_nowait() is None
        for source, value in [(first, "1"), (second, "2"), (third, "3")]:
            asyncio.get_running_loop().call_soon(source.ready, value)
        assert await m.select() == (0, "1")
        assert await m.select() == (1, "2")
        assert third.log == ["pending"], "the loop had no turn yet"
        await steps(1)
        assert second.log == ["pending", "2"]
        assert third.log == ["pending", "released"]
        assert await m.select() == (2, "3")


@pytest.mark.parametrize("calls", range(125, 132))
async def test_claims_left_by_a_call_are_released_even_if_the_budget_is_used_up(
    calls: int,
) -> None:
    always, source = asyncio.Event(), Log()
    async with multi_await(always.wait, source, biased=True) as m:
        asyncio.get_running_loop().call_soon(always.set)
        asyncio.get_running_loop().call_soon(source.ready, "value")
        for _ in range(calls):
            assert await m.select() == (0, True)
        await steps(1)
        assert source.log == ["pending", "released"]


@pytest.mark.parametrize("call", ["select", "get", "get_or_raise"])
async def test_a_source_woken_for_a_cancelled_call_is_released(call: str) -> None:
    source = Log()
    async with multi_await(source) as m:
        blocked: asyncio.Future[object] = asyncio.ensure_future(getattr(m, call)())
        await steps(1)
        source.ready("value")
        blocked.cancel()
        await asyncio.wait([blocked])
        await steps(1)
        assert source.log == ["pending", "released"]
        assert m.select_nowait() == (0, "value")


@pytest.mark.parametrize("change", ["remove", "pause"])
async def test_the_claim_of_a_removed_or_paused_source_is_released_at_most_once(
    change: str,
) -> None:
    first, second = Log(), Log()
    async with multi_await() as m:
        m.add(first)
        m.add(second)
        asyncio.get_running_loop().call_soon(first.ready, "1")
        asyncio.get_running_loop().call_soon(second.ready, "2")
        assert await m.select() == (0, "1")
        if change == "remove":
            await m.remove(1)  # the end releases everything
            await steps(2)
            assert second.log == ["pending"]
        else:
            m.pause(1)
            await steps(2)
            assert second.log == ["pending", "released"]


@pytest.mark.parametrize("end", ["remove", "exhausted"])
async def test_a_source_that_is_ending_is_not_released(end: str) -> None:
    class EndsSlowly(Log):
        def poll(self, wake: Wake) -> str | Pending:
            if self.value == "end":
                wake()
                raise StopAsyncIteration
            return super().poll(wake)

        async def aclose(self) -> None:
            self.log.append("ending")
            await asyncio.sleep(1)

    queue, source = asyncio.Queue[int](), EndsSlowly()
    async with multi_await() as m:
        m.add(queue.get)
        m.add(source)
        asyncio.get_running_loop().call_soon(queue.put_nowait, 1)
        asyncio.get_running_loop().call_soon(source.ready, "end")
        assert await m.select() == (0, 1)
        if end == "remove":
            await m.remove(1)
        else:
            assert m.select_nowait() is None
        await steps(2)
    assert source.log == ["pending", "ending"]


async def test_a_nowait_call_returns_although_a_source_wakes_itself_in_every_poll() -> None:
    class Spins(Source[int]):
        def poll(self, wake: Wake) -> Pending:
            wake()
            return PENDING

    queue = asyncio.Queue[int]()
    group = Group[str, int]()
    group.add("a", Spins())
    group.add("b", queue.get)
    async with multi_await(Spins(), group) as m:
        assert m.select_nowait() is None
        assert m.get_nowait() == ((None, None), (None, None))
        queue.put_nowait(1)
        assert await m.select() == (1, ("b", 1))


async def test_a_call_within_the_start_of_a_source_is_refused() -> None:
    class Calls(Source[int]):
        def start(self) -> None:
            m.select_nowait()

        def poll(self, wake: Wake) -> int:
            return 1

    queue = asyncio.Queue[int]()
    queue.put_nowait(1)
    m = multi_await(queue.get, Calls())
    async with m:
        assert await m.select() == (0, 1)
        with pytest.raises(RuntimeError, match="another call on this MultiAwait"):
            await m.select()


async def test_a_claim_is_not_released_during_a_call_that_has_since_begun() -> None:
    first, second = Log(), Log()
    loop = asyncio.get_running_loop()
    async with multi_await(first, second) as m:
        assert m.select_nowait() is None
        loop.call_soon(first.ready, "1")
        loop.call_soon(second.ready, "2")
        loop.call_soon(loop.call_soon, second.ready, "3")  # just before the release comes
        assert await m.select() == (0, "1")  # the release of the second's claim is on its way
        second.value = None  # another task took the 2
        assert await m.select() == (1, "3")
        assert "released" not in second.log


async def test_get_polls_each_source_once_per_round() -> None:
    sources = [Log(), Log()]

    class Always(Source[int]):
        polls = 0

        def poll(self, wake: Wake) -> int:
            self.polls += 1
            return self.polls

    always = Always()
    async with multi_await(*sources, always) as m:
        for number in range(1, 4):
            assert (await m.get())[0] == (None, None, number)
        assert [source.log for source in sources] == [["pending"], ["pending"]]


async def test_get_nowait_takes_one_item_per_source_in_a_round() -> None:
    queues = [asyncio.Queue[int](), asyncio.Queue[int]()]
    for queue in queues:
        for item in (1, 2, 3):
            queue.put_nowait(item)
    async with multi_await(*[queue.get for queue in queues]) as m:
        assert [m.get_nowait()[0] for _ in range(4)] == [(1, 1), (2, 2), (3, 3), (None, None)]


async def test_a_value_kept_by_get_or_raise_comes_alone_and_the_others_follow() -> None:
    kept, other = Log(), Log()

    def fail() -> Any:
        raise ValueError("failed")

    async with multi_await(fail, kept, other) as m:
        kept.value = "kept"
        with pytest.raises(ValueError, match="failed"):
            await m.get_or_raise()
        m.pause(0)
        other.ready("other")
        assert await m.get_or_raise() == (None, "kept", None)
        assert await m.get_or_raise() == (None, None, "other")


async def test_a_source_woken_by_a_poll_is_polled_by_the_same_call_and_not_released() -> None:
    woken = Log()

    class Wakes(Log):
        def poll(self, wake: Wake) -> str | Pending:
            woken.ready("value")
            return super().poll(wake)

    async with multi_await(woken, Wakes()) as m:
        assert await m.select() == (0, "value")
        assert woken.log == ["pending", "value"]


async def test_ending_the_set_from_a_poll_is_a_failure_even_if_the_call_has_slept() -> None:
    class Ends(Log):
        def poll(self, wake: Wake) -> str | Pending:
            if self.wake is not None:
                m.cancel().send(None)
            return super().poll(wake)

    source = Ends()
    async with multi_await(source) as m:
        asyncio.get_running_loop().call_soon(source.ready, "value")
        with pytest.raises(RuntimeError, match="from within a source"):
            await m.select()
        source.wake = None
        assert await m.select() == (0, "value")


async def test_a_source_that_was_interrupted_is_polled_once_per_round() -> None:
    class Interrupted(Source[int]):
        polls = 0

        def poll(self, wake: Wake) -> int:
            self.polls += 1
            if self.polls == 1:
                raise KeyboardInterrupt
            return self.polls

    async with multi_await(Interrupted(), asyncio.Event().wait) as m:
        with pytest.raises(KeyboardInterrupt):
            await m.get()
        assert [(await m.get())[0][0] for _ in range(3)] == [2, 3, 4]


async def test_cancel_leaves_no_pending_release_of_a_claim() -> None:
    loop = asyncio.get_running_loop()
    first, second = Log(), Log()
    m = multi_await(first, second)
    assert m.select_nowait() is None
    loop.call_soon(first.ready, "1")
    loop.call_soon(second.ready, "2")
    assert await m.select() == (0, "1")
    await m.cancel()
    await steps(2)
    assert "released" not in second.log


async def test_a_wake_after_exhaustion_or_the_end_does_nothing() -> None:
    class Ends(Log):
        def poll(self, wake: Wake) -> str | Pending:
            super().poll(wake)
            raise StopAsyncIteration

    ended, source = Ends(), Log()
    async with multi_await(ended, source) as m:
        assert m.select_nowait() is None
        ended.ready("too late")
        assert m.select_nowait() is None
        assert ended.log == ["pending"]
    source.ready("too late")
    assert source.log == ["pending", "pending"]


async def test_ten_thousand_sources_can_be_waited_on_and_ended() -> None:
    count = 10_000
    event = asyncio.Event()
    last = asyncio.Queue[int]()
    async with multi_await(*[event.wait] * count, last.get) as m:
        blocked = asyncio.ensure_future(m.select())
        await steps(1)
        last.put_nowait(1)
        assert await blocked == (count, 1)


@pytest.mark.parametrize("call", ["get_nowait", "select_nowait"])
async def test_a_nowait_call_keeps_pending_sources_waiting_in_line(call: str) -> None:
    queue = asyncio.Queue[int]()
    async with multi_await(queue.get, functools.partial(asyncio.sleep, 1)) as m:
        for _ in range(3):
            getattr(m, call)()
        assert repr(queue).count("_getters[1]") == 1
        blocked: asyncio.Future[Any] = asyncio.ensure_future(m.select())
        await asyncio.sleep(1)
        assert await blocked == (1, None)


async def test_a_call_over_many_sources_gives_the_event_loop_its_turns() -> None:
    queues = [asyncio.Queue[int]() for _ in range(1000)]
    async with ticks() as had, multi_await(*[queue.get for queue in queues]) as m:
        queues[-1].put_nowait(1)
        assert await m.select() == (999, 1)
        assert had() in (7, 8)  # 1000 // 128; eager tasks have one more


@pytest.mark.parametrize("call", ["select", "__anext__", "get", "get_or_raise"])
async def test_after_128_calls_without_a_wait_the_event_loop_gets_its_turn(
    call: str,
) -> None:
    always = asyncio.Event()
    always.set()
    async with multi_await(always.wait) as m:
        for _ in range(128):
            with pytest.raises(StopIteration):  # it has returned without suspending
                getattr(m, call)().send(None)
        suspended = getattr(m, call)()
        assert suspended.send(None) is None
        suspended.close()
