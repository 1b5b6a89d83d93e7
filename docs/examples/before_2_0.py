"""A loop as it had to be for 1.0.4: it runs unchanged."""

import asyncio

from multi_await import multi_await


async def main() -> None:
    loop = asyncio.get_running_loop()
    readings: asyncio.Queue[float | None] = asyncio.Queue()  # None: the sensor is being cleaned
    stop = asyncio.Event()
    for seconds, reading in [(0.1, 20.5), (0.2, None), (0.9, 21.0)]:
        loop.call_later(seconds, readings.put_nowait, reading)
    loop.call_later(1.1, stop.set)

    async def wrapped() -> tuple[float | None]:
        return (await readings.get(),)  # in a tuple: a bare None meant "no value"

    async with multi_await() as m:
        m.add(wrapped)
        m.add(stop.wait)
        getting = asyncio.create_task(m.get())  # in a task: get() must not be cancelled
        while True:
            done, _ = await asyncio.wait([getting], timeout=0.5)
            if not done:
                print("nothing for half a second")
                continue
            (reading, stopped), _ = getting.result()
            if reading is not None:
                print("reading:", reading[0])
            if stopped:
                break
            getting = asyncio.create_task(m.get())


if __name__ == "__main__":
    asyncio.run(main())
