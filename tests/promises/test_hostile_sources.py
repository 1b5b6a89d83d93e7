"""What a hostile source gets: none may hang the others, or lose an item of theirs.

Beside each hostile source there is a well-behaved one, the `get` of a queue. What is put there must
come within as many calls as there are sources, once and in order, or be in the queue at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import subprocess
import sys
import textwrap
import threading
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator
from typing import Any, Self, TypeAlias

import pytest
from virtual_clock import VirtualClockLoop, VirtualSelector

from multi_await import (
    PENDING,
    MultiAwait,
    Source,
    SourceLike,
    Wake,
    each,
    every,
    inline,
    multi_await,
    once,
    put,
)
from tests.conftest import Reported, new_loop, with_task_factory
from tests.machinery.tools import Gate, pass_time, steps, ticks

CALLS = ["select", "__anext__", "get", "get_or_raise", "select_nowait", "get_nowait"]
WAITING_CALLS = CALLS[:4]
# While a source fails in each round, get_or_raise() keeps the same outcomes for ever.
OTHER_CALLS = [call for call in CALLS if call != "get_or_raise"]
LONG = 1_000_000.0  # seconds: what has not come by then never comes

Raised: TypeAlias = type[BaseException]


class Fault(BaseException):
    """What no `except Exception` catches."""


class Beside:
    """Hostile sources, and last a queue's `get`; keeps what the calls give."""

    def __init__(self, *hostile: SourceLike[Any]) -> None:
        self.queue = asyncio.Queue[int]()
        self.m = multi_await()
        for source in hostile:
            self.m.add(source)
        self.position = self.m.add(self.queue.get)
        self.put = 0
        self.items = list[int]()
        self.events = list[Any]()  # of the hostile ones
        self.failures = list[BaseException]()

    def put_item(self) -> None:
        self.queue.put_nowait(self.put)
        self.put += 1

    async def call(self, name: str = "select") -> None:
        """One call; what it gives or raises is kept."""
        try:
            given = getattr(self.m, name)()
            self.take(name, given if name.endswith("nowait") else await given)
        except BaseException as failure:
            self.failures.append(failure)

    def take(self, name: str, given: Any) -> None:
        if name in ("get", "get_nowait"):
            given, failures = given
            self.failures += [failure for failure in failures if failure is not None]
        if name.startswith("get"):
            events = [event for event in enumerate(given) if event[1] is not None]
        else:
            events = [] if given is None else [given]
        for position, value in events:
            (self.items if position == self.position else self.events).append(value)

    async def item(self, name: str = "select") -> None:
        """What is put into the queue comes within as many calls as there are sources."""
        self.put_item()
        await steps(3)
        for _ in range(len(self.m)):
            if len(self.items) < self.put:
                await self.call(name)
        assert self.items == [*range(self.put)]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.put_item()
            await steps(1)
        try:
            await self.m.cancel()
        finally:
            assert self.m.undelivered is not None  # it was looked at, also when the test fails
        if kind is None:
            self.check()

    def check(self) -> None:
        """Each item was delivered or is still there, and nobody waits for one."""
        assert "_getters" not in repr(self.queue)
        left = [self.queue.get_nowait() for _ in range(self.queue.qsize())]
        assert self.items + left == [*range(self.put)]
        assert self.position not in [position for position, _ in self.m.undelivered]


def run(main: Awaitable[None]) -> Reported:
    """In an event loop of its own, which may be left in a bad state."""
    reported: Reported = []

    async def awaited() -> None:
        await main

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.get_loop().set_exception_handler(lambda _, context: reported.append(context))
        runner.run(awaited())
        assert asyncio.all_tasks(runner.get_loop()) == set(), "tasks are left"
    return reported


