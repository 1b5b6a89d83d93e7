"""What go_select.py does, by hand on top of asyncio.wait."""

import asyncio


async def main() -> None:
    loop = asyncio.get_running_loop()
    c1 = asyncio.Queue[str]()
    c2 = asyncio.Queue[str]()
    start = loop.time()

    async def one() -> None:
        await asyncio.sleep(1)
        await c1.put("one")

    async def two() -> None:
        await asyncio.sleep(2)
        await c2.put("two")

    async with asyncio.TaskGroup() as go:
        go.create_task(one())
        go.create_task(two())

        queues = {"c1": c1, "c2": c2}
        getters = dict[str, asyncio.Task[str]]()
        try:
            for _ in range(2):
                for name, queue in queues.items():
                    if name not in getters:  # else its task is still waiting
                        getters[name] = asyncio.create_task(queue.get())
                await asyncio.wait(getters.values(), return_when=asyncio.FIRST_COMPLETED)
                # The first in the order of the dict; its next one goes to the end.
                fired = next(name for name, getter in getters.items() if getter.done())
                msg = getters.pop(fired).result()
                match fired:
                    case "c1":
                        print("received", msg)
                    case "c2":
                        print("received", msg)
        finally:
            for getter in getters.values():
                getter.cancel()
            await asyncio.gather(*getters.values(), return_exceptions=True)

    elapsed = loop.time() - start
    print(f"{elapsed:.1f} seconds")


if __name__ == "__main__":
    asyncio.run(main())
