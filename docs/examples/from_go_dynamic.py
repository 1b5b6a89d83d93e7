"""Go's `reflect.Select`: sources come and go, and keep their positions."""

import asyncio
from collections.abc import AsyncIterator

from multi_await import each, multi_await

Lines = AsyncIterator[str | None]


async def lines(name: str, number: int) -> Lines:
    for n in range(number):
        await asyncio.sleep(0.5)
        yield f"{name}, line {n}"
    yield None


async def main() -> None:
    connections: asyncio.Queue[Lines] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    loop.call_later(0.1, connections.put_nowait, lines("Ada", 1))
    loop.call_later(0.3, connections.put_nowait, lines("Grace", 2))
    loop.call_later(0.9, connections.put_nowait, lines("Edsger", 1))

    async with multi_await() as m:
        listener = m.add(connections.get)
        async for position, value in m:
            if position == listener:
                print("position", m.add(each(value)), "is given out")
            elif value is not None:
                print(value)
            else:
                await m.remove(position)
                print("position", position, "is free")
                if len(m) == 1:
                    break


if __name__ == "__main__":
    asyncio.run(main())
