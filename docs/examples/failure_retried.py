"""A server is down for a while: it is asked again after a growing delay."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from multi_await import every, multi_await

T = TypeVar("T")


def retrying(
    function: Callable[[], Awaitable[T]], first: float = 0.5, most: float = 8
) -> Callable[[], Coroutine[Any, Any, T]]:
    """Call until it succeeds: `first` seconds after a failure, then twice as long each time."""

    async def retry() -> T:
        delay = first
        while True:
            try:
                return await function()
            except OSError as error:
                print(f"{error}: retrying in {delay} s")
                await asyncio.sleep(delay)
                delay = min(2 * delay, most)

    return retry


async def main() -> None:
    server_is_back = asyncio.get_running_loop().time() + 3

    async def fetch() -> str:
        if asyncio.get_running_loop().time() < server_is_back:
            raise ConnectionError("refused")
        return "news"

    async with multi_await(retrying(fetch), every(1)) as m:
        async for event in m:
            match event:
                case (0, news):
                    print("received:", news)
                    break
                case (1, _):
                    print("the loop does other things")


if __name__ == "__main__":
    asyncio.run(main())
