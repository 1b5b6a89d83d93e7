"""Go's unbuffered channel has no equivalent: `put` does not wait for a receiver."""

import asyncio

from multi_await import multi_await


async def receive(parcels: asyncio.Queue[str]) -> None:
    await asyncio.sleep(0.5)
    async with multi_await(parcels.get) as m:
        _, parcel = await m.select()
        print("received", parcel)
        parcels.task_done()


async def main() -> None:
    parcels: asyncio.Queue[str] = asyncio.Queue(maxsize=1)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(receive(parcels))
        await parcels.put("a parcel")
        print("put() has returned")
        await parcels.join()
        print("join() has returned")


if __name__ == "__main__":
    asyncio.run(main())
