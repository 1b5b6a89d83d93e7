"""A source's failure is its own exception, with a note that says which source it came from."""

import asyncio
from typing import Any

from multi_await import multi_await


async def connect() -> str:
    raise ConnectionError("refused")


def seven() -> Any:
    return 7


async def gives_up() -> str:
    raise asyncio.CancelledError


async def main() -> None:
    for source in (connect, seven, gives_up):
        async with multi_await(source) as m:
            try:
                await m.select()
            except Exception as error:
                print(f"{type(error).__name__}: {error}")
                print("    notes:", getattr(error, "__notes__", None))
                print("    cause:", repr(error.__cause__))

    async with multi_await(connect, gives_up) as m2:
        completed, failures = await m2.get()
        print(completed, failures)


if __name__ == "__main__":
    asyncio.run(main())
