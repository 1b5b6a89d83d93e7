"""Debounce: search once the user has stopped typing, not at each key."""

import asyncio

from multi_await import every, multi_await

KEYS = [("s", 0), ("e", 0.1), ("l", 0.1), ("e", 0.5), ("c", 0.1), ("t", 0.1)]


async def type_in(keys: asyncio.Queue[str]) -> None:
    for key, pause in KEYS:
        await asyncio.sleep(pause)
        keys.put_nowait(key)


async def search(keys: asyncio.Queue[str]) -> None:
    text = ""
    quiet = every(0.3)
    quiet.stop()  # nothing was typed yet
    async with multi_await(keys.get, quiet) as m:
        async for event in m:
            match event:
                case (0, key):
                    text += key
                    quiet.reset()
                case (1, _):
                    quiet.stop()  # one search is enough, until the next key
                    print("search for", repr(text))
                    if text == "select":
                        break


async def main() -> None:
    keys: asyncio.Queue[str] = asyncio.Queue()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(type_in(keys))
        tasks.create_task(search(keys))


if __name__ == "__main__":
    asyncio.run(main())
