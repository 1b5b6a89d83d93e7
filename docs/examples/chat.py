"""A chat room: people come and go, and each of them is a source while they are here."""

import asyncio
from dataclasses import dataclass, field

from multi_await import multi_await


@dataclass
class Person:
    name: str
    says: asyncio.Queue[str] = field(default_factory=asyncio.Queue)


async def room(doors: asyncio.Queue[Person]) -> None:
    people: dict[int, Person] = {}
    async with multi_await() as m:
        door = m.add(doors.get)
        async for position, value in m:
            if position == door:
                position = m.add(value.says.get)
                people[position] = value
                print(f"{value.name} comes in, and is at position {position}")
            elif value == "bye":
                await m.remove(position)
                print(f"{people.pop(position).name} leaves")
            else:
                print(f"{people[position].name}: {value}")
            if not people:
                break


async def visit(doors: asyncio.Queue[Person], name: str, *said: str, at: float) -> None:
    await asyncio.sleep(at)
    person = Person(name)
    doors.put_nowait(person)
    for word in said:
        await asyncio.sleep(0.5)
        person.says.put_nowait(word)


async def main() -> None:
    doors: asyncio.Queue[Person] = asyncio.Queue()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(room(doors))
        tasks.create_task(visit(doors, "Ada", "hello?", "hello Grace", "bye", at=0))
        tasks.create_task(visit(doors, "Grace", "hello Ada", "who else is here?", "bye", at=0.75))
        tasks.create_task(visit(doors, "Edsger", "I am", "bye", at=1.6))


if __name__ == "__main__":
    asyncio.run(main())
