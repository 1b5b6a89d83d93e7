"""Clients that hang up: the end of each is an event, and its position is free again."""

import asyncio
from collections.abc import AsyncIterator

from multi_await import each, ending, multi_await


async def client(*lines: str) -> AsyncIterator[str]:
    for line in lines:
        await asyncio.sleep(1)
        yield line


async def serve(door: asyncio.Queue[AsyncIterator[str]]) -> None:
    clients: set[int] = set()
    async with multi_await() as m:
        knocks = m.add(door.get)
        async for position, value in m:
            if position == knocks:
                position = m.add(ending(each(value), None))
                clients.add(position)
                print(f"client {position} is there")
            elif value is None:
                await m.remove(position)
                clients.remove(position)
                print(f"client {position} has hung up; {len(clients)} left")
                if not clients:
                    break
            else:
                print(f"client {position}: {value}")


async def main() -> None:
    door: asyncio.Queue[AsyncIterator[str]] = asyncio.Queue()
    serving = asyncio.create_task(serve(door))
    door.put_nowait(client("hello", "anybody?"))
    await asyncio.sleep(0.5)
    door.put_nowait(client("good day"))
    await asyncio.sleep(1.25)
    door.put_nowait(client("me too"))
    await serving


if __name__ == "__main__":
    asyncio.run(main())
