"""A source of your own over a callback API: the newest value, never an outdated one."""

import asyncio
from collections.abc import Callable, Iterable

from multi_await import PENDING, Pending, Source, Wake, multi_await


class Thermometer:
    """Stands in for any API that calls you back."""

    def __init__(self) -> None:
        self.on_change: Callable[[int], None] | None = None

    def change(self, degrees: int) -> None:
        if self.on_change is not None:
            self.on_change(degrees)


class Newest(Source[int]):
    def __init__(self, thermometer: Thermometer) -> None:
        self.thermometer = thermometer
        self.degrees: int | Pending = PENDING
        self.wake: Wake | None = None
        thermometer.on_change = self.changed

    def changed(self, degrees: int) -> None:
        self.degrees = degrees
        if self.wake is not None:
            self.wake()

    def poll(self, wake: Wake) -> int | Pending:
        self.wake = wake
        degrees, self.degrees = self.degrees, PENDING
        return degrees

    async def aclose(self) -> Iterable[int]:
        self.thermometer.on_change = None
        return () if self.degrees is PENDING else (self.degrees,)


async def main() -> None:
    thermometer = Thermometer()
    loop = asyncio.get_running_loop()
    async with multi_await(Newest(thermometer)) as m:
        loop.call_later(0.5, thermometer.change, 20)
        print(await m.select())
        for degrees in (21, 22):
            thermometer.change(degrees)
        print(await m.select())
        thermometer.change(23)
    print("undelivered:", m.undelivered)


if __name__ == "__main__":
    asyncio.run(main())
