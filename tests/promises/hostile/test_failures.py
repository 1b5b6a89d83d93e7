"""What a hostile source raises, in its poll and in its release."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from multi_await import SourceLike, Wake, each, inline, once, put
from tests.conftest import Reported, new_loop
from tests.machinery.tools import steps
from tests.promises.hostile.beside import (
    CALLS,
    INTERRUPTS,
    LONG,
    ORDINARY,
    OTHER_CALLS,
    Beside,
    Fault,
    Quiet,
    Raised,
    RaisesInPoll,
    raises,
)

# -- what it raises --------------------------------------------------------------------------------


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


@pytest.mark.parametrize("raised", ORDINARY)
@pytest.mark.parametrize("where", RAISE)
async def test_anything_a_source_raises_is_its_failure(
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
async def test_a_value_kept_by_get_or_raise_comes_next_even_if_the_source_fails_again(
    where: str, raised: Raised
) -> None:
    async with Beside(RAISE[where](raised)) as here:
        for _ in range(3):
            await here.item("get_or_raise")
    assert len(here.failures) >= 3


async def test_a_kept_value_of_a_paused_source_waits_until_it_is_resumed() -> None:
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
async def test_every_call_raises_an_interrupt_and_the_next_returns_the_other_values(
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
def test_an_interrupt_in_a_sources_task_stops_the_event_loop_and_all_sources_end(
    where: str, raised: Raised
) -> None:
    here = Beside(RAISE[where](raised))

    async def consume() -> None:
        async with here:
            while True:
                here.put_item()
                here.take("select", await here.m.select())

    with asyncio.Runner(loop_factory=new_loop) as runner:
        # Python also reports a task's interrupt as never retrieved.
        runner.get_loop().set_exception_handler(lambda _, context: None)
        with pytest.raises(raised):
            runner.run(consume())
    here.check()


async def test_an_exception_in_a_sources_callback_goes_to_the_exception_handler(
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


# -- what it does in release() ---------------------------------------------------------------------


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
    """Wake one pass later, as a queue does after a put."""
    do_soon(lambda: source.wake())


@pytest.mark.parametrize(("make", "raised"), RELEASES)
async def test_an_exception_in_release_is_a_failure_and_other_claims_are_released(
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
async def test_an_exception_in_release_does_not_reach_whoever_woke_the_source(
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


async def test_an_exception_in_release_of_a_paused_source_is_reported_at_the_end(
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
def test_an_interrupt_in_release_stops_the_event_loop_and_all_sources_end(raised: Raised) -> None:
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
