"""The mistake: a source that says PENDING and never wakes is not polled again."""

import asyncio
from collections import deque

from multi_await import PENDING, Pending, Source, Wake, multi_await


class Clicks(Source[str]):
    def __init__(self) -> None:
        self.clicks: deque[str] = deque()

    def clicked(self, click: str) -> None:
        self.clicks.append(click)

    def poll(self, wake: Wake) -> str | Pending:
        return self.clicks.popleft() if self.clicks else PENDING


async def main() -> None:
    clicks = Clicks()
    async with multi_await(clicks) as m:
        asyncio.get_running_loop().call_later(0.5, clicks.clicked, "left")
        try:
            async with asyncio.timeout(1):
                print(await m.select())
        except TimeoutError:
            print("nothing in a second, and there is", list(clicks.clicks))


if __name__ == "__main__":
    asyncio.run(main())
