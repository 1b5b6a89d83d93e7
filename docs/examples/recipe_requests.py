"""Requests run concurrently, each is answered by its number, and any may be cancelled."""

import asyncio

from multi_await import multi_await, once


async def answer(number: int, seconds: float) -> tuple[int, str]:
    await asyncio.sleep(seconds)  # the work
    return number, f"the answer after {seconds} s"


async def serve(inbox: asyncio.Queue[tuple[str, int, float]]) -> None:
    positions: dict[int, int] = {}  # of the requests in progress
    async with multi_await() as m:
        messages = m.add(inbox.get)
        async for position, value in m:
            if position != messages:
                number, text = value
                await m.remove(positions.pop(number))
                print("request", number, "gets", text)
            elif value[0] == "request":
                positions[value[1]] = m.add(once(answer(*value[1:])))
            elif value[0] == "cancel" and value[1] in positions:
                await m.remove(positions.pop(value[1]))
                print("request", value[1], "is cancelled")
            if not positions:
                break  # here only so that the program ends


async def main() -> None:
    inbox: asyncio.Queue[tuple[str, int, float]] = asyncio.Queue()
    inbox.put_nowait(("request", 1, 1.5))
    inbox.put_nowait(("request", 2, 60))
    inbox.put_nowait(("request", 3, 0.5))
    asyncio.get_running_loop().call_later(1, inbox.put_nowait, ("cancel", 2, 0))
    await serve(inbox)


if __name__ == "__main__":
    asyncio.run(main())
