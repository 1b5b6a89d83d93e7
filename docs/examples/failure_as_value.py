"""Items, how the connection broke, and its end: three values of one source, told apart by type."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from multi_await import catching, each, ending, every, multi_await


@dataclass
class Broken:
    failure: Exception


async def connect() -> AsyncIterator[str]:
    yield "hello"
    await asyncio.sleep(1.5)
    yield "are you there?"
    raise ConnectionError("reset by peer")


async def main() -> None:
    connection = connect()
    source = ending(catching(each(connection), Broken), None)
    async with multi_await(source, every(1)) as m:
        async for event in m:
            match event:
                case (1, _):
                    print("tick")
                case (0, Broken(failure)):
                    print("it broke:", failure)
                case (0, message) if message is not None:
                    print("message:", message)
                case (0, _):
                    print("the connection has ended")
                    break


if __name__ == "__main__":
    asyncio.run(main())
