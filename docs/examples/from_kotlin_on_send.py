"""Kotlin's biased `onSend`: to the first queue that has room."""

import asyncio
import itertools

from multi_await import multi_await, put


async def main() -> None:
    primary: asyncio.Queue[int] = asyncio.Queue(2)
    side: asyncio.Queue[int] = asyncio.Queue(9)
    numbers = itertools.count(1)

    def next_number() -> int:
        return next(numbers)

    asyncio.get_running_loop().call_later(0.5, primary.get_nowait)
    first, second = put(primary, next_number), put(side, next_number)
    async with multi_await(first, second, biased=True) as m:
        for _ in range(5):
            match await m.select():
                case (0, number):
                    print(number, "to the primary queue")
                case (1, number):
                    print(number, "to the side queue")
            await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(main())
