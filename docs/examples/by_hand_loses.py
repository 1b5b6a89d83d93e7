"""The loop by hand is stopped while it works: what a task took meanwhile is lost."""

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
            queues = {"c1": c1, "c2": c2}
            getters = dict[str, asyncio.Task[str]]()
            try:
                while True:
                    for name, queue in queues.items():
                        if name not in getters:
                            getters[name] = asyncio.create_task(queue.get())
                    await asyncio.wait(getters.values(), return_when=asyncio.FIRST_COMPLETED)
                    fired = next(name for name, getter in getters.items() if getter.done())
                    received.append(getters.pop(fired).result())
                    print("received", received[-1])
                    await asyncio.sleep(0.7)  # the work on it
            finally:
                for getter in getters.values():
                    getter.cancel()
                await asyncio.gather(*getters.values(), return_exceptions=True)

    left = c1.qsize() + c2.qsize()
    print(f"put 4, received {len(received)}, still in a queue {left}")


if __name__ == "__main__":
    asyncio.run(main())
