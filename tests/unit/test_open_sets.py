"""Sets that change while the program runs: add, remove, pause, resume; and biased sets."""

from __future__ import annotations

import asyncio
import functools
import gc
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import pytest

from multi_await import (
    PENDING,
    Group,
    MultiAwait,
    NothingToAwait,
    Pending,
    Source,
    Wake,
    each,
    ending,
    every,
    inline,
    multi_await,
    once,
    put,
)
from tests.conftest import Reported
from tests.machinery.probes import Probe
from tests.machinery.tools import Gate, cancelled_after, in_another_thread, slow_to_end, steps


async def filled(count: int) -> tuple[MultiAwait[()], list[asyncio.Queue[int]]]:
    m, queues = multi_await(), [asyncio.Queue[int]() for _ in range(count)]
    for queue in queues:
        m.add(queue.get)
    return m, queues


async def test_the_lowest_free_position_is_reused() -> None:
    m, queues = await filled(5)
    async with m:
        for position in (3, 1, 2):
            await m.remove(position)
        assert len(m) == 5
        assert repr(m) == "<MultiAwait 0 Queue.get ready, 4 Queue.get ready>"
        assert m.get_nowait() == ([None] * 5, [None] * 5)
        assert [m.add(queues[n].get) for n in (1, 2, 3)] == [1, 2, 3]
        assert m.add(queues[0].get) == 5


async def test_a_set_with_free_positions_ends_like_any_other() -> None:
    m, queues = await filled(3)
    m.select_nowait()
    await m.remove(1)
    await m.cancel()
    assert ["_getters" in repr(queue) for queue in queues] == [False] * 3


async def test_removing_the_last_sources_shortens_the_set() -> None:
    m, queues = await filled(5)
    async with m:
        for position in (1, 3, 4):
            await m.remove(position)
        assert len(m) == 3
        assert m.get_nowait() == ([None] * 3, [None] * 3)
        assert [m.add(queues[0].get) for _ in range(3)] == [1, 3, 4]


async def test_an_undelivered_item_of_a_removed_source_is_still_in_its_queue() -> None:
    m, queues = await filled(2)
    async with m:
        await cancelled_after(1, m.select())
        queues[0].put_nowait(1)
        queues[1].put_nowait(2)
        await m.remove(0)
        assert await m.select() == (1, 2)
        assert queues[0].get_nowait() == 1
        assert "_getters" not in repr(queues[0])


async def test_remove_ends_a_function_source_and_returns_its_value() -> None:
    ended, gate = list[float](), Gate()
    async with multi_await() as m:
        m.add(functools.partial(slow_to_end, ended))
        m.add(gate.get)
        m.get_nowait()
        await steps(2)
        gate.open("never delivered")
        await steps(3)
        assert await m.remove(0) == ()
        assert ended == [5]
        assert await m.remove(1) == ("never delivered",)
        assert m.undelivered == ()
    assert m.undelivered == ()


async def test_values_left_by_a_cancelled_remove_are_in_undelivered() -> None:
    async def slow_to_end_with_a_value() -> str:
        try:
            return await asyncio.sleep(1000, "never")
        except asyncio.CancelledError:
            return await asyncio.sleep(5, "left")

    async with multi_await() as m:
        m.add(slow_to_end_with_a_value)
        assert m.select_nowait() is None
        await steps(2)
        await cancelled_after(1, m.remove(0))
        assert asyncio.get_running_loop().time() == 5
        assert m.undelivered == ((0, "left"),)


@pytest.mark.parametrize("in_a_group", [False, True])
@pytest.mark.parametrize("cancelled", [False, True])
async def test_what_a_removed_source_leaves_while_the_set_ends_is_in_one_place(
    cancelled: bool, in_a_group: bool
) -> None:
    """With its caller, or if that was cancelled meanwhile, in `undelivered` as the end returns."""
    ended = asyncio.Event()

    class LeavesAnItem(Probe):
        async def aclose(self) -> list[int]:
            await ended.wait()
            return [1]

    async def end() -> object:
        await m.cancel()
        return m.undelivered

    m, group = multi_await(), Group[int, int]()
    m.add(group)
    (group.add(0, LeavesAnItem()) if in_a_group else m.add(LeavesAnItem()))
    assert m.select_nowait() is None
    removing = asyncio.ensure_future(group.remove(0) if in_a_group else m.remove(1))
    await steps(2)
    ending_all = asyncio.ensure_future(end())
    await steps(2)
    if cancelled:
        removing.cancel()
        await steps(2)
    ended.set()
    left = (0, (0, 1)) if in_a_group else (1, 1)
    assert await ending_all == ((left,) if cancelled else ())
    await asyncio.wait([removing])
    assert removing.cancelled() == cancelled
    assert cancelled or removing.result() == (1,)


