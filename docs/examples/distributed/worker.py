"""Writes page views from a Redis stream to PostgreSQL in batches. Run as many as you need.

    python worker.py --redis redis://127.0.0.1 --postgres postgresql://127.0.0.1/site --name one

Redis remembers which worker has which view until the worker acknowledges it, and a worker does so
when PostgreSQL has it. So a worker can be killed at any moment: the others take over what it had.
At worst a view is written twice, and GREATEST makes that harmless.

Each worker has a name of its own. It prints `ready` when it reads, and a line of JSON for each
transaction. SIGTERM ends it:

    0    everything that it had is written, or it had nothing
    75   a server was down for too long; what it had is still pending, for another worker
"""

from __future__ import annotations  # asyncpg.Connection is generic in its stubs only

import argparse
import asyncio
import contextlib
import json
import os
import signal
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable
from typing import Any, Final, TypeVar

import asyncpg
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from multi_await import ending, every, multi_await, signals

T = TypeVar("T")
Entry = tuple[bytes, dict[bytes, bytes]]  # its ID, its fields

GROUP = "writers"
COUNT = 1000  # entries in a reply, at most
BLOCK = 200  # milliseconds that a read waits for entries: the client itself gives up after 5 s
NEW = ">"  # where to read: what no worker has been given yet
FIRST, LAST = "0", f"{2**64 - 1}"  # or what we were given and have not acknowledged, after that ID
PATIENCE = 5  # seconds that a stop may take
GAVE_UP = 75  # EX_TEMPFAIL of sysexits.h

TABLE = """CREATE TABLE IF NOT EXISTS user_last_active
           (user_id BIGINT PRIMARY KEY, last_active_time DOUBLE PRECISION NOT NULL)"""
# Sorted: two workers that lock the same rows in different orders would deadlock. GREATEST: another
# worker may have written a later view already.
UPSERT = """INSERT INTO user_last_active AS old
            SELECT * FROM unnest($1::bigint[], $2::float8[]) ORDER BY 1
            ON CONFLICT (user_id) DO UPDATE SET last_active_time =
              GREATEST(old.last_active_time, excluded.last_active_time)"""

FAILURES = (OSError, RedisError, asyncpg.PostgresError, asyncpg.InterfaceError)


class At:
    """The positions of the loop's sources."""

    READ: Final = 0
    TICK: Final = 1
    SIGNAL: Final = 2
    CLAIM: Final = 3
    WRITE: Final = 4


def retrying(function: Callable[[], Awaitable[T]]) -> Callable[[], Coroutine[Any, Any, T]]:
    """Call until it succeeds, with a growing delay: a server that is down ends no worker."""

    async def retry() -> T:
        delay = 0.1
        while True:
            try:
                return await function()
            except FAILURES as error:
                kind = type(error).__name__
                print(f"{kind}: {error}: retrying in {delay} s", file=sys.stderr, flush=True)
            await asyncio.sleep(delay)
            delay = min(2 * delay, 2)

    return retry


class Table:
    """The table in PostgreSQL, through one connection, which is reopened when it has failed."""

    def __init__(self, postgres: str) -> None:
        self.postgres = postgres
        self.connection: asyncpg.Connection[Any] | None = None

    async def connect(self) -> asyncpg.Connection[Any]:
        if self.connection is None:
            self.connection = await asyncpg.connect(
                self.postgres,
                timeout=3,
                command_timeout=30,  # the server may be gone without having closed the connection
                server_settings={"statement_timeout": "20s"},  # or the table may be locked
            )
            with contextlib.suppress(asyncpg.UniqueViolationError, asyncpg.DuplicateTableError):
                await self.connection.execute(TABLE)  # another worker may be doing the same
        return self.connection

    async def write(self, latest: dict[int, float]) -> None:
        """Write a row for each user, in one transaction."""
        try:
            connection = await self.connect()
            await connection.execute(UPSERT, list(latest), list(latest.values()))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self.connection is not None:
            self.connection.terminate()  # at once: it may have failed because nobody answers
            self.connection = None


