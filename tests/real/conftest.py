"""Real servers, each started once in a test process, when the first test needs it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from tests.machinery import servers

T = TypeVar("T")


def started(server: Callable[[], contextlib.AbstractContextManager[T]]) -> Iterator[T]:
    """Return the server's address, or skip the test. (`.ci/run` installs every server.)"""
    with contextlib.ExitStack() as stack:
        try:
            address = stack.enter_context(server())
        except servers.NotInstalledError as missing:
            pytest.skip(str(missing))
        yield address


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    yield from started(servers.redis)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    yield from started(servers.postgresql)


@pytest.fixture(scope="session")
def nats_server() -> Iterator[str]:
    yield from started(servers.nats)


@pytest.fixture(scope="session")
def mosquitto() -> Iterator[str]:
    yield from started(servers.mosquitto)
