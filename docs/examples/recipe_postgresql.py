"""PostgreSQL's LISTEN as a source: asyncpg calls back, and the callback feeds a queue."""

import asyncio

import asyncpg

from multi_await import after, multi_await


async def main(dsn: str = "postgresql://localhost") -> None:
    notes: asyncio.Queue[str | None] = asyncio.Queue()
    connection = await asyncpg.connect(dsn)
    await connection.add_listener("jobs", lambda *note: notes.put_nowait(str(note[-1])))
    connection.add_termination_listener(lambda _: notes.put_nowait(None))
    await connection.execute("NOTIFY jobs, 'job 1'")  # stands in for another client
    async with multi_await(notes.get, after(60)) as m:
        async for event in m:
            match event:
                case (0, note) if note is not None:
                    print("notified of", note)
                    await connection.close()
                case (0, _):
                    print("the connection has ended")
                    break
                case (1, _):
                    print("nothing for a minute")
                    break


if __name__ == "__main__":
    asyncio.run(main())
