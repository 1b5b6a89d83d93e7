"""Reconnect after a delay that doubles, while the other sources of the loop go on."""

import asyncio
import itertools
from collections.abc import AsyncGenerator
from contextlib import aclosing

from multi_await import each, every, multi_await

FATES = itertools.cycle(["refused", "refused", "hello", "refused", "hello again"])


async def connect(fate: str) -> AsyncGenerator[str, None]:  # stands in for your library's
    if fate == "refused":
        raise ConnectionError("refused")
    yield fate
    raise ConnectionError("lost")


async def connection() -> AsyncGenerator[str, None]:
    delay = 0.5
    while True:
        try:
            async with aclosing(connect(next(FATES))) as messages:
                async for message in messages:
                    delay = 0.5  # the connection works
                    yield message
        except OSError as error:
            print(f"{error}: retrying in {delay} s")
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
