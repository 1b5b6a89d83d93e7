"""The same stop, with multi_await: what was not delivered is still in its queue."""

import asyncio
import contextlib

from multi_await import multi_await


async def produce(c1: asyncio.Queue[str], c2: asyncio.Queue[str]) -> None:
    for queue, item in ((c1, "one"), (c2, "two"), (c1, "three"), (c2, "four")):
        await asyncio.sleep(0.5)
        queue.put_nowait(item)


async def main() -> None:
    c1 = asyncio.Queue[str]()
    c2 = asyncio.Queue[str]()
    received = list[str]()

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(2.5), asyncio.TaskGroup() as go:
            go.create_task(produce(c1, c2))
            async with multi_await(c1.get, c2.get) as m:
                async for _, item in m:
                    received.append(item)
                    print("received", item)
                    await asyncio.sleep(0.7)  # the work on it

    left = c1.qsize() + c2.qsize()
    print(f"put 4, received {len(received)}, still in a queue {left}")
    print("the next to ask gets", await c2.get())


if __name__ == "__main__":
    asyncio.run(main())
