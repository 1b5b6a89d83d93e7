"""signals(): real signals, which the process sends to itself."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from typing import Any

import pytest

from multi_await import multi_await, signals
from tests.machinery.tools import cancelled_after, steps

SIGNUM = signal.SIGTERM if sys.platform == "win32" else signal.SIGUSR1
OTHER = signal.SIGINT if sys.platform == "win32" else signal.SIGUSR2


async def test_signals_are_delivered_as_values_in_the_order_of_arrival() -> None:
    loop = asyncio.get_running_loop()
    async with multi_await(signals(SIGNUM, OTHER)) as m:
        assert m.select_nowait() is None
        signal.raise_signal(OTHER)
        signal.raise_signal(SIGNUM)
        assert [await m.select(), await m.select()] == [(0, OTHER), (0, SIGNUM)]
        loop.call_later(1, signal.raise_signal, SIGNUM)
        position, signum = await m.select()
        assert (position, signum.name) == (0, SIGNUM.name)
        assert loop.time() == 1


async def test_a_signal_between_two_calls_is_delivered_by_the_next_call() -> None:
    async with multi_await(signals(SIGNUM)) as m:
        await cancelled_after(1, m.select())
        signal.raise_signal(SIGNUM)
        await steps(3)
        assert await m.select() == (0, SIGNUM)


async def test_the_previous_handlers_are_restored_afterwards() -> None:
    handled = list[int]()
    before = signal.signal(SIGNUM, lambda signum, _: handled.append(signum))
    try:
        async with multi_await(signals(SIGNUM, OTHER)) as m:
            m.select_nowait()
            signal.raise_signal(SIGNUM)
            assert handled == []
        assert m.undelivered == ((0, SIGNUM),)
        signal.raise_signal(SIGNUM)
        assert handled == [SIGNUM]
    finally:
        signal.signal(SIGNUM, before)
    assert signal.getsignal(OTHER) is before


async def test_a_signal_named_twice_is_restored_correctly() -> None:
    before = signal.getsignal(SIGNUM)
    async with multi_await(signals(SIGNUM, SIGNUM)) as m:
        m.select_nowait()
        signal.raise_signal(SIGNUM)
        assert await m.select() == (0, SIGNUM)
    assert signal.getsignal(SIGNUM) is before


def test_asyncio_run_gets_its_own_ctrl_c_handler_back() -> None:
    async def main() -> None:
        theirs = signal.getsignal(signal.SIGINT)
        assert theirs is not signal.default_int_handler
        async with multi_await(signals(signal.SIGINT)) as m:
            m.select_nowait()
            signal.raise_signal(signal.SIGINT)
            assert await m.select() == (0, signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) == theirs
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(10)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # or asyncio leaves it alone
    try:
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(main())
    finally:
        signal.signal(signal.SIGINT, before)


async def test_a_handler_that_was_not_set_from_python_is_not_restored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real: Any = signal.signal
    before = signal.getsignal(SIGNUM)
    with monkeypatch.context() as patched:
        patched.setattr(signal, "signal", lambda *given: (real(*given), None)[1])
        async with multi_await(signals(SIGNUM)) as m:
            m.select_nowait()
    assert signal.getsignal(SIGNUM) is not before
    signal.signal(SIGNUM, before)


@pytest.mark.parametrize("wrong", [0, 1000, -1])
def test_a_nonexistent_signal_raises_value_error(wrong: int) -> None:
    with pytest.raises(
        ValueError, match=rf"^signals\(\) got {wrong}, not a signal of this platform"
    ):
        signals(signal.SIGTERM, wrong)


def test_signals_without_arguments_raises_value_error() -> None:
    with pytest.raises(ValueError, match=r"^signals\(\) needs at least one signal"):
        signals()


def test_signals_outside_the_main_thread_raises() -> None:
    errors = list[str]()

    def make() -> None:
        try:
            signals(signal.SIGTERM)
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    assert errors[0].startswith("signals() was called outside the main thread")
