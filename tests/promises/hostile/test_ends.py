"""How a hostile source ends: cancelled, by itself, and with the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import textwrap
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import pytest

from multi_await import SourceLike, Wake, each, every, inline, multi_await, once
from tests.conftest import Reported
from tests.machinery import zoo
from tests.machinery.tools import Gate, dropped_without_end
from tests.promises.hostile.beside import (
    INTERRUPTS,
    LONG,
    Beside,
    Fault,
    Quiet,
    Raised,
    RaisesInPoll,
    fails_after,
    now,
    raises,
    run,
    run_program,
)

# -- its cancellation and its clean-up -------------------------------------------------------------


async def swallows(times: int) -> str:
    """Swallows so many cancellations, and then has a value."""
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
async def test_a_value_from_a_source_that_swallows_its_cancellation_is_in_undelivered(
    kind: str,
) -> None:
    async with Beside(SWALLOW[kind](1)) as here:
        await here.item()
    assert here.m.undelivered == ((0, "all the same"),)
    assert now() == 0


@pytest.mark.parametrize("kind", SWALLOW)
async def test_a_source_is_cancelled_only_once_and_the_end_waits_for_it(
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
async def test_the_end_waits_for_a_source_that_never_ends_after_ending_the_others(
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


# -- its end ---------------------------------------------------------------------------------------


class Ends(Quiet):
    def __init__(self, end: Callable[[], Any]) -> None:
        self.end = end

    async def aclose(self) -> Any:
        return self.end()


class EndsAtOnce(Ends):
    def aclose(self) -> Any:
        return self.end()


class NoTruth(zoo.NoTruth, list[str]):
    """Has no truth value, like numpy's arrays."""


END: dict[str, tuple[type[Ends], Callable[[], Any], list[str], list[Raised]]] = {
    "raises": (Ends, functools.partial(raises, ValueError), [], [ValueError]),
    "raises no Exception": (Ends, functools.partial(raises, Fault), [], [Fault]),
    "raises what closes": (Ends, functools.partial(raises, GeneratorExit), [], [GeneratorExit]),
    "is cancelled": (Ends, functools.partial(raises, asyncio.CancelledError), [], []),
    "is no coroutine function": (EndsAtOnce, lambda: None, [], [TypeError]),
    "raises at once": (EndsAtOnce, functools.partial(raises, ValueError), [], [ValueError]),
    "returns a number": (Ends, lambda: 5, [], [TypeError]),
    "returns zero": (Ends, lambda: 0, [], [TypeError]),
    "returns what is neither true nor false": (Ends, lambda: NoTruth("a"), ["a"], []),
    "returns what fails": (Ends, lambda: fails_after("ab"), ["a", "b"], [ValueError]),
}


@pytest.mark.parametrize("how", END)
async def test_a_failure_at_a_sources_end_is_reported_and_the_other_sources_end(
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
async def test_an_interrupt_during_a_sources_end_is_raised_once_all_have_ended(
    raised: Raised,
) -> None:
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


@pytest.mark.parametrize("raised", INTERRUPTS)
async def test_an_interrupt_in_start_that_no_call_has_raised_is_raised_at_the_end(
    raised: Raised, reported: Reported
) -> None:
    class Starts(Quiet):
        def start(self) -> None:
            raise raised

    with pytest.raises(raised):
        async with multi_await(Starts()):
            pass
    async with multi_await() as m:
        position = m.add(Starts())
        with pytest.raises(raised):
            await m.remove(position)
    assert reported == []


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


async def test_a_kept_value_of_a_source_that_fails_at_its_end_is_in_undelivered(
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


@dropped_without_end
def test_a_multi_await_whose_event_loop_is_closed_can_only_be_dropped() -> None:
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


@dropped_without_end
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_item_put_after_the_event_loop_closed_stays_although_put_fails() -> None:
    def put_too_late() -> None:
        here = Beside()

        async def main() -> None:
            assert here.m.select_nowait() is None

        run(main())
        with pytest.raises(RuntimeError, match="Event loop is closed"):
            here.queue.put_nowait(0)
        here.put += 1
        here.check()

    put_too_late()
    gc.collect()  # the coroutine suspended in the queue can't clean up, and complains


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
def test_a_multi_await_that_lives_until_the_interpreter_exits_loses_nothing(
    end: str, said: list[str]
) -> None:
    done = run_program(textwrap.dedent(PROGRAM).format(end=end))
    assert (done.returncode, done.stdout) == (0, "")
    errors = [line for line in done.stderr.splitlines() if "Warning: " in line or "Error: " in line]
    assert len(errors) == len(said), done.stderr
    assert all(text in error for text, error in zip(said, errors, strict=True)), done.stderr


WAITS_FOR_ITSELF = {
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
        from multi_await import multi_await
        from virtual_clock import VirtualClockLoop
        """
    program = textwrap.dedent(begin) + textwrap.dedent(WAITS_FOR_ITSELF[source])
    program += "\nVirtualClockLoop().run_until_complete(main())\n"
    said = run_program(program).stderr
    assert "Deadlock: every task waits, and no timer is set" in said