def run_program(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 -- a program of ours
        [sys.executable, "-W", "always", "-c", text],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def now() -> float:
    return asyncio.get_running_loop().time()


class Quiet(Source[Any]):
    """Never has anything. The hostile ones say what else they do."""

    wake: Wake

    def poll(self, wake: Wake) -> Any:
        self.wake = wake
        return PENDING


# -- its cancellation and its clean-up -------------------------------------------------------------


async def swallows(times: int) -> str:
    """Takes so many cancellations for nothing, and then has a value."""
    for _ in range(times):
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(LONG)
    return "all the same"


async def items_swallowing(times: int) -> AsyncIterator[str]:
    yield await swallows(times)


SWALLOW: dict[str, Callable[[int], SourceLike[str]]] = {
    "function": lambda times: functools.partial(swallows, times),
    "inline": lambda times: inline(functools.partial(swallows, times)),
    "once": lambda times: once(swallows(times)),
    "each": lambda times: each(items_swallowing(times)),
}


@pytest.mark.parametrize("kind", SWALLOW)
async def test_a_value_of_a_source_that_swallows_its_cancellation_is_in_undelivered(
    kind: str,
) -> None:
    async with Beside(SWALLOW[kind](1)) as here:
        await here.item()
    assert here.m.undelivered == ((0, "all the same"),)
    assert now() == 0


@pytest.mark.parametrize("kind", SWALLOW)
async def test_a_source_is_cancelled_once_and_the_end_waits_for_what_it_does_then(
    kind: str,
) -> None:
    async with Beside(SWALLOW[kind](2)) as here:
        await here.item()
    assert here.m.undelivered == ((0, "all the same"),)
    assert now() == LONG


class Endless(Quiet):
    """Its clean-up waits for the gate."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    async def aclose(self) -> Iterable[Any]:
        return (await self.gate.get(),)


async def swallows_for_ever(gate: Gate) -> Any:
    waits = asyncio.ensure_future(gate.get())
    while not waits.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([waits])
    return waits.result()


ENDLESS: dict[str, Callable[[Gate], SourceLike[Any]]] = {
    "its clean-up": Endless,
    "a function": lambda gate: functools.partial(swallows_for_ever, gate),
    "an inline one": lambda gate: inline(functools.partial(swallows_for_ever, gate)),
}


@pytest.mark.parametrize("kind", ENDLESS)
async def test_the_end_waits_for_a_source_that_never_ends_while_the_others_have_ended(
    kind: str,
) -> None:
    gate = Gate()
    here = Beside(ENDLESS[kind](gate))
    await here.item()
    here.put_item()
    ending = asyncio.ensure_future(here.m.cancel())
    for _ in range(3):
        await asyncio.wait([ending], timeout=LONG)
        assert not ending.done()
        here.check()
        here.queue, here.items = asyncio.Queue(), [*range(here.put)]
        ending.cancel()
    gate.open("at last")
    with pytest.raises(asyncio.CancelledError):
        await ending
    assert here.m.undelivered == ((0, "at last"),)


# -- what it raises --------------------------------------------------------------------------------


class RaisesInPoll(Quiet):
    def __init__(self, kind: Raised) -> None:
        self.kind = kind

    def poll(self, wake: Wake) -> Any:
        raise self.kind


def raises(kind: Raised) -> Any:
    raise kind


async def raises_later(kind: Raised) -> None:
    await asyncio.sleep(0)
    raise kind


async def raises_inline(kind: Raised) -> None:
    raise kind


async def items_raising(kind: Raised) -> AsyncIterator[None]:
    await raises_later(kind)
    yield


RAISE: dict[str, Callable[[Raised], SourceLike[Any]]] = {
    "poll": RaisesInPoll,
    "function": lambda kind: functools.partial(raises, kind),
    "inline": lambda kind: inline(functools.partial(raises_inline, kind)),
    "supplier": lambda kind: put(asyncio.Queue(), functools.partial(raises, kind)),
    "task": lambda kind: functools.partial(raises_later, kind),
    "once": lambda kind: once(raises_later(kind)),
    "each": lambda kind: each(items_raising(kind)),
}
IN_A_TASK = ["task", "once", "each"]
ORDINARY: list[Raised] = [ValueError, Fault, GeneratorExit, asyncio.CancelledError, StopIteration]
INTERRUPTS: list[Raised] = [KeyboardInterrupt, SystemExit]


@pytest.mark.parametrize("raised", ORDINARY)
@pytest.mark.parametrize("where", RAISE)
async def test_whatever_a_source_raises_is_its_failure(
    where: str, raised: Raised, reported: Reported
) -> None:
    for call in OTHER_CALLS:
        async with Beside(RAISE[where](raised)) as here:
            for _ in range(3):
                await here.item(call)
        assert len(here.failures) > 0
        if raised is asyncio.CancelledError and not call.startswith("get"):
            assert {type(failure) for failure in here.failures} == {RuntimeError}
        here.failures += [each["exception"] for each in reported]  # what it had at the end
        reported.clear()
        for failure in here.failures:
            # A coroutine can't raise StopIteration; a CancelledError would look like the caller's.
            if type(failure) is RuntimeError:
                assert raised in (asyncio.CancelledError, StopIteration)
                assert isinstance(failure.__cause__, raised)
            else:
                assert type(failure) is raised


@pytest.mark.parametrize("raised", ORDINARY)
@pytest.mark.parametrize("where", [each for each in RAISE if each not in IN_A_TASK])
async def test_what_get_or_raise_keeps_comes_with_the_next_call_also_if_the_source_fails_again(
    where: str, raised: Raised
) -> None:
    async with Beside(RAISE[where](raised)) as here:
        for _ in range(3):
            await here.item("get_or_raise")
    assert len(here.failures) >= 3


async def test_what_was_kept_of_a_source_that_is_paused_waits_until_it_is_resumed() -> None:
    async with Beside(RaisesInPoll(ValueError)) as here:
        here.put_item()
        await here.call("get_or_raise")
        here.m.pause(here.position)
        for _ in range(3):
            await here.call("get_or_raise")
        assert (len(here.failures), here.items) == (4, [])
        await here.m.remove(0)
        here.m.resume(here.position)
        await here.call("get_or_raise")
        assert here.items == [0]


@pytest.mark.parametrize("raised", INTERRUPTS)
@pytest.mark.parametrize("where", [each for each in RAISE if each not in IN_A_TASK])
async def test_an_interrupt_is_raised_by_any_call_and_the_next_one_has_what_the_others_gave(
    where: str, raised: Raised
) -> None:
    for call in CALLS:
        async with Beside() as here:
            here.m.add(RAISE[where](raised))
            await here.item("select")
            here.put_item()
            await steps(3)
            await here.call(call)
            if not here.failures:
                await here.call(call)
            assert [type(failure) for failure in here.failures] == [raised]
            await here.m.remove(1)
            if len(here.items) < here.put:
                await here.call(call)
            assert here.items == [*range(here.put)]


@pytest.mark.parametrize("raised", INTERRUPTS)
@pytest.mark.parametrize("where", IN_A_TASK)
def test_an_interrupt_in_a_task_leaves_the_event_loop_as_any_tasks_does_and_all_sources_end(
    where: str, raised: Raised
) -> None:
    here = Beside(RAISE[where](raised))

    async def consume() -> None:
        async with here:
            while True:
                here.put_item()
                here.take("select", await here.m.select())

    with asyncio.Runner(loop_factory=new_loop) as runner:
        # Python says of a task's interrupt also that nobody was handed it.
        runner.get_loop().set_exception_handler(lambda _, context: None)
        with pytest.raises(raised):
            runner.run(consume())
    here.check()


async def test_what_a_callback_of_a_source_raises_goes_to_the_exception_handler(
    reported: Reported,
) -> None:
    class Calls(Quiet):
        def poll(self, wake: Wake) -> Any:
            asyncio.get_running_loop().call_soon(raises, ValueError)
            return super().poll(wake)

    async with Beside(Calls()) as here:
        for _ in range(3):
            await here.item()
    assert {type(each["exception"]) for each in reported} == {ValueError}
    assert here.failures == []


# -- what it does when it is asked to let go -------------------------------------------------------


class FailsToRelease(Quiet):
    def __init__(self, kind: Raised) -> None:
        self.kind = kind

    def release(self) -> None:
        raise self.kind


class WakesInRelease(Quiet):
    def release(self) -> None:
        self.wake()


RELEASES: list[tuple[Callable[[], Quiet], Raised]] = [
    (functools.partial(FailsToRelease, ValueError), ValueError),
    (functools.partial(FailsToRelease, Fault), Fault),
    (WakesInRelease, RecursionError),
]


def do_soon(*deeds: Callable[[], object]) -> None:
    for deed in deeds:
        asyncio.get_running_loop().call_soon(deed)


def wake_soon(source: Quiet) -> None:
    """One pass later, as a queue does when something is put."""
    do_soon(lambda: source.wake())


@pytest.mark.parametrize(("make", "raised"), RELEASES)
async def test_what_release_raises_is_a_failure_and_the_claims_of_others_are_released(
    make: Callable[[], Quiet], raised: Raised
) -> None:
    source, first = make(), asyncio.Queue[str]()
    async with Beside(first.get, source) as here:
        assert here.m.select_nowait() is None
        rival = asyncio.ensure_future(here.queue.get())
        await steps(1)
        do_soon(lambda: first.put_nowait("first"), lambda: wake_soon(source), here.put_item)
        await here.call()
        assert here.events == ["first"]
        await steps(3)
        here.items.append(await rival)
        await here.call()
        await here.item()
        assert [type(failure) for failure in here.failures] == [raised]


@pytest.mark.parametrize(("make", "raised"), RELEASES)
async def test_whoever_wakes_a_source_is_not_told_what_its_release_raises(
    make: Callable[[], Quiet], raised: Raised
) -> None:
    source = make()
    async with Beside(source) as here:
        assert here.m.select_nowait() is None
        try:
            source.wake()
        except BaseException:
            raise AssertionError("who woke it was told") from None
        await here.call()
        assert [type(failure) for failure in here.failures] == [raised]
        await here.item()


async def test_what_release_raises_when_its_source_is_paused_is_kept_and_reported_at_the_end(
    reported: Reported,
) -> None:
    source = FailsToRelease(ValueError)
    async with Beside(source) as here:
        assert here.m.select_nowait() is None
        do_soon(here.put_item, lambda: wake_soon(source))
        await here.call()
        here.m.pause(0)
        for _ in range(3):
            await here.item()
        assert here.failures == []
    assert [type(each["exception"]) for each in reported] == [ValueError]


@pytest.mark.parametrize("raised", INTERRUPTS)
def test_an_interrupt_in_release_leaves_the_event_loop_and_all_sources_end(raised: Raised) -> None:
    source = FailsToRelease(raised)
    here = Beside(source)

    async def consume() -> None:
        async with here:
            assert here.m.select_nowait() is None
            do_soon(here.put_item, lambda: wake_soon(source))
            await here.call()
            await asyncio.sleep(LONG)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        with pytest.raises(raised):
            runner.run(consume())
        assert runner.get_loop().time() == 0
    assert here.items == [0]
    here.check()


# -- whose tasks and futures it returns ------------------------------------------------------------


async def test_a_task_that_two_sources_return_is_an_outcome_of_both() -> None:
    task = asyncio.ensure_future(asyncio.sleep(1, "slept"))
    async with Beside(lambda: task, lambda: task) as here:
        await here.item()
        await asyncio.sleep(1)
        await here.call("get")
        assert here.events == ["slept", "slept"]
        await here.item()


async def test_a_task_that_another_multi_await_has_too_is_cancelled_by_the_first_that_ends() -> (
    None
):
    task = asyncio.ensure_future(asyncio.sleep(LONG))
    async with Beside(lambda: task) as here:
        await here.item()
        async with Beside(lambda: task) as other:
            await other.item()
        assert task.cancelled()
        await here.item()
        await here.call()
        (failure,) = here.failures
        assert str(failure).endswith("was cancelled, and not by this call")


async def test_the_callers_own_task_is_never_ready_and_goes_on_after_the_end() -> None:
    own: Any = asyncio.current_task
    async with Beside(own) as here:
        for _ in range(3):
            await here.item()
        await asyncio.sleep(1)
    assert own().cancelling() == 0
    assert here.failures == here.events == []


@pytest.mark.parametrize("adapt", [lambda future: lambda: future, once])
@pytest.mark.parametrize("kind", ["future", "task"])
def test_a_future_of_another_event_loop_is_a_failure_and_the_end_does_not_wait_for_it(
    kind: str, adapt: Callable[[Any], SourceLike[Any]]
) -> None:
    async def main() -> None:
        async with Beside(adapt(theirs)) as here:
            for _ in range(3):
                await here.item()
        assert {type(failure) for failure in here.failures} == {RuntimeError}
        assert "of another event loop" in str(here.failures[0])
        assert not theirs.done()

    with asyncio.Runner(loop_factory=new_loop) as other:
        loop = other.get_loop()
        theirs: asyncio.Future[Any] = (
            loop.create_task(asyncio.sleep(LONG)) if kind == "task" else loop.create_future()
        )
        other.run(steps(2))  # a task is cancelled after its first step, or a wrapper never awaits
        run(main())


def test_an_inline_coroutine_that_waits_for_a_future_of_another_event_loop_is_pending() -> None:
    async def main() -> None:
        async def waits() -> Any:
            return await theirs

        async with Beside(inline(waits)) as here:
            for _ in range(3):
                await here.item()
        assert here.failures == here.events == []
        assert theirs.cancelled()

    with asyncio.Runner(loop_factory=new_loop) as other:
        theirs = other.get_loop().create_future()
        run(main())


def test_a_queue_of_another_event_loop_is_a_failure() -> None:
    queue = asyncio.Queue[int]()

    async def bind() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await queue.get()

    async def main() -> None:
        async with Beside(queue.get) as here:
            for _ in range(3):
                await here.item()
        assert {type(failure) for failure in here.failures} == {RuntimeError}
        assert "is bound to a different event loop" in str(here.failures[0])

    run(bind())
    run(main())


# -- what it does to the MultiAwait that it is in --------------------------------------------------


@pytest.mark.parametrize("inner", CALLS)
async def test_a_call_from_within_a_poll_is_a_failure(inner: str) -> None:
    async def calls() -> None:
        given = getattr(here.m, inner)()
        if not inner.endswith("nowait"):
            await given

    for call in OTHER_CALLS:
        async with Beside(inline(calls)) as here:
            for _ in range(3):
                await here.item(call)
        assert {type(failure) for failure in here.failures} == {RuntimeError}
        assert "one call at a time" in str(here.failures[0])


async def test_a_call_from_a_sources_task_between_two_calls_takes_what_it_takes() -> None:
    async def takes() -> str:
        await asyncio.sleep(1)
        here.items.append((await here.m.select())[1])
        return "took one"

    async with Beside(takes) as here:
        await here.item()
        await asyncio.sleep(2)
        await here.call()
        assert "one call at a time" in str(here.failures.pop())
        here.put_item()
        await steps(3)
        assert here.items == [0, 1]
        await here.call()
        assert here.events == ["took one"]
        await here.item()


async def test_a_call_from_a_sources_task_while_another_waits_is_a_failure() -> None:
    async def takes() -> None:
        await asyncio.sleep(1)
        await here.m.select()

    async with Beside(takes) as here:
        await here.call()
        assert "one call at a time" in str(here.failures.pop())
        await here.item()


@pytest.mark.parametrize("end", ["cancel", "remove itself", "remove the other"])
async def test_an_end_from_within_a_poll_is_a_failure(end: str) -> None:
    async def ends() -> None:
        if end == "cancel":
            await here.m.cancel()
        else:
            await here.m.remove(0 if end == "remove itself" else here.position)

    for call in OTHER_CALLS:
        async with Beside(inline(ends)) as here:
            for _ in range(3):
                await here.item(call)
        assert {type(failure) for failure in here.failures} == {RuntimeError}
        assert "from within a source" in str(here.failures[0])


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks that start eagerly came with 3.12")
async def test_an_end_before_the_first_await_of_a_task_is_a_failure_from_3_12_on() -> None:
    asyncio.get_running_loop().set_task_factory(None)

    async def ends() -> None:
        await here.m.cancel()

    async with Beside(ends) as here:
        for _ in range(3):
            await here.item()
    assert "from within a source" in str(here.failures[0])


@pytest.mark.in_order
async def test_a_sources_task_may_end_the_multi_await() -> None:
    ended = list[float]()

    async def ends() -> None:
        await asyncio.sleep(1)
        await here.m.cancel()
        ended.append(now())

    here = Beside(ends)
    await here.item()
    await here.call()
    assert "closed by cancel()" in str(here.failures[0])
    here.put_item()
    await here.m.cancel()
    await steps(1)
    assert ended == [1]
    here.check()


@pytest.mark.parametrize("other", [True, False])
async def test_a_sources_task_may_remove_itself_or_another(other: bool) -> None:
    async def removes() -> str:
        await asyncio.sleep(1)
        await here.m.remove(0 if other else 1)
        return "removed"

    async with Beside(Quiet(), removes) as here:
        await here.item()
        await asyncio.sleep(1)
        await here.item()
        assert len([each for each in repr(here.m).split(", ") if "Queue" not in each]) == 1


class Meddles(Quiet):
    """Does something to the MultiAwait each time when it is polled."""

    here: Beside

    def __init__(self, deed: Callable[[Beside], object]) -> None:
        self.deed = deed
        self.polls = 0

    def poll(self, wake: Wake) -> Any:
        self.polls += 1
        self.deed(self.here)
        return super().poll(wake)


@pytest.mark.parametrize("call", CALLS)
async def test_a_poll_may_add_a_source(call: str) -> None:
    async def adds(value: str) -> str:
        await asyncio.sleep(1)
        return value

    source = Meddles(lambda here: len(here.m) > 2 or here.m.add(functools.partial(adds, "added")))
    async with Beside(source) as here:
        source.here = here
        for _ in range(3):
            await here.item(call)
        while not here.events:
            await asyncio.sleep(1)
            await here.call(call)
        assert here.events == ["added"]


@pytest.mark.parametrize("call", CALLS)
async def test_a_poll_may_pause_its_own_source(call: str) -> None:
    source = Meddles(lambda here: here.m.pause(0))
    async with Beside(source) as here:
        source.here = here
        resumed = 0
        for _ in range(6):
            await here.item(call)
            if "paused" in repr(here.m):
                here.m.resume(0)
                resumed += 1
    assert 1 < source.polls <= resumed + 1
    assert here.failures == []


@pytest.mark.parametrize("call", CALLS)
async def test_what_a_poll_pauses_keeps_what_it_has(call: str) -> None:
    source = Meddles(lambda here: here.m.pause(here.position))
    async with Beside(source) as here:
        source.here = here
        here.put_item()
        await steps(3)
        if call.endswith("nowait"):
            await here.call(call)
        else:
            blocked = asyncio.ensure_future(here.call(call))
            await asyncio.sleep(1)
            assert not blocked.done()
            blocked.cancel()
            await blocked
        assert here.queue.qsize() == 1
        here.m.resume(here.position)
        await here.call(call)
        assert here.items == [0]


@pytest.mark.parametrize("value", [PENDING, "a value"])
@pytest.mark.parametrize("call", CALLS)
async def test_a_source_that_cancels_the_caller_has_taken_nothing_from_it(
    call: str, value: object
) -> None:
    task: Any = asyncio.current_task()

    class Cancels(Quiet):
        given = 0

        def poll(self, wake: Wake) -> Any:
            asyncio.get_running_loop().call_soon(wake)
            task.cancel()
            if value is not PENDING:
                self.given += 1
            return value

    source = Cancels()
    async with Beside(source) as here:
        for _ in range(9):
            here.put_item()
            with contextlib.suppress(asyncio.CancelledError):
                await steps(3)
            await here.call(call)
            while task.uncancel():
                pass
            with contextlib.suppress(asyncio.CancelledError):
                await steps(1)
    assert {type(failure) for failure in here.failures} <= {asyncio.CancelledError}
    assert here.events == [value] * source.given
    assert len(here.items) > 0


async def test_a_poll_that_blocks_makes_the_others_late_and_loses_no_tick() -> None:
    class Blocks(Quiet):
        def poll(self, wake: Wake) -> Any:
            asyncio.get_running_loop().call_later(1, wake)
            pass_time(10)
            return PENDING

    async with Beside(every(1), Blocks()) as here:
        for _ in range(5):
            await here.item()
        await here.m.remove(1)
        await here.call()
        await here.call()
    assert sum(here.events) == now()


# -- what an inline coroutine waits for ------------------------------------------------------------


@types.coroutine
def bare(value: object) -> Generator[object, Any, Any]:
    return (yield value)


def future() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("make", [int, str, object, list, future, lambda: asyncio.sleep])
async def test_an_inline_coroutine_that_yields_what_is_no_future_is_a_failure(
    make: Callable[[], object],
) -> None:
    closed = list[str]()

    async def waits() -> None:
        try:
            await bare(make())
        finally:
            closed.append("closed")

    for call in OTHER_CALLS:
        async with Beside(inline(waits)) as here:
            for _ in range(3):
                await here.item(call)
        assert "which is no future" in str(here.failures[0])
        assert {type(failure) for failure in here.failures} == {RuntimeError}
        assert len(closed) == len(here.failures)
        closed.clear()


async def test_an_inline_coroutine_that_can_not_be_closed_is_a_failure() -> None:
    async def waits() -> None:
        try:
            await bare(1)
        finally:
            await bare(2)

    async with Beside(inline(waits)) as here:
        for _ in range(3):
            await here.item()
    assert {str(failure) for failure in here.failures} == {"coroutine ignored GeneratorExit"}


async def test_an_inline_coroutine_that_yields_nothing_over_and_over_lets_the_others_go_on() -> (
    None
):
    async def waits() -> None:
        while True:
            await bare(None)

    async with Beside(inline(waits)) as here, ticks() as ticked:
        for _ in range(3):
            await here.item()
        blocked = asyncio.ensure_future(here.call())
        await steps(100)
        assert not blocked.done()
        assert ticked() >= 100
        here.put_item()
        await blocked


async def test_a_future_that_others_wait_for_too_is_an_outcome_of_all() -> None:
    shared = future()

    async def waits() -> Any:
        return await shared

    rival = asyncio.ensure_future(waits())
    async with Beside(inline(waits), inline(waits), waits) as here:
        for _ in range(2):
            await here.item()
        shared.set_result("done")
        await steps(3)
        await here.call("get")
        assert here.events == ["done"] * 3
        assert await rival == "done"


async def test_a_timeout_within_an_inline_coroutine_cancels_the_caller(
    reported: Reported,
) -> None:
    async def waits() -> str:
        async with asyncio.timeout(1):
            return await asyncio.sleep(2, "slept")

    task = asyncio.current_task()
    assert task is not None
    async with Beside(inline(waits)) as here:
        await here.item()
        await here.call()
        assert [type(failure) for failure in here.failures] == [asyncio.CancelledError]
        task.uncancel()
        await here.item()
    assert [type(each["exception"]) for each in reported] == [TimeoutError]


# -- how it wakes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("call", WAITING_CALLS)
async def test_a_source_that_never_wakes_is_never_heard_of(call: str) -> None:
    async with Beside(Quiet()) as here:
        for _ in range(3):
            await here.item(call)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(LONG):
                await getattr(here.m, call)()
        await here.item(call)
    assert here.failures == here.events == []


class WakesInPoll(Quiet):
    def __init__(self, outcome: object) -> None:
        self.outcome = outcome
        self.polls = 0

    def poll(self, wake: Wake) -> Any:
        self.polls += 1
        assert self.polls < 1000, "it is polled over and over"
        wake()
        wake()
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


@pytest.mark.parametrize("outcome", [PENDING, "a value", ValueError(), StopAsyncIteration()])
async def test_a_wake_within_a_poll_does_no_harm(outcome: object) -> None:
    for call in OTHER_CALLS:
        async with Beside(WakesInPoll(outcome)) as here:
            for _ in range(3):
                await here.item(call)
        if not isinstance(outcome, ValueError):
            assert here.failures == []
        assert set(here.events) <= {outcome}
        assert repr(here.m) == "<MultiAwait closed>"


class Remembers(Quiet):
    """Keeps every wake that it was handed."""

    def __init__(self) -> None:
        self.wakes = list[Wake]()
        self.released = 0

    def poll(self, wake: Wake) -> Any:
        self.wakes.append(wake)
        return PENDING

    def release(self) -> None:
        self.released += 1

    def wake_all(self) -> None:
        for wake in self.wakes * 2:
            wake("whatever", "a callback", "is handed")


@pytest.mark.parametrize("call", CALLS)
async def test_a_wake_that_comes_twice_or_late_wakes_nobody_else(call: str) -> None:
    source, successor = Remembers(), Remembers()
    async with Beside(source) as here:
        for _ in range(3):
            await here.item(call)
            source.wake_all()
        await here.m.remove(0)
        source.wake_all()
        released, polls = source.released, len(source.wakes)
        assert here.m.add(successor) == 0
        await here.item(call)
        source.wake_all()
        await here.item(call)
        assert len(source.wakes) == polls
        assert source.released == released
    assert successor.released == 0
    source.wake_all()
    successor.wake_all()
    assert successor.released == 0


class AsleepSelector(VirtualSelector):
    """Lets another thread do something while the event loop sleeps, and not before or after."""

    deed: Callable[[], object] | None = None

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout != 0 and self.deed is not None:
            deed, self.deed = self.deed, None
            in_a_thread(deed)
        return super().select(timeout)


class AsleepLoop(VirtualClockLoop):
    def __init__(self) -> None:
        self.virtual = AsleepSelector()
        asyncio.SelectorEventLoop.__init__(self, self.virtual)


def in_a_thread(deed: Callable[[], object]) -> None:
    thread = threading.Thread(target=deed)
    thread.start()
    thread.join()


def woken_from_a_thread(threadsafe: bool, debug: bool) -> tuple[float, list[BaseException]]:
    """When the value was delivered, and what was raised in the thread."""
    failures = list[BaseException]()

    class Late(Quiet):
        value: Any = PENDING

        def poll(self, wake: Wake) -> Any:
            self.wake = wake
            return self.value

        def woken(self) -> None:
            self.value = "from the thread"
            try:
                if threadsafe:
                    loop.call_soon_threadsafe(self.wake)
                else:
                    self.wake()
            except RuntimeError as failure:
                failures.append(failure)
                loop.call_soon_threadsafe(loop.call_later, 10, self.wake)

    async def main() -> float:
        source = Late()
        async with Beside(source) as here:
            await here.item()
            asyncio.get_running_loop().call_later(10, here.put_item)  # the next turn of the loop
            selector.deed = source.woken
            await here.call()
            if not here.events:
                await here.call()
            assert here.events == ["from the thread"]
            delivered = now()
            source.value = PENDING
            await asyncio.sleep(10)
            while len(here.items) < 2:
                await here.call()
        return delivered

    with asyncio.Runner(loop_factory=lambda: with_task_factory(AsleepLoop())) as runner:
        loop: Any = runner.get_loop()
        loop.set_debug(debug)
        selector = loop.virtual
        return runner.run(main()), failures


@pytest.mark.parametrize("debug", [True, False])
def test_a_wake_from_another_thread_by_call_soon_threadsafe_comes_at_once(debug: bool) -> None:
    assert woken_from_a_thread(threadsafe=True, debug=debug) == (0, [])


@pytest.mark.parametrize("debug", [True, False])
def test_a_bare_wake_from_another_thread_is_an_error_there_and_nothing_is_lost(debug: bool) -> None:
    delivered, failures = woken_from_a_thread(threadsafe=False, debug=debug)
    assert ["use loop.call_soon_threadsafe" in str(failure) for failure in failures] == [True]
    assert delivered == 10


# -- what it says of itself, and whose it is -------------------------------------------------------


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
def test_a_source_whose_repr_fails_is_called_by_its_type(call: str, fails: bool) -> None:
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
def test_a_mistake_whose_repr_fails_gets_the_usual_error(use: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError, match="Mistake object"):
        use(Mistake())


async def test_a_source_object_that_was_handed_over_before_is_an_error() -> None:
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


async def test_an_async_generator_of_two_sources_gives_each_item_once() -> None:
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


async def test_a_queue_with_a_get_of_its_own_is_not_cancelled_between_calls() -> None:
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


async def test_what_a_supplier_gave_and_its_queue_did_not_take_is_in_undelivered() -> None:
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


async def test_a_supplier_that_takes_from_the_queue_makes_room_for_what_it_gives() -> None:
    queue = asyncio.Queue[int](2)

    def supplier() -> int:
        return queue.get_nowait() + 1 if queue.qsize() else 0

    async with Beside(put(queue, supplier)) as here:
        for _ in range(3):
            await here.item()
    assert here.events == [*range(len(here.events))]
    assert here.failures == []


# -- its end ---------------------------------------------------------------------------------------


class Ends(Quiet):
    def __init__(self, end: Callable[[], Any]) -> None:
        self.end = end

    async def aclose(self) -> Any:
        return self.end()


class EndsAtOnce(Ends):
    def aclose(self) -> Any:
        return self.end()


class NoTruth(list[str]):
    """As numpy's arrays."""

    def __bool__(self) -> bool:
        raise ValueError("is it true?")


def fails_after(values: Iterable[Any]) -> Iterator[Any]:
    yield from values
    raise ValueError("no more")


END: dict[str, tuple[type[Ends], Callable[[], Any], list[str], list[Raised]]] = {
    "raises": (Ends, functools.partial(raises, ValueError), [], [ValueError]),
    "raises no Exception": (Ends, functools.partial(raises, Fault), [], [Fault]),
    "is cancelled": (Ends, functools.partial(raises, asyncio.CancelledError), [], []),
    "is no coroutine function": (EndsAtOnce, lambda: None, [], [TypeError]),
    "raises at once": (EndsAtOnce, functools.partial(raises, ValueError), [], [ValueError]),
    "returns a number": (Ends, lambda: 5, [], [TypeError]),
    "returns zero": (Ends, lambda: 0, [], [TypeError]),
    "returns what is neither true nor false": (Ends, lambda: NoTruth("a"), ["a"], []),
    "returns what fails": (Ends, lambda: fails_after("ab"), ["a", "b"], [ValueError]),
}


@pytest.mark.parametrize("how", END)
async def test_what_a_source_does_at_its_end_is_reported_and_the_others_end(
    how: str, reported: Reported
) -> None:
    kind, end, left, failures = END[how]
    async with Beside(kind(end)) as here:
        await here.item()
    assert here.m.undelivered == tuple((0, value) for value in left)
    assert [type(each["exception"]) for each in reported] == failures
    for each_report in reported:
        assert each_report["message"].startswith("source 0 (")


@pytest.mark.parametrize("raised", INTERRUPTS)
async def test_an_interrupt_at_its_end_is_raised_when_all_have_ended(raised: Raised) -> None:
    async def slow() -> None:
        try:
            await asyncio.sleep(LONG)
        finally:
            await asyncio.sleep(1)

    with pytest.raises(raised):
        async with Beside(Ends(functools.partial(raises, raised)), slow) as here:
            await here.item()
    assert now() == 1
    here.check()

    here = Beside(Ends(functools.partial(raises, raised)))
    with pytest.raises(raised):
        await here.m.remove(0)
    await here.item()
    await here.m.cancel()
    here.check()


async def test_an_item_of_a_generator_that_fails_at_its_end_is_in_undelivered(
    reported: Reported,
) -> None:
    async def items() -> AsyncIterator[str]:
        try:
            await asyncio.sleep(1)
            yield "an item"
        finally:
            raise ValueError("at the end")

    async with Beside(each(items())) as here:
        await here.item()
        await asyncio.sleep(2)
    assert here.m.undelivered == ((0, "an item"),)
    assert [str(each["exception"]) for each in reported] == ["at the end"]


async def test_what_was_kept_of_a_source_that_fails_at_its_end_is_in_undelivered(
    reported: Reported,
) -> None:
    class Fails(Ends):
        def poll(self, wake: Wake) -> Any:
            return "kept"

    async with Beside(RaisesInPoll(ValueError), Fails(functools.partial(raises, KeyError))) as here:
        await here.call("get_or_raise")
        assert [type(failure) for failure in here.failures] == [ValueError]
    assert here.m.undelivered == ((1, "kept"),)
    assert [type(each["exception"]) for each in reported] == [KeyError]


# -- the end of the event loop, and of the interpreter ---------------------------------------------


# Nobody can end one whose event loop is gone.
dropped = pytest.mark.filterwarnings("ignore:<MultiAwait .* was dropped before its end")


@dropped
def test_a_multi_await_whose_event_loop_was_closed_before_can_only_be_dropped() -> None:
    here = Beside(every(1))

    async def main() -> None:
        await here.item()

    async def late() -> None:
        with pytest.raises(RuntimeError, match="belongs to another event loop"):
            await here.m.cancel()
        with pytest.raises(RuntimeError, match="belongs to another event loop"):
            await here.m.select()

    run(main())
    run(late())


@dropped
def test_what_is_put_when_the_event_loop_was_closed_is_in_the_queue_though_put_fails() -> None:
    here = Beside()

    async def main() -> None:
        assert here.m.select_nowait() is None

    run(main())
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        here.queue.put_nowait(0)
    here.put += 1
    here.check()


PROGRAM = """
    import asyncio
    from multi_await import PENDING, Source, every, multi_await

    class Left(Source):
        def poll(self, wake):
            return PENDING

        async def aclose(self):
            return ["left"]

    async def function():
        await asyncio.sleep(100)

    async def main():
        m = multi_await(Left(), function, every(1), queue.get, empty.get)
        await queue.put("one")
        assert await m.select() == (3, "one")
        {end}
        await queue.put("two")
        return m

    queue, empty = asyncio.Queue(), asyncio.Queue()
    m = asyncio.run(main())
    assert queue.get_nowait() == "two"
"""


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("await m.cancel(); m.undelivered", []),
        ("await m.cancel()", ["ResourceWarning: source 0 of a MultiAwait had produced 'left'"]),
        ("pass", ["was dropped before its end"]),
        ("m.select_nowait()", ["was dropped before its end", "Event loop is closed"]),
    ],
)
def test_one_that_lives_until_the_interpreter_ends_loses_nothing(end: str, said: list[str]) -> None:
    done = run_program(textwrap.dedent(PROGRAM).format(end=end))
    assert (done.returncode, done.stdout) == (0, "")
    errors = [line for line in done.stderr.splitlines() if "Warning: " in line or "Error: " in line]
    assert len(errors) == len(said), done.stderr
    assert all(text in error for text, error in zip(said, errors, strict=True)), done.stderr


