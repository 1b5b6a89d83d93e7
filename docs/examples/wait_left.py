"""An abandoned wait: its tasks go on, and take what comes next."""

import asyncio


async def main() -> None:
    c1 = asyncio.Queue[str]()
    c2 = asyncio.Queue[str]()
    getters = {asyncio.create_task(c1.get()), asyncio.create_task(c2.get())}

    try:
        async with asyncio.timeout(0.5):
            await asyncio.wait(getters, return_when=asyncio.FIRST_COMPLETED)
    except TimeoutError:
        print("nothing for half a second, so we leave")

    await c1.put("one")
    await c2.put("two")
    await asyncio.sleep(0.5)
    print("put 2, still in a queue", c1.qsize() + c2.qsize())
    print("in tasks that nobody reads:", sorted(getter.result() for getter in getters))


if __name__ == "__main__":
    asyncio.run(main())
