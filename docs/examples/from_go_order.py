"""One sender, two queues: each source has its turn, so the order of sending is not kept."""

import asyncio
from dataclasses import dataclass

from multi_await import multi_await


@dataclass
class Line:
    text: str


@dataclass
class Ended:
    code: int


async def two_queues() -> None:
    lines: asyncio.Queue[str] = asyncio.Queue()
    ended: asyncio.Queue[int] = asyncio.Queue()
    lines.put_nowait("one")
    lines.put_nowait("two")
    ended.put_nowait(0)
    async with multi_await(lines.get, ended.get) as m:
        async for event in m:
            match event:
                case (0, line):
                    print("line:", line)
                case (1, code):
                    print("ended with", code, "while lines waited:", lines.qsize())
                    break


async def one_queue(stop: asyncio.Event) -> None:
    output: asyncio.Queue[Line | Ended] = asyncio.Queue()
    output.put_nowait(Line("one"))
    output.put_nowait(Line("two"))
    output.put_nowait(Ended(0))
    async with multi_await(output.get, stop.wait) as m:
        async for event in m:
            match event:
                case (0, Line(text)):
                    print("line:", text)
                case (0, Ended(code)):
                    print("ended with", code)
                    break
                case (1, _):
                    break


async def main() -> None:
    await two_queues()
    print()
    await one_queue(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main())
