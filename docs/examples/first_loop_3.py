"""Step 3: a stop."""

import asyncio

from multi_await import multi_await


async def main() -> None:
    orders: asyncio.Queue[str] = asyncio.Queue()
    calls: asyncio.Queue[str] = asyncio.Queue()
    closing = asyncio.Event()

    loop = asyncio.get_running_loop()
    loop.call_later(0.5, orders.put_nowait, "tea")
    loop.call_later(1.5, orders.put_nowait, "cake")
    loop.call_later(2.5, orders.put_nowait, "the bill")
    loop.call_later(1.2, calls.put_nowait, "Ada")
    loop.call_later(3.2, closing.set)

    async with multi_await(orders.get, calls.get, closing.wait) as m:
        async for event in m:
            match event:
                case (0, order):
                    print("order:", order)
                case (1, caller):
                    print("call from", caller)
                case (2, _):
                    print("closing time")
                    break


if __name__ == "__main__":
    asyncio.run(main())
