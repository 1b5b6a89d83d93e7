"""Function sources and custom sources."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import json
import sys
import traceback
import types
import weakref
from collections.abc import Coroutine, Generator, Iterable
from typing import Any

import pytest
from own_source import Button, Clicks

from multi_await import PENDING, Pending, Source, Wake, multi_await
from tests.conftest import Reported, wrapped
from tests.machinery.tools import Gate, steps


async def value_after(seconds: float, value: str) -> str:
    return await asyncio.sleep(seconds, value)


class Able:
    def __await__(self) -> Generator[Any, None, str]:
        return value_after(1, "awaitable").__await__()


@types.coroutine
def old_style() -> Generator[Any, None, str]:
    return (yield from value_after(1, "generator").__await__())


def future() -> asyncio.Future[str]:
    made: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(1, made.set_result, "future")
    return made


@pytest.mark.parametrize(
    ("function", "value"),
    [
        (lambda: value_after(1, "coroutine"), "coroutine"),
        (lambda: asyncio.ensure_future(value_after(1, "task")), "task"),
        (future, "future"),
        (Able, "awaitable"),
        (old_style, "generator"),
    ],
)
async def test_a_function_can_return_any_awaitable(function: Any, value: str) -> None:
    async with multi_await(function) as m:
        assert [await m.select(), await m.select()] == [(0, value), (0, value)]


async def test_a_completed_future_is_delivered_at_once() -> None:
    done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    done.set_result(1)
    async with multi_await(lambda: done) as m:
        assert m.select_nowait() == (0, 1)


async def test_unfinished_work_is_cancelled_and_awaited_at_the_end() -> None:
    gates = [Gate(), Gate()]
    pending = future()
    async with multi_await(gates[0].get, lambda: pending, gates[1].get) as m:
        m.select_nowait()
    assert pending.cancelled()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_item_handed_to_a_task_before_its_cancellation_is_not_lost() -> None:
    """Like many, this mailbox is careless: it can't tell whether the task still wants the item."""
    mailbox: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def receive() -> str:
        return await mailbox

    async with multi_await(receive) as m:
        m.select_nowait()
        await steps(2)
        ending = asyncio.ensure_future(m.cancel())
        asyncio.get_running_loop().call_soon(mailbox.set_result, "mail")
        await ending
    assert m.undelivered == ((0, "mail"),)


async def test_a_source_that_ends_while_being_cancelled_is_not_a_failure(
    reported: Reported,
) -> None:
    async def ends() -> None:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            raise StopAsyncIteration from None

    async with multi_await(ends) as m:
        m.select_nowait()
        await steps(2)
    assert (reported, m.undelivered) == ([], ())


async def test_a_task_is_named_after_its_source_and_position() -> None:
    tasks = list[asyncio.Task[Any] | None]()

    async def fetch() -> None:
        tasks.append(asyncio.current_task())

    async with multi_await(asyncio.Event().wait, fetch) as m:
        await m.select()
    (task,) = tasks
    assert task is not None
    # Not inside fetch: some loops name a task only after its eager first step.
    assert task.get_name().startswith("source 1 (test_a_task_is_named_after_its_source")


@pytest.mark.skipif(sys.version_info < (3, 14), reason="call graphs came with 3.14")
@pytest.mark.parametrize("call", ["select", "get"])
async def test_the_call_graph_of_a_sources_task_shows_who_awaits_it(call: str) -> None:
    gate = Gate()

    async def consume() -> None:
        async with multi_await(gate.get) as m:
            await getattr(m, call)()

    consumer = asyncio.ensure_future(consume())
    await steps(3)
    (task,) = [each for each in asyncio.all_tasks() if each.get_name() == "source 0 (Gate.get)"]
    graph: Any = asyncio.capture_call_graph(task)  # type: ignore[attr-defined]  # of 3.14
    assert [waiter.future for waiter in graph.awaited_by] == [consumer]
    shown = asyncio.format_call_graph(task)  # type: ignore[attr-defined]  # as above
    assert "test_the_call_graph_of_a_sources_task_shows" in shown
    assert ".select()" in shown or ".get()" in shown
    consumer.cancel()
    await asyncio.wait([consumer])


