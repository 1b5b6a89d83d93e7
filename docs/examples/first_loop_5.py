"""Step 5: a source that fails."""

import asyncio

from multi_await import catching, every, multi_await


async def oven() -> str:
    await asyncio.sleep(1.4)
    raise OSError("the oven does not answer")


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

    async with multi_await(orders.get, calls.get, closing.wait, every(1), catching(oven, str)) as m:
        async for event in m:
            match event:
                case (0, order):
                    print("order:", order)
                case (1, caller):
                    print("call from", caller)
                case (2, _):
                    print("closing time")
                    break
                case (3, _):
                    print("a second has passed")
                case (4, problem):
                    print("problem:", problem)


if __name__ == "__main__":
    asyncio.run(main())
