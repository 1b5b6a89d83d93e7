"""Reconnect after a delay that doubles, while the other sources of the loop go on."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from multi_await import each, every, multi_await

FATES = itertools.cycle(["refused", "refused", "hello", "refused", "hello again"])


@asynccontextmanager
async def connect() -> AsyncIterator[AsyncIterator[str]]:  # stands for that of your library
    fate = next(FATES)
    if fate == "refused":
        raise ConnectionError("refused")

    async def messages() -> AsyncIterator[str]:
        yield fate
        raise ConnectionError("lost")

    yield messages()


async def connection() -> AsyncIterator[str]:
    delay = 0.5
    while True:
        try:
            async with connect() as messages:
                async for message in messages:
                    delay = 0.5  # it works: begin anew
                    yield message
        except OSError as error:
            print(f"{error}: again in {delay} s")
        await asyncio.sleep(delay)
        delay = min(2 * delay, 30)


async def main() -> None:
    async with multi_await(each(connection()), every(0.9)) as m:
        async for event in m:
            match event:
                case (0, message):
                    print("received", message)
                    if message == "hello again":
                        break
                case (1, _):
                    print("the loop does other things")


if __name__ == "__main__":
    asyncio.run(main())
