"""shutdown() of a group: no new clients, but those that are connected may finish."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final, assert_never

from multi_await import Group, after, each, ending, multi_await


class At:
    CLIENTS: Final = 0
    STOP: Final = 1


async def client(*lines: str) -> AsyncIterator[str]:
    for line in lines:
        yield line
        await asyncio.sleep(1)


async def main() -> None:
    clients = Group[str, str | None]()
    clients.add("ada", ending(each(client("one", "two", "three")), None))
    clients.add("grace", ending(each(client("eins", "zwei")), None))
    stop = after(0.5)  # in a server: signals(SIGTERM)
    async with multi_await(clients, stop) as m:
        async for event in m:
            match event:
                case (At.CLIENTS, (name, None)):
                    print(name, "has finished")
                case (At.CLIENTS, (name, line)):
                    print(name, "says", line)
                case (At.STOP, _):
                    print("stop: no new clients")
                    clients.shutdown()
                case _:
                    assert_never(event)
    print("all have finished")


if __name__ == "__main__":
    asyncio.run(main())
