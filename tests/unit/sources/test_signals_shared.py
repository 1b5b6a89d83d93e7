"""signals(): start and end, sources that share a signal, and the restored handlers."""

from __future__ import annotations

import asyncio
import gc
import itertools
import signal
import subprocess
import sys
import threading
import warnings
import weakref
from collections.abc import Iterator

import pytest

from multi_await import MultiAwait, Pending, Source, Wake, multi_await, signals
from tests.conftest import new_loop
from tests.machinery.tools import dropped_without_end, steps

SIGNUM = signal.SIGTERM if sys.platform == "win32" else signal.SIGUSR1
OTHER = signal.SIGINT if sys.platform == "win32" else signal.SIGUSR2
has_sigkill = pytest.mark.skipif(
    sys.platform in ("win32", "emscripten"), reason="no SIGKILL, or one that can be handled"
)

Handled = list[int]


@pytest.fixture(autouse=True)
def handlers_from_before() -> Iterator[None]:
    """Restore the handlers, whatever the test has left."""
    before = {signum: signal.getsignal(signum) for signum in (SIGNUM, OTHER, signal.SIGINT)}
    yield
    # Sources that were never ended are released when the next source of their signal starts.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(starts_and_ends([*before]))
        gc.collect()
    for signum, handler in before.items():
        signal.signal(signum, handler)


async def starts_and_ends(signums: list[int]) -> None:
    async with multi_await(signals(*signums)):
        pass


@pytest.fixture
def handled() -> Handled:
    """What the previous handler received."""
    handled = Handled()
    signal.signal(SIGNUM, lambda signum, _: handled.append(signum))
    return handled


# -- the start -------------------------------------------------------------------------------------


async def test_signals_are_handled_as_soon_as_the_block_is_entered(handled: Handled) -> None:
    source = signals(SIGNUM)
    signal.raise_signal(SIGNUM)
    assert handled == [SIGNUM]
    async with multi_await(source) as m:
        signal.raise_signal(SIGNUM)  # while the block starts up, before any call
        assert await m.select() == (0, SIGNUM)
    assert handled == [SIGNUM]


async def test_signals_are_handled_as_soon_as_they_are_added(handled: Handled) -> None:
    async with multi_await() as m:
        m.add(signals(SIGNUM))
        signal.raise_signal(SIGNUM)
        assert m.select_nowait() == (0, SIGNUM)
    assert handled == []


async def test_a_custom_source_that_wraps_signals_need_not_call_start(handled: Handled) -> None:
    class Around(Source[signal.Signals]):
        source = signals(SIGNUM)

        def poll(self, wake: Wake) -> signal.Signals | Pending:
            return self.source.poll(wake)

        async def aclose(self) -> None:
            await self.source.aclose()

    async with multi_await(Around()) as m:
        assert m.select_nowait() is None
        asyncio.get_running_loop().call_later(1, signal.raise_signal, SIGNUM)
        assert await m.select() == (0, SIGNUM)
    assert handled == []


@has_sigkill
async def test_either_all_of_several_signals_are_handled_or_none(handled: Handled) -> None:
    other = signal.getsignal(OTHER)
    source = signals(SIGNUM, OTHER, signal.SIGKILL)
    with pytest.raises(OSError, match="Invalid argument"):
        source.start()
    assert signal.getsignal(OTHER) == other
    signal.raise_signal(SIGNUM)
    assert handled == [SIGNUM]
    assert list(await source.aclose() or ()) == []


@has_sigkill
async def test_a_source_that_cannot_start_does_not_affect_other_signal_sources(
    handled: Handled,
) -> None:
    async with multi_await(signals(SIGNUM)) as m:
        with pytest.raises(OSError, match="Invalid argument"):
            signals(SIGNUM, signal.SIGKILL).start()
        signal.raise_signal(SIGNUM)
        assert await m.select() == (0, SIGNUM)
    assert handled == []


@pytest.mark.skipif(sys.platform == "emscripten", reason="WebAssembly has no threads")
def test_starting_the_source_on_another_threads_event_loop_raises() -> None:
    source = signals(SIGNUM)
    before = signal.getsignal(SIGNUM)
    raised = list[BaseException]()

    async def start() -> None:
        with pytest.raises(RuntimeError) as caught:
            source.start()
        raised.append(caught.value)

    def run() -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(start())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert str(raised[0]).startswith("signals() was called outside the main thread")
    assert signal.getsignal(SIGNUM) == before


