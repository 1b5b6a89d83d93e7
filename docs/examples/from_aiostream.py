"""Four items of two queues: with aiostream's merge, and with multi_await."""

import asyncio
from collections.abc import AsyncIterator

from aiostream import stream

from multi_await import multi_await

Queues = list[asyncio.Queue[str]]


async def items(queue: asyncio.Queue[str]) -> AsyncIterator[str]:
    while True:
        yield await queue.get()


async def with_merge(queues: Queues, handled: list[str]) -> None:
    merged = stream.merge(*[items(queue) for queue in queues])
    async with merged.stream() as streamer:
        async for item in streamer:
            handled.append(item)
            if len(handled) == 4:
                break


async def with_multi_await(queues: Queues, handled: list[str]) -> None:
    async with multi_await(*[queue.get for queue in queues]) as m:
        async for _, item in m:
            handled.append(item)
            if len(handled) == 4:
                break


async def main() -> None:
    for handle in (with_merge, with_multi_await):
        queues: Queues = [asyncio.Queue(), asyncio.Queue()]
        handled: list[str] = []
        handling = asyncio.create_task(handle(queues, handled))
        await asyncio.sleep(0.1)
        for number in range(4):
            queues[0].put_nowait(f"a{number}")
            queues[1].put_nowait(f"b{number}")
        await handling
        left = [queue.get_nowait() for queue in queues for _ in range(queue.qsize())]
        print(f"{handle.__name__}: handled {handled}, in the queues {left}")


if __name__ == "__main__":
    asyncio.run(main())
