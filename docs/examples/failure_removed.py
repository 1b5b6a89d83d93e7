"""A source that fails is removed from its group; the others go on."""

import asyncio
from functools import partial

from multi_await import Group, multi_await


async def answer(name: str) -> str:
    await asyncio.sleep(1)
    if name == "mars":
        raise ConnectionError("no route")
    return "here"


async def main() -> None:
    planets: Group[str, str] = Group()
    for name in ("venus", "mars", "earth"):
        planets.add(name, partial(answer, name))
    async with multi_await(planets) as m:
        for _ in range(5):
            try:
                _, (name, value) = await m.select()
            except ConnectionError as error:
                if (failed := planets.failed) is not None:
                    await planets.remove(failed)
                    print(f"removed {failed}: {error}")
            else:
                print(f"{name}: {value}")


if __name__ == "__main__":
    asyncio.run(main())
