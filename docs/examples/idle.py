"""An idle timeout for one source, which the events of the others do not put off."""

import asyncio

from multi_await import every, multi_await


async def client(beats: asyncio.Queue[str]) -> None:
    for beat in ("first", "second"):
        await asyncio.sleep(0.5)
        beats.put_nowait(beat)


async def watch(beats: asyncio.Queue[str]) -> None:
    loop = asyncio.get_running_loop()
    async with multi_await(beats.get, every(0.3)) as m:
        last = loop.time()
        try:
            while True:
                async with asyncio.timeout_at(last + 0.7):
                    event = await m.select()
                match event:
                    case (0, beat):
                        last = loop.time()
                        print("the", beat, "beat")
                    case (1, _):
                        print("a tick")
        except TimeoutError:
            print("no beat for 0.7 seconds")


async def main() -> None:
    beats: asyncio.Queue[str] = asyncio.Queue()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(client(beats))
        tasks.create_task(watch(beats))


if __name__ == "__main__":
    asyncio.run(main())
