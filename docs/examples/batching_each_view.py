"""A write for each page view: as many transactions as views, for very few users."""

import asyncio
import sqlite3

TABLE = "CREATE TABLE user_last_active (user TEXT PRIMARY KEY, last_active INTEGER)"
UPSERT = """INSERT INTO user_last_active VALUES (?, ?)
            ON CONFLICT (user) DO UPDATE SET last_active = excluded.last_active"""

Views = asyncio.Queue[tuple[str, int]]  # who, and when


async def write_each(views: Views, database: sqlite3.Connection) -> None:
    while not views.empty():
        view = await views.get()
        with database:  # one transaction
            database.execute(UPSERT, view)


async def main() -> None:
    database = sqlite3.connect(":memory:")
    database.execute(TABLE)
    statements: list[str] = []
    database.set_trace_callback(statements.append)

    views = Views()
    for when in range(1000):
        for user in ("Ada", "Grace", "Edsger"):
            views.put_nowait((user, when))
    await write_each(views, database)

    print("transactions:", statements.count("COMMIT"))
    print("table:", database.execute("SELECT * FROM user_last_active").fetchall())
    database.close()


if __name__ == "__main__":
    asyncio.run(main())
