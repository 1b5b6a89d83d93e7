"""The mistake: a set that is rebuilt for each event does not hear newcomers."""

import asyncio

from multi_await import multi_await


async def room(people: dict[str, asyncio.Queue[str]]) -> None:
    for _ in range(2):
        names = list(people)
        async with multi_await(*[people[name].get for name in names]) as m:
            position, word = await m.select()
        print(f"the room hears {names[position]}: {word}")


async def main() -> None:
    people: dict[str, asyncio.Queue[str]] = {"Ada": asyncio.Queue()}
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(room(people))
        await asyncio.sleep(0.5)
        people["Grace"] = asyncio.Queue()
        people["Grace"].put_nowait("hello")
        print("Grace comes in and says hello")
        await asyncio.sleep(0.5)
        print("half a second later Ada says something")
        people["Ada"].put_nowait("is anybody here?")


if __name__ == "__main__":
    asyncio.run(main())
