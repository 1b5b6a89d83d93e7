"""What a MultiAwait asks of its sources, and when: two sources that say so."""

import asyncio
from collections.abc import Iterable

from multi_await import PENDING, Pending, Source, Wake, multi_await


class Bell(Source[str]):
    def __init__(self, name: str) -> None:
        self.name = name
        self.rings: list[str] = []
        self.wake: Wake | None = None

    def ring(self, ring: str) -> None:
        self.rings.append(ring)
        print(f"  {self.name} wakes")
        if self.wake is not None:
            self.wake()

    def poll(self, wake: Wake) -> str | Pending:
        self.wake = wake
        print(f"  {self.name} is polled: {self.rings[0] if self.rings else 'pending'}")
        return self.rings.pop(0) if self.rings else PENDING

    def release(self) -> None:
        print(f"  {self.name} is released")

    async def aclose(self) -> Iterable[str]:
        print(f"  {self.name} ends")
        return self.rings


async def main() -> None:
    front, back = Bell("front"), Bell("back")
    async with multi_await(front, back) as m:
        asyncio.get_running_loop().call_later(0.5, back.ring, "ding")
        print("first call")
        print("gives", await m.select())
        print("no call")
        front.ring("dong")
        print("second call")
        print("gives", await m.select())
        print("the end")
    print("undelivered:", m.undelivered)


if __name__ == "__main__":
    asyncio.run(main())