# -- sources that share a signal -------------------------------------------------------------------


async def test_every_source_of_a_signal_receives_it(handled: Handled) -> None:
    async with multi_await(signals(SIGNUM), signals(OTHER, SIGNUM)) as m:
        async with multi_await(signals(SIGNUM)) as inner:
            signal.raise_signal(SIGNUM)
            assert await inner.select() == (0, SIGNUM)
        signal.raise_signal(OTHER)
        events = [await m.select() for _ in range(3)]
        assert sorted(events) == sorted([(0, SIGNUM), (1, SIGNUM), (1, OTHER)])
    assert handled == []


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
async def test_sources_of_the_same_signal_may_end_in_any_order(
    order: tuple[int, ...], handled: Handled
) -> None:
    before = signal.getsignal(SIGNUM)
    sets = dict[int, MultiAwait[signal.Signals]]()
    for number in range(3):
        sets[number] = multi_await(signals(SIGNUM))
        assert sets[number].select_nowait() is None
    for number in order:
        signal.raise_signal(SIGNUM)
        for each in sets.values():
            assert await each.select() == (0, SIGNUM)
        await sets.pop(number).cancel()
    assert handled == []
    assert signal.getsignal(SIGNUM) is before


async def test_sources_that_share_some_signals_may_end_in_any_order() -> None:
    before = signal.getsignal(SIGNUM), signal.getsignal(OTHER)
    async with multi_await(signals(SIGNUM, OTHER)) as second:
        first = multi_await(signals(SIGNUM))
        assert first.select_nowait() is None
        await first.cancel()
        signal.raise_signal(SIGNUM)
        assert await second.select() == (0, SIGNUM)
        assert signal.getsignal(OTHER) is not before[1]
    assert (signal.getsignal(SIGNUM), signal.getsignal(OTHER)) == before


async def test_an_ended_source_receives_no_more_signals(handled: Handled) -> None:
    async with multi_await(signals(SIGNUM)) as m:
        async with multi_await(signals(SIGNUM)) as inner:
            signal.raise_signal(SIGNUM)
        assert inner.undelivered == ((0, SIGNUM),)
        signal.raise_signal(SIGNUM)
        assert inner.undelivered == ((0, SIGNUM),)
        assert [await m.select(), await m.select()] == 2 * [(0, SIGNUM)]
        assert m.select_nowait() is None


# -- handlers of other code ------------------------------------------------------------------------


async def test_a_handler_set_meanwhile_by_other_code_stays(handled: Handled) -> None:
    theirs = Handled()
    async with multi_await(signals(SIGNUM)) as m:
        signal.signal(SIGNUM, lambda signum, _: theirs.append(signum))
        signal.raise_signal(SIGNUM)
        assert m.select_nowait() is None
    signal.raise_signal(SIGNUM)
    assert (theirs, handled) == ([SIGNUM, SIGNUM], [])


async def test_a_new_source_takes_a_signal_over_and_later_restores_the_newest_handler(
    handled: Handled,
) -> None:
    theirs = Handled()
    async with multi_await(signals(SIGNUM)) as first:
        signal.signal(SIGNUM, lambda signum, _: theirs.append(signum))
        async with multi_await(signals(SIGNUM)) as second:
            signal.raise_signal(SIGNUM)
            assert await first.select() == await second.select() == (0, SIGNUM)
        signal.raise_signal(SIGNUM)
        assert await first.select() == (0, SIGNUM)
    signal.raise_signal(SIGNUM)
    assert (theirs, handled) == ([SIGNUM], [])


async def test_the_packages_handler_restored_by_other_code_acts_as_the_previous_one(
    handled: Handled,
) -> None:
    """Other code sets its handler while a source waits, and restores ours when none does."""
    async with multi_await(signals(SIGNUM)):
        ours = signal.signal(SIGNUM, signal.SIG_IGN)
    signal.signal(SIGNUM, ours)
    signal.raise_signal(SIGNUM)
    signal.raise_signal(SIGNUM)
    assert handled == [SIGNUM, SIGNUM]
    assert signal.getsignal(SIGNUM) is not ours


# -- loops that are closed -------------------------------------------------------------------------


