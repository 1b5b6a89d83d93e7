"""The virtual clock that the docs give to users, and the documented ways to use it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import threading
import time
import unittest
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from virtual_clock import Deadlock, VirtualClockLoop

from multi_await import every, multi_await
from tests.machinery.tools import steps

EXAMPLES = Path(__file__).parents[2] / "docs/examples"


def run(coroutine: Coroutine[Any, Any, object]) -> float:
    """Run it, and return the time on the clock afterwards."""
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        runner.run(coroutine)
        return runner.get_loop().time()


def test_a_year_of_ticks_passes_in_a_moment() -> None:
    async def year() -> None:
        async with multi_await(every(86_400)) as m:
            for _ in range(365):
                assert await m.select() == (0, 1)

    assert run(year()) == pytest.approx(365 * 86_400)


def test_a_timer_fires_even_when_the_clock_is_too_large_for_fractions() -> None:
    """A large float has no room for the nanosecond that asyncio adds before it compares."""

    async def late() -> None:
        await asyncio.sleep(1e9)
        async with asyncio.timeout(1):
            asyncio.get_running_loop().call_later(0, timer_at_once.set)
            await timer_at_once.wait()
            await asyncio.sleep(1e-9)

    timer_at_once = asyncio.Event()
    assert run(late()) == pytest.approx(1e9)


async def waits() -> None:
    await asyncio.Event().wait()


async def waits_for_infinity() -> None:
    await asyncio.sleep(float("inf"))


async def waits_beside_a_timer_at_infinity() -> None:
    asyncio.get_running_loop().call_at(float("inf"), print)
    await waits()


async def spins() -> None:
    while True:
        await steps(1)


@pytest.mark.parametrize(
    "stuck", [waits, waits_for_infinity, waits_beside_a_timer_at_infinity, spins]
)
def test_a_program_that_cannot_proceed_raises_deadlock_and_can_still_clean_up(
    stuck: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    async def with_clean_up() -> None:
        try:
            await stuck()
        finally:
            await asyncio.sleep(5)
            cleaned_up.append(stuck)

    cleaned_up = list[object]()
    with pytest.raises(Deadlock):
        run(with_clean_up())
    assert cleaned_up == [stuck]


def test_a_timeout_ends_a_test_that_waits_forever_while_a_ticker_runs() -> None:
    async def test() -> None:
        async with asyncio.timeout(3600), multi_await(every(1)) as m:
            while True:
                await m.select()

    with pytest.raises(TimeoutError):
        run(test())


def test_the_clock_does_not_wait_for_a_thread() -> None:
    async def test() -> None:
        loop, answered = asyncio.get_running_loop(), asyncio.Event()
        thread = threading.Thread(target=answer, args=(loop, answered))
        thread.start()
        try:
            async with asyncio.timeout(3600):
                await answered.wait()
        finally:
            go_on.set()
            thread.join()

    def answer(loop: asyncio.AbstractEventLoop, answered: asyncio.Event) -> None:
        go_on.wait()
        loop.call_soon_threadsafe(answered.set)

    go_on = threading.Event()
    with pytest.raises(TimeoutError):
        run(test())


def test_a_test_on_a_real_clock_fails_when_the_machine_is_busy() -> None:
    """On the virtual clock it passes."""

    async def test() -> str:
        asyncio.get_running_loop().call_later(0.04, queue.put_nowait, "item")
        asyncio.get_running_loop().call_later(0.01, time.sleep, 0.1)  # the machine is busy
        async with asyncio.timeout(0.05):
            return await queue.get()

    queue = asyncio.Queue[str]()
    with pytest.raises(TimeoutError):
        asyncio.run(test())
    queue = asyncio.Queue[str]()
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        assert runner.run(test()) == "item"


def python(*arguments: str, cwd: Path) -> str:
    """Return the output of another Python process."""
    done = subprocess.run(  # noqa: S603 -- this Python, and arguments of our own
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_guides_program_runs_on_its_own_clock() -> None:
    expected = (EXAMPLES / "testing_a_loop.out").read_text(encoding="utf-8")
    assert python("testing_a_loop.py", cwd=EXAMPLES) == expected


def run_pytest(directory: Path, name: str) -> str:
    for copied in ("virtual_clock.py", "testing_a_loop.py"):
        shutil.copy(EXAMPLES / copied, directory)
    return python(
        "-m", "pytest", "-q", "-c", os.devnull, "-p", "no:cacheprovider", name, cwd=directory
    )


def test_the_guides_tests_pass_under_pytest(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "test_a_loop.py", tmp_path)
    assert "2 passed" in run_pytest(tmp_path, "test_a_loop.py")


def test_the_anyio_plugin_accepts_the_virtual_clock(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        """
import asyncio
import pytest
from virtual_clock import VirtualClockLoop

@pytest.fixture
def anyio_backend():
    return "asyncio", {"loop_factory": VirtualClockLoop}

@pytest.mark.anyio
async def test_it():
    await asyncio.sleep(86_400)
    assert asyncio.get_running_loop().time() == 86_400
""",
        encoding="utf-8",
    )
    assert "1 passed" in run_pytest(tmp_path, "test_it.py")


@pytest.mark.skipif(sys.version_info < (3, 13), reason="loop_factory came with Python 3.13")
def test_unittest_accepts_the_virtual_clock() -> None:
    class Case(unittest.IsolatedAsyncioTestCase):
        loop_factory = VirtualClockLoop

        async def test_it(self) -> None:
            await asyncio.sleep(86_400)
            assert asyncio.get_running_loop().time() == 86_400

    result = unittest.TestResult()
    Case("test_it").run(result)
    assert (result.testsRun, result.errors, result.failures) == (1, [], [])
