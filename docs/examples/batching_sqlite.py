"""Page views become a row for each active user, once a period; none is lost."""

import asyncio
import sqlite3

from multi_await import batched, every, multi_await

TABLE = "CREATE TABLE user_last_active (user INTEGER PRIMARY KEY, last_active INTEGER)"
UPSERT = """INSERT INTO user_last_active VALUES (?, ?)
            ON CONFLICT (user) DO UPDATE SET last_active = excluded.last_active"""

Views = asyncio.Queue[tuple[int, int]]  # who, and when


class LastActive:
    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        self.unwritten: dict[int, int] = {}
        self.noted = 0

    def note(self, views: list[tuple[int, int]]) -> None:
        self.unwritten.update(views)
        self.noted += len(views)

    def write(self) -> None:
        """Write a row for each active user, in one transaction."""
        with self.database:
            self.database.executemany(UPSERT, self.unwritten.items())
        self.unwritten.clear()


async def write_batches(views: Views, table: LastActive, stop: asyncio.Event) -> None:
    async with multi_await(batched(views, 1000), stop.wait, every(0.5), biased=True) as m:
        async for event in m:
            match event:
                case (0, some_views):
                    table.note(some_views)
                case (1, _):
                    break
                case (2, _):
                    table.write()
    users = len(table.unwritten)
    print("when stopped:", users, "users unwritten,", views.qsize(), "views in the queue")
    table.write()  # the last batch


async def browse(views: Views) -> dict[int, int]:
    """Fifty users view pages, 500 at a time; return when each was last active."""
    seen: dict[int, int] = {}
    for when in range(4000):
        if when % 500 == 0:
            await asyncio.sleep(0.3)
        user = when % 50
        views.put_nowait((user, when))
        seen[user] = when
    return seen


async def main() -> None:
    database = sqlite3.connect(":memory:")
    database.execute(TABLE)
    statements: list[str] = []
    database.set_trace_callback(statements.append)

    views = Views()
    table = LastActive(database)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(write_batches(views, table, stop))
        seen = await browse(views)
        stop.set()  # right after the last 500 views

    print("page views:  ", table.noted)
    print("transactions:", statements.count("COMMIT"))
    print("rows written:", database.total_changes)
    written = dict(database.execute("SELECT * FROM user_last_active"))
    print("lost:", dict(seen.items() - written.items()))
    database.close()


if __name__ == "__main__":
    asyncio.run(main())
