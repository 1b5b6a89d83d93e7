"""What a hostile source does to the MultiAwait that it is in, and to its caller."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from multi_await import (
    PENDING,
    Group,
    SourceLike,
    Wake,
    catching,
    each,
    every,
    inline,
    multi_await,
    once,
)
from tests.conftest import Reported
from tests.machinery.tools import SCHEDULES, pass_time, steps
from tests.promises.hostile.beside import CALLS, LONG, OTHER_CALLS, Beside, Quiet, now


@pytest.mark.parametrize("inner", CALLS)
async def test_a_call_from_inside_a_poll_is_a_failure(inner: str) -> None:
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


async def test_a_sources_task_may_call_between_two_calls_and_takes_an_item() -> None:
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


async def test_a_call_from_a_sources_task_while_another_call_waits_is_a_failure() -> None:
    async def takes() -> None:
        await asyncio.sleep(1)
        await here.m.select()

    async with Beside(takes) as here:
        await here.call()
        assert "one call at a time" in str(here.failures.pop())
        await here.item()


@pytest.mark.parametrize("end", ["cancel", "remove itself", "remove the other"])
async def test_ending_the_set_from_inside_a_poll_is_a_failure(end: str) -> None:
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


class EndsInItsCleanUp:
    """Makes sources that end their MultiAwait when they are ended themselves."""

    def __init__(self) -> None:
        self.m = multi_await()
        self.ended = 0

    async def function(self) -> None:
        try:
            await asyncio.sleep(LONG)
        finally:
            await self.m.cancel()
            self.ended += 1

    async def items(self) -> AsyncIterator[str]:
        try:
            yield "an item"
            await asyncio.sleep(LONG)
        finally:
            await self.m.cancel()
            self.ended += 1

    def source(self, kind: str) -> SourceLike[object]:
        makers: dict[str, Callable[[], SourceLike[object]]] = {
            "function": lambda: self.function,
            "once": lambda: once(self.function()),
            "each": lambda: each(self.items()),
            "catching": lambda: catching(self.function, repr),
        }
        return makers[kind]()


@pytest.mark.parametrize("ended", ["set", "removed", "removed from the group"])
@pytest.mark.parametrize("kind", ["function", "once", "each", "catching"])
async def test_a_source_may_end_the_multi_await_in_its_clean_up(kind: str, ended: str) -> None:
    makes = EndsInItsCleanUp()
    m = makes.m
    group = Group[str, object]()
    for _ in range(2):
        m.add(makes.source(kind))
        group.add(str(len(group)), makes.source(kind))
    m.add(group)
    async with asyncio.timeout(1), m:
        for _ in range(6):
            m.get_nowait()
            await steps(2)
        if ended == "removed":
            await m.remove(0)
        elif ended == "removed from the group":
            await group.remove("0")
    assert makes.ended == 4
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_two_sources_may_remove_each_other_in_their_clean_up() -> None:
    ended = list[int]()

    async def removes(own: int, other: int) -> None:
        try:
            await asyncio.sleep(LONG)
        finally:
            with contextlib.suppress(IndexError):
                await m.remove(other)
            ended.append(own)

    async with asyncio.timeout(1), multi_await() as m:
        m.add(functools.partial(removes, 0, 1))
        m.add(functools.partial(removes, 1, 0))
        m.get_nowait()
        await steps(2)
        assert await m.remove(0) == ()
        await steps(2)
    assert sorted(ended) == [0, 1]
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("waits", [True, False])
async def test_an_aclose_may_end_the_multi_await(waits: bool) -> None:
    class Ends(Quiet):
        async def aclose(self) -> tuple[str, ...]:
            if waits:
                await asyncio.sleep(0)
            await m.cancel()
            return ("what is left",)

    async with asyncio.timeout(1), multi_await(Ends(), Ends()) as m:
        m.select_nowait()
    assert m.undelivered == ((0, "what is left"), (1, "what is left"))


class EndsAtRandom:
    """Makes sources that may end their MultiAwait before their clean-up, and in it."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.m = multi_await()
        self.running = 0

    def source(self) -> SourceLike[object]:
        early, late = self.chance.random() < 0.3, self.chance.random() < 0.5
        seconds, slow = self.chance.choice([0, 1, 100]), self.chance.choice([0, 1])

        async def items() -> AsyncIterator[int]:
            self.running += 1
            try:
                for item in range(3):
                    yield item
                    await asyncio.sleep(seconds)
                    if early:
                        await self.m.cancel()
            finally:
                self.running -= 1
                await asyncio.sleep(slow)
                if late:
                    await self.m.cancel()

        async def function() -> None:
            async for _ in items():
                pass

        match self.chance.randrange(3):
            case 0:
                return function
            case 1:
                return each(items())
            case _:
                return once(function())

    async def use(self, group: Group[int, object]) -> None:
        """Make some calls, and end sources or all."""
        for _ in range(4):
            await asyncio.sleep(self.chance.choice([0, 1]))
            with contextlib.suppress(RuntimeError, LookupError):
                match self.chance.randrange(5):
                    case 0:
                        await self.m.get()
                    case 1:
                        await self.m.select()
                    case 2:
                        await self.m.cancel()
                    case 3:
                        await self.m.remove(0)
                    case 4:
                        await group.remove(0)


@pytest.mark.parametrize("seed", range(SCHEDULES))
@pytest.mark.filterwarnings("ignore:source .* had produced:ResourceWarning")
async def test_whoever_ends_the_multi_await_and_when_nobody_waits_for_themselves(
    seed: int, reported: Reported
) -> None:
    makes = EndsAtRandom(random.Random(seed))  # noqa: S311 -- a schedule
    group = Group[int, object]()
    for key in range(2):
        makes.m.add(makes.source())
        group.add(key, makes.source())
    makes.m.add(group)
    users = [asyncio.ensure_future(makes.use(group)) for _ in range(2)]
    await asyncio.sleep(makes.chance.choice([0, 1, 2]))
    users[0].cancel()
    await makes.m.cancel()
    await asyncio.wait(users)
    await asyncio.sleep(LONG)
    assert makes.running == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert all("closed by cancel()" in str(each["exception"]) for each in reported)
    reported.clear()


async def test_a_sources_task_and_its_caller_may_end_the_multi_await_in_the_same_pass() -> None:
    event = asyncio.Event()

    async def ends() -> str:
        await event.wait()
        await m.cancel()
        return "ended"

    m = multi_await(ends)
    assert m.select_nowait() is None
    await steps(2)
    event.set()
    async with asyncio.timeout(1):
        await m.cancel()
    await steps(2)
    assert asyncio.all_tasks() == {asyncio.current_task()}


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
    """Does something to the MultiAwait at each poll."""

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
async def test_a_source_paused_by_a_poll_keeps_what_it_has(call: str) -> None:
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
async def test_a_source_that_cancels_the_caller_loses_no_value(call: str, value: object) -> None:
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


async def test_a_poll_that_blocks_delays_the_others_but_loses_no_tick() -> None:
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
