"""Watchdog: raise the alarm each second that a worker shows no sign of life."""

import asyncio

from multi_await import every, multi_await


async def main() -> None:
    signs: asyncio.Queue[str] = asyncio.Queue()
    for seconds, sign in [(0.5, "a job"), (3, "a slow job"), (3.5, "done")]:
        asyncio.get_running_loop().call_later(seconds, signs.put_nowait, sign)

    silence = every(1)
    async with multi_await(signs.get, silence) as m:
        async for event in m:
            match event:
                case (0, "done"):
                    break
                case (0, sign):
                    print("alive:", sign)
                    silence.reset()
                case (1, _):
                    print("no sign of life for a second")


if __name__ == "__main__":
    asyncio.run(main())
