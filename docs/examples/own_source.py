"""A source of your own over a callback API, and what it had left when the block ended."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from multi_await import PENDING, Pending, Source, Wake, multi_await


class Button:
    """Stands for any API that calls you back."""

    def __init__(self) -> None:
        self.on_click: Callable[[str], None] = print


class Clicks(Source[str]):
    def __init__(self, button: Button) -> None:
        self.clicks: deque[str] = deque()
        self.wake: Wake | None = None
        button.on_click = self.clicked

    def clicked(self, click: str) -> None:
        self.clicks.append(click)
        if self.wake is not None:
            self.wake()

    def poll(self, wake: Wake) -> str | Pending:
        self.wake = wake
        return self.clicks.popleft() if self.clicks else PENDING

    async def aclose(self) -> Iterable[str]:
        return self.clicks


async def main() -> None:
    button = Button()
    async with multi_await(Clicks(button)) as m:
        asyncio.get_running_loop().call_later(1, button.on_click, "left")
        print(await m.select())
        button.on_click("right")
    print("undelivered:", m.undelivered)


if __name__ == "__main__":
    asyncio.run(main())
