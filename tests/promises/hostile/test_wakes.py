"""How a hostile source wakes: never, twice, late, during its poll, from another thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from virtual_clock import VirtualClockLoop, VirtualSelector

from multi_await import PENDING, Wake
from tests.conftest import with_task_factory
from tests.promises.hostile.beside import (
    CALLS,
    LONG,
    OTHER_CALLS,
    WAITING_CALLS,
    Beside,
    Quiet,
    now,
)


@pytest.mark.parametrize("call", WAITING_CALLS)
async def test_a_source_that_never_wakes_delivers_nothing_and_harms_nobody(call: str) -> None:
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
async def test_a_wake_during_a_poll_is_harmless(outcome: object) -> None:
    for call in OTHER_CALLS:
        async with Beside(WakesInPoll(outcome)) as here:
            for _ in range(3):
                await here.item(call)
        if not isinstance(outcome, ValueError):
            assert here.failures == []
        assert set(here.events) <= {outcome}
        assert repr(here.m) == "<MultiAwait closed>"


class Remembers(Quiet):
    """Keeps every wake that it gets."""

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
async def test_a_duplicate_or_late_wake_wakes_nothing_else(call: str) -> None:
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
    """Lets another thread do something exactly while the event loop sleeps."""

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
    """Return when the value was delivered, and what was raised in the thread."""
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
def test_a_wake_by_call_soon_threadsafe_takes_effect_at_once(debug: bool) -> None:
    assert woken_from_a_thread(threadsafe=True, debug=debug) == (0, [])


@pytest.mark.parametrize("debug", [True, False])
def test_a_bare_wake_from_another_thread_raises_there_and_nothing_is_lost(debug: bool) -> None:
    delivered, failures = woken_from_a_thread(threadsafe=False, debug=debug)
    assert ["use loop.call_soon_threadsafe" in str(failure) for failure in failures] == [True]
    assert delivered == 10
