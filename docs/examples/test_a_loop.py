"""Tests under pytest, on the virtual clock."""

import asyncio
from collections.abc import Iterator

import pytest
from testing_a_loop import report
from virtual_clock import Deadlock, VirtualClockLoop


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        yield runner


def test_an_hour_without_a_reading_ends_the_loop(runner: asyncio.Runner) -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        readings: asyncio.Queue[float] = asyncio.Queue()
        loop.call_later(3599, readings.put_nowait, 20.0)
        async with asyncio.timeout(86_400):
            await report(readings, said.append)
        assert loop.time() == 2 * 3600

    said: list[str] = []
    runner.run(test())
    assert said == ["1 readings, mean 20.0", "the sensor is silent"]


def test_a_wait_that_can_never_end_fails(runner: asyncio.Runner) -> None:
    with pytest.raises(Deadlock):
        runner.run(asyncio.Event().wait())
