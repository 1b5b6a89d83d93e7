"""The helpers of 1.0.4, and the same without them."""

import asyncio

from multi_await import (
    as_completed_or_abort,
    gather_or_abort,
    multi_await,
    once,
    wait_or_abort,
    with_value,
)

SECONDS = {"/": 0.3, "/about": 0.2, "/news": 0.1}


async def fetch(url: str) -> str:
    await asyncio.sleep(SECONDS[url])
    return f"the page of {url}"


async def all_in_order() -> None:
    pages = await gather_or_abort(*[asyncio.create_task(fetch(url)) for url in SECONDS])
    print(pages)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(fetch(url)) for url in SECONDS]
    print([task.result() for task in tasks])


async def all_in_time() -> None:
    try:
        await wait_or_abort([asyncio.create_task(fetch(url)) for url in SECONDS], timeout=0.15)
    except TimeoutError:
        print("they take too long")

    try:
        async with asyncio.timeout(0.15), asyncio.TaskGroup() as group:
            for url in SECONDS:
                group.create_task(fetch(url))
    except TimeoutError:
        print("they take too long")


async def each_when_it_comes() -> None:
    tasks = [asyncio.create_task(with_value(url, fetch(url))) for url in SECONDS]
    for following in as_completed_or_abort(tasks):
        print(await following)

    urls = list(SECONDS)
    async with multi_await(*[once(fetch(url)) for url in urls]) as m:
        async for position, page in m:
            print((urls[position], page))


async def main() -> None:
    await all_in_order()
    await all_in_time()
    await each_when_it_comes()


if __name__ == "__main__":
    asyncio.run(main())
