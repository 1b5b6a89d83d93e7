"""New tasks in each round: those from the previous round are still waiting."""

import asyncio
import contextlib


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
            while True:
                getters = {go.create_task(c1.get()), go.create_task(c2.get())}
                done, _ = await asyncio.wait(getters, return_when=asyncio.FIRST_COMPLETED)
                for getter in done:
                    received.append(getter.result())
                    print("received", received[-1])
                    await asyncio.sleep(0.7)  # the work on it

    left = c1.qsize() + c2.qsize()
    print(f"put 4, received {len(received)}, still in a queue {left}")


if __name__ == "__main__":
    asyncio.run(main())
