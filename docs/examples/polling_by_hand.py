"""queue.get() polled by hand: its future is done, and the item is still in the queue."""

import asyncio


async def main() -> None:
    queue: asyncio.Queue[str] = asyncio.Queue()
    coroutine = queue.get()
    future = coroutine.send(None)  # runs to the place where it waits
    print("it waits for a future, done:", future.done())

    queue.put_nowait("item")
    print("future done:", future.done(), "- items in the queue:", queue.qsize())

    try:
        coroutine.send(None)  # goes on, and takes the item only now
    except StopIteration as returned:
        print("returned:", returned.value, "- items in the queue:", queue.qsize())


if __name__ == "__main__":
    asyncio.run(main())
