"""The mistake: a source that takes items ahead of its polls, and does not give them back."""

import asyncio
from collections import deque

from multi_await import PENDING, Pending, Source, Wake, multi_await


class Jobs(Source[str]):
    def __init__(self, queue: asyncio.Queue[str]) -> None:
        self.taken: deque[str] = deque()
        self.wake: Wake | None = None
        self.task = asyncio.create_task(self.take(queue))

    async def take(self, queue: asyncio.Queue[str]) -> None:
        while True:
            self.taken.append(await queue.get())
            if self.wake is not None:
                self.wake()

    def poll(self, wake: Wake) -> str | Pending:
        self.wake = wake
        return self.taken.popleft() if self.taken else PENDING

    async def aclose(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


async def main() -> None:
    queue: asyncio.Queue[str] = asyncio.Queue()
    for job in ("sweep", "wash", "cook"):
        queue.put_nowait(job)
    async with multi_await(Jobs(queue)) as m:
        print("delivered:", await m.select())
    print("still in the queue:", queue.qsize(), "undelivered:", m.undelivered)


if __name__ == "__main__":
    asyncio.run(main())
