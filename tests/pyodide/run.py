"""Runs pytest in Pyodide; tests of what WebAssembly lacks are skipped and say why.

Everything else is as elsewhere, including the virtual clock: it never blocks, as nothing can in a
browser's main thread. Pyodide's own loop, on the browser's clock, is that of the Run buttons, and
is tested with them.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
import traceback
from collections.abc import Generator
from pathlib import Path
from typing import Any, TypeVar

import pytest

Report = TypeVar("Report", pytest.CollectReport, pytest.TestReport)

CHECKOUT = Path(__file__).parents[2]
# What may ask for something lacking: the tests with their helpers, and the examples.
ASKS = re.compile(
    r"docs/|tests/(docs|peers|promises|real|unit)/|tests/machinery/(ends|test_|tools)"
)
NOT_INSTALLED = ["aiohttp", "aiomqtt", "anyio", "asyncpg", "nats", "redis"]
# What errors say where something is lacking; found by running all tests.
LACKS = {
    "can't start new thread": "there are no threads",
    "does not support processes": "there are no processes",
    "PipeEnd' object": "there are no pairs of sockets",
    **{f"No module named '{name}'": f"{name} is not installed" for name in NOT_INSTALLED},
}


class PipeEnd:
    """What an event loop wakes itself with, because there are no socket pairs."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def fileno(self) -> int:
        return self.fd

    def setblocking(self, flag: bool) -> None:
        os.set_blocking(self.fd, flag)

    def recv(self, size: int) -> bytes:
        return os.read(self.fd, size)

    def send(self, data: bytes) -> int:
        return os.write(self.fd, data)

    def close(self) -> None:
        os.close(self.fd)


def pipe() -> tuple[PipeEnd, PipeEnd]:
    reading, writing = os.pipe()
    return PipeEnd(reading), PipeEnd(writing)


def lack(failure: BaseException) -> str | None:
    """What a test or an example (not the package) asked for that does not exist here."""
    while first := failure.__cause__ or failure.__context__:
        failure = first
    files = [frame.filename for frame in traceback.extract_tb(failure.__traceback__)]
    asked = [name for name in files if name.startswith(f"{CHECKOUT}/")][-1:]
    if any(ASKS.match(Path(name).relative_to(CHECKOUT).as_posix()) for name in asked):
        for message, what in LACKS.items():
            if message in str(failure):
                return what
    return None


def skipped(report: Report, call: pytest.CallInfo[Any], path: Path, line: int | None) -> Report:
    """The report; that of a skipped test if it failed because something is lacking."""
    if report.failed and call.excinfo and (why := lack(call.excinfo.value)):
        report.outcome = "skipped"
        report.longrepr = (str(path), (line or 0) + 1, f"Skipped: {why}")
    return report


class SkipsWhatIsLacking:
    """A pytest plugin."""

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        report = yield
        return skipped(report, report.call, collector.path, None)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        return skipped(report, call, item.path, item.location[1])


def main(options: Any) -> int:
    """Run pytest on the checkout; the result is its exit code."""
    os.chdir(CHECKOUT)
    # Endless recursion must end as RecursionError before JavaScript's stack is full.
    sys.setrecursionlimit(400)
    # From here on this is like any Python: Pyodide's loop, which always runs, is not used.
    asyncio._set_running_loop(None)
    asyncio.set_event_loop_policy(None)
    socket.socketpair = pipe  # type: ignore[assignment]  # all that a loop needs of it
    arguments = ["-p", "no:cacheprovider", "-o", "faulthandler_timeout=0"]  # that takes a thread
    return int(pytest.main([*arguments, *options], plugins=[SkipsWhatIsLacking()]))
