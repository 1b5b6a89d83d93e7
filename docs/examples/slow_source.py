"""A source that is slow to end is ended within the block, where we still get the signals."""

import asyncio
import signal

from multi_await import Group, multi_await, signals


async def connection() -> None:
    try:
        await asyncio.sleep(10)
    finally:
        await asyncio.sleep(1)
        print("the connection is closed")


async def main() -> None:
    loop = asyncio.get_running_loop()
    loop.call_later(0.5, signal.raise_signal, signal.SIGTERM)
    loop.call_later(1, signal.raise_signal, signal.SIGTERM)  # while the connection is closed

    connections = Group[str, None]()
    connections.add("upstream", connection)
    async with multi_await(signals(signal.SIGTERM), connections) as m:
        async for position, _ in m:
            if position == 0:
                break
        await connections.remove("upstream")
    print("undelivered:", m.undelivered)


if __name__ == "__main__":
    asyncio.run(main())
