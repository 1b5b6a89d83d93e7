"""A callback API as a source, without a class: the callback puts into a queue."""

import asyncio
from collections.abc import Callable

from multi_await import multi_await


class Button:
    """Stands in for any API that calls you back."""

    def __init__(self) -> None:
        self.on_click: Callable[[str], None] = print


async def main() -> None:
    button = Button()
    clicks: asyncio.Queue[str] = asyncio.Queue()
    button.on_click = clicks.put_nowait
    async with multi_await(clicks.get) as m:
        asyncio.get_running_loop().call_later(0.5, button.on_click, "left")
        print(await m.select())
        button.on_click("right")
    print("still in the queue:", clicks.get_nowait())


if __name__ == "__main__":
    asyncio.run(main())
