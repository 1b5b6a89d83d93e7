"""The end of the block cancels a function source: what it keeps outside of its coroutine stays."""

import asyncio

from multi_await import multi_await


class Pairs:
    def __init__(self) -> None:
        self.queue: asyncio.Queue[str] = asyncio.Queue()
        self.half: list[str] = []

    async def careless(self) -> list[str]:
        left = await self.queue.get()
        return [left, await self.queue.get()]

    async def careful(self) -> list[str]:
        while len(self.half) < 2:
            self.half.append(await self.queue.get())
        both, self.half = self.half, []
        return both


async def main() -> None:
    for name in ("careless", "careful"):
        pairs = Pairs()
        pairs.queue.put_nowait("salt")
        async with multi_await(getattr(pairs, name)) as m:
            try:
                async with asyncio.timeout(0.5):
                    await m.select()
            except TimeoutError:
                pass
        left = [pairs.queue.get_nowait() for _ in range(pairs.queue.qsize())]
        print(f"{name}: in the queue {left}, kept {pairs.half}, undelivered {m.undelivered}")


if __name__ == "__main__":
    asyncio.run(main())