async def test_a_failure_at_the_end_of_a_removed_source_is_reported(reported: Reported) -> None:
    class Broken(Source[int]):
        def poll(self, wake: Wake) -> Pending:
            return PENDING

        async def aclose(self) -> None:
            raise ValueError("can't end")

    async with multi_await() as m:
        m.add(Broken())
        await m.remove(0)
    assert [str(each["exception"]) for each in reported] == ["can't end"]


async def test_a_cancelled_remove_still_removes_and_ends_the_source() -> None:
    ended = list[float]()
    async with multi_await() as m:
        m.add(functools.partial(slow_to_end, ended))
        m.select_nowait()
        await steps(2)
        await cancelled_after(1, m.remove(0))
        assert ended == [5]
        assert len(m) == 0


async def test_a_slow_remove_does_not_delay_another() -> None:
    ended = list[float]()
    async with multi_await() as m:
        m.add(functools.partial(slow_to_end, ended))
        m.add(Gate().get)
        m.select_nowait()
        await steps(2)
        slow = asyncio.ensure_future(m.remove(0))
        await steps(2)
        await m.remove(1)
        assert asyncio.get_running_loop().time() == 0
        await m.cancel()  # and this waits for both
        assert ended == [5]
        await slow


async def test_remove_while_a_call_is_blocked_leaves_it_waiting_for_the_others() -> None:
    m, queues = await filled(2)
    async with m:
        blocked = asyncio.ensure_future(m.select())
        await steps(2)
        await m.remove(0)
        queues[0].put_nowait(1)
        queues[1].put_nowait(2)
        assert await blocked == (1, 2)
        assert queues[0].get_nowait() == 1


async def test_a_blocked_call_raises_when_the_last_source_is_removed() -> None:
    m, _ = await filled(1)
    async with m:
        blocked = asyncio.ensure_future(m.select())
        await steps(2)
        await m.remove(0)
        with pytest.raises(NothingToAwait):
            await blocked


async def test_a_blocked_call_raises_when_every_remaining_source_is_exhausted() -> None:
    gate = Gate()
    async with multi_await() as m:
        m.add(once(asyncio.sleep(1)))
        assert await m.select() == (0, None)
        position = m.add(gate.get)
        blocked = asyncio.ensure_future(m.select())
        await steps(2)
        await m.remove(position)
        with pytest.raises(NothingToAwait, match="every source is exhausted"):
            await blocked


async def test_cancel_takes_precedence_over_the_removal_of_the_last_source() -> None:
    async with multi_await() as m:
        m.add(once(asyncio.sleep(1)))
        assert await m.select() == (0, None)
        position = m.add(Gate().get)
        blocked = asyncio.ensure_future(m.__anext__())
        await steps(2)
        # Either may come first; a removal that comes second finds the set closed.
        both = m.remove(position), m.cancel()
        removed, _ = await asyncio.gather(*both, return_exceptions=True)
        assert removed == () or "closed by cancel" in str(removed)
        with pytest.raises(RuntimeError, match="closed by cancel"):
            await blocked


async def test_remove_after_a_wake_passes_the_wake_on() -> None:
    m, queues = await filled(1)
    async with m:
        m.add(asyncio.Event().wait)
        blocked = asyncio.ensure_future(m.select())
        await steps(2)
        rival = asyncio.ensure_future(queues[0].get())
        await steps(1)
        queues[0].put_nowait(1)
        await m.remove(0)
        assert await rival == 1
        await steps(3)
        assert not blocked.done()
        blocked.cancel()


async def test_a_source_removed_before_its_turn_is_not_polled_even_while_it_ends() -> None:
    class SlowToEnd(Source[str]):
        polls = 0

        def poll(self, wake: Wake) -> str:
            self.polls += 1
            return "polled"

        async def aclose(self) -> None:
            await asyncio.sleep(1)

    slow, queue = SlowToEnd(), asyncio.Queue[int]()
    async with multi_await() as m:
        m.add(slow)
        m.add(queue.get)
        removing = asyncio.ensure_future(m.remove(0))
        await steps(2)
        queue.put_nowait(1)
        assert await m.get() == ([None, 1], [None, None])
        assert slow.polls == 0
        await removing


