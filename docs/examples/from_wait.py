"""Orders until the stop: with asyncio.wait, and with multi_await."""

import asyncio

from multi_await import multi_await


async def with_wait(orders: asyncio.Queue[str], stop: asyncio.Event) -> list[str]:
    handled: list[str] = []
    order = asyncio.create_task(orders.get())
    stopped = asyncio.create_task(stop.wait())
    while True:
        await asyncio.wait([order, stopped], return_when=asyncio.FIRST_COMPLETED)
        if stopped.done():
            order.cancel()
            return handled
        handled.append(order.result())
        order = asyncio.create_task(orders.get())


async def with_multi_await(orders: asyncio.Queue[str], stop: asyncio.Event) -> list[str]:
    handled: list[str] = []
    async with multi_await(orders.get, stop.wait) as m:
        async for event in m:
            match event:
                case (0, order):
                    handled.append(order)
                case (1, _):
                    break
    return handled


async def main() -> None:
    for handle in (with_wait, with_multi_await):
        orders: asyncio.Queue[str] = asyncio.Queue()
        stop = asyncio.Event()
        handling = asyncio.create_task(handle(orders, stop))
        orders.put_nowait("tea")
        await asyncio.sleep(0.1)
        stop.set()  # and the last order comes at the same time
        orders.put_nowait("cake")
        print(f"{handle.__name__}: handled {await handling}, in the queue: {orders.qsize()}")


if __name__ == "__main__":
    asyncio.run(main())
