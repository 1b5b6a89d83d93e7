"""Clients connect, break and hang up: what they say, how they broke, and that they are gone."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, assert_never

from multi_await import Group, after, catching, each, ending, every, multi_await


@dataclass
class Broken:
    failure: Exception


class At:
    CLIENTS: Final = 0
    CLOCK: Final = 1
    CLOSING_TIME: Final = 2


async def client(name: str, seconds: float) -> AsyncIterator[str]:
    yield f"hello from {name}"
    await asyncio.sleep(seconds)
    if name == "grace":
        raise ConnectionError("reset by peer")
    yield "bye"


async def main() -> None:
    clients = Group[str, str | Broken | None]()
    names = iter(["ada", "grace", "edsger"])
    async with multi_await(clients, every(1, first=0), after(6)) as m:
        async for event in m:
            match event:
                case (At.CLIENTS, (name, None)):
                    print(f"{name} is gone, {len(clients)} left")
                case (At.CLIENTS, (name, Broken(failure))):
                    print(f"{name} broke: {failure}")
                case (At.CLIENTS, (name, line)):
                    print(f"{name}: {line.upper()}")
                case (At.CLOCK, _):
                    if (name := next(names, "")) != "":
                        clients.add(name, ending(catching(each(client(name, 1.5)), Broken), None))
                case (At.CLOSING_TIME, _):
                    break
                case _:
                    assert_never(event)


if __name__ == "__main__":
    asyncio.run(main())
