"""Write a batch when it has 100 rows, or half a second after its first row."""

import asyncio

from multi_await import every, multi_await


async def write(rows: asyncio.Queue[int | None]) -> None:
    batch: list[int] = []
    late = every(0.5)
    late.stop()  # it runs only while rows wait
    async with multi_await(rows.get, late) as m:
        async for position, row in m:
            if position == 0:
                if row is None:
                    break
                if not batch:
                    late.reset()
                batch.append(row)
            if position == 1 or len(batch) == 100:
                late.stop()
                print("write", len(batch), "rows")
                batch.clear()
    print("write the last", len(batch))


async def main() -> None:
    rows: asyncio.Queue[int | None] = asyncio.Queue()
    for row in range(250):
        rows.put_nowait(row)
    loop = asyncio.get_running_loop()
    loop.call_later(1, rows.put_nowait, 250)
    loop.call_later(1.1, rows.put_nowait, None)  # no more rows
    await write(rows)


if __name__ == "__main__":
    asyncio.run(main())
