"""Views and the stop arrive together: by hand one is lost, with multi_await none."""

import asyncio

from multi_await import multi_await

Views = asyncio.Queue[str]


async def by_hand(views: Views, stop: asyncio.Event, active: set[str]) -> None:
    view = asyncio.create_task(views.get())
    stopped = asyncio.create_task(stop.wait())
    try:
        while True:
            await asyncio.wait([view, stopped], return_when=asyncio.FIRST_COMPLETED)
            if stopped.done():
                return
            active.add(view.result())
            view = asyncio.create_task(views.get())
    finally:
        view.cancel()  # too late: it has an item already
        stopped.cancel()


async def with_multi_await(views: Views, stop: asyncio.Event, active: set[str]) -> None:
    async with multi_await(views.get, stop.wait) as m:
        async for event in m:
            match event:
                case (0, user):
                    active.add(user)
                case (1, _):
                    return


async def main() -> None:
    for collect in (by_hand, with_multi_await):
        for end in ("stopped", "cancelled"):
            views = Views()
            stop = asyncio.Event()
            active: set[str] = set()
            collecting = asyncio.create_task(collect(views, stop, active))
            await asyncio.sleep(0.1)
            for user in ("Ada", "Grace", "Edsger"):
                views.put_nowait(user)
            if end == "stopped":
                stop.set()
            else:
                collecting.cancel()
            await asyncio.wait([collecting])
            while not views.empty():  # what the loop left in the queue
                active.add(views.get_nowait())
            print(f"{collect.__name__}, {end}: {sorted(active)}")


if __name__ == "__main__":
    asyncio.run(main())