async def test_a_source_left_woken_by_a_call_can_be_removed_at_once() -> None:
    m, queues = await filled(2)
    loop = asyncio.get_running_loop()
    async with m:
        assert m.select_nowait() is None
        for queue in queues:
            loop.call_soon(queue.put_nowait, 1)
        assert await m.select() == (0, 1)
        await m.remove(1)
        await steps(2)
        assert queues[1].get_nowait() == 1


async def test_a_late_wake_of_a_removed_source_does_not_reach_its_successor() -> None:
    wakes = list[Wake]()

    class Keeps(Source[int]):
        polls = 0

        def poll(self, wake: Wake) -> Pending:
            wakes.append(wake)
            self.polls += 1
            return PENDING

    async with multi_await() as m:
        m.add(Keeps())
        m.select_nowait()
        await m.remove(0)
        successor = Keeps()
        assert m.add(successor) == 0
        await cancelled_after(1, m.select())
        wakes[0]()
        await cancelled_after(1, m.select())
        assert successor.polls == 1


async def test_sources_can_be_added_and_removed_in_the_body_of_the_loop() -> None:
    queue = asyncio.Queue[str]()
    seen = list[tuple[int, Any]]()
    async with multi_await() as m:
        m.add(queue.get)
        queue.put_nowait("join")
        async for position, value in m:
            seen.append((position, value))
            if value == "join":
                m.add(functools.partial(asyncio.sleep, 1, "hello"))
            elif len(seen) == 3:
                await m.remove(position)
                queue.put_nowait("leave")
            elif value == "leave":
                break
        assert len(m) == 1
    assert seen == [(0, "join"), (1, "hello"), (1, "hello"), (0, "leave")]


async def test_an_exhausted_source_can_be_removed_and_replaced() -> None:
    async def ends() -> None:
        raise StopAsyncIteration

    queue = asyncio.Queue[int]()
    async with multi_await() as m:
        m.add(ends)
        with pytest.raises(NothingToAwait, match="exhausted"):
            await m.select()
        await m.remove(0)
        with pytest.raises(NothingToAwait, match="0 coroutines"):
            await m.select()
        assert m.add(queue.get) == 0
        assert m.select_nowait() is None
        queue.put_nowait(1)
        assert await m.select() == (0, 1)


@pytest.mark.parametrize("call", ["remove", "pause", "resume"])
@pytest.mark.parametrize("position", [-1, 1, 2, 100])
async def test_a_position_without_a_source_raises(call: str, position: int) -> None:
    m, queues = await filled(3)
    async with m:
        await m.remove(2)
        await m.remove(1)
        with pytest.raises(IndexError, match=f"^there is no source at position {position}"):
            await getattr(m, call)(position)
        queues[0].put_nowait(1)
        assert await m.select() == (0, 1)


async def test_remove_from_a_fixed_set_raises() -> None:
    async with multi_await(asyncio.Event().wait) as m:
        with pytest.raises(TypeError, match=r"^remove\(\) on a MultiAwait that was built with"):
            await m.remove(0)  # type: ignore[misc]  # what this test is about


async def test_changes_after_the_end_raise() -> None:
    m, _ = await filled(1)
    await m.cancel()
    for call in (m.pause, m.resume):
        with pytest.raises(RuntimeError, match="closed"):
            call(0)
    with pytest.raises(RuntimeError, match="closed"):
        await m.remove(0)


async def test_a_change_from_another_thread_raises_and_leaves_nothing_behind() -> None:
    async with multi_await() as m:
        paused = m.add(asyncio.Queue[int]().get)
        assert m.select_nowait() is None
        m.pause(paused)
        tick = every(1)
        for change in (
            lambda: m.add(tick),
            lambda: m.pause(paused),
            lambda: m.resume(paused),
        ):
            with pytest.raises(RuntimeError, match="a MultiAwait was called from a thread other"):
                in_another_thread(change)
        assert len(m) == 1
        assert m.add(tick) == 1
        assert await m.select() == (1, 1)


