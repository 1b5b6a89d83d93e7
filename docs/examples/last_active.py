"""An HTTP server that remembers when each user was last active, and writes it down in batches.

Each page view is an item in an `asyncio.Queue`. One loop takes the items out and keeps each user's
last one in memory; once a period it writes them to a SQLite database in one transaction, one row
for each user who was active, however many pages they saw.

    python last_active.py --database last_active.db --port 8080
    curl 'http://127.0.0.1:8080/page/7?user=42'

SIGTERM or Ctrl-C stops it, and no view that was answered is lost: requests in flight are finished,
what is still in the queue is written, and a line of JSON says what was done.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import functools
import json
import re
import signal
import sys
import time
from collections.abc import AsyncIterator

import aiosqlite
from aiohttp import web

from multi_await import batched, every, multi_await

View = tuple[int, float]  # user_id, when
MOST = 1000  # views in one event, so that no turn of the loop takes long

TABLE = """CREATE TABLE IF NOT EXISTS user_last_active
           (user_id INTEGER PRIMARY KEY, last_active_time REAL NOT NULL)"""
UPSERT = """INSERT INTO user_last_active VALUES (?, ?) ON CONFLICT (user_id)
            DO UPDATE SET last_active_time = excluded.last_active_time"""


@dataclasses.dataclass
class Report:
    """What was done; printed at the end."""

    page_views: int = 0
    batches: int = 0
    rows_written: int = 0
    oldest_unwritten_view: float = 0.0  # the most seconds between a view and its commit


class LastActive:
    """The table `user_last_active`, and in memory what is not written there yet."""

    def __init__(self, database: aiosqlite.Connection) -> None:
        self.database = database
        self.unwritten: dict[int, float] = {}  # user_id -> last_active_time
        self.unwritten_since = 0.0
        self.report = Report()

    def note(self, views: list[View]) -> None:
        """Keep page views in memory."""
        if views and not self.unwritten:
            _, self.unwritten_since = views[0]
        self.unwritten.update(views)
        self.report.page_views += len(views)

    async def write(self) -> None:
        """Write a row for each user who was active, in one transaction; if it fails, keep them."""
        if not self.unwritten:
            return
        try:
            await self.database.executemany(UPSERT, list(self.unwritten.items()))
            await self.database.commit()
        except aiosqlite.OperationalError as error:  # the database is locked, the disk is full
            await self.database.rollback()
            print(f"{len(self.unwritten)} rows wait for the next write: {error}", file=sys.stderr)
            return
        age = time.time() - self.unwritten_since
        self.report.oldest_unwritten_view = max(self.report.oldest_unwritten_view, age)
        self.report.batches += 1
        self.report.rows_written += len(self.unwritten)
        # Safe, because no view was noted meanwhile: new ones stay in the queue during a write.
        self.unwritten.clear()


async def write_batches(
    activity: asyncio.Queue[View], table: LastActive, period: float, stop: asyncio.Event
) -> None:
    """Take in page views, and write them once a period, until `stop` is set."""
    views = batched(activity, MOST)
    # In order of priority. After slow writes a tick is always due: it must not hide the stop.
    async with multi_await(views, stop.wait, every(period), biased=True) as m:
        while True:
            match await m.select():
                case (0, some_views):
                    table.note(some_views)
                case (1, _):
                    return
                case (2, _):
                    await table.write()


async def write_each_view(
    activity: asyncio.Queue[View], table: LastActive, stop: asyncio.Event
) -> None:
    """Write each page view in a transaction of its own: what the batches save."""
    async with multi_await(activity.get, stop.wait) as m:
        while True:
            match await m.select():
                case (0, view):
                    table.note([view])
                    await table.write()
                case (1, _):
                    return


async def write_the_rest(activity: asyncio.Queue[View], table: LastActive, period: float) -> None:
    """Write what is left, and try as long as it takes: there is no next batch."""
    table.note([activity.get_nowait() for _ in range(activity.qsize())])
    await table.write()
    while table.unwritten:
        await asyncio.sleep(period)
        await table.write()


async def page(activity: asyncio.Queue[View], request: web.Request) -> web.Response:
    user = request.query.get("user", "")
    if not re.fullmatch("[0-9]{1,18}", user):  # as many digits as always fit into the table
        raise web.HTTPBadRequest(text="which user? A number, as in /page/7?user=42\n")
    # The queue has no limit: with one, requests would wait for room when the loop has stopped.
    activity.put_nowait((int(user), time.time()))
    return web.Response(text=f"page {request.match_info['number']} for user {user}\n")


@contextlib.asynccontextmanager
async def http_server(activity: asyncio.Queue[View], port: int) -> AsyncIterator[str]:
    """Serve pages; at the end accept no more, and wait for the requests in flight."""
    app = web.Application()
    app.router.add_get(r"/page/{number:\d+}", functools.partial(page, activity))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield "http://{}:{}".format(*runner.addresses[0])
    finally:
        await runner.cleanup()


async def main(port: int, database: str, period: float, without_batching: bool = False) -> None:
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # on Windows Ctrl-C cancels main() instead
            asyncio.get_running_loop().add_signal_handler(signum, stop.set)

    activity: asyncio.Queue[View] = asyncio.Queue()
    # A write that waits for a lock longer than a period is better tried again.
    async with aiosqlite.connect(database, timeout=period) as connection:
        await connection.execute(TABLE)
        table = LastActive(connection)
        try:
            async with http_server(activity, port) as address:
                print(f"listening on {address}", flush=True)
                if without_batching:
                    await write_each_view(activity, table, stop)
                else:
                    await write_batches(activity, table, period, stop)
        finally:  # after the server's end: requests that were in flight have added their views
            await write_the_rest(activity, table, period)
    print(json.dumps(dataclasses.asdict(table.report)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes any that is free")
    parser.add_argument("--database", default="last_active.db", metavar="PATH")
    parser.add_argument("--period", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument("--without-batching", action="store_true", help="to compare")
    asyncio.run(main(**vars(parser.parse_args())))
