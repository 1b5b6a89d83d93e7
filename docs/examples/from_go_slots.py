"""Two relays in a row, and nobody at the end: how many puts have returned?"""

import asyncio


async def relay(inbox: asyncio.Queue[int], outbox: asyncio.Queue[int]) -> None:
    while True:
        await outbox.put(await inbox.get())


async def main() -> None:
    a, b, c = (asyncio.Queue[int](1) for _ in range(3))
    relays = [asyncio.create_task(relay(a, b)), asyncio.create_task(relay(b, c))]
    sent = 0
    try:
        async with asyncio.timeout(0.1):
            while True:
                await a.put(sent)
                sent += 1
    except TimeoutError:
        print("put:", sent)
    for task in relays:
        task.cancel()
    await asyncio.wait(relays)


if __name__ == "__main__":
    asyncio.run(main())
