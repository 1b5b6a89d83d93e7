"""Real servers, each started once in a test process: on a socket in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis


def binary(name: str, *folders: Path) -> str:
    """The path of a server, or a skipped test. (Continuous integration installs all of them.)"""
    found = shutil.which(name, path=os.pathsep.join([os.defpath, "/usr/sbin", *map(str, folders)]))
    found = shutil.which(name) or found
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@contextlib.contextmanager
def running(*command: str, user: str | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A server until the end of the block."""
    with subprocess.Popen(  # noqa: S603 -- our own command
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=user
    ) as server:
        try:
            yield server
        finally:
            server.terminate()


@contextlib.contextmanager
def patience(server: subprocess.Popen[bytes], *errors: type[Exception]) -> Iterator[None]:
    """Suppress what is raised while the server starts."""
    try:
        yield
    except errors:
        assert server.poll() is None, "the server has ended"
        time.sleep(0.01)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The socket of a Redis server."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/redis"
        options = ["--port", "0", "--unixsocket", path, "--dir", folder, "--save", ""]
        with (
            running(binary("redis-server"), *options) as server,
            redis.Redis(unix_socket_path=path) as client,
        ):
            answered = False
            while not answered:
                with patience(server, redis.ConnectionError):
                    answered = client.ping() is True
            yield path


@pytest.fixture
def other(redis_server: str) -> Iterator[redis.Redis]:
    """A client of the emptied Redis server; it blocks the event loop while it works."""
    with redis.Redis(unix_socket_path=redis_server, decode_responses=True) as client:
        client.flushall()
        yield client
