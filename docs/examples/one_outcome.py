"""Something that happens once: a coroutine is ours to run and cancel, a task stays yours."""

import asyncio

from multi_await import after, every, multi_await, once


async def connect() -> str:
    await asyncio.sleep(1.25)
    return "a connection"


async def main() -> None:
    async with multi_await(once(connect()), every(0.5)) as m:
        async for event in m:
            match event:
                case (0, connection):
                    print("there is", connection)
                    break
                case (1, _):
                    print("still connecting")

    connecting = asyncio.create_task(connect())
    async with multi_await(once(connecting), after(0.5)) as m:
        match await m.select():
            case (0, connection):
                print("there is", connection)
            case (1, _):
                print("we no longer wait for it")
    print("and later there is", await connecting)


if __name__ == "__main__":
    asyncio.run(main())