async def test_tasks_are_created_by_the_loops_task_factory() -> None:
    made = list[Coroutine[Any, Any, Any]]()

    def factory(
        loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)

    loop = asyncio.get_running_loop()
    loop.set_task_factory(factory)  # type: ignore[arg-type]  # its options differ by Python
    async with multi_await(lambda: value_after(1, "made")) as m:
        assert await m.select() == (0, "made")
        assert len(made) == 1
        assert "value_after" in repr(made[0])  # the task itself, not one that awaits it


async def test_a_delivered_failure_keeps_nothing_of_the_package_alive() -> None:
    class Failure(Exception):  # noqa: N818 -- it is one
        """Unlike a built-in exception, it supports weak references."""

    async def fail() -> None:
        await asyncio.sleep(1)  # failing before a wait would keep the callers' frames
        raise Failure("failed")

    gc.disable()
    try:
        m = multi_await(fail)
        _, (failure,) = await m.get()
        await m.cancel()
        gone = weakref.ref(m)
        del m
        assert gone() is None
        assert failure is not None
        frames = [frame for frame, _ in traceback.walk_tb(failure.__traceback__)]
        assert not [each for each in frames if each.f_globals["__package__"] == "multi_await"]
        assert frames.pop().f_code.co_name == "fail"
        frames.clear()
        gone_too = weakref.ref(failure)
        del failure, _
        assert gone_too() is None
    finally:
        gc.enable()


async def test_a_failures_traceback_begins_where_the_package_called_the_function() -> None:
    """In json, with no frame of the caller before it: the function is bound to its text."""
    source: Any = functools.partial(json.loads, "no JSON")
    async with multi_await(source) as m:
        _, (failure,) = await m.get()
    assert failure is not None
    frames = [frame.f_code.co_name for frame, _ in traceback.walk_tb(failure.__traceback__)]
    assert frames[0] == "loads"


@pytest.mark.parametrize("call", ["select", "get_or_raise"])
async def test_a_raised_failure_is_freed_without_the_garbage_collector(call: str) -> None:
    class Failure(Exception):  # noqa: N818 -- it is one
        """Unlike a built-in exception, it supports weak references."""

    async def fail() -> None:
        await asyncio.sleep(1)
        raise Failure

    raised = list[weakref.ref[Failure]]()
    async with multi_await(fail) as m:
        gc.collect()
        gc.disable()
        try:
            await getattr(m, call)()
        except Failure as failure:
            raised.append(weakref.ref(failure))
        finally:
            gc.enable()
    assert [gone() for gone in raised] == [None]


async def test_a_multi_await_is_freed_without_the_garbage_collector() -> None:
    queue, gate = asyncio.Queue[int](), Gate()
    gc.collect()
    gc.disable()
    try:
        m = multi_await(queue.get, gate.get)
        queue.put_nowait(1)
        await m.select()
        m.select_nowait()
        await m.cancel()
        await steps(1)
        gone = weakref.ref(m)
        del m
        assert gone() is None
    finally:
        gc.enable()


async def test_a_custom_source_is_polled_when_it_wakes_and_returns_leftover_values() -> None:
    button = Button()
    async with multi_await(Clicks(button), asyncio.Event().wait) as m:
        button.on_click("before the first call")
        assert await m.select() == (0, "before the first call")
        asyncio.get_running_loop().call_later(1, button.on_click, "while a call is blocked")
        assert await m.select() == (0, "while a call is blocked")
        button.on_click("never delivered")
        button.on_click("neither")
    assert m.undelivered == ((0, "never delivered"), (0, "neither"))


async def test_a_duplicate_or_late_wake_is_harmless() -> None:
    class Remembers(Clicks):
        def __init__(self, button: Button) -> None:
            super().__init__(button)
            self.wakes = list[Wake]()

        def poll(self, wake: Wake) -> str | Pending:
            self.wakes.append(wake)
            return super().poll(wake)

    button = Button()
    source = Remembers(button)
    async with multi_await(source) as m:
        assert m.select_nowait() is None
        source.wakes[0]()
        source.wakes[0]("what a callback is handed")
        assert m.select_nowait() is None
        button.on_click("one")
        assert m.select_nowait() == (0, "one")
    for wake in source.wakes:
        wake()


