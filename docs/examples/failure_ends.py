"""The failure of one source ends the loop, and with it all the others."""

import asyncio

from multi_await import every, multi_await


async def connection() -> str:
    await asyncio.sleep(2.5)
    raise ConnectionError("reset by peer")


async def other() -> str:
    try:
        return await asyncio.sleep(60, "never seen")
    finally:
        print("the other source has ended")


async def main() -> None:
    m = multi_await(connection, other, every(1))
    try:
        async with m:
            async for position, value in m:
                print(f"source {position} gave {value}")
    except ConnectionError as error:
        print(f"source {m.failed} ended it all: {error}")
    print("undelivered:", m.undelivered)


if __name__ == "__main__":
    asyncio.run(main())
