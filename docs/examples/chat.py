"""A chat room: people come and go, and each of them is a source while they are here."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, assert_never

from multi_await import Group, each, ending, multi_await


@dataclass
class Person:
    name: str
    says: AsyncIterator[str]


class At:
    PEOPLE: Final = 0
    DOORS: Final = 1


async def room(doors: asyncio.Queue[Person]) -> None:
    people = Group[str, str | None]()
    async with multi_await(people, doors.get) as m:
        async for event in m:
            match event:
                case (At.DOORS, person):
                    people.add(person.name, ending(each(person.says), None))
                    print(f"{person.name} comes in: {', '.join(people)}")
                case (At.PEOPLE, (name, None)):
                    print(f"{name} leaves: {', '.join(people) or 'nobody is here'}")
                    if not people:
                        break
                case (At.PEOPLE, (name, word)):
                    print(f"{name}: {word}")
                case _:
                    assert_never(event)


async def talk(*words: str) -> AsyncIterator[str]:
    for word in words:
        await asyncio.sleep(0.5)
        yield word
    await asyncio.sleep(0.5)


async def main() -> None:
    doors: asyncio.Queue[Person] = asyncio.Queue()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(room(doors))
        doors.put_nowait(Person("Ada", talk("hello?", "hello Grace")))
        await asyncio.sleep(0.75)
        doors.put_nowait(Person("Grace", talk("hello Ada", "who else is here?")))
        await asyncio.sleep(0.85)
        doors.put_nowait(Person("Edsger", talk("I am")))


if __name__ == "__main__":
    asyncio.run(main())
