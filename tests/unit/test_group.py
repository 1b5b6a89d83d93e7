"""A group: sources by key that come and go behind one position."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from multi_await import (
    Group,
    Source,
    Wake,
    after,
    catching,
    each,
    ending,
    every,
    multi_await,
    once,
)
from tests.machinery.probes import Probe, filled, letters
from tests.machinery.tools import cancelled_after, steps

# -- events ----------------------------------------------------------------------------------------


async def test_a_groups_event_is_the_key_and_the_value() -> None:
    group = Group[str, int]()
    group.add("a", filled(1).get)
    async with multi_await(group) as m:
        assert await m.select() == (0, ("a", 1))


async def test_get_gives_one_event_per_group_in_each_round() -> None:
    group = Group[str, int]()
    group.add("a", filled(1).get)
    group.add("b", filled(2).get)
    async with multi_await(group, filled(3).get) as m:
        assert await m.get() == ((("a", 1), 3), (None, None))
        assert await m.get() == ((("b", 2), None), (None, None))


async def test_the_sources_of_a_group_take_turns() -> None:
    group = Group[str, int]()
    group.add("a", filled(1, 2, 3).get)
    group.add("b", filled(4, 5, 6).get)
    async with multi_await(group) as m:
        events = [(await m.select())[1] for _ in range(6)]
    assert events == [("a", 1), ("b", 4), ("a", 2), ("b", 5), ("a", 3), ("b", 6)]


async def test_a_group_is_one_source_among_the_others() -> None:
    group = Group[int, int]()
    for key in range(3):
        group.add(key, filled(*range(10)).get)
    async with multi_await(group, filled(*range(10)).get) as m:
        positions = [(await m.select())[0] for _ in range(6)]
    assert positions == [0, 1, 0, 1, 0, 1]


async def test_a_biased_group_prefers_sources_in_the_order_they_were_added() -> None:
    group = Group[str, int](biased=True)
    urgent = filled()
    group.add("urgent", urgent.get)
    group.add("other", filled(1, 2, 3).get)
    async with multi_await(group) as m:
        assert await m.select() == (0, ("other", 1))
        urgent.put_nowait(0)
        assert await m.select() == (0, ("urgent", 0))
        assert await m.select() == (0, ("other", 2))


@pytest.mark.parametrize("biased", [False, True])
async def test_a_source_in_a_group_wakes_a_blocked_call(biased: bool) -> None:
    group = Group[str, int](biased=biased)
    queue = asyncio.Queue[int]()
    group.add("a", queue.get)
    async with multi_await(group) as m:
        asyncio.get_running_loop().call_later(1, queue.put_nowait, 5)
        assert await m.select() == (0, ("a", 5))


@pytest.mark.parametrize("biased", [False, True])
async def test_a_nowait_call_sees_an_item_that_has_just_arrived_in_a_group(biased: bool) -> None:
    group = Group[str, int]()
    queue = asyncio.Queue[int]()
    group.add("a", queue.get)
    async with multi_await(group, biased=biased) as m:
        assert m.select_nowait() is None
        queue.put_nowait(1)
        assert m.select_nowait() == (0, ("a", 1))


@pytest.mark.parametrize("around", [lambda group: ending(group, None), lambda g: catching(g, str)])
async def test_a_nowait_call_sees_a_just_arrived_item_of_a_group_in_an_adapter(
    around: Callable[[Group[str, int]], Source[object]],
) -> None:
    group = Group[str, int]()
    queue = asyncio.Queue[int]()
    group.add("a", queue.get)
    async with multi_await(around(group)) as m:
        assert m.select_nowait() is None
        queue.put_nowait(1)
        assert m.select_nowait() == (0, ("a", 1))


async def test_a_biased_set_takes_an_item_that_its_group_has_just_received() -> None:
    group = Group[str, int]()
    first = asyncio.Queue[int]()
    group.add("a", first.get)
    async with multi_await(group, filled(1, 2).get, biased=True) as m:
        assert await m.select() == (1, 1)
        first.put_nowait(0)
        assert await m.select() == (0, ("a", 0))


async def test_groups_can_be_nested() -> None:
    inner = Group[int, int]()
    outer = Group[str, tuple[int, int]]()
    outer.add("inner", inner)
    queue = asyncio.Queue[int]()
    async with multi_await(outer) as m:
        inner.add(7, queue.get)
        asyncio.get_running_loop().call_later(1, queue.put_nowait, 5)
        assert await m.select() == (0, ("inner", (7, 5)))
        inner.shutdown()
        assert await inner.remove(7) == ()
        outer.shutdown()
        assert [event async for event in m] == []


async def test_a_nowait_call_sees_a_just_arrived_item_of_a_nested_group() -> None:
    inner, outer = Group[int, int](), Group[str, tuple[int, int]]()
    queue = asyncio.Queue[int]()
    inner.add(7, queue.get)
    outer.add("inner", inner)
    async with multi_await(outer) as m:
        assert m.select_nowait() is None
        queue.put_nowait(1)
        assert m.select_nowait() == (0, ("inner", (7, 1)))


# -- adding and removing ---------------------------------------------------------------------------


async def test_a_source_added_while_a_call_waits_is_polled_by_that_call() -> None:
    group = Group[str, int]()
    async with multi_await(group) as m:
        asyncio.get_running_loop().call_later(1, group.add, "late", filled(1).get)
        assert await m.select() == (0, ("late", 1))


async def test_sources_are_started_with_the_set_or_when_they_are_added() -> None:
    group = Group[str, int]()
    early, late = Probe(), Probe()
    group.add("early", early)
    assert early.seen == []
    async with multi_await(group):
        assert early.seen == ["start"]
        group.add("late", late)
        assert late.seen == ["start"]


async def test_a_timer_in_a_group_starts_when_it_is_added() -> None:
    group = Group[str, int]()
    async with multi_await(group) as m:
        group.add("timer", after(1))
        await asyncio.sleep(0.9)
        async with asyncio.timeout(0.2):
            assert await m.select() == (0, ("timer", 1))


async def test_a_failed_start_is_the_failure_of_that_source() -> None:
    class Fails(Probe):
        def start(self) -> None:
            raise OSError("no start")

    group = Group[str, int]()
    async with multi_await(group) as m:
        group.add("bad", Fails())
        with pytest.raises(OSError, match="no start"):
            await m.select()
        assert group.failed == "bad"
        assert m.select_nowait() is None
        assert "bad" not in group


async def test_adding_a_key_twice_raises_and_leaves_its_source_alone() -> None:
    group = Group[str, int]()
    source = every(1)
    group.add("a", filled(1).get)
    with pytest.raises(ValueError, match="there is a source under the key 'a'"):
        group.add("a", source)
    group.add("b", source)
    assert list(group) == ["a", "b"]


async def test_adding_something_not_a_source_raises_an_error_that_names_its_key() -> None:
    group = Group[str, int]()
    queue = filled()
    with pytest.raises(TypeError, match=r"source 'a' is a coroutine, Queue.get\(\): pass"):
        group.add("a", queue.get())  # type: ignore[arg-type]  # the mistake
    with pytest.raises(TypeError, match="unhashable"):
        group.add([], queue.get())  # type: ignore[arg-type]  # the mistake
    source = every(1)
    group.add("timer", source)
    with pytest.raises(RuntimeError, match=r"source 'again' \(every\(1\)\) was already used"):
        group.add("again", source)
    assert list(group) == ["timer"]


async def test_remove_ends_a_source_and_returns_what_it_left() -> None:
    group = Group[str, int]()
    probe = Probe()
    async with multi_await(group) as m:
        group.add("a", probe)
        assert m.select_nowait() is None
        probe.has.append(5)
        assert await group.remove("a") == (5,)
        assert probe.seen == ["start", "aclose"]
        assert "a" not in group
        assert len(group) == 0
        group.add("a", filled(6).get)
        assert await m.select() == (0, ("a", 6))
    assert m.undelivered == ()


async def test_values_left_by_a_cancelled_remove_are_in_undelivered_with_their_key() -> None:
    gate = asyncio.Event()

    class Slow(Probe):
        async def aclose(self) -> Iterable[int]:
            await gate.wait()
            return [5]

    group = Group[str, int]()
    group.add("a", Slow())
    async with multi_await(group) as m:
        asyncio.get_running_loop().call_later(2, gate.set)
        await cancelled_after(1, group.remove("a"))
    assert m.undelivered == ((0, ("a", 5)),)


@pytest.mark.parametrize("call", ["pause", "resume"])
async def test_a_missing_key_raises_key_error(call: str) -> None:
    group = Group[str, int]()
    with pytest.raises(KeyError, match="there is no source under the key 'a'"):
        getattr(group, call)("a")
    with pytest.raises(KeyError, match="there is no source under the key 'a'"):
        await group.remove("a")


async def test_keys_are_the_same_if_they_are_equal_rather_than_if_their_hashes_are() -> None:
    group = Group[object, int]()
    one, other = asyncio.Queue[int](), asyncio.Queue[int]()
    key, equal = (float("1"), "key"), (1, "key")
    group.add(key, one.get)
    with pytest.raises(ValueError, match="there is a source under the key"):
        group.add(equal, other.get)
    assert hash(-1) == hash(-2)
    group.add(-1, one.get)
    group.add(-2, other.get)
    async with multi_await(group) as m:
        assert await group.remove(equal) == ()
        assert list(group) == [-1, -2]
        other.put_nowait(2)
        assert await m.select() == (0, (-2, 2))


async def test_no_key_is_compared_when_a_source_leaves_by_itself() -> None:
    compared = list[str]()

    class SameHash:
        def __hash__(self) -> int:
            return 1

        def __eq__(self, other: object) -> bool:
            compared.append("compared")
            return False

    group = Group[SameHash, str]()
    never = asyncio.Queue[str]()
    for source in (never.get, never.get, ending(each(letters("")), "end")):
        group.add(SameHash(), source)
    async with multi_await(group) as m:
        assert compared != []
        compared.clear()
        _, (_, value) = await m.select()
    assert compared == []
    assert value == "end"


async def test_a_paused_source_is_not_polled_until_it_is_resumed() -> None:
    group = Group[str, int]()
    group.add("a", filled(1, 2).get)
    async with multi_await(group) as m:
        group.pause("a")
        group.pause("a")
        assert m.select_nowait() is None
        asyncio.get_running_loop().call_later(1, group.resume, "a")
        assert await m.select() == (0, ("a", 1))


async def test_a_source_paused_after_its_wake_lets_others_have_the_item() -> None:
    group = Group[str, int]()
    queue = asyncio.Queue[int]()
    group.add("a", queue.get)
    async with multi_await(group) as m:
        assert m.select_nowait() is None
        rival = asyncio.ensure_future(queue.get())
        await steps(1)
        queue.put_nowait(1)
        group.pause("a")
        assert await rival == 1


async def test_a_paused_group_holds_nothing() -> None:
    group = Group[str, int]()
    queue = asyncio.Queue[int]()
    group.add("a", queue.get)
    async with multi_await(group) as m:
        assert m.select_nowait() is None
        m.pause(0)
        rival = asyncio.ensure_future(queue.get())
        await steps(1)
        queue.put_nowait(1)
        assert await rival == 1
        queue.put_nowait(2)
        m.resume(0)
        assert await m.select() == (0, ("a", 2))


async def test_an_empty_group_waits() -> None:
    async with multi_await(Group[str, int](), after(5)) as m:
        assert await m.select() == (1, 1)


async def test_after_shutdown_a_group_ends_with_its_last_source() -> None:
    group = Group[str, str]()
    group.add("a", each(letters("xy")))
    group.add("b", once(letters("z").__anext__()))
    group.shutdown()
    group.shutdown()
    async with multi_await(group) as m:
        events = [event async for _, event in m]
    assert events == [("a", "x"), ("b", "z"), ("a", "y")]


async def test_shutting_down_an_empty_group_ends_a_waiting_loop() -> None:
    group = Group[str, int]()
    async with multi_await(group) as m:
        asyncio.get_running_loop().call_later(1, group.shutdown)
        assert [event async for event in m] == []


async def test_removing_the_last_source_after_shutdown_ends_a_waiting_loop() -> None:
    group = Group[str, int]()
    group.add("a", asyncio.Queue[int]().get)
    group.shutdown()

    async def remove() -> None:
        await asyncio.sleep(1)
        assert await group.remove("a") == ()

    async with multi_await(group) as m, asyncio.TaskGroup() as tasks:
        tasks.create_task(remove())
        assert [event async for event in m] == []


async def test_add_after_shutdown_raises() -> None:
    group = Group[str, int]()
    group.shutdown()
    with pytest.raises(RuntimeError, match=r"add\(\) was called after shutdown\(\)"):
        group.add("a", filled(1).get)


async def test_a_paused_source_keeps_a_group_from_ending() -> None:
    group = Group[str, str]()
    group.add("a", each(letters("x")))
    group.pause("a")
    group.shutdown()
    async with multi_await(group, after(1)) as m:
        assert await m.select() == (1, 1)
        group.resume("a")
        assert [event async for event in m] == [(0, ("a", "x"))]


async def test_a_group_in_a_source_that_does_not_start_it_is_started_by_the_first_poll() -> None:
    class Wrapper(Source[Any]):
        def __init__(self) -> None:
            self.group = Group[str, Any]()

        def poll(self, wake: Wake) -> Any:
            return self.group.poll(wake)

    wrapper, queue = Wrapper(), asyncio.Queue[int]()
    wrapper.group.add("tick", every(1))
    wrapper.group.add("queue", queue.get)
    async with multi_await(wrapper) as m:
        assert await m.select() == (0, ("tick", 1))
        asyncio.get_running_loop().call_later(0.5, queue.put_nowait, 7)
        assert await m.select() == (0, ("queue", 7))
    await wrapper.group.aclose()
