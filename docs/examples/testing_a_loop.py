"""A loop that reports by the hour, and a test of it that takes no hours."""

import asyncio
from collections.abc import Callable

from virtual_clock import VirtualClockLoop

from multi_await import every, multi_await


async def report(readings: asyncio.Queue[float], say: Callable[[str], None]) -> None:
    """Say the mean of each hour, until an hour has no reading."""
    hour: list[float] = []
    async with multi_await(readings.get, every(3600)) as m:
        async for event in m:
            match event:
                case (0, reading):
                    hour.append(reading)
                case (1, _) if hour:
                    say(f"{len(hour)} readings, mean {sum(hour) / len(hour):.1f}")
                    hour.clear()
                case _:
                    say("the sensor is silent")
                    break


async def main() -> None:
    loop = asyncio.get_running_loop()
    readings: asyncio.Queue[float] = asyncio.Queue()
    for minute, reading in [(10, 20.0), (30, 22.0), (70, 25.0)]:
        loop.call_later(minute * 60, readings.put_nowait, reading)
    await report(readings, print)
    print("hours that have passed:", loop.time() / 3600)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        runner.run(main())
