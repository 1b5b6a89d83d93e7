"""tokio's `JoinSet`: results as they come, and more work meanwhile."""

import asyncio

from multi_await import multi_await, once

LINKS = {"index": ["news", "about"], "news": ["archive"]}


async def load(page: str, seconds: float) -> str:
    await asyncio.sleep(seconds)
    return page


async def main() -> None:
    async with multi_await() as m:
        m.add(once(load("index", 0.3)))
        while len(m):
            position, page = await m.select()
            await m.remove(position)
            print("loaded", page)
            for link in LINKS.get(page, []):
                m.add(once(load(link, len(link) / 10)))


if __name__ == "__main__":
    asyncio.run(main())