async def test_sources_end_concurrently_and_their_leftover_values_keep_their_order() -> None:
    class Slow(Source[str]):
        def __init__(self, seconds: float) -> None:
            self.seconds = seconds

        def poll(self, wake: Wake) -> Pending:
            return PENDING

        async def aclose(self) -> Iterable[str]:
            await asyncio.sleep(self.seconds)
            return (f"after {self.seconds}",)

    m = multi_await(Slow(3), Slow(1), Slow(2))
    await m.cancel()
    assert asyncio.get_running_loop().time() == 3
    assert m.undelivered == ((0, "after 3"), (1, "after 1"), (2, "after 2"))


async def test_a_source_that_fails_to_end_is_reported_and_the_others_end(
    reported: Reported,
) -> None:
    class Broken(Source[str]):
        def poll(self, wake: Wake) -> Pending:
            return PENDING

        async def aclose(self) -> None:
            raise ValueError("can't end")

        def __repr__(self) -> str:
            return "Broken()"

    gate = Gate()
    async with multi_await(Broken(), gate.get) as m:
        m.select_nowait()
    assert [str(each["exception"]) for each in reported] == ["can't end"]
    assert reported[0]["message"] == "source 0 (Broken()) failed when its MultiAwait ended"


async def test_the_end_leaves_the_callers_context_unchanged() -> None:
    gate = Gate()
    before = list(contextvars.copy_context().items())
    async with multi_await(gate.get) as m:
        m.select_nowait()
    assert list(contextvars.copy_context().items()) == before


async def test_a_source_cancelled_while_it_ends_is_not_a_failure(reported: Reported) -> None:
    class Cancelled(Source[str]):
        def poll(self, wake: Wake) -> Pending:
            return PENDING

        async def aclose(self) -> None:
            raise asyncio.CancelledError

    async with multi_await(Cancelled()) as m:
        m.select_nowait()
    assert (reported, m.undelivered) == ([], ())


async def test_a_source_need_not_define_its_own_aclose() -> None:
    class Plain(Source[str]):
        def poll(self, wake: Wake) -> str:
            return "plain"

    async with multi_await(Plain()) as m:
        assert await m.select() == (0, "plain")
    assert m.undelivered == ()
    Plain().release()


def test_a_source_without_a_poll_method_cannot_be_created() -> None:
    class Nothing(Source[str]):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Nothing()  # type: ignore[abstract]  # what this test is about


def test_the_repr_of_pending_is_its_name() -> None:
    assert repr(PENDING) == "PENDING"


async def test_discarding_the_coroutine_of_an_end_gives_no_warning(reported: Reported) -> None:
    """The garbage collector does that to unfinished coroutines of a dropped event loop."""

    class NeverEnds(Source[str]):
        def poll(self, wake: Wake) -> Pending:
            return PENDING

        async def aclose(self) -> None:
            await asyncio.get_running_loop().create_future()

    ending = asyncio.ensure_future(multi_await(NeverEnds()).cancel())
    await steps(3)
    (thrown_away,) = asyncio.all_tasks() - {asyncio.current_task(), ending}
    coroutine = thrown_away.get_coro()
    assert coroutine is not None
    coroutine.close()
    thrown_away.cancel()
    await ending
    assert reported == []


async def test_an_end_cancelled_before_its_first_step_is_started_again() -> None:
    """As by a loop that shuts down; "never awaited" must not follow, even if a factory wraps it."""
    gate = Gate()
    m = multi_await(gate.get)
    m.select_nowait()
    await steps(1)
    asyncio.get_running_loop().set_task_factory(wrapped)  # type: ignore[arg-type]  # its options differ by Python
    others = asyncio.all_tasks()
    ending = asyncio.ensure_future(m.cancel())
    await steps(1)
    for end in asyncio.all_tasks() - others - {ending}:
        end.cancel()
    await ending
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_source_can_have_attributes_named_taken_and_look() -> None:
    class Taken(Source[int]):
        def __init__(self, items: Iterable[int]) -> None:
            self._taken = [*items]

        def _look(self) -> list[int]:
            return self._taken[:1]

        def poll(self, wake: Wake) -> int | Pending:
            return self._taken.pop(0) if self._look() else PENDING

    async with multi_await(Taken([]), Taken([1, 2]), biased=True) as m:
        assert [await m.select(), m.select_nowait(), m.select_nowait()] == [(1, 1), (1, 2), None]