def test_two_consecutive_event_loops_can_handle_a_signal(handled: Handled) -> None:
    before = signal.getsignal(SIGNUM)

    async def main() -> None:
        async with multi_await(signals(SIGNUM)) as m:
            asyncio.get_running_loop().call_later(1, signal.raise_signal, SIGNUM)
            assert await m.select() == (0, SIGNUM)

    for _ in range(2):
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(main())
        assert signal.getsignal(SIGNUM) is before
    assert handled == []


def dropped() -> MultiAwait[signal.Signals]:
    """A MultiAwait that waited for a signal in a loop that is now closed, and was never ended."""

    async def main() -> MultiAwait[signal.Signals]:
        m = multi_await(signals(SIGNUM))
        assert m.select_nowait() is None
        return m

    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(main())


@dropped_without_end
def test_a_source_of_a_closed_loop_leaves_the_signal_to_the_previous_handler(
    handled: Handled,
) -> None:
    before = signal.getsignal(SIGNUM)
    m = dropped()
    signal.raise_signal(SIGNUM)
    assert handled == [SIGNUM]
    assert signal.getsignal(SIGNUM) is before
    del m


@dropped_without_end
def test_a_source_of_a_closed_loop_does_not_disturb_a_new_one(handled: Handled) -> None:
    before = signal.getsignal(SIGNUM)
    m = dropped()

    async def main() -> None:
        async with multi_await(signals(SIGNUM)) as m:
            signal.raise_signal(SIGNUM)
            await steps(3)
            assert await m.select() == (0, SIGNUM)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    assert signal.getsignal(SIGNUM) is before
    assert handled == []
    del m


def test_a_source_of_a_closed_loop_is_freed_once_another_starts() -> None:
    async def main() -> weakref.ref[Source[signal.Signals]]:
        source = signals(SIGNUM)
        source.start()
        return weakref.ref(source)

    refs = list[weakref.ref[Source[signal.Signals]]]()
    for _ in range(2):
        with asyncio.Runner(loop_factory=new_loop) as runner:
            refs.append(runner.run(main()))
    gc.collect()
    assert refs[0]() is None


@dropped_without_end
def test_the_last_source_of_an_open_loop_restores_the_previous_handler(
    handled: Handled,
) -> None:
    before = signal.getsignal(SIGNUM)
    other = new_loop()

    async def main() -> MultiAwait[signal.Signals]:
        m = multi_await(signals(SIGNUM))
        assert m.select_nowait() is None
        return m

    async def end(m: MultiAwait[signal.Signals]) -> None:
        await m.cancel()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        m = runner.run(main())
        never_ended = other.run_until_complete(main())
        other.close()
        runner.run(end(m))
    assert signal.getsignal(SIGNUM) is before
    del never_ended


@dropped_without_end
def test_ctrl_c_after_asyncio_run_raises_keyboard_interrupt() -> None:
    """Even after two sources that overlapped, and one that was never ended."""

    async def main() -> MultiAwait[signal.Signals]:
        first, second, never_ended = (multi_await(signals(signal.SIGINT)) for _ in range(3))
        for m in (first, second, never_ended):
            assert m.select_nowait() is None
        await first.cancel()
        await second.cancel()
        return never_ended

    signal.signal(signal.SIGINT, signal.default_int_handler)
    m = asyncio.run(main())
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    del m


# -- forked processes ------------------------------------------------------------------------------

FORKS = """
import asyncio, os, signal, time
from multi_await import multi_await, signals

async def main():
    async with multi_await(signals(signal.SIGTERM)) as m:
        child = os.fork()
        if not child:
            signal.raise_signal(signal.SIGTERM)  # the default is the end
            os._exit(3)
        _, status = os.waitpid(child, 0)
        print("the child ended by", signal.Signals(os.WTERMSIG(status)).name)
        await asyncio.sleep(0.01)
        print("here came", m.select_nowait())
        signal.raise_signal(signal.SIGTERM)
        print("here came", await m.select())

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform in ("win32", "emscripten"), reason="no os.fork")
def test_a_forked_process_handles_a_signal_as_if_there_were_no_source() -> None:
    ran = subprocess.run(  # noqa: S603 -- our own
        [sys.executable, "-c", FORKS], capture_output=True, text=True, check=False, timeout=60
    )
    assert (ran.stdout, ran.stderr) == (
        "the child ended by SIGTERM\nhere came None\nhere came (0, <Signals.SIGTERM: 15>)\n",
        "",
    )
