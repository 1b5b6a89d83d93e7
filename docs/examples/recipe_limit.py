"""Download eight pages, at most three at a time, and handle each result as it comes."""

import asyncio
from dataclasses import dataclass

from multi_await import Group, catching, multi_await, once

LIMIT = 3


@dataclass
class Broken:
    failure: Exception


async def download(page: int) -> str:
    await asyncio.sleep(1 + 0.37 * page % 1)
    if page == 4:
        raise ConnectionError("refused")
    return f"page {page}"


async def main() -> None:
    pages, downloads = list(range(8)), Group[int, str | Broken]()

    def start_more() -> None:
        while pages and len(downloads) < LIMIT:
            page = pages.pop(0)
            downloads.add(page, catching(once(download(page)), Broken))
        if not pages:
            downloads.shutdown()

    start_more()
    async with multi_await(downloads) as m:
        async for _, (page, result) in m:
            match result:
                case Broken(failure):
                    print(f"page {page} failed: {failure}")
                case text:
                    print(text)
            start_more()


if __name__ == "__main__":
    asyncio.run(main())
