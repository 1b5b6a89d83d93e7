"""Starts Redis, PostgreSQL and the programs of this folder, for the demo and the drills."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

HERE = Path(__file__).parent
PATIENCE = 30  # seconds that anything may take to start or to end


class Missing(Exception):  # noqa: N818 -- what the user reads is the message
    """A server is not installed."""


class Process:
    """A program that can be stopped, killed and started again, and what it has printed."""

    def __init__(self, *command: str | Path, user: str | None = None) -> None:
        self.command, self.user = command, user
        self.lines: list[str] = []
        self.printed = asyncio.Condition()

    async def start(self) -> None:
        self.lines.clear()
        self.has_ended = False
        self.process = await asyncio.create_subprocess_exec(
            *self.command, stdout=asyncio.subprocess.PIPE, user=self.user, start_new_session=True
        )
        self.reading = asyncio.create_task(self.read())

    async def read(self) -> None:
        assert self.process.stdout is not None  # noqa: S101 -- it is a pipe
        async for line in self.process.stdout:
            async with self.printed:
                self.lines.append(line.decode().rstrip())
                self.printed.notify_all()
        async with self.printed:
            self.has_ended = True
            self.printed.notify_all()

    async def line(self, beginning: str) -> str:
        """The first line that begins so, as soon as it is printed."""

        def found() -> list[str]:
            return [line for line in self.lines if line.startswith(beginning)]

        async with asyncio.timeout(PATIENCE), self.printed:
            await self.printed.wait_for(lambda: found() or self.has_ended)
        if not found():
            raise RuntimeError(f"{self.command} ended without a line {beginning!r}")
        return found()[0]

    @property
    def is_running(self) -> bool:
        return hasattr(self, "process") and self.process.returncode is None

    def send(self, signum: signal.Signals) -> None:
        self.process.send_signal(signum)

    async def end(self, signum: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal, wait for the end, and return the exit code."""
        if self.is_running:
            self.send(signum)
        async with asyncio.timeout(PATIENCE):
            code = await self.process.wait()
            await self.reading
        return code

    async def end_if_running(self) -> None:
        if self.is_running:
            await self.end(signal.SIGKILL)


@contextlib.asynccontextmanager
async def ended_with_the_block(*processes: Process) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for process in processes:
            await process.end_if_running()


def free_port() -> int:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
        return port


def installed(name: str) -> Path:
    """Where a program is; Debian keeps those of PostgreSQL outside of PATH."""
    places = [shutil.which(name), *sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))]
    if not (found := [place for place in places if place]):
        raise Missing(f"{name} is missing: apt install redis-server postgresql")
    return Path(found[-1])


async def until(condition: Callable[[], Awaitable[object]], seconds: float = PATIENCE) -> float:
    """Ask until it holds, even while a server is away; return how many seconds that took."""
    start = time.monotonic()
    async with asyncio.timeout(seconds):
        while True:
            with contextlib.suppress(RedisError, OSError, asyncpg.PostgresError):
                if await condition():
                    return time.monotonic() - start
            await asyncio.sleep(0.01)


class RedisServer(Process):
    def __init__(self, directory: Path, *options: str) -> None:
        port = free_port()
        self.url = f"redis://127.0.0.1:{port}"
        super().__init__(
            installed("redis-server"), "--port", str(port), "--bind", "127.0.0.1",
            "--dir", directory, "--appendonly", "yes", "--save", "", "--loglevel", "warning",
            *options,
        )  # fmt: skip

    async def start(self) -> None:
        await super().start()
        async with Redis.from_url(self.url) as client:
            await until(client.ping)


class PostgresServer(Process):
    """Ends in order at SIGINT; SIGQUIT stops it at once."""

    def __init__(self, directory: Path) -> None:
        port = free_port()
        self.directory = directory
        self.dsn = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        is_root = os.geteuid() == 0  # PostgreSQL refuses to run as root
        super().__init__(
            installed("postgres"), "-D", directory / "data", "-p", str(port),
            "-k", directory, "-c", "listen_addresses=127.0.0.1", "-c", "log_min_messages=panic",
            user="postgres" if is_root else None,
        )  # fmt: skip
        if is_root:
            shutil.chown(directory, "postgres")

    async def make(self) -> None:
        """Make the data directory."""
        initdb = Process(
            installed("initdb"), "-D", self.directory / "data",
            "-U", "postgres", "-A", "trust", "--no-sync", user=self.user,
        )  # fmt: skip
        await initdb.start()
        if await initdb.process.wait() != 0:
            raise Missing("initdb failed: " + "\n".join(initdb.lines))

    async def start(self) -> None:
        await super().start()

        async def answers() -> bool:
            await (await asyncpg.connect(self.dsn)).close()
            return True

        await until(answers)


@contextlib.asynccontextmanager
async def servers(*redis_options: str) -> AsyncIterator[tuple[RedisServer, PostgresServer]]:
    """Both servers on free ports, in folders that vanish with the block."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        redis, postgres = RedisServer(Path(one), *redis_options), PostgresServer(Path(other))
        async with ended_with_the_block(redis, postgres):
            await postgres.make()
            await postgres.start()
            await redis.start()
            yield redis, postgres


def web(redis: str, *options: str) -> Process:
    return Process(sys.executable, HERE / "web.py", "--redis", redis, *options)


def worker(redis: str, postgres: str, name: str, *options: str) -> Process:
    return Process(
        sys.executable, HERE / "worker.py", "--redis", redis, "--postgres", postgres,
        "--name", name, *options,
    )  # fmt: skip
