"""An idle timeout for one source, which events from the others do not postpone."""

import asyncio

from multi_await import after, every, multi_await


async def client(beats: asyncio.Queue[str]) -> None:
    for beat in ("first", "second"):
        await asyncio.sleep(0.5)
        beats.put_nowait(beat)


async def watch(beats: asyncio.Queue[str]) -> None:
    idle = after(0.7)
    async with multi_await(beats.get, every(0.3), idle) as m:
        async for event in m:
            match event:
                case (0, beat):
                    idle.reset()
                    print("the", beat, "beat")
                case (1, _):
                    print("a tick")
                case (2, _):
                    print("no beat for 0.7 seconds")
                    break


async def main() -> None:
    beats: asyncio.Queue[str] = asyncio.Queue()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(client(beats))
        tasks.create_task(watch(beats))


if __name__ == "__main__":
    asyncio.run(main())
