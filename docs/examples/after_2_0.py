"""The loop of before_2_0.py without its workarounds."""

import asyncio

from multi_await import every, multi_await


async def main() -> None:
    loop = asyncio.get_running_loop()
    readings: asyncio.Queue[float | None] = asyncio.Queue()  # None: the sensor is being cleaned
    stop = asyncio.Event()
    for seconds, reading in [(0.1, 20.5), (0.2, None), (0.9, 21.0)]:
        loop.call_later(seconds, readings.put_nowait, reading)
    loop.call_later(1.1, stop.set)

    idle = every(0.5)
    async with multi_await(readings.get, stop.wait, idle) as m:
        async for event in m:
            match event:
                case (0, reading):
                    print("reading:", reading)
                    idle.reset()
                case (1, _):
                    break
                case (2, _):
                    print("nothing for half a second")


if __name__ == "__main__":
    asyncio.run(main())
