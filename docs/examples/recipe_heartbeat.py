"""Heartbeat: send something at least once a second, whatever it is."""

import asyncio

from multi_await import every, multi_await


async def main() -> None:
    outbox: asyncio.Queue[str] = asyncio.Queue()
    for seconds, message in [(0.5, "hello"), (3, "still there?"), (3.5, "bye")]:
        asyncio.get_running_loop().call_later(seconds, outbox.put_nowait, message)

    beat = every(1)
    async with multi_await(outbox.get, beat) as m:
        async for event in m:
            match event:
                case (0, message):
                    print("send", message)
                    if message == "bye":
                        break
                    beat.reset()
                case (1, _):
                    print("send a heartbeat")


if __name__ == "__main__":
    asyncio.run(main())