@pytest.mark.parametrize("in_a_group", [False, True])
async def test_a_source_added_while_another_starts_is_started_once(
    in_a_group: bool,
) -> None:
    m, group = multi_await(), Group[int, int]()
    added = Probe()

    class Adds(Probe):
        def start(self) -> None:
            (group.add(1, added) if in_a_group else m.add(added))

    m.add(group)
    (group.add(0, Adds()) if in_a_group else m.add(Adds()))
    async with m:
        assert added.seen == ["start"]
        added.give(1)
        assert await m.select() == ((0, (1, 1)) if in_a_group else (2, 1))


async def test_a_function_source_can_remove_a_source_in_its_first_step() -> None:
    """Its task may have begun eagerly, within a poll."""

    async def removes() -> str:
        assert await m.remove(0) == ()
        return "removed"

    async with multi_await() as m:
        m.add(Gate().get)
        m.add(removes)
        assert await m.select() == (1, "removed")
        assert len(m) == 2


async def test_remove_from_inside_a_source_is_a_failure_of_that_source() -> None:
    async def remove() -> None:
        await m.remove(0)

    async with multi_await() as m:
        m.add(inline(remove))
        with pytest.raises(RuntimeError, match=r"^remove\(\) was called from within a source"):
            await m.select()
        assert len(m) == 1


# pause and resume


async def test_a_paused_source_is_not_polled_until_it_is_resumed() -> None:
    first, second = asyncio.Queue[int](), asyncio.Queue[int]()
    async with multi_await(first.get, second.get) as m:
        m.pause(0)
        assert "0 Queue.get paused" in repr(m)
        first.put_nowait(1)
        second.put_nowait(2)
        assert await m.get() == ((None, 2), (None, None))
        await cancelled_after(1, m.select())
        assert first.qsize() == 1
        m.resume(0)
        assert await m.select() == (0, 1)


async def test_resume_wakes_a_blocked_call() -> None:
    queue = asyncio.Queue[int]()
    queue.put_nowait(1)
    async with multi_await(queue.get) as m:
        m.pause(0)
        blocked = asyncio.ensure_future(m.select())
        await asyncio.sleep(1)
        assert not blocked.done()
        m.resume(0)
        assert await blocked == (0, 1)


async def test_a_wake_of_a_paused_source_goes_to_whoever_waits() -> None:
    queue = asyncio.Queue[int]()
    async with multi_await(queue.get) as m:
        blocked = asyncio.ensure_future(m.select())
        await steps(2)
        rival = asyncio.ensure_future(queue.get())
        await steps(1)
        m.pause(0)
        queue.put_nowait(1)
        assert await rival == 1
        assert not blocked.done()
        blocked.cancel()


async def test_a_source_paused_after_its_wake_releases_its_claim() -> None:
    queue, other = asyncio.Queue[int](), asyncio.Queue[int]()
    loop = asyncio.get_running_loop()
    async with multi_await(other.get, queue.get) as m:
        assert m.select_nowait() is None
        rival = asyncio.ensure_future(queue.get())
        await steps(1)
        loop.call_soon(other.put_nowait, 1)
        loop.call_soon(queue.put_nowait, 2)
        assert await m.select() == (0, 1)
        m.pause(1)
        assert await rival == 2
        m.resume(1)
        queue.put_nowait(3)
        assert await m.select() == (1, 3)


async def test_the_outcome_of_a_paused_function_source_is_kept() -> None:
    gate = Gate()
    async with multi_await(gate.get) as m:
        m.select_nowait()
        m.pause(0)
        gate.open("kept")
        await cancelled_after(1, m.select())
        m.resume(0)
        assert await m.select() == (0, "kept")
        assert gate.calls == 1


@pytest.mark.parametrize("call", ["select", "get", "get_or_raise"])
@pytest.mark.parametrize("biased", [False, True])
async def test_a_source_that_pauses_itself_as_it_delivers_is_not_polled_until_resumed(
    biased: bool, call: str
) -> None:
    class OneAtATime(Source[int]):
        polls = 0

        def poll(self, wake: Wake) -> int:
            self.polls += 1
            m.pause(0)
            return self.polls

    async with multi_await(OneAtATime(), asyncio.Event().wait, biased=biased) as m:
        await getattr(m, call)()
        assert m.select_nowait() is None
        m.resume(0)
        assert m.select_nowait() == (0, 2)


