"""A source that fails is removed; the others go on."""

import asyncio
from functools import partial

from multi_await import multi_await


async def answer(name: str) -> str:
    await asyncio.sleep(1)
    if name == "mars":
        raise ConnectionError("no route")
    return "here"


async def main() -> None:
    async with multi_await() as m:
        names = {m.add(partial(answer, name)): name for name in ("venus", "mars", "earth")}
        for _ in range(5):
            try:
                position, value = await m.select()
            except ConnectionError as error:
                if (failed := m.failed) is not None:
                    await m.remove(failed)
                    print(f"without {names.pop(failed)} from here on: {error}")
            else:
                print(f"{names[position]}: {value}")


if __name__ == "__main__":
    asyncio.run(main())
