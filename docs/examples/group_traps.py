"""Three traps: a clock that is paused, a function that fails, and what a removed source leaves."""

import asyncio

from multi_await import Group, catching, every, multi_await


async def paused() -> None:
    clock, stopped = every(1), every(1)
    async with multi_await(clock, stopped) as m:
        m.pause(0)
        stopped.stop()
        await asyncio.sleep(3.5)
        m.resume(0)
        stopped.reset()
        print("paused for 3.5 seconds, it kept counting:", await m.select())
        print("stopped, it starts over:", await m.select(), await m.select())


async def fails_again_and_again() -> None:
    async def ask() -> str:
        await asyncio.sleep(1)
        raise ConnectionError("refused")

    group = Group[str, str]()
    group.add("server", catching(ask, repr))
    async with multi_await(group) as m:
        for _ in range(3):
            print(await m.select())
        print("still in the group:", list(group))


async def removed() -> None:
    async def measure() -> str:
        await asyncio.sleep(0.5)
        return "20 degrees"

    group = Group[str, str]()
    group.add("sensor", measure)
    async with multi_await(group) as m:
        m.select_nowait()
        await asyncio.sleep(1)  # the measurement comes in
        print("what the removed source left:", await group.remove("sensor"))
    print("undelivered:", m.undelivered)


async def main() -> None:
    await paused()
    await fails_again_and_again()
    await removed()


if __name__ == "__main__":
    asyncio.run(main())
