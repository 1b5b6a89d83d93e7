"""A claim and its release: a task that was woken and does not go on passes its turn to the next."""

import asyncio


async def main() -> None:
    queue: asyncio.Queue[str] = asyncio.Queue()
    ours = queue.get()
    future = ours.send(None)  # the first in line
    rival = asyncio.create_task(queue.get())
    await asyncio.sleep(0)  # the second in line

    queue.put_nowait("item")
    await asyncio.sleep(0.1)
    print("ours was woken:", future.done(), "- the rival has the item:", rival.done())

    try:
        ours.throw(asyncio.CancelledError)  # as a task does that is cancelled
    except asyncio.CancelledError:
        print("ours gives up")
    print("the rival has the", await rival)


if __name__ == "__main__":
    asyncio.run(main())
