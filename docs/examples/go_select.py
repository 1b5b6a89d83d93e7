"""Go's select in Python, line for line."""

import asyncio

from multi_await import multi_await


async def main() -> None:
    loop = asyncio.get_running_loop()
    c1 = asyncio.Queue[str]()
    c2 = asyncio.Queue[str]()
    start = loop.time()

    async def one() -> None:
        await asyncio.sleep(1)
        await c1.put("one")

    async def two() -> None:
        await asyncio.sleep(2)
        await c2.put("two")

    async with asyncio.TaskGroup() as go:
        go.create_task(one())
        go.create_task(two())
        async with multi_await(c1.get, c2.get) as m:
            for _ in range(2):
                match await m.select():
                    case (0, msg1):
                        print("received", msg1)
                    case (1, msg2):
                        print("received", msg2)

    elapsed = loop.time() - start
    print(f"{elapsed:.1f} seconds")


if __name__ == "__main__":
    asyncio.run(main())