class Views:
    """The stream in Redis, as one consumer of its group sees it."""

    def __init__(self, redis: Redis, stream: str, name: str, idle: float, count: int) -> None:
        self.redis, self.stream, self.name = redis, stream, name
        self.idle, self.count = idle, count
        self.after = FIRST
        self.untold = True  # we may have been given entries that we don't know of
        self.may_claim = True
        self.stopping = asyncio.Event()

    async def read(self) -> Iterable[Entry]:
        """Entries to write: first those that we were given before, then new ones."""
        if self.untold:
            self.after, self.untold = FIRST, False
        if self.stopping.is_set() and self.after == NEW:
            raise StopAsyncIteration
        try:
            reply: Any = await self.redis.xreadgroup(
                GROUP, self.name, {self.stream: self.after}, self.count, BLOCK
            )
        except ResponseError as error:
            if not str(error).startswith(("NOGROUP", "UNBLOCKED")):  # the stream is new, or gone
                raise
            await self.make_group()
            return ()
        except BaseException:
            self.untold = True  # the reply that we did not get may have had entries
            raise
        entries: list[Entry] = reply[0][1] if reply else []
        if self.after != NEW:
            self.after = entries[-1][0].decode() if entries else NEW
        return entries

    async def make_group(self) -> None:
        """Only when it is missing: a Redis that is full refuses this, but not reading."""
        try:
            await self.redis.xgroup_create(self.stream, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):  # another worker was first
                raise

    async def claim(self) -> Iterable[Entry]:
        """Entries of a worker that has been silent for too long."""
        while not self.stopping.is_set():
            # This gives nothing, and shows that we are not silent: reading may be paused.
            await self.redis.xreadgroup(GROUP, self.name, {self.stream: LAST}, 1)
            if self.may_claim and (entries := await self.entries_of_the_silent()) is not None:
                return entries
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.idle / 4):
                    await self.stopping.wait()
        raise StopAsyncIteration

    async def entries_of_the_silent(self) -> Iterable[Entry] | None:
        """Those that are deleted are not among them: claiming acknowledges them, since Redis 7."""
        silence = int(self.idle * 1000)
        for consumer in await self.redis.xinfo_consumers(self.stream, GROUP):
            if consumer["pending"] and consumer["idle"] > silence:
                pending: Any = await self.redis.xpending_range(
                    self.stream, GROUP, "-", "+", self.count, consumer["name"]
                )
                if not (ids := [entry["message_id"] for entry in pending]):
                    continue  # another worker has claimed them meanwhile
                try:
                    entries: Any = await self.redis.xclaim(
                        self.stream, GROUP, self.name, silence, ids
                    )
                except BaseException:
                    self.untold = True
                    raise
                return list(entries)
        return None

    async def finish(self, ids: Collection[bytes]) -> None:
        """Delete, then acknowledge: an entry that is only deleted is still somebody's."""
        # Not as one MULTI: a Redis that is full refuses that.
        await self.delete(ids)
        await self.acknowledge(ids)

    async def delete(self, ids: Collection[bytes]) -> None:
        await self.redis.xdel(self.stream, *ids)

    async def acknowledge(self, ids: Collection[bytes]) -> None:
        await self.redis.xack(self.stream, GROUP, *ids)


class Batch:
    """Entries that are ours, and what they amount to."""

    def __init__(self) -> None:
        self.ids: set[bytes] = set()
        self.times: list[float] = []
        self.latest: dict[int, float] = {}  # user_id -> last_active_time

    def note(self, entry_id: bytes, fields: dict[bytes, bytes]) -> None:
        self.ids.add(entry_id)
        try:
            user, when = int(fields[b"user"]), float(fields[b"when"])
            if not 0 <= user < 2**63:
                raise ValueError(user)  # BIGINT can't hold it: it would fail its whole batch
        except (KeyError, ValueError):
            return  # it was deleted and not acknowledged, or is not a view: only to be acknowledged
        self.times.append(when)
        if when > self.latest.get(user, 0):
            self.latest[user] = when


