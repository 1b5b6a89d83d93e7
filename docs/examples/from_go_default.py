"""Go's `default`: `select_nowait()` gives the event that is there now, or None."""

import asyncio

from multi_await import multi_await


async def main() -> None:
    items: asyncio.Queue[str] = asyncio.Queue()
    async with multi_await(items.get) as m:
        for _ in range(2):
            match m.select_nowait():
                case (0, item):
                    print("got", item)
                case None:
                    print("nothing there")
            items.put_nowait("an item")


if __name__ == "__main__":
    asyncio.run(main())
