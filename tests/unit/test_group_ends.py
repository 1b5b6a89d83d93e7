"""How a group's sources end, fail and leave, without losing anything."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, NoReturn

import pytest

from multi_await import (
    PENDING,
    Group,
    Pending,
    Source,
    Wake,
    after,
    batched,
    catching,
    each,
    ending,
    every,
    inline,
    multi_await,
    once,
)
from tests.conftest import Reported
from tests.machinery.probes import Broken, Probe, filled, letters
from tests.machinery.tools import Gate, fails_at_the_end, in_another_thread, steps

# -- ends and failures -----------------------------------------------------------------------------


async def test_an_ending_leaves_its_group_once_its_value_is_delivered() -> None:
    group = Group[str, str | None]()
    group.add("a", ending(each(letters("x")), None))
    async with multi_await(group) as m:
        assert await m.select() == (0, ("a", "x"))
        assert "a" in group
        assert await m.select() == (0, ("a", None))
        assert "a" not in group
        assert len(group) == 0
        assert list(group) == []
        group.add("a", ending(each(letters("y")), None))
        assert await m.select() == (0, ("a", "y"))


async def test_once_and_after_leave_their_group_once_their_only_event_is_delivered() -> None:
    """So that a pool can be refilled at once."""
    running, delivered = Group[int, int](), list[int]()

    async def job(number: int) -> int:
        return number

    async with multi_await(running) as m:
        for number in range(6):
            running.add(0, after(1) if number % 2 else once(job(number)))
            assert len(running) == 1
            _, (_, value) = await m.select()
            assert len(running) == 0
            delivered.append(value)
    assert delivered == [0, 1, 2, 1, 4, 1]


@pytest.mark.parametrize("biased", [False, True])
async def test_a_failed_once_leaves_its_group_once_its_failure_is_delivered(biased: bool) -> None:
    async def fails() -> int:
        raise ValueError("failed")

    async def ends() -> int:
        raise StopAsyncIteration

    group = Group[int, int | Broken](biased=biased)
    async with multi_await(group) as m:
        group.add(0, once(fails()))
        with pytest.raises(ValueError, match="failed"):
            await m.select()
        assert len(group) == 0
        group.add(0, catching(once(fails()), Broken))
        assert isinstance((await m.select())[1][1], Broken)
        assert 0 not in group
        group.add(0, once(ends()))
        group.add(1, ending(once(fails()), -1))
        with pytest.raises(ValueError, match="failed"):
            await m.select()
        assert list(group) == [1]
        assert await m.select() == (0, (1, -1))
        assert list(group) == []


async def test_an_ending_leaves_its_group_even_if_woken_in_the_poll_that_ended_it() -> None:
    class WakesAndEnds(Source[str]):
        def poll(self, wake: Wake) -> NoReturn:
            wake()
            raise StopAsyncIteration

    group = Group[str, str | None]()
    group.add("a", ending(WakesAndEnds(), None))
    group.add("b", ending(each(letters("xy")), None))
    async with multi_await(group) as m:
        events = [await m.select() for _ in range(4)]
        assert sorted(events, key=repr) == [
            (0, ("a", None)),
            (0, ("b", "x")),
            (0, ("b", "y")),
            (0, ("b", None)),
        ]
        assert len(group) == 0


async def test_an_ending_inside_a_catching_leaves_its_group_once_delivered() -> None:
    group = Group[str, str | Broken | None]()
    group.add("a", catching(ending(each(letters("")), None), Broken))
    async with multi_await(group) as m:
        assert await m.select() == (0, ("a", None))
        assert "a" not in group


@pytest.mark.parametrize("biased", [False, True])
async def test_a_source_leaves_its_group_when_a_poll_finds_its_end(biased: bool) -> None:
    group = Group[str, str](biased=biased)
    group.add("a", each(letters("x")))
    async with multi_await(group) as m:
        assert await m.select() == (0, ("a", "x"))
        assert "a" in group
        assert m.select_nowait() is None
        await steps(3)
        assert m.select_nowait() is None
        assert "a" not in group


async def test_messages_failures_and_the_end_are_three_separate_cases() -> None:
    failure = ConnectionError("reset")
    group = Group[str, str | Broken | None]()
    group.add("a", ending(catching(each(letters("x", failure)), Broken), None))
    group.shutdown()
    async with multi_await(group) as m:
        assert [value async for _, (_, value) in m] == ["x", Broken(failure), None]


async def test_a_source_that_left_is_closed_soon_rather_than_at_the_end() -> None:
    class Ends(Probe):
        def poll(self, wake: Wake) -> int | Pending:
            raise StopAsyncIteration

    group = Group[str, int]()
    probe = Ends()
    group.add("a", probe)
    async with multi_await(group) as m:
        assert m.select_nowait() is None
        await steps(2)
        assert probe.seen == ["start", "aclose"]
    assert probe.seen == ["start", "aclose"]


async def test_a_source_that_has_just_left_is_closed_by_the_end() -> None:
    class Ends(Probe):
        def poll(self, wake: Wake) -> int | Pending:
            raise StopAsyncIteration

    group = Group[str, int]()
    probes = Ends(), Ends(), Probe()
    async with multi_await(group) as m:
        for key, probe in enumerate(probes):
            group.add(str(key), probe)
        assert m.select_nowait() is None
        assert "0" not in group
        group.add("0", every(1))
        assert m.select_nowait() is None
    for probe in probes:
        assert probe.seen == ["start", "aclose"]


async def test_a_failure_is_raised_as_the_groups_failure_and_names_the_key() -> None:
    async def broken() -> int:
        raise ConnectionError("reset")

    group = Group[str, int]()
    group.add("alice", broken)
    async with multi_await(after(100), group) as m:
        with pytest.raises(ConnectionError) as raised:
            await m.select()
        assert m.failed == 1
        assert group.failed == "alice"
        notes = "\n".join(raised.value.__notes__)
        assert "raised by source 'alice' (" in notes
        assert "of a Group" in notes
        assert "raised by source 1 (Group(1 source)) of a MultiAwait" in notes


def test_before_the_first_failure_failed_is_none() -> None:
    assert Group[str, int]().failed is None


async def test_get_also_sets_failed_to_the_key_of_the_failed_source() -> None:
    async def broken() -> int:
        raise ConnectionError("reset")

    group = Group[str, int]()
    group.add("alice", broken)
    async with multi_await(group) as m:
        _, (failure,) = await m.get()
        assert isinstance(failure, ConnectionError)
        assert group.failed == "alice"
        assert m.failed is None


async def test_a_sources_own_cancellation_is_that_sources_failure() -> None:
    async def cancelled() -> int:
        raise asyncio.CancelledError

    group = Group[str, int]()
    group.add("a", cancelled)
    async with multi_await(group) as m:
        with pytest.raises(RuntimeError, match=r"source 'a' \(.*\) was cancelled, and not by"):
            await m.select()


async def test_the_other_sources_go_on_after_a_failure() -> None:
    async def broken() -> int:
        raise ConnectionError("reset")

    group = Group[str, int]()
    group.add("bad", broken)
    group.add("good", filled(1, 2).get)
    seen = list[object]()
    async with multi_await(group) as m:
        while len(seen) < 4:
            try:
                seen.append((await m.select())[1])
            except ConnectionError:
                seen.append(group.failed)
    assert sorted(seen, key=str) == [("good", 1), ("good", 2), "bad", "bad"]


# -- nothing is held, nothing is lost --------------------------------------------------------------


async def test_a_group_holds_no_item_and_no_wake_between_two_calls() -> None:
    group = Group[str, int]()
    one, two = asyncio.Queue[int](), asyncio.Queue[int]()
    group.add("one", one.get)
    group.add("two", two.get)
    async with multi_await(group) as m:
        call = asyncio.ensure_future(m.select())
        await steps(2)
        rivals = {  # each is the next in line
            "one": asyncio.ensure_future(one.get()),
            "two": asyncio.ensure_future(two.get()),
        }
        await steps(1)
        one.put_nowait(1)
        two.put_nowait(2)
        _, (delivered, _) = await call  # asyncio does not promise which of them
        await steps(3)
        other = {"one": "two", "two": "one"}[delivered]
        assert {key: rival.done() for key, rival in rivals.items()} == {
            delivered: False,
            other: True,
        }
        assert m.select_nowait() is None
        rivals[delivered].cancel()


async def test_an_item_that_arrives_between_two_calls_goes_to_whoever_waits() -> None:
    group = Group[str, int]()
    queue = asyncio.Queue[int]()
    group.add("a", queue.get)
    async with multi_await(group) as m:
        assert m.select_nowait() is None
        rival = asyncio.ensure_future(queue.get())
        await steps(1)
        queue.put_nowait(1)
        assert await rival == 1


async def test_a_cancelled_call_takes_nothing() -> None:
    group = Group[str, int]()
    queue = asyncio.Queue[int]()
    group.add("a", queue.get)
    async with multi_await(group) as m:
        call = asyncio.ensure_future(m.select())
        await steps(2)
        queue.put_nowait(1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert queue.get_nowait() == 1


async def test_values_produced_but_not_delivered_are_in_undelivered_with_their_key() -> None:
    async def at_once() -> int:
        return 5

    group = Group[str, int]()
    gate = Gate()
    group.add("gate", gate.get)
    group.add("once", at_once)
    async with multi_await(group) as m:
        call = asyncio.ensure_future(m.select())
        await steps(1)
        gate.open(6)
        await call
        await steps(5)
    assert dict(value for _, value in m.undelivered) in ({"gate": 6}, {"once": 5})
    assert {position for position, _ in m.undelivered} == {0}


async def test_all_sources_of_a_group_have_ended_once_the_set_has(reported: Reported) -> None:
    group = Group[str, object]()
    ended = list[str]()

    async def slow(name: str) -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(5)
            ended.append(name)

    group.add("a", lambda: slow("a"))
    group.add("b", lambda: slow("b"))
    group.add("c", fails_at_the_end)
    async with multi_await(group) as m:
        assert m.select_nowait() is None
        await steps(2)
    assert sorted(ended) == ["a", "b"]
    assert [str(context["exception"]) for context in reported] == ["at the end"]
    assert "source 'c'" in reported[0]["message"]
    reported.clear()


async def test_add_after_the_end_raises() -> None:
    group = Group[str, int]()
    async with multi_await(group):
        pass
    with pytest.raises(RuntimeError, match="this Group has ended with its MultiAwait"):
        group.add("a", filled(1).get)
    assert len(group) == 0
    assert repr(group) == "Group(0 sources)"


async def test_a_source_of_a_group_may_end_the_whole_set() -> None:
    group = Group[str, object]()

    went_on = list[bool]()

    async def ends() -> None:
        await asyncio.sleep(1)
        await m.cancel()
        went_on.append(True)

    group.add("ends", ends)
    group.add("other", lambda: asyncio.sleep(1000))
    m = multi_await(group)
    with pytest.raises(RuntimeError, match="was closed by cancel"):
        await m.select()
    await m.cancel()
    await steps(3)
    assert went_on == [True]


async def test_a_source_of_a_group_may_remove_itself() -> None:
    group = Group[str, object]()
    went_on = asyncio.Event()

    async def removes() -> str:
        await asyncio.sleep(1)
        assert await group.remove("self") == ()
        went_on.set()
        return "ignored"

    group.add("self", removes)
    async with multi_await(group, went_on.wait) as m:
        assert await m.select() == (1, True)


async def test_remove_inside_a_poll_raises() -> None:
    group = Group[str, int]()

    class Removes(Probe):
        def poll(self, wake: Wake) -> int | Pending:
            coroutine = group.remove("a")
            try:
                coroutine.send(None)
            finally:
                coroutine.close()
            return PENDING

    async def remove() -> int:
        await group.remove("a")
        return 0

    group.add("a", Removes())
    group.add("b", inline(remove))
    async with multi_await(group) as m:
        for _ in range(2):
            with pytest.raises(RuntimeError, match=r"^remove\(\) was called from within a source,"):
                await m.select()


async def test_an_interrupt_from_a_source_that_left_is_raised_at_the_end_of_the_set() -> None:
    class Interrupts(Probe):
        def poll(self, wake: Wake) -> int | Pending:
            raise StopAsyncIteration

        async def aclose(self) -> Iterable[int]:
            raise KeyboardInterrupt

    group = Group[str, int]()
    group.add("a", Interrupts())
    m = multi_await(group)
    assert m.select_nowait() is None
    await steps(3)
    with pytest.raises(KeyboardInterrupt):
        await m.cancel()


async def test_values_left_by_a_source_that_left_its_group_are_in_undelivered() -> None:
    class Leaves(Probe):
        def poll(self, wake: Wake) -> int | Pending:
            raise StopAsyncIteration

        async def aclose(self) -> Iterable[int]:
            return [5]

    group = Group[str, int]()
    group.add("a", Leaves())
    async with multi_await(group) as m:
        assert m.select_nowait() is None
        await steps(3)
    assert m.undelivered == ((0, ("a", 5)),)


async def test_an_interrupt_in_one_release_in_a_group_does_not_prevent_the_others() -> None:
    class Interrupts(Probe):
        def release(self) -> None:
            super().release()
            raise KeyboardInterrupt

    group = Group[str, int]()
    probes = [Interrupts(), Interrupts(), Probe()]
    for key, probe in enumerate(probes):
        group.add(str(key), probe)
    woken = list[object]()
    group.start()
    assert group.poll(lambda *_: woken.append(1)) is PENDING
    for probe in probes:
        assert probe.wake is not None
        probe.wake()
    woken.clear()
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            group.release()
    assert len(woken) == 2  # so that whoever polls the group releases it again
    group.release()
    assert [probe.seen for probe in probes] == [["start", "release"]] * 3


async def test_a_key_that_can_no_longer_be_hashed_leaves_no_source_open() -> None:
    class Key:
        broken = False

        def __hash__(self) -> int:
            if self.broken:
                raise ValueError("no hash")
            return 1

    class Ends(Probe):
        def poll(self, wake: Wake) -> int | Pending:
            raise StopAsyncIteration

    group = Group[Key, int]()
    key, probe = Key(), Ends()
    group.add(key, probe)
    async with multi_await(group) as m:
        assert m.select_nowait() is None
        key.broken = True
        with pytest.raises(ValueError, match="no hash"):
            group.pause(key)
        await steps(2)
        assert probe.seen == ["start", "aclose"]
        assert list(group) == []


async def test_values_left_by_a_source_survive_the_shutdown_of_the_event_loop() -> None:
    """asyncio.run() cancels every task, even the one in which the group ends."""

    class Slow(Probe):
        async def aclose(self) -> Iterable[int]:
            task = asyncio.current_task()
            assert task is not None
            await asyncio.sleep(1)
            return [5]

    group = Group[str, int]()
    group.add("a", Slow())
    m = multi_await(group)
    assert m.select_nowait() is None
    ending_all = asyncio.ensure_future(m.cancel())
    await steps(2)
    for task in asyncio.all_tasks() - {asyncio.current_task(), ending_all}:
        if "end of source 0" in task.get_name():
            task.cancel()
    await ending_all
    assert m.undelivered == ((0, ("a", 5)),)


async def test_a_change_from_another_thread_raises_and_leaves_nothing_behind() -> None:
    group, tick = Group[str, int](), every(1)
    group.add("paused", asyncio.Queue[int]().get)
    async with multi_await(group) as m:
        group.pause("paused")
        selecting = asyncio.ensure_future(m.select())
        await steps(2)
        for change in (
            lambda: group.add("tick", tick),
            lambda: group.pause("paused"),
            lambda: group.resume("paused"),
            lambda: group.shutdown(),
            lambda: asyncio.run(group.remove("paused")),
        ):
            with pytest.raises(RuntimeError, match="a Group was called from a thread other than"):
                in_another_thread(change)
        assert list(group) == ["paused"]
        group.add("tick", tick)
        assert await selecting == (0, ("tick", 1))


async def test_a_wake_from_another_thread_is_refused_by_the_group() -> None:
    group = Group[str, int]()
    probe = Probe()
    group.add("a", probe)
    async with multi_await(group) as m:
        assert m.select_nowait() is None
        assert probe.wake is not None
        with pytest.raises(RuntimeError) as refusal:
            in_another_thread(probe.wake)
    failure = str(refusal.value)
    assert failure.startswith("source 'a' (")
    assert "of a Group was woken from a thread other than" in failure


async def test_a_group_belongs_to_only_one_set() -> None:
    group = Group[str, int]()
    async with multi_await(group):
        with pytest.raises(RuntimeError, match="was already used"):
            multi_await(group)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_group_cannot_be_copied_or_pickled(duplicate: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="a Group can't be copied or pickled"):
        duplicate(Group[str, int]())


async def test_removing_a_group_returns_the_values_its_sources_left() -> None:
    group = Group[str, int]()
    probe = Probe()
    group.add("a", probe)
    async with multi_await() as m:
        position = m.add(group)
        assert m.select_nowait() is None
        probe.has.append(5)
        assert await m.remove(position) == (("a", 5),)


async def test_keys_can_be_iterated_while_sources_are_added() -> None:
    group = Group[int, int]()
    group.add(1, every(1))
    group.add(2, batched(filled(), 3))  # type: ignore[arg-type]  # lists
    for key in group:
        group.add(key + 10, every(1))
    assert list(group) == [1, 2, 11, 12]
    assert repr(group) == "Group(4 sources)"


async def test_ten_thousand_connections_that_end_by_themselves_leave_nothing_behind() -> None:
    group = Group[int, str | None]()

    async def connection() -> AsyncIterator[str]:
        yield "hello"

    async with multi_await(group) as m:

        async def serve(count: int) -> None:
            for number in range(count):
                group.add(number, ending(each(connection()), None))
                assert await m.select() == (0, (number, "hello"))
                assert await m.select() == (0, (number, None))
                assert len(group) == 0
            await steps(5)

        await serve(100)
        gc.collect()
        before = len(gc.get_objects())
        await serve(10_000)
        gc.collect()
        assert len(gc.get_objects()) - before < 20


async def test_a_group_is_empty_after_the_end() -> None:
    group = Group[str, int]()
    group.add("a", filled(1).get)
    async with multi_await(group):
        assert (len(group), list(group)) == (1, ["a"])
    assert (len(group), list(group)) == (0, [])
    assert repr(group) == "Group(0 sources)"


def test_whether_a_group_is_biased_is_a_keyword() -> None:
    group: Any = Group
    with pytest.raises(TypeError, match="positional argument"):
        group(True)
