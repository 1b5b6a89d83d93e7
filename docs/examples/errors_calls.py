"""Invalid calls: what is raised, and that the first call goes on."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from multi_await import after, multi_await


@contextmanager
def shown() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        print(f"{type(error).__name__}: {error}")


async def main() -> None:
    words: asyncio.Queue[str] = asyncio.Queue()
    async with multi_await(words.get) as m:
        first = asyncio.create_task(m.select())
        await asyncio.sleep(0.1)
        with shown():
            await m.select()  # the first has not returned
        words.put_nowait("a word")
        print("the first call:", await first)

        fixed: Any = m
        with shown():
            fixed.add(words.get)
        with shown():
            m.pause(1)  # there is position 0 only
    with shown():
        await m.select()  # the block has ended

    async with multi_await() as open_set:
        with shown():
            await open_set.select()

    async with multi_await(after(0.1)) as m2:
        await m2.select()
        with shown():
            await m2.select()


if __name__ == "__main__":
    asyncio.run(main())
