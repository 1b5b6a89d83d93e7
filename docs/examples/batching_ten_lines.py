"""Page views go into a dict; each tick writes it, one UPDATE for each active user."""

import asyncio

from multi_await import every, multi_await

Views = asyncio.Queue[tuple[str, int]]  # who, and when


async def write_batches(views: Views, unwritten: dict[str, int]) -> None:
    async with multi_await(views.get, every(1)) as m:
        async for event in m:
            match event:
                case (0, (user, when)):
                    unwritten[user] = when
                case (1, _):
                    for user, when in unwritten.items():
                        print("UPDATE users SET seen = ? WHERE name = ?", (when, user))
                    unwritten.clear()


async def main() -> None:
    views = Views()
    unwritten: dict[str, int] = {}
    writing = asyncio.create_task(write_batches(views, unwritten))
    for when in range(600):
        views.put_nowait(("Ada" if when % 3 else "Grace", when))
        if when % 100 == 99:
            await asyncio.sleep(0.4)
    writing.cancel()
    await asyncio.wait([writing])
    print("600 page views, and never written:", unwritten)


if __name__ == "__main__":
    asyncio.run(main())
