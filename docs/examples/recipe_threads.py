"""A thread feeds a loop: each reading is an event, and so is the end of the thread."""

import asyncio
import time
from collections.abc import Callable

from multi_await import multi_await, once


def measure(send: Callable[[int], object]) -> None:  # this runs in a thread
    for reading in range(3):
        time.sleep(0.1)
        send(reading)


async def main() -> None:
    loop = asyncio.get_running_loop()
    readings: asyncio.Queue[int] = asyncio.Queue()

    def send(reading: int) -> None:
        loop.call_soon_threadsafe(readings.put_nowait, reading)

    thread = asyncio.to_thread(measure, send)
    async with multi_await(readings.get, once(thread), biased=True) as m:  # all readings first
        async for event in m:
            match event:
                case (0, reading):
                    print("reading", reading)
                case (1, _):
                    print("the thread has ended")
                    break


if __name__ == "__main__":
    asyncio.run(main())
