"""Throttle: draw the first position at once, then the newest one at most twice a second."""

import asyncio

from multi_await import every, multi_await


async def main() -> None:
    mouse: asyncio.Queue[int] = asyncio.Queue()
    for x, seconds in enumerate([0, 0.2, 0.3, 0.8, 1.2, 1.3]):
        asyncio.get_running_loop().call_later(seconds, mouse.put_nowait, x)

    newest: int | None = None
    turn = every(0.5)
    turn.stop()  # nothing to draw yet
    async with multi_await(mouse.get, turn) as m:
        async for event in m:
            match event:
                case (0, x):
                    newest = x
                    if turn.when() is None:
                        turn.reset(0)  # a tick at once, the next half a second later
                case (1, _) if newest is None:
                    turn.stop()  # half a second without a move
                    break  # here only so that the program ends
                case (1, _):
                    print("draw", newest)
                    newest = None


if __name__ == "__main__":
    asyncio.run(main())
