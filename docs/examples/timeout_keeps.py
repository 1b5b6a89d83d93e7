"""The same with a timeout around select(): the download goes on, and nothing is lost."""

import asyncio
import functools

from multi_await import multi_await


async def download(urls: asyncio.Queue[str]) -> str:
    url = await urls.get()
    print("the download of", url, "starts")
    await asyncio.sleep(0.8)
    return f"the page of {url}"


async def main() -> None:
    urls: asyncio.Queue[str] = asyncio.Queue()
    for url in ("/a", "/b", "/c"):
        urls.put_nowait(url)
    async with multi_await(functools.partial(download, urls)) as m:
        for _ in range(4):
            try:
                async with asyncio.timeout(0.5):
                    _, page = await m.select()
            except TimeoutError:
                print("nothing for half a second")
            else:
                print(page)
    print("still in the queue:", urls.qsize())


if __name__ == "__main__":
    asyncio.run(main())
