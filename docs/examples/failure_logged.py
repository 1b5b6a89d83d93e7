"""A sensor fails now and then: the loop logs the failure, and goes on with all its sources."""

import asyncio

from multi_await import after, multi_await


async def main() -> None:
    readings: list[float | None] = [20.5, None, 21.0, 21.5]

    async def sensor() -> float:
        await asyncio.sleep(1)
        reading = readings.pop(0)
        if reading is None:
            raise OSError("no answer")
        return reading

    async with multi_await(sensor, after(4.5)) as m:
        while True:
            try:
                position, value = await m.select()
            except OSError as error:
                print(f"source {m.failed} failed: {error}")
                continue
            if position == 1:
                break
            print(f"{value} degrees")


if __name__ == "__main__":
    asyncio.run(main())
