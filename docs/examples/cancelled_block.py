"""A task that is cancelled in its block: its sources have ended before that propagates."""

import asyncio

from multi_await import multi_await


async def connection() -> str:
    try:
        await asyncio.sleep(10)
    finally:
        await asyncio.sleep(0.5)
        print("the connection is closed")
    return "a message"


async def work() -> None:
    try:
        async with multi_await(connection) as m:
            await m.select()
    finally:
        print("the block has ended, undelivered:", m.undelivered)


async def fail() -> None:
    await asyncio.sleep(0.5)
    raise OSError("the disk is full")


async def main() -> None:
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(work())
            tasks.create_task(fail())
    except* OSError as failures:
        print("the group has ended:", failures.exceptions)


if __name__ == "__main__":
    asyncio.run(main())
