"""Debounce: search once nobody has typed for 0.4 seconds, not at each key."""

import asyncio

from multi_await import every, multi_await


async def main() -> None:
    keys: asyncio.Queue[str] = asyncio.Queue()
    for seconds, key in [(0, "s"), (0.1, "e"), (0.2, "l"), (1, "e"), (1.1, "c"), (1.2, "t")]:
        asyncio.get_running_loop().call_later(seconds, keys.put_nowait, key)

    text = ""
    quiet = every(0.4)
    quiet.stop()  # nobody has typed yet
    async with multi_await(keys.get, quiet) as m:
        async for event in m:
            match event:
                case (0, key):
                    text += key
                    quiet.reset()
                case (1, _):
                    quiet.stop()
                    print("search for", text)
                    if text == "select":
                        break


if __name__ == "__main__":
    asyncio.run(main())
