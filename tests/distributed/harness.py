"""A site for a drill: its own servers, web, workers, users that view pages, and the bookkeeping."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import sys
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
from distributed import processes
from distributed.processes import PostgresServer, Process, RedisServer
from distributed.processes import until as until
from redis.asyncio import Redis

BROKEN = Path(__file__).with_name("broken.py")
PROBES = Path(__file__).with_name("probes.py")
PERIOD, IDLE = 0.3, 1.0  # short, so that the drills are short
Times = dict[int, tuple[float, float]]  # user -> when the last view was sent and answered


class Site:
    """The servers, the running programs, and the answers."""

    def __init__(self, redis: RedisServer, postgres: PostgresServer, shards: int) -> None:
        self.redis, self.postgres, self.shards = redis, postgres, shards
        self.streams = [f"views:{shard}" for shard in range(shards)]
        self.client = Redis.from_url(redis.url)
        self.programs = contextlib.AsyncExitStack()
        self.workers: list[Process] = []
        self.users = itertools.count()
        self.answered: Times = {}
        self.refused: list[tuple[int, str]] = []  # status, text

    # -- programs

    async def start(self, process: Process, first_line: str) -> str:
        await process.start()
        await self.programs.enter_async_context(processes.ended_with_the_block(process))
        return await process.line(first_line)

    @contextlib.asynccontextmanager
    async def running(self, process: Process) -> AsyncIterator[None]:
        """Start it without waiting for its first line; end it with the block."""
        await process.start()
        async with processes.ended_with_the_block(process):
            yield

    async def web(self, fault: str = "") -> str:
        process = processes.web(self.redis.url, "--shards", str(self.shards))
        if fault:
            process.command = (sys.executable, BROKEN, fault, *process.command[2:])
        line = await self.start(process, "listening on ")
        self.web_process = process
        self.address = line.removeprefix("listening on ")
        return self.address

    def new_worker(self, name: str, *options: str, fault: str = "", probe: str = "") -> Process:
        defaults = ("--period", str(PERIOD), "--idle", str(IDLE))
        process = processes.worker(self.redis.url, self.postgres.dsn, name, *defaults, *options)
        if fault:
            process.command = (sys.executable, BROKEN, fault, *process.command[2:])
        if probe:
            process.command = (sys.executable, PROBES, probe, *process.command[2:])
        self.workers.append(process)
        return process

    async def worker(self, name: str, *options: str, fault: str = "", probe: str = "") -> Process:
        process = self.new_worker(name, *options, fault=fault, probe=probe)
        await self.start(process, "ready")
        return process

    # -- page views

    async def view(self, session: aiohttp.ClientSession, user: int) -> None:
        sent = time.time()
        try:
            async with session.get("/page/1", params={"user": user}) as response:
                text = await response.text()
        except aiohttp.ClientError as error:  # web has exited
            self.refused.append((0, repr(error)))
            await asyncio.sleep(0.1)
            return
        if response.status == 200:
            self.answered[user] = sent, time.time()
        else:
            self.refused.append((response.status, text))

    async def view_all(self, users: Iterable[int], at_once: int = 20) -> None:
        """Send a view for each user, so many at once."""
        remaining = iter(users)
        timeout = aiohttp.ClientTimeout(total=10)  # every request is answered by then

        async def browse(session: aiohttp.ClientSession) -> None:
            for user in remaining:
                await self.view(session, user)

        async with (
            aiohttp.ClientSession(self.address, timeout=timeout) as session,
            asyncio.TaskGroup() as tasks,
        ):
            for _ in range(at_once):
                tasks.create_task(browse(session))

    async def new_users(self, number: int) -> None:
        """Let so many new users view one page each."""
        await self.view_all(itertools.islice(self.users, number))

    async def add(self, views: int, users: int) -> None:
        """Add entries to the stream directly, because web is slower."""
        for start in range(0, views, 1000):
            pipeline = self.client.pipeline(transaction=False)
            for view in range(start, min(start + 1000, views)):
                pipeline.xadd("views:0", {"user": view * 7 % users, "when": time.time()})
            await pipeline.execute()

    @contextlib.asynccontextmanager
    async def load(self) -> AsyncIterator[None]:
        """Let new users view pages until the block ends; await the last answers."""
        is_over = False

        async def come() -> None:
            while not is_over:
                await self.new_users(20)
                await asyncio.sleep(0.02)  # leave some of the processor to the others

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(come())
            yield
            is_over = True

    async def answers(self, more: int) -> None:
        """Wait until so many more views are answered."""
        wanted = len(self.answered) + more

        async def are_answered() -> bool:
            return len(self.answered) >= wanted

        await until(are_answered)

    # -- what is where

    async def pending(self, name: str | None = None) -> int:
        """The entries delivered to that worker, or to any, but not acknowledged."""
        number = 0
        for stream in self.streams:
            if await self.client.exists(stream):
                for consumer in await self.client.xinfo_consumers(stream, "writers"):
                    if name is None or consumer["name"].decode() == name:
                        number += consumer["pending"]
        return number

    async def has_pending(self, name: str | None = None) -> bool:
        return await self.pending(name) > 0

    async def has_unwritten(self) -> bool:
        return self.answered.keys() > (await self.table()).keys()

    async def length(self) -> int:
        return sum([await self.client.xlen(stream) for stream in self.streams])

    async def table(self) -> dict[int, float]:
        connection = await asyncpg.connect(self.postgres.dsn)
        try:
            rows: list[Any] = await connection.fetch("SELECT * FROM user_last_active")
            return dict(rows)
        finally:
            await connection.close()

    async def execute(self, *statements: str) -> None:
        connection = await asyncpg.connect(self.postgres.dsn)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    @property
    def noted(self) -> float:
        """How many views the workers say they have written."""
        return sum(write["views"] for write in self.writes())

    def writes(self) -> list[dict[str, float]]:
        return [
            json.loads(line)
            for worker in self.workers
            for line in worker.lines
            if line.startswith("{")
        ]

    # -- the count

    async def is_settled(self) -> bool:
        return await self.length() == 0 and await self.pending() == 0

    async def check(self) -> None:
        """Wait until everything settles; nothing may be missing or older than it should be."""
        assert len(self.answered) > 50, self.refused[:1]
        await until(self.is_settled)
        table = await self.table()
        missing = [user for user in self.answered if user not in table]
        older = [user for user, (sent, _) in self.answered.items() if table.get(user, sent) < sent]
        later = [user for user, (_, end) in self.answered.items() if table.get(user, end) > end]
        counts = {"missing": len(missing), "older": len(older), "later": len(later)}
        assert counts == {"missing": 0, "older": 0, "later": 0}, counts


@contextlib.asynccontextmanager
async def site(*redis_options: str, shards: int = 1) -> AsyncIterator[Site]:
    """Start the servers and web; the drill starts the workers."""
    async with processes.servers(*redis_options) as (redis, postgres):
        here = Site(redis, postgres, shards)
        async with here.programs, here.client:
            yield here
