"""A timeout around a call costs nothing: no source is cancelled, no item is lost."""

import asyncio

from multi_await import multi_await


async def download() -> str:
    print("the download starts")
    await asyncio.sleep(2.5)
    return "the page"


async def main() -> None:
    queue: asyncio.Queue[str] = asyncio.Queue()
    async with multi_await(download, queue.get) as m:
        while True:
            try:
                async with asyncio.timeout(1):
                    position, value = await m.select()
            except TimeoutError:
                print("nothing for a second")
            else:
                print("position", position, "has", value)
                break
        queue.put_nowait("an item")
    print("still in the queue:", queue.get_nowait())


if __name__ == "__main__":
    asyncio.run(main())