@pytest.mark.parametrize("biased", [False, True])
async def test_a_source_added_by_another_is_started_and_polled_by_the_same_call(
    biased: bool,
) -> None:
    class Newcomer(Source[int]):
        started = 0

        def start(self) -> None:
            self.started += 1

        def poll(self, wake: Wake) -> int:
            return self.started

    class Adds(Source[int]):
        def poll(self, wake: Wake) -> Pending:
            m.add(Newcomer())
            m.pause(0)
            return PENDING

    async with multi_await(biased=biased) as m:
        m.add(Adds())
        assert await m.select() == (1, 1)


@pytest.mark.parametrize("biased", [False, True])
async def test_a_group_member_that_pauses_itself_as_it_delivers_is_not_polled_again(
    biased: bool,
) -> None:
    class OneAtATime(Source[int]):
        polls = 0

        def poll(self, wake: Wake) -> int:
            self.polls += 1
            group.pause("a")
            return self.polls

    group = Group[str, int](biased=biased)
    group.add("a", OneAtATime())
    async with multi_await(group) as m:
        assert await m.select() == (0, ("a", 1))
        assert m.select_nowait() is None
        group.resume("a")
        assert await m.select() == (0, ("a", 2))


@pytest.mark.parametrize("call", ["get", "get_or_raise", "select"])
@pytest.mark.parametrize("biased", [False, True])
async def test_a_source_paused_by_another_in_the_same_call_is_not_polled(
    biased: bool, call: str
) -> None:
    outbox, inbox = asyncio.Queue[str](), asyncio.Queue[str]()

    def pausing() -> str:
        m.pause(1)
        return "sent"

    async with multi_await(put(outbox, pausing), inbox.get, biased=biased) as m:
        inbox.put_nowait("item")
        await getattr(m, call)()
        m.pause(0)
        assert m.select_nowait() is None
        m.resume(1)
        assert m.select_nowait() == (1, "item")


async def test_a_kept_outcome_of_a_paused_source_does_not_delay_the_others() -> None:
    failing, kept, queue = Gate(), asyncio.Queue[int](), asyncio.Queue[int]()
    async with multi_await(failing.get, kept.get, queue.get) as m:
        m.select_nowait()
        failing.fail(ValueError("failed"))
        kept.put_nowait(1)
        await steps(3)
        with pytest.raises(ValueError, match="failed"):
            await m.get_or_raise()
        m.pause(0)
        m.pause(1)
        queue.put_nowait(2)
        await steps(2)
        call = asyncio.ensure_future(m.get_or_raise())
        await steps(1)
        assert call.done()
        assert await call == (None, None, 2)
        m.resume(1)
        assert await m.get_or_raise() == (None, 1, None)


async def test_pausing_and_resuming_before_its_turn_polls_a_source_once() -> None:
    queue = asyncio.Queue[int]()
    queue.put_nowait(1)
    queue.put_nowait(2)
    async with multi_await(queue.get) as m:
        for _ in range(3):
            m.pause(0)
            m.resume(0)
        assert await m.get() == ((1,), (None,))


async def test_pausing_and_resuming_are_idempotent() -> None:
    always = asyncio.Event()
    always.set()
    async with multi_await(always.wait) as m:
        m.pause(0)
        m.pause(0)
        assert m.select_nowait() is None
        m.resume(0)
        m.resume(0)
        assert m.select_nowait() == (0, True)


async def test_an_exhausted_source_can_be_paused_and_resumed_and_stays_exhausted() -> None:
    calls = list[str]()

    async def ends() -> None:
        calls.append("called")
        raise StopAsyncIteration

    async with multi_await(ends) as m:
        assert [event async for event in m] == []
        m.pause(0)
        m.resume(0)
        assert [event async for event in m] == []
    assert calls == ["called"]


async def test_a_source_paused_after_it_woke_a_blocked_call_releases_its_claim() -> None:
    queue = asyncio.Queue[int]()
    loop = asyncio.get_running_loop()
    async with multi_await(queue.get) as m:
        blocked = asyncio.ensure_future(m.select())
        await steps(2)
        rival = asyncio.ensure_future(queue.get())
        await steps(1)
        queue.put_nowait(1)
        loop.call_soon(m.pause, 0)  # after the wake, before the call goes on
        assert await rival == 1
        assert not blocked.done()
        blocked.cancel()


# biased


