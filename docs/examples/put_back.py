"""An item that a task took can be put back, but not where it was: it is now last."""

import asyncio


async def main() -> None:
    queue = asyncio.Queue[str]()
    getter = asyncio.create_task(queue.get())
    for item in ("one", "two", "three"):
        queue.put_nowait(item)
    await asyncio.sleep(0.5)  # the getter has taken "one"

    if not getter.cancel():  # too late
        queue.put_nowait(getter.result())
    print(" ".join([queue.get_nowait() for _ in range(queue.qsize())]))


if __name__ == "__main__":
    asyncio.run(main())
