"""The mistake: wait_for cancels what it waits for, and what that had taken is lost."""

import asyncio


async def download(urls: asyncio.Queue[str]) -> str:
    url = await urls.get()
    print("the download of", url, "starts")
    await asyncio.sleep(0.8)
    return f"the page of {url}"


async def main() -> None:
    urls: asyncio.Queue[str] = asyncio.Queue()
    for url in ("/a", "/b", "/c"):
        urls.put_nowait(url)
    for _ in range(3):
        try:
            print(await asyncio.wait_for(download(urls), 0.5))
        except TimeoutError:
            print("nothing for half a second")
    print("still in the queue:", urls.qsize())


if __name__ == "__main__":
    asyncio.run(main())