class Worker:
    """Gathers views in one batch while another is being written."""

    def __init__(self, views: Views, table: Table, period: float, limit: int) -> None:
        self.views, self.table = views, table
        self.period, self.limit = period, limit
        self.gathered, self.written = Batch(), Batch()
        self.ready = asyncio.Event()

    @property
    def is_full(self) -> bool:
        return len(self.gathered.ids) >= self.limit

    async def work(self) -> None:
        """Write at each tick, and when full; after a signal, until nothing is left."""
        reading = {At.READ, At.CLAIM}  # those that have not ended
        is_due = False
        async with multi_await(
            ending(retrying(self.read), None),
            every(self.period),
            signals(signal.SIGTERM, signal.SIGINT),
            ending(retrying(self.claim), None),
            retrying(self.write),
        ) as m:
            m.pause(At.WRITE)  # until there is a batch to write
            while reading or self.gathered.ids or self.written.ids:
                match await m.select():
                    case (At.READ | At.CLAIM as position, None):
                        reading.remove(position)
                    case (At.READ | At.CLAIM, entries):
                        self.gather(entries)
                    case (At.TICK, _):
                        is_due = True
                    case (At.SIGNAL, _):
                        self.stop()
                    case (At.WRITE, line):
                        print(line, flush=True)
                        self.written = Batch()
                        m.pause(At.WRITE)

                if is_due or self.is_full or self.views.stopping.is_set():
                    is_due = bool(self.written.ids)  # a batch at a time
                    if self.gathered.ids and not self.written.ids:
                        self.gathered, self.written = Batch(), self.gathered
                        m.resume(At.WRITE)
                m.pause(At.READ) if self.is_full else m.resume(At.READ)
                self.views.may_claim = not self.is_full

    async def read(self) -> Iterable[Entry]:
        if not self.ready.is_set():
            with contextlib.suppress(*FAILURES):  # then the first write creates the table
                await self.table.connect()
        entries = await self.views.read()
        if not self.ready.is_set():
            self.ready.set()
            print("ready", flush=True)
        return entries

    async def claim(self) -> Iterable[Entry]:
        await self.ready.wait()
        return await self.views.claim()

    def gather(self, entries: Iterable[Entry]) -> None:
        for entry_id, fields in entries:
            if entry_id not in self.gathered.ids and entry_id not in self.written.ids:
                self.gathered.note(entry_id, fields)

    async def write(self) -> str:
        """Write the batch, and only then give up its entries; say what was written."""
        batch = self.written
        if batch.latest:
            await self.table.write(batch.latest)
        now = time.time()
        await self.views.finish(batch.ids)
        done = {"views": len(batch.times), "rows": len(batch.latest)}
        lag = now - statistics.median(batch.times or [now])
        return json.dumps(done | {"lag": lag, "worst": now - min(batch.times, default=now)})

    def stop(self) -> None:
        """Read no more; write what there is."""
        if not self.views.stopping.is_set():
            self.views.stopping.set()
            asyncio.get_running_loop().call_later(PATIENCE, give_up)


def give_up() -> None:
    """End at once. Nothing is lost: what was not acknowledged is still pending."""
    print("a server is down: what was not written is still pending", file=sys.stderr, flush=True)
    os._exit(GAVE_UP)  # sys.exit() would wait for servers that don't answer


async def main(
    redis: str, postgres: str, name: str, shard: int, period: float, limit: int, idle: float
) -> None:
    # No retries by the client: it would read again, and what the lost reply gave us is forgotten.
    async with Redis.from_url(redis, retry=Retry(NoBackoff(), 0), socket_timeout=5) as client:
        views = Views(client, f"views:{shard}", name, idle, min(COUNT, limit))
        table = Table(postgres)
        await Worker(views, table, period, limit).work()
        table.close()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--redis", default="redis://127.0.0.1", metavar="URL")
    parser.add_argument("--postgres", default="postgresql://127.0.0.1", metavar="DSN")
    parser.add_argument(
        "--name", required=True, help="of no other worker; the same after a restart"
    )
    parser.add_argument("--shard", type=int, default=0, metavar="K")
    parser.add_argument("--period", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument("--limit", type=int, default=10_000, metavar="ENTRIES")
    parser.add_argument("--idle", type=float, default=2.0, metavar="SECONDS")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(**vars(arguments())))