@pytest.mark.parametrize("biased", [True, False])
async def test_biased_polls_the_lowest_position_first_and_fair_polls_in_turn(biased: bool) -> None:
    queues = [asyncio.Queue[int]() for _ in range(3)]
    for queue in queues:
        queue.put_nowait(1)
        queue.put_nowait(2)
    async with multi_await(*[queue.get for queue in queues], biased=biased) as m:
        positions = [(await m.select())[0] for _ in range(6)]
    assert positions == ([0, 0, 1, 1, 2, 2] if biased else [0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize("make", [multi_await, MultiAwait])
async def test_the_function_and_the_class_are_fair_by_default(make: Any) -> None:
    events = [asyncio.Event(), asyncio.Event()]
    for event in events:
        event.set()
    async with make(*[event.wait for event in events]) as m:
        assert [(await m.select())[0] for _ in range(4)] == [0, 1, 0, 1]


async def test_biased_gives_every_turn_to_a_source_that_is_always_ready() -> None:
    always, queue = asyncio.Event(), asyncio.Queue[int]()
    always.set()
    queue.put_nowait(1)
    async with multi_await(always.wait, queue.get, biased=True) as m:
        assert {(await m.select())[0] for _ in range(1000)} == {0}
        assert queue.qsize() == 1


async def test_biased_polls_a_lower_position_before_one_that_is_always_ready() -> None:
    always, stop = asyncio.Event(), asyncio.Event()
    always.set()
    async with multi_await(stop.wait, always.wait, biased=True) as m:
        for _ in range(10):
            assert (await m.select())[0] == 1
        stop.set()
        await steps(2)
        assert (await m.select())[0] == 0


async def test_biased_get_takes_from_each_source_once_per_round() -> None:
    queues = [asyncio.Queue[int]() for _ in range(3)]
    for queue in queues:
        for item in range(4):
            queue.put_nowait(item)
    async with multi_await(*[queue.get for queue in queues], biased=True) as m:
        for item in range(4):
            assert await m.get() == ((item,) * 3, (None,) * 3)


async def test_a_biased_open_set_ranks_a_reused_position_by_its_number() -> None:
    queue = asyncio.Queue[int]()
    async with multi_await(biased=True) as m:
        for _ in range(3):
            m.add(queue.get)
        await m.remove(0)
        m.add(queue.get)
        for item in range(5):
            queue.put_nowait(item)
        assert [await m.select() for _ in range(5)] == [(0, item) for item in range(5)]


# A long-lived server


async def test_ten_thousand_connections_that_come_and_go_leave_nothing_behind() -> None:
    async with multi_await() as m:
        inbox = asyncio.Queue[int]()
        m.add(inbox.get)

        async def connections(count: int) -> None:
            """Ten connections at a time, each of which sends one message and leaves."""
            there = [
                (m.add(queue.get), queue) for queue in (asyncio.Queue[int]() for _ in range(10))
            ]
            for number in range(count):
                position, queue = there.pop(0)
                asyncio.get_running_loop().call_soon(queue.put_nowait, number)
                assert await m.select() == (position, number)
                await m.remove(position)
                newcomer = asyncio.Queue[int]()
                there.append((m.add(newcomer.get), newcomer))
            for position, _ in there:
                await m.remove(position)

        await connections(100)
        gc.collect()
        before = len(gc.get_objects())
        await connections(10_000)
        gc.collect()
        assert len(gc.get_objects()) - before < 20
        assert len(m) == 1


async def test_ten_thousand_connections_that_end_by_themselves_leave_only_live_ones() -> None:
    async def connection(hangs_up: asyncio.Event) -> AsyncIterator[str]:
        await asyncio.sleep(1)
        yield "hello"
        await hangs_up.wait()

    async with multi_await() as m:
        alive: deque[tuple[int, asyncio.Event]] = deque()

        async def connections(count: int) -> None:
            """Ten connections at a time, each of which sends one message and later hangs up."""
            for _ in range(count):
                if len(alive) == 10:
                    position, hangs_up = alive.popleft()
                    hangs_up.set()
                    assert await m.select() == (position, None)
                    assert await m.remove(position) == ()
                hangs_up = asyncio.Event()
                alive.append((m.add(ending(each(connection(hangs_up)), None)), hangs_up))
                assert await m.select() == (alive[-1][0], "hello")
                assert len(m) == len(alive)

        await connections(100)
        gc.collect()
        before = len(gc.get_objects())
        await connections(10_000)
        gc.collect()
        assert len(gc.get_objects()) - before < 20
        assert len(m) == 10
    assert m.undelivered == ()
