"""Go's `time.Timer` and `time.AfterFunc`."""

import asyncio

from multi_await import after, multi_await


async def main() -> None:
    words: asyncio.Queue[str] = asyncio.Queue()
    words.put_nowait("one")
    words.put_nowait("two")
    loop = asyncio.get_running_loop()
    hint = loop.call_later(0.3, print, "you may type now")
    never = loop.call_later(3600, print, "never printed")
    never.cancel()
    print("stopped in time")

    idle = after(1)
    async with multi_await(words.get, idle) as m:
        async for event in m:
            match event:
                case (0, word):
                    print(word)
                    idle.reset()
                case (1, _):
                    print("nothing for a second")
                    break
    hint.cancel()


if __name__ == "__main__":
    asyncio.run(main())
