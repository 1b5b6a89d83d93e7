"""tokio's `JoinSet`: results as they come, and more work meanwhile."""

import asyncio

from multi_await import Group, multi_await, once

LINKS = {"index": ["news", "about"], "news": ["archive"]}


async def load(page: str, seconds: float) -> str:
    await asyncio.sleep(seconds)
    return f"the page {page}"


async def main() -> None:
    loads = Group[str, str]()
    loads.add("index", once(load("index", 0.3)))
    async with multi_await(loads) as m:
        while loads:
            _, (name, page) = await m.select()
            print("loaded", page)
            for link in LINKS.get(name, []):
                loads.add(link, once(load(link, len(link) / 10)))


if __name__ == "__main__":
    asyncio.run(main())
