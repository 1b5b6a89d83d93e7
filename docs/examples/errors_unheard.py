"""What becomes of what a source had and nobody received, because the block ended."""

import asyncio
import warnings
from typing import Any

from multi_await import multi_await


async def download() -> str:
    await asyncio.sleep(0.1)
    return "the page"


async def connect() -> str:
    await asyncio.sleep(0.1)
    raise ConnectionError("refused")


def handler(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    print("the loop's exception handler:", context["message"], repr(context["exception"]))


async def main() -> None:
    asyncio.get_running_loop().set_exception_handler(handler)

    async with multi_await(download, connect) as m:
        m.select_nowait()  # starts both
        await asyncio.sleep(0.2)
    print("undelivered:", m.undelivered)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        async with multi_await(download) as m2:
            m2.select_nowait()
            await asyncio.sleep(0.2)
        del m2  # and nobody has looked at undelivered
    for warning in caught:
        print(f"{warning.category.__name__}: {warning.message}")


if __name__ == "__main__":
    asyncio.run(main())
