"""Go's send with `default`: `put_nowait`, which raises `QueueFull` when there is no room."""

import asyncio


async def main() -> None:
    outbox: asyncio.Queue[int] = asyncio.Queue(2)
    for item in (1, 2, 3):
        try:
            outbox.put_nowait(item)
            print("sent", item)
        except asyncio.QueueFull:
            print("dropped", item)


if __name__ == "__main__":
    asyncio.run(main())
