"""A function is called for each value. Its task runs on between calls; nothing restarts it."""

import asyncio
import functools

from multi_await import multi_await


async def measure(room: str, seconds: float) -> str:
    print("measuring in the", room)
    await asyncio.sleep(seconds)
    return f"20 degrees in the {room}"


async def main() -> None:
    kitchen = functools.partial(measure, "kitchen", 0.5)
    attic = functools.partial(measure, "attic", 1.25)
    async with multi_await(kitchen, attic) as m:
        for _ in range(3):
            position, degrees = await m.select()
            print("position", position, "gives", degrees)
        print("the program does something else")
        await asyncio.sleep(1)
    print("undelivered:", m.undelivered)


if __name__ == "__main__":
    asyncio.run(main())
