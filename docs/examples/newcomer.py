"""A source that is added while another task's call is blocked is polled by that call."""

import asyncio

from multi_await import MultiAwait, multi_await


async def hear(m: MultiAwait[()], names: dict[int, str]) -> None:
    for _ in range(2):
        position, word = await m.select()
        print(f"the room hears {names[position]}: {word}")


async def main() -> None:
    ada: asyncio.Queue[str] = asyncio.Queue()
    grace: asyncio.Queue[str] = asyncio.Queue()
    async with multi_await() as m, asyncio.TaskGroup() as tasks:
        names = {m.add(ada.get): "Ada"}
        tasks.create_task(hear(m, names))
        await asyncio.sleep(0.5)
        names[m.add(grace.get)] = "Grace"
        grace.put_nowait("hello")
        print("Grace comes in and says hello")
        await asyncio.sleep(0.5)
        print("half a second later Ada says something")
        ada.put_nowait("is anybody here?")


if __name__ == "__main__":
    asyncio.run(main())
