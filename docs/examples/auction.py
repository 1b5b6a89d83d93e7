"""Going once, going twice: each bid restarts the countdown."""

import asyncio

from multi_await import every, multi_await


async def bidders(bids: asyncio.Queue[int]) -> None:
    for bid, pause in [(100, 0.5), (120, 1.5), (150, 2.5)]:
        await asyncio.sleep(pause)
        bids.put_nowait(bid)


async def auction(bids: asyncio.Queue[int]) -> None:
    highest, calls = 0, 0
    countdown = every(1)
    async with multi_await(bids.get, countdown) as m:
        while calls < 3:
            match await m.select():
                case (0, bid):
                    highest, calls = max(highest, bid), 0
                    countdown.reset()
                    print("I have", highest)
                case (1, _):
                    calls += 1
                    print(["going once", "going twice", "sold"][calls - 1], "at", highest)


async def main() -> None:
    bids: asyncio.Queue[int] = asyncio.Queue()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(bidders(bids))
        tasks.create_task(auction(bids))


if __name__ == "__main__":
    asyncio.run(main())
