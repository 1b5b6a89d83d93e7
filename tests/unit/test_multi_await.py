"""The three ways to look at a MultiAwait, fixed and open sets, and one call at a time."""

from __future__ import annotations

import asyncio
import copy
import functools
import pickle
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, assert_never

import pytest

from multi_await import Group, MultiAwait, NothingToAwait, each, inline, multi_await, once
from tests.conftest import new_loop
from tests.machinery.tools import (
    Gate,
    cancelled_after,
    dropped_without_end,
    in_another_thread,
    nowait_calls,
    slow_to_end,
    steps,
    waiting_calls,
)


async def send(queue: asyncio.Queue[Any], seconds: float, value: object) -> None:
    await asyncio.sleep(seconds)
    await queue.put(value)


def once_only(function: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
    """A function source that ends after its first outcome."""
    calls = iter([function])

    def call() -> Awaitable[Any]:
        for first in calls:
            return first()
        raise StopAsyncIteration

    return call


async def test_the_articles_program_runs_as_readers_type_it() -> None:
    q1, q2 = asyncio.Queue[str](), asyncio.Queue[str]()
    received = list[tuple[str | None, str | None]]()
    async with asyncio.TaskGroup() as group, multi_await() as m:
        group.create_task(send(q1, 1, "one"))
        group.create_task(send(q2, 2, "two"))
        m.add(q1.get)
        m.add(q2.get)
        for _ in range(2):
            completed, failures = await m.get()
            assert failures == [None, None]
            result_from_q1, result_from_q2 = completed
            received.append((result_from_q1, result_from_q2))
    assert received == [("one", None), (None, "two")]
    assert asyncio.get_running_loop().time() == 2


async def test_the_class_works_without_a_block_and_is_ended_by_cancel() -> None:
    m = MultiAwait()
    assert [m.add(functools.partial(asyncio.sleep, 1, "slept")), m.add(asyncio.Event().wait)] == [
        0,
        1,
    ]
    assert await m.get() == (["slept", None], [None, None])
    await m.cancel()
    await m.cancel()


async def test_an_open_set_gives_lists_with_a_slot_for_each_add() -> None:
    async with multi_await() as m:
        for count in range(1, 4):
            m.add(asyncio.Event().wait)
            assert m.get_nowait() == ([None] * count, [None] * count)
            assert len(m) == count


async def test_a_fixed_set_gives_tuples_and_refuses_add() -> None:
    async with multi_await(asyncio.Event().wait, asyncio.Event().wait) as m:
        assert m.get_nowait() == ((None, None), (None, None))
        with pytest.raises(
            TypeError, match=r"^add\(\) on a MultiAwait that was built with sources"
        ):
            m.add(asyncio.Event().wait)  # type: ignore[misc]  # what this test is about
        assert len(m) == 2


async def test_get_gives_every_ready_value_and_failure_by_position() -> None:
    q1, q2, gate = asyncio.Queue[str](), asyncio.Queue[int](), Gate()
    async with multi_await(q1.get, once_only(gate.get), q2.get, asyncio.Event().wait) as m:
        m.get_nowait()
        q1.put_nowait("a")
        q1.put_nowait("b")
        q2.put_nowait(2)
        gate.fail(ValueError("failed"))
        await steps(3)
        completed, failures = await m.get()
        assert completed == ("a", None, 2, None)
        assert repr(failures) == "(None, ValueError('failed'), None, None)"
        completed, failures = await m.get()
        assert completed[0] == "b"


async def test_get_or_raise_gives_values_by_position() -> None:
    q1, q2 = asyncio.Queue[str](), asyncio.Queue[int]()
    q2.put_nowait(2)
    async with multi_await(q1.get, q2.get) as m:
        assert await m.get_or_raise() == (None, 2)


async def test_a_raised_failure_names_its_source_once() -> None:
    failure = ValueError("the same every time")

    async def fail() -> None:
        raise failure

    async with multi_await(asyncio.Event().wait, fail) as m:
        for call in (m.select, m.get_or_raise, m.select):
            with pytest.raises(ValueError, match="the same every time"):
                await call()
    (note,) = failure.__notes__
    assert note.startswith("raised by source 1 (test_a_raised_failure_names_its_source")


async def test_a_failure_that_has_a_note_of_its_own_says_which_source_it_came_from() -> None:
    failure = ValueError("with a note")
    failure.add_note("zero is not allowed")

    async def fail() -> None:
        raise failure

    async with multi_await(fail) as m:
        with pytest.raises(ValueError, match="with a note"):
            await m.select()
    own, ours = failure.__notes__
    assert own == "zero is not allowed"
    assert ours.startswith("raised by source 0 (")


async def test_select_gives_one_event_that_match_can_distinguish() -> None:
    q1, q2 = asyncio.Queue[str](), asyncio.Queue[int]()
    q1.put_nowait("word")
    q2.put_nowait(7)
    seen = list[object]()
    async with multi_await(q1.get, q2.get) as m:
        for _ in range(2):
            event = await m.select()
            match event:
                case (0, word):
                    seen.append(word.upper())
                case (1, number):
                    seen.append(number + 1)
                case _:
                    assert_never(event)
    assert seen == ["WORD", 8]


async def test_select_returns_none_as_a_value_while_get_shows_nothing() -> None:
    queue = asyncio.Queue[None]()
    queue.put_nowait(None)
    queue.put_nowait(None)
    async with multi_await(queue.get) as m:
        assert await m.get() == ((None,), (None,))
        assert m.select_nowait() == (0, None)
        assert m.select_nowait() is None


async def test_nowait_calls_see_an_item_that_has_just_been_put() -> None:
    q1, q2 = asyncio.Queue[str](), asyncio.Queue[int]()
    async with multi_await(q1.get, q2.get) as m:
        assert m.select_nowait() is None
        q2.put_nowait(1)
        assert m.select_nowait() == (1, 1)
        assert m.select_nowait() is None
        q1.put_nowait("a")
        q2.put_nowait(2)
        assert m.get_nowait() == (("a", 2), (None, None))
        assert m.get_nowait() == ((None, None), (None, None))


async def test_select_nowait_raises_a_failure_and_names_its_source() -> None:
    queue = asyncio.Queue[int]()

    def fails() -> asyncio.Future[int]:
        raise ValueError("at once")

    async with multi_await(queue.get, fails) as m:
        with pytest.raises(ValueError, match="at once") as caught:
            m.select_nowait()
        assert "source 1" in caught.value.__notes__[0]


async def test_async_for_gives_events_until_every_source_has_ended() -> None:
    async def countdown(start: int) -> Any:
        for number in range(start, 0, -1):
            yield number

    async with multi_await(countdown(2).__anext__, countdown(1).__anext__) as m:
        assert sorted([event async for event in m]) == [(0, 1), (0, 2), (1, 1)]


async def test_async_for_over_no_sources_raises_instead_of_looping_zero_times() -> None:
    async with multi_await() as m:
        with pytest.raises(NothingToAwait):
            assert [event async for event in m]


async def test_async_for_raises_a_failure_and_the_iteration_can_continue() -> None:
    queue, gate = asyncio.Queue[int](), Gate()
    gate.fail(ValueError("failed"))
    async with multi_await(queue.get, once_only(gate.get)) as m:
        with pytest.raises(ValueError, match="failed"):
            assert [event async for event in m]
        queue.put_nowait(1)
        assert await anext(m) == (0, 1)


async def test_without_sources_a_call_raises_nothing_to_await_with_the_message_of_1_0_4() -> None:
    async with multi_await() as m:
        for call in waiting_calls(m):
            with pytest.raises(RuntimeError) as e:
                await call()
            assert str(e.value) == "Attempted to await 0 coroutines"
        for call_nowait in nowait_calls(m):
            with pytest.raises(NothingToAwait, match=r"^Attempted to await 0 coroutines$"):
                call_nowait()


async def test_a_source_added_while_a_call_is_blocked_is_polled_by_that_call() -> None:
    async with multi_await() as m:
        m.add(asyncio.Event().wait)
        blocked = asyncio.ensure_future(m.select())
        await steps(2)
        assert m.add(functools.partial(asyncio.sleep, 1, "the newcomer")) == 1
        assert await blocked == (1, "the newcomer")


async def test_a_second_call_while_one_is_blocked_raises_and_does_not_disturb_it() -> None:
    queue = asyncio.Queue[int]()
    async with multi_await(queue.get) as m:
        blocked = asyncio.ensure_future(m.select())
        await steps(2)
        for call in [*waiting_calls(m), m.__anext__]:
            with pytest.raises(
                RuntimeError, match=r"^another call on this MultiAwait has not returned"
            ):
                await call()
        for call_nowait in nowait_calls(m):
            with pytest.raises(RuntimeError, match="one call at a time"):
                call_nowait()
        queue.put_nowait(1)
        assert await blocked == (0, 1)


async def test_a_call_from_inside_a_source_is_a_failure_of_that_source() -> None:
    async def nested() -> None:
        m.select_nowait()

    async with multi_await() as m:
        m.add(nested)
        with pytest.raises(RuntimeError, match="another call"):
            await m.select()


async def test_a_blocked_call_raises_when_another_task_calls_cancel() -> None:
    queue = asyncio.Queue[int]()
    m = multi_await(queue.get, Gate().get)
    blocked = asyncio.ensure_future(m.get())
    await steps(2)
    await m.cancel()
    with pytest.raises(RuntimeError, match=r"^this MultiAwait was closed by cancel\(\)"):
        await blocked


async def test_any_call_after_cancel_raises() -> None:
    m = multi_await()
    m.add(asyncio.Event().wait)
    await m.cancel()
    for call in [*waiting_calls(m), m.__anext__]:
        with pytest.raises(RuntimeError, match="closed"):
            await call()
    for call_nowait in nowait_calls(m):
        with pytest.raises(RuntimeError, match="closed"):
            call_nowait()
    with pytest.raises(RuntimeError, match="closed"):
        m.add(asyncio.Event().wait)
    assert repr(m) == "<MultiAwait closed>"


async def test_cancel_from_inside_a_source_is_a_failure_of_that_source() -> None:
    async def close() -> None:
        await m.cancel()

    async with multi_await() as m:
        m.add(inline(close))
        with pytest.raises(RuntimeError, match=r"^cancel\(\) was called from within a source"):
            await m.select()


async def test_a_source_with_a_task_can_end_the_multi_await_in_its_first_step() -> None:
    """The task may have started eagerly, during a poll."""
    went_on = list[str]()

    async def function() -> None:
        await m.cancel()
        went_on.append("function")

    async def generator() -> AsyncIterator[int]:
        await m.cancel()
        went_on.append("generator")
        yield 1

    sources: list[Any] = [function, once(function()), each(generator())]
    for source in sources:
        m = multi_await(asyncio.Queue[int]().get, source)
        with pytest.raises(RuntimeError, match="closed by cancel"):
            await m.select()
        await m.cancel()
        await steps(3)
    assert went_on == ["function", "function", "generator"]


async def test_a_function_source_can_end_the_multi_await_and_wait_for_the_others_to_end() -> None:
    ended, stop = list[float](), asyncio.Event()

    async def stopper() -> None:
        await stop.wait()
        await m.cancel()
        ended.append(asyncio.get_running_loop().time())

    m = multi_await(functools.partial(slow_to_end, ended), stopper)
    blocked = asyncio.ensure_future(m.select())
    await steps(3)
    stop.set()
    with pytest.raises(RuntimeError, match="closed"):
        await blocked
    await m.cancel()
    await steps(2)
    assert ended == [5, 5]


async def test_a_function_source_can_remove_itself() -> None:
    removed = list[str]()

    async def once_only() -> None:
        await asyncio.sleep(1)
        await m.remove(0)
        removed.append("itself")

    async with multi_await() as m:
        m.add(once_only)
        m.add(functools.partial(asyncio.sleep, 2, "the other"))
        assert await m.select() == (1, "the other")
        assert removed == ["itself"]
        assert "once_only" not in repr(m)


async def test_cancel_while_a_call_yields_to_the_event_loop_ends_that_call() -> None:
    always = asyncio.Event()
    always.set()

    async def consume() -> None:
        async for _ in m:
            pass

    m = multi_await(always.wait)
    consumer = asyncio.ensure_future(consume())
    await steps(2)
    await m.cancel()
    with pytest.raises(RuntimeError, match="closed"):
        await consumer


async def test_a_call_keeps_a_set_alive_that_has_no_other_reference_and_warns() -> None:
    queue = asyncio.Queue[int]()
    for number in range(2):
        queue.put_nowait(number)
    warning = r"^<MultiAwait 0 Queue.get ready> was dropped before its end: use `async with`"
    with pytest.warns(ResourceWarning, match=warning) as warned:
        assert await multi_await(queue.get).select() == (0, 0)
    assert [each.filename for each in warned] == [__file__]
    with pytest.warns(ResourceWarning, match=warning):
        assert await multi_await(queue.get).get() == ((1,), (None,))


async def test_entering_a_set_twice_raises_and_does_not_end_it() -> None:
    queue = asyncio.Queue[int]()
    async with multi_await(queue.get) as m:
        with pytest.raises(RuntimeError, match=r"^<MultiAwait 0 .*> has already been entered: "):
            await m.__aenter__()
        queue.put_nowait(1)
        assert await m.select() == (0, 1)
    with pytest.raises(RuntimeError, match=r"^this MultiAwait was closed by cancel\(\)"):
        await m.__aenter__()


@dropped_without_end
def test_using_a_second_event_loop_raises() -> None:
    m = multi_await(asyncio.Event().wait)

    async def first() -> None:
        assert m.select_nowait() is None

    async def second() -> None:
        with pytest.raises(RuntimeError, match=r"^this MultiAwait belongs to another event loop$"):
            await m.select()
        for call in (m.select_nowait, m.get_nowait):
            with pytest.raises(RuntimeError, match="another event loop"):
                call()

    async def third() -> None:
        with pytest.raises(RuntimeError, match="another event loop"):
            await m.cancel()

    for main in (first, second, third):
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(main())


def test_a_wake_is_accepted_in_the_thread_that_the_event_loop_has_moved_to() -> None:
    queue, loop = asyncio.Queue[int](), new_loop()

    async def first() -> MultiAwait[int]:
        m = multi_await(queue.get)
        assert m.select_nowait() is None
        return m

    async def second() -> None:
        loop.call_soon(queue.put_nowait, 1)
        assert await m.select() == (0, 1)
        await m.cancel()

    m = loop.run_until_complete(first())
    in_another_thread(lambda: loop.run_until_complete(second()))
    loop.close()


@pytest.mark.parametrize("in_a_group", [False, True])
def test_a_set_keeps_working_after_its_event_loop_moves_to_another_thread(in_a_group: bool) -> None:
    """Also if its last call returned at once, so that none has slept in that thread yet."""
    queues, loop = [asyncio.Queue[int]() for _ in range(3)], new_loop()
    m, group = multi_await(), Group[int, int]()

    def add(number: int) -> None:
        (group.add(number, queues[number].get) if in_a_group else m.add(queues[number].get))

    async def first() -> None:
        m.add(group)
        add(0)
        add(1)
        assert m.select_nowait() is None

    async def second() -> None:
        add(2)
        for number in range(3):
            queues[number].put_nowait(number)
            await steps(3)
            assert await m.select() == (
                (0, (number, number)) if in_a_group else (number + 1, number)
            )
        loop.call_soon(queues[0].put_nowait, 5)
        assert await m.select() == ((0, (0, 5)) if in_a_group else (1, 5))
        await m.cancel()

    loop.run_until_complete(first())
    in_another_thread(lambda: loop.run_until_complete(second()))
    loop.close()


def test_a_source_can_be_paused_between_two_runs_of_its_event_loop() -> None:
    queues, group = [asyncio.Queue[int]() for _ in range(2)], Group[str, int]()
    m = multi_await(queues[0].get, group)
    group.add("member", queues[1].get)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(m.__aenter__())
        m.pause(0)
        group.pause("member")
        for number, queue in enumerate(queues):
            queue.put_nowait(number)
        assert runner.run(_nowait(m)) is None
        m.resume(0)
        group.resume("member")
        assert [runner.run(m.select()) for _ in queues] == [(0, 0), (1, ("member", 1))]
        runner.run(m.cancel())


async def _nowait(m: MultiAwait[int, tuple[str, int]]) -> object:
    return m.select_nowait()


@dropped_without_end
def test_remove_in_a_second_event_loop_raises() -> None:
    m = multi_await()

    async def first() -> None:
        m.add(asyncio.Event().wait)
        assert m.select_nowait() is None

    async def second() -> None:
        with pytest.raises(RuntimeError, match="another event loop"):
            await m.remove(0)
        assert len(m) == 1

    for main in (first, second):
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(main())


def test_a_call_after_cancel_raises_the_same_error_in_any_event_loop() -> None:
    m = multi_await(asyncio.Event().wait)

    async def call() -> None:
        for begin in waiting_calls(m):
            with pytest.raises(RuntimeError, match="was closed by cancel"):
                await begin()

    for main in (m.cancel, call):
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(main())


async def test_the_warning_about_unread_values_points_to_where_they_were_dropped() -> None:
    gate = Gate()
    m = multi_await(gate.get)
    m.select_nowait()
    gate.open("lost")
    await steps(3)
    await m.cancel()
    await steps(1)
    with pytest.warns(ResourceWarning, match="lost") as warned:
        del m
    assert [each.filename for each in warned] == [__file__]


def test_a_multi_await_whose_constructor_failed_is_freed_without_a_warning() -> None:
    with pytest.raises(TypeError, match="unexpected keyword"):
        MultiAwait(bogus=True)  # type: ignore[call-overload]  # what this test is about


def test_a_multi_await_can_be_created_without_an_event_loop() -> None:
    m = multi_await(asyncio.Event().wait)
    with pytest.raises(RuntimeError, match="no asyncio event loop is running here"):
        m.select_nowait()


async def test_a_multi_await_used_and_dropped_before_its_end_gives_a_resource_warning() -> None:
    m = multi_await(asyncio.Event().wait)
    assert m.select_nowait() is None
    warning = r"^<MultiAwait 0 Event.wait pending> was dropped before its end: use `async with`"
    with pytest.warns(ResourceWarning, match=warning):
        del m
    await steps(2)


async def test_a_multi_await_entered_and_never_exited_gives_a_resource_warning() -> None:
    m = multi_await(asyncio.Event().wait)
    await m.__aenter__()
    with pytest.warns(ResourceWarning, match="dropped before its end"):
        del m


async def test_a_multi_await_that_was_never_used_can_be_dropped() -> None:
    m = multi_await(asyncio.Event().wait)
    del m


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_multi_await_cannot_be_copied_or_pickled(copied: Callable[[Any], object]) -> None:
    with pytest.raises(
        TypeError, match=r"^a MultiAwait can't be copied or pickled: make a new one$"
    ):
        copied(multi_await(asyncio.Event().wait))


async def test_a_closed_multi_await_cannot_be_entered() -> None:
    m = multi_await(asyncio.Event().wait)
    await m.cancel()
    with pytest.raises(RuntimeError, match="was closed by cancel"):
        await m.__aenter__()


async def test_repr_shows_each_source_and_its_state_and_is_cut_short_for_many() -> None:
    queue = asyncio.Queue[int]()
    async with multi_await() as m:
        assert repr(m) == "<MultiAwait without sources>"
        m.add(queue.get)
        m.add(functools.partial(asyncio.sleep, 1))
        assert repr(m) == "<MultiAwait 0 Queue.get ready, 1 sleep ready>"
        m.select_nowait()
        assert repr(m) == "<MultiAwait 0 Queue.get pending, 1 sleep pending>"
        for _ in range(98):
            m.add(queue.get)
        assert len(repr(m)) < 250
        assert repr(m).endswith("7 Queue.get ready, ... 100 in all>")


async def test_a_multi_await_can_be_a_source_of_another() -> None:
    queue, other = asyncio.Queue[int](), asyncio.Queue[str]()
    async with multi_await(queue.get) as inner, multi_await(inner.select, other.get) as m:
        await cancelled_after(1, m.select())
        other.put_nowait("a")
        assert await m.select() == (1, "a")
        queue.put_nowait(1)
        assert await m.select() == (0, (0, 1))


@dropped_without_end
def test_a_call_unfinished_when_its_loop_is_closed_gives_no_warning() -> None:
    """A discarded coroutine must not raise inside the garbage collector."""
    queue = asyncio.Queue[int]()
    m = multi_await(queue.get)
    call = m.select()

    async def woken_and_not_resumed() -> None:
        call.send(None)
        queue.put_nowait(1)
        await steps(1)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(woken_and_not_resumed())
    call.close()
    assert queue.get_nowait() == 1
