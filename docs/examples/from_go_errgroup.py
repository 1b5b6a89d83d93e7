"""Go's errgroup: a failure cancels the others, and comes out of the group."""

import asyncio

from multi_await import every, multi_await


async def beat() -> None:
    try:
        async with multi_await(every(0.4)) as m:
            async for _ in m:
                print("beat")
    finally:
        print("beat has ended")


async def load() -> None:
    await asyncio.sleep(1)
    raise OSError("no such file")


async def main() -> None:
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(beat())
            group.create_task(load())
    except* OSError as failures:
        print("failed:", *failures.exceptions)


if __name__ == "__main__":
    asyncio.run(main())
