"""Go's `select {}` blocks forever; here such a call raises."""

import asyncio

from multi_await import NothingToAwait, multi_await, once


async def main() -> None:
    async with multi_await() as m:
        try:
            await m.select()
        except NothingToAwait as nothing:
            print(nothing)

    async with multi_await(once(asyncio.sleep(0.1, "one result"))) as fixed:
        print(await fixed.select())
        try:
            await fixed.select()
        except NothingToAwait as nothing:
            print(nothing)


if __name__ == "__main__":
    asyncio.run(main())
