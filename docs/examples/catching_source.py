"""A failure is one more value, so `async for` goes on."""

import asyncio

from multi_await import after, catching, multi_await


async def main() -> None:
    pages = ["first page", "", "third page"]

    async def fetch() -> str:
        await asyncio.sleep(1)
        page = pages.pop(0)
        if not page:
            raise ConnectionError("refused")
        return page

    async with multi_await(catching(fetch, repr), after(3.5)) as m:
        async for event in m:
            match event:
                case (0, page):
                    print(page)
                case (1, _):
                    break


if __name__ == "__main__":
    asyncio.run(main())