WAITS_FOR_ITSELF = {
    "its clean-up ends the MultiAwait": """
        class Ends(Source):
            def poll(self, wake):
                return PENDING

            async def aclose(self):
                await asyncio.sleep(0)
                await m.cancel()

        async def main():
            global m
            async with multi_await(Ends()) as m:
                m.select_nowait()
        """,
    "it waits for a task that ends the MultiAwait": """
        async def ends():
            await asyncio.create_task(m.cancel())

        async def main():
            global m
            async with multi_await(ends) as m:
                await m.select()
        """,
    "it is a task that waits for the one that ends the MultiAwait": """
        async def consume():
            async with multi_await(lambda: parent) as m:
                m.select_nowait()

        async def wait():
            await asyncio.create_task(consume())

        async def main():
            global parent
            parent = asyncio.create_task(wait())
            await asyncio.wait([parent])
        """,
}


@pytest.mark.parametrize("source", WAITS_FOR_ITSELF)
def test_a_source_that_waits_for_its_own_end_is_a_deadlock(source: str) -> None:
    begin = """
        import asyncio
        from multi_await import PENDING, Source, multi_await
        from virtual_clock import VirtualClockLoop
        """
    program = textwrap.dedent(begin) + textwrap.dedent(WAITS_FOR_ITSELF[source])
    program += "\nVirtualClockLoop().run_until_complete(main())\n"
    said = run_program(program).stderr
    assert "Deadlock: every task waits, and no timer is set" in said
