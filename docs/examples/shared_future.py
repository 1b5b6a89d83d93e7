"""A block that ends cancels the future that its function returned, unless it is shielded."""

import asyncio

from multi_await import multi_await


async def main() -> None:
    loop = asyncio.get_running_loop()

    config: asyncio.Future[str] = loop.create_future()
    async with multi_await(lambda: config) as m:
        m.select_nowait()
    print("shared as it is: cancelled =", config.cancelled())

    config = loop.create_future()
    async with multi_await(lambda: asyncio.shield(config)) as m:
        m.select_nowait()
    print("with a shield:   cancelled =", config.cancelled())


if __name__ == "__main__":
    asyncio.run(main())
