"""Sends page views through Redis to PostgreSQL, kills a worker along the way, and counts.

Two web processes and three workers. Each user looks at one page, so that no later view can hide a
lost one. In the middle one worker is killed with SIGKILL, and another is started. At the end
SIGTERM stops them all, and the table is compared with what was answered.

Redis and PostgreSQL are started on free ports, in folders that vanish at the end, unless
--redis and --postgres name servers that are running already.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import signal
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
from redis.asyncio import Redis
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

if not __package__:  # run as a program
    sys.path.insert(0, str(Path(__file__).parents[1]))
from distributed.processes import PATIENCE, Missing, Process, servers, until, web, worker

from multi_await import gather_or_abort

CLIENTS = 20  # requests at once
STREAM, GROUP = "views:0", "writers"


class Failed(Exception):  # noqa: N818 -- what the user reads is the message
    """A view was lost, or a program did not end as it should have."""


class Views:
    """What users viewed: each user one page, and whether it was answered with 200."""

    def __init__(self) -> None:
        self.first_user = time.time_ns() // 1000  # no user of an earlier run
        self.users = itertools.count(self.first_user)
        self.answered: dict[int, tuple[float, float]] = {}  # user -> sent, answered
        self.refused = 0

    async def browse(self, address: str, end: float) -> None:
        """One request after another."""
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        async with aiohttp.ClientSession(address, timeout=timeout) as session:
            while time.monotonic() < end:
                user, sent = next(self.users), time.time()
                async with session.get("/page/1", params={"user": user}) as response:
                    await response.read()
                if response.status == 200:
                    self.answered[user] = sent, time.time()
                else:
                    self.refused += 1

    async def show_progress(self, seconds: float) -> None:
        columns = TextColumn("sending page views"), BarColumn(), TextColumn("{task.fields[n]:,}")
        start = time.monotonic()
        with Progress(*columns, TimeElapsedColumn()) as progress:
            bar = progress.add_task("", total=seconds, n=0)
            while not progress.finished:
                await asyncio.sleep(0.1)
                spent = time.monotonic() - start
                progress.update(bar, completed=min(spent, seconds), n=len(self.answered))

    async def check(self, postgres: str) -> None:
        """Compare the table with what was answered."""
        connection = await asyncpg.connect(postgres)
        try:
            rows = await connection.fetch(
                "DELETE FROM user_last_active WHERE user_id >= $1 RETURNING *", self.first_user
            )
        finally:
            await connection.close()
        table: dict[int, float] = dict(list[Any](rows))
        missing = self.answered.keys() - table.keys()
        wrong = [
            user
            for user, (sent, answered) in self.answered.items()
            if not sent <= table.get(user, sent) <= answered
        ]
        if missing or wrong:
            raise Failed(f"{len(missing)} views are missing, {len(wrong)} have a wrong time")
        print(f"every one of {len(self.answered):,} views that were answered is in the table")


class Victim:
    """The worker that is killed, as Redis sees it."""

    def __init__(self, client: Redis, process: Process, name: str) -> None:
        self.client, self.process, self.name = client, process, name

    async def pending(self) -> int:
        """Entries that were given to it and are not acknowledged."""
        consumers = await self.client.xinfo_consumers(STREAM, GROUP)
        return sum(int(one["pending"]) for one in consumers if one["name"].decode() == self.name)

    async def has_none(self) -> bool:
        return await self.pending() == 0

    async def is_killed(self, after: float, heir: Process) -> str:
        """Kill it while it holds entries, start another, wait until its entries are written."""
        await asyncio.sleep(after)
        await until(self.pending)
        await self.process.end(signal.SIGKILL)
        entries = await self.pending()
        _, seconds = await asyncio.gather(heir.start(), until(self.has_none))
        return f"{seconds:.2f} s until the {entries:,} views that it had were written"


async def stop(process: Process) -> None:
    if (code := await process.end(signal.SIGTERM)) != 0:
        raise Failed(f"{process.command[1]} ended with exit code {code}")


def show(workers: Sequence[Process], recovery: str) -> None:
    """What the workers say of their transactions: a line each."""
    lines = [line for process in workers for line in process.lines if line.startswith("{")]
    writes = [json.loads(line) for line in lines]
    views, rows = (sum(write[what] for write in writes) for what in ("views", "rows"))
    lags = [write["lag"] for write in writes for _ in range(write["views"])]
    print(f"views written  {views:9,}")
    print(f"transactions   {len(writes):9,}   {views / len(writes):,.0f} views each")
    print(f"rows           {rows:9,}   each user viewed one page")
    print(f"lag, median    {statistics.median(lags):9.2f}   seconds from the view to its commit")
    print(f"lag, worst     {max(write['worst'] for write in writes):9.2f}")
    print(f"worker killed: {recovery}")


async def demonstrate(seconds: float, redis: str, postgres: str) -> None:
    webs = [web(redis), web(redis)]
    names = ["one", "two", "three", "four"]
    workers = [worker(redis, postgres, name) for name in names]
    views = Views()
    async with contextlib.AsyncExitStack() as running:
        for process in (*webs, *workers):
            running.push_async_callback(process.end_if_running)
        client = await running.enter_async_context(Redis.from_url(redis))
        for process in (*webs, *workers[:3]):
            await process.start()
        addresses = [(await process.line("listening on ")).split()[-1] for process in webs]
        for process in workers[:3]:
            await process.line("ready")
        print(f"two web processes, {' and '.join(addresses)}, and three workers")

        end = time.monotonic() + seconds
        tasks = [
            asyncio.create_task(views.browse(address, end))
            for address, _ in zip(itertools.cycle(addresses), range(CLIENTS), strict=False)
        ]
        progress = asyncio.create_task(views.show_progress(seconds))
        killing = asyncio.create_task(
            Victim(client, workers[1], names[1]).is_killed(seconds / 2, heir=workers[3])
        )
        await gather_or_abort(*tasks, progress, killing)
        for process in (*webs, workers[0], *workers[2:]):  # web first: it has views to add
            await stop(process)
    show(workers, killing.result())
    if views.refused:
        raise Failed(f"{views.refused} views were refused")
    await views.check(postgres)


async def main(seconds: float, redis: str | None, postgres: str | None) -> None:
    async with contextlib.AsyncExitStack() as ours:
        if redis is None or postgres is None:
            our_redis, our_postgres = await ours.enter_async_context(servers())
            redis, postgres = redis or our_redis.url, postgres or our_postgres.dsn
        await demonstrate(seconds, redis, postgres)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--redis", metavar="URL", help="a server that is there already")
    parser.add_argument("--postgres", metavar="DSN", help="the same")
    try:
        asyncio.run(main(**vars(parser.parse_args())))
    except (Missing, Failed) as error:
        sys.exit(f"FAILED: {error}")
