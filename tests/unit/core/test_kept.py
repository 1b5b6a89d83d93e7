"""Kept outcomes, starts that fail, and ends that a task factory prevents."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from multi_await import PENDING, MultiAwait, Pending, Source, Wake, every, multi_await, once
from tests.conftest import Reported, new_loop
from tests.machinery.tools import steps


class Scripted(Source[Any]):
    """Does at each step what the test says: give a value or raise an exception."""

    def __init__(self, *polls: Any, start: Any = None, release: Any = None) -> None:
        self.polls = [*polls]
        self.on_start, self.on_release = start, release
        self.wake: Wake | None = None
        self.released = 0

    def start(self) -> None:
        if self.on_start is not None:
            raise self.on_start

    def poll(self, wake: Wake) -> Any | Pending:
        self.wake = wake
        outcome = self.polls.pop(0) if self.polls else PENDING
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def release(self) -> None:
        self.released += 1
        if self.on_release is not None:
            raise self.on_release

    def wake_up(self) -> None:
        assert self.wake is not None
        self.wake()


class Interrupting(Scripted):
    """Is interrupted so many times when asked for its name."""

    interrupts = 1

    def __repr__(self) -> str:
        if self.interrupts:
            self.interrupts -= 1
            raise KeyboardInterrupt
        return "Interrupting()"


CALLS = ["select", "__anext__", "get_or_raise"]


async def test_the_next_call_delivers_a_failed_start_and_exhausts_the_source() -> None:
    failure = OSError("no server")
    source = Scripted("never polled", start=failure)
    async with multi_await(source, every(1)) as m:
        with pytest.raises(OSError, match="no server"):
            await m.select()
        assert m.failed == 0
        assert [await m.select(), await m.select()] == [(1, 1), (1, 1)]
    assert source.polls == ["never polled"]


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("call", [*CALLS, "get", "select_nowait", "get_nowait"])
async def test_no_call_polls_a_source_whose_start_failed(call: str, biased: bool) -> None:
    sources = [Scripted("never polled", start=OSError(name)) for name in ("first", "second")]
    failed = list[str]()
    async with multi_await(*sources, every(1), biased=biased) as m:
        for _ in range(5):
            try:
                result = getattr(m, call)()
                given = result if call.endswith("nowait") else await result
            except OSError as failure:
                failed.append(str(failure))
            else:
                if call in ("get", "get_nowait"):
                    failed += [str(each) for each in given[1] if each is not None]
    assert sorted(failed) == ["first", "second"]
    assert [source.polls for source in sources] == [["never polled"]] * 2


async def test_a_failed_start_in_an_open_set_is_delivered_too() -> None:
    async with multi_await() as m:
        m.add(every(1))
        assert m.add(Scripted(start=OSError("no server"))) == 1
        _, failures = await m.get()
        assert [type(failure) for failure in failures] == [type(None), OSError]
        assert await m.remove(1) == ()


async def test_a_failed_start_that_is_never_delivered_is_reported(reported: Reported) -> None:
    failure = OSError("no server")
    async with multi_await(Scripted(start=failure)):
        pass
    assert [report["exception"] for report in reported] == [failure]


async def test_the_next_call_raises_an_interrupt_from_a_start() -> None:
    async with multi_await(Scripted(start=KeyboardInterrupt())) as m:
        with pytest.raises(KeyboardInterrupt):
            await m.get()


async def test_a_source_is_started_once_even_if_the_block_is_entered_after_a_call() -> None:
    starts = list[int]()

    class Started(Source[int]):
        def start(self) -> None:
            starts.append(1)

        def poll(self, wake: Wake) -> Pending:
            return PENDING

    m: MultiAwait[int] = multi_await(Started())
    assert m.select_nowait() is None
    async with m:
        assert m.select_nowait() is None
    assert starts == [1]


@pytest.mark.parametrize("call", CALLS)
async def test_a_failure_interrupted_on_its_way_comes_with_the_next_call(call: str) -> None:
    failure = ValueError("the failure")
    async with multi_await(Interrupting(failure)) as m:
        with pytest.raises(KeyboardInterrupt):
            await getattr(m, call)()
        with pytest.raises(ValueError, match="the failure") as raised:
            await getattr(m, call)()
    assert raised.value is failure


async def test_a_source_with_a_kept_outcome_is_still_released_and_shown_in_the_repr(
    reported: Reported,
) -> None:
    failing = Scripted(ValueError("first"))
    source = Scripted("kept", release=OSError("can't let go"))
    async with multi_await(failing, source) as m:
        with pytest.raises(ValueError, match="first"):
            await m.get_or_raise()
        source.wake_up()
        assert source.released == 1
        assert "Scripted" in repr(m)
        assert await m.get_or_raise() == (None, "kept")
    (report,) = reported
    assert "failed while one of its outcomes was undelivered" in report["message"]
    assert str(report["exception"]) == "can't let go"


async def test_the_outcome_of_a_paused_source_is_kept_until_it_is_resumed() -> None:
    source = Scripted("kept")
    async with multi_await(Scripted(ValueError("first")), source) as m:
        with pytest.raises(ValueError, match="first"):
            await m.get_or_raise()
        m.pause(1)
        assert m.select_nowait() is None
        m.resume(1)
        assert await m.select() == (1, "kept")


@pytest.mark.parametrize("call", ["get", "get_or_raise", "get_nowait"])
async def test_outcomes_of_an_interrupted_round_come_with_the_next_call(
    call: str,
) -> None:
    sources = [Scripted("first"), Scripted(KeyboardInterrupt()), Scripted("third")]
    async with multi_await(*sources) as m:

        async def called() -> None:
            result = getattr(m, call)()
            if call != "get_nowait":
                await result

        with pytest.raises(KeyboardInterrupt):
            await called()
        assert m.failed == 1
        assert sorted([await m.select(), await m.select()]) == [(0, "first"), (2, "third")]


async def test_a_task_factory_that_fails_at_the_end_leaves_no_source_open(
    reported: Reported,
) -> None:
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    ended = list[int]()

    class Ends(Source[int]):
        def __init__(self, number: int) -> None:
            self.number = number

        def poll(self, wake: Wake) -> Pending:
            return PENDING

        async def aclose(self) -> None:
            await steps(1)
            ended.append(self.number)

    def fails(*_: Any, **__: Any) -> Any:
        raise OSError("no more tasks")

    async with multi_await(Ends(0), Ends(1)) as m:
        assert m.select_nowait() is None
        loop.set_task_factory(fails)
    loop.set_task_factory(before)
    assert sorted(ended) == [0, 1]
    assert [str(report["exception"]) for report in reported] == ["no more tasks"] * 2


async def test_an_interrupt_in_the_task_factory_is_raised_once_all_sources_have_ended() -> None:
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()

    def interrupts(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    m = multi_await(every(1))
    assert m.select_nowait() is None
    loop.set_task_factory(interrupts)
    with pytest.raises(KeyboardInterrupt):
        await m.cancel()
    loop.set_task_factory(before)
    assert "closed" in repr(m)


async def test_a_failing_task_factory_is_the_failure_of_a_function_source() -> None:
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()

    async def function() -> str:
        return "value"

    def fails(*_: Any, **__: Coroutine[Any, Any, Any]) -> Any:
        raise OSError("no more tasks")

    async with multi_await(function, once(function())) as m:
        loop.set_task_factory(fails)
        _, failures = await m.get()
        loop.set_task_factory(before)
        assert [str(failure) for failure in failures] == ["no more tasks"] * 2
        assert await m.select() == (0, "value")


def test_an_interrupt_in_one_release_does_not_prevent_the_others() -> None:
    first, second, third = Scripted(release=KeyboardInterrupt()), Scripted(), Scripted()
    m = multi_await(first, second, third)

    async def interrupted() -> None:
        call = asyncio.ensure_future(m.select())
        await steps(2)
        third.polls.append("value")
        for source in (third, first, second):
            source.wake_up()
        assert await call == (2, "value")
        await steps(5)

    async def later() -> None:
        await steps(2)
        await m.cancel()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        with pytest.raises(KeyboardInterrupt):
            runner.run(interrupted())
        runner.run(later())
    assert (first.released, second.released) == (1, 1)
