"""Commands before data: a command that has arrived is always the next event."""

import asyncio

from multi_await import multi_await


async def main() -> None:
    commands: asyncio.Queue[str] = asyncio.Queue()
    data: asyncio.Queue[int] = asyncio.Queue()
    for number in range(1, 1001):
        data.put_nowait(number)

    async with multi_await(commands.get, data.get, biased=True) as m:
        async for event in m:
            match event:
                case (0, "stop"):
                    break
                case (0, command):
                    print("command:", command)
                case (1, number):
                    print("data:", number)
                    if number == 2:
                        commands.put_nowait("be quick")
                        commands.put_nowait("stop")
    print("still in the queue:", data.qsize())


if __name__ == "__main__":
    asyncio.run(main())
