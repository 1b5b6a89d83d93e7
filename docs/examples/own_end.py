"""A function ends its source with StopAsyncIteration; the loop ends when every source has."""

import asyncio

from multi_await import inline, multi_await


async def main() -> None:
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    async def next_line() -> str:
        line = await lines.get()
        if line is None:
            raise StopAsyncIteration
        return line

    for line in ("one", "two", None):
        lines.put_nowait(line)

    async with multi_await(inline(next_line)) as m:
        async for _, text in m:
            print(text)
        print("that was all")


if __name__ == "__main__":
    asyncio.run(main())
