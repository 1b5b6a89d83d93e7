"""A chat room: people come and go, and each of them is a source while they are here."""

import asyncio
from collections.abc import AsyncIterator

from multi_await import each, ending, multi_await

Person = tuple[str, AsyncIterator[str]]  # a name, and what they say


async def room(doors: asyncio.Queue[Person]) -> None:
    names: dict[int, str] = {}
    async with multi_await() as m:
        door = m.add(doors.get)
        async for position, value in m:
            if position == door:
                name, words = value
                position = m.add(ending(each(words), None))
                names[position] = name
                print(f"{name} comes in, and is at position {position}")
            elif value is None:
                await m.remove(position)
                print(f"{names.pop(position)} leaves")
            else:
                print(f"{names[position]}: {value}")
            if not names:
                break


async def talk(*words: str) -> AsyncIterator[str]:
    for word in words:
        await asyncio.sleep(0.5)
        yield word
    await asyncio.sleep(0.5)


async def main() -> None:
    doors: asyncio.Queue[Person] = asyncio.Queue()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(room(doors))
        doors.put_nowait(("Ada", talk("hello?", "hello Grace")))
        await asyncio.sleep(0.75)
        doors.put_nowait(("Grace", talk("hello Ada", "who else is here?")))
        await asyncio.sleep(0.85)
        doors.put_nowait(("Edsger", talk("I am")))


if __name__ == "__main__":
    asyncio.run(main())
