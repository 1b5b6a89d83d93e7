"""Step 1: one queue."""

import asyncio

from multi_await import multi_await


async def main() -> None:
    orders: asyncio.Queue[str] = asyncio.Queue()

    loop = asyncio.get_running_loop()
    loop.call_later(0.5, orders.put_nowait, "tea")
    loop.call_later(1.5, orders.put_nowait, "cake")
    loop.call_later(2.5, orders.put_nowait, "the bill")

    async with multi_await(orders.get) as m:
        async for event in m:
            match event:
                case (0, order):
                    print("order:", order)
                    if order == "the bill":
                        break


if __name__ == "__main__":
    asyncio.run(main())
