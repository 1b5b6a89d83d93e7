"""Idle timeout: hang up when a client has said nothing for a second."""

import asyncio

from multi_await import after, multi_await


async def main() -> None:
    words: asyncio.Queue[str] = asyncio.Queue()
    asyncio.get_running_loop().call_later(0.5, words.put_nowait, "hello")
    asyncio.get_running_loop().call_later(1.2, words.put_nowait, "anybody?")

    idle = after(1)
    async with multi_await(words.get, idle) as m:
        async for event in m:
            match event:
                case (0, word):
                    print("received", word)
                    idle.reset()
                case (1, _):
                    print("nothing for a second: hang up")
                    break


if __name__ == "__main__":
    asyncio.run(main())
