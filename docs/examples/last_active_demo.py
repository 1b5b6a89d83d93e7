"""Runs last_active.py on real requests, stops it at full speed, and checks that nothing was lost.

Twenty workers send page views of two hundred users over loopback; right after the last answers the
server gets SIGTERM. Then the database is read back: the time that it holds for a user must lie
between the sending of that user's last request and its answer.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import signal
import sqlite3
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from multi_await import gather_or_abort

SERVER = Path(__file__).with_name("last_active.py")
PERIOD = 0.5  # seconds between two writes
USERS = 200
WORKERS = 20
MOST_VIEWS = 200_000  # however long it was asked to run
PATIENCE = 30  # seconds that the server has to start, to answer, and to stop

Seen = dict[int, tuple[float, float]]  # user -> last request's (sent, answered)


class Failed(Exception):  # noqa: N818 -- what the user reads is the message
    """The server died, or did not do what it promises."""


@contextlib.asynccontextmanager
async def server(database: Path, *more_options: str) -> AsyncIterator[Process]:
    """A server in a process of its own, which does not outlive the block."""
    options = ("--port=0", f"--database={database}", f"--period={PERIOD}", *more_options)
    process = await asyncio.create_subprocess_exec(sys.executable, SERVER, *options, stdout=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def address_of(process: Process) -> str:
    """The address, which the server prints as soon as it listens."""
    assert process.stdout is not None  # noqa: S101 -- it is a pipe
    async with asyncio.timeout(PATIENCE):
        line = (await process.stdout.readline()).decode()
    if not line.startswith("listening on "):
        raise Failed(f"the server did not start: its first line is {line!r}")
    return line.removeprefix("listening on ").strip()


async def stop(process: Process) -> dict[str, float]:
    """Stop the server as a service manager does; return its report."""
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE):
        output, _ = await process.communicate()
    if process.returncode != 0:
        raise Failed(f"the server ended with exit code {process.returncode}")
    report: dict[str, float] = json.loads(output)
    return report


async def browse(
    session: aiohttp.ClientSession,
    users: range,
    pause: float,
    until: float,
    answered: Callable[..., None],
) -> None:
    """View a page as each of these users in turn, over and over, at least once each.

    One request at a time, and no other worker has these users: what was answered last is what the
    server saw last. From one to the next are `pause` seconds, or as long as the answer takes.
    """
    start = time.monotonic()
    for number, user in zip(range(MOST_VIEWS // WORKERS), itertools.cycle(users), strict=False):
        if number >= len(users) and time.monotonic() >= until:
            break
        await asyncio.sleep(start + number * pause - time.monotonic())
        sent = time.time()
        async with session.get(f"/page/{number}", params={"user": user}) as response:
            response.raise_for_status()
            await response.read()
        answered(user, sent)


async def send_views(
    session: aiohttp.ClientSession, seconds: float, pause: float
) -> tuple[int, Seen]:
    """Let the workers browse, with a progress bar; return the number of answers, and whose."""
    views, seen, start = 0, Seen(), time.monotonic()
    columns = TextColumn("sending page views"), BarColumn(), TextColumn("{task.fields[views]:,}")
    with Progress(*columns, TimeElapsedColumn()) as progress:
        bar = progress.add_task("", total=seconds, views=0)

        def answered(user: int, sent: float) -> None:
            nonlocal views
            views += 1
            seen[user] = sent, time.time()
            progress.update(bar, completed=time.monotonic() - start, views=views)

        shares = [range(worker, USERS, WORKERS) for worker in range(WORKERS)]
        browsing = [browse(session, share, pause, start + seconds, answered) for share in shares]
        await gather_or_abort(*map(asyncio.create_task, browsing))
        progress.update(bar, completed=seconds)
    return views, seen


def check(database: Path, seen: Seen) -> None:
    """Compare what the database holds with what was sent."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        written = dict(connection.execute("SELECT user_id, last_active_time FROM user_last_active"))
    wrong = [
        f"user {user} was last active from {sent} to {answered}, written is {written.get(user)}"
        for user, (sent, answered) in seen.items()
        if not sent <= written.get(user, 0) <= answered
    ]
    if wrong:
        raise Failed(f"{len(wrong)} of {len(seen)} users' last activity was lost: {wrong[0]}")


def show(report: dict[str, float]) -> None:
    views, batches, rows = report["page_views"], report["batches"], report["rows_written"]
    print(f"page views             {views:7,}")
    print(f"write transactions     {batches:7,}   {views / max(batches, 1):,.0f} page views each")
    print(f"rows written           {rows:7,}   one for {views / max(rows, 1):.1f} page views")
    print(
        f"oldest unwritten view  {report['oldest_unwritten_view']:7.3f}   seconds old at its commit"
    )


async def main(seconds: float, views_per_second: float, without_batching: bool) -> dict[str, float]:
    pause = WORKERS / views_per_second if views_per_second else 0
    more_options = ["--without-batching"] if without_batching else []
    with tempfile.TemporaryDirectory() as directory:
        database = Path(directory, "last_active.db")
        async with server(database, *more_options) as process:
            address = await address_of(process)
            when = "at each page view" if without_batching else f"every {PERIOD} seconds"
            print(f"{SERVER.name} is {address}, and writes to SQLite {when}")
            timeout = aiohttp.ClientTimeout(total=PATIENCE)
            async with aiohttp.ClientSession(address, timeout=timeout) as session:
                views, seen = await send_views(session, seconds, pause)
                stopped = time.time()
                report = await stop(process)  # the connections are open, the last views unwritten
        show(report)
        check(database, seen)
        if report["page_views"] != views:
            raise Failed(f"{views} page views were answered, but {report['page_views']} counted")
    late = sum(answered > stopped - PERIOD for _, answered in seen.values())
    print(
        f"every one of {len(seen)} users' last activity is in the database, "
        "the last period before the stop included"
    )
    print(f"({late} of them were active in those {PERIOD} seconds)")
    return report


def run(
    seconds: float,
    views_per_second: float = 0,
    without_batching: bool = False,
    save: Path | None = None,
) -> None:
    try:
        report = asyncio.run(main(seconds, views_per_second, without_batching))
        if save:
            save.write_text(json.dumps(report), encoding="utf-8")
    except KeyboardInterrupt:
        sys.exit("interrupted")
    except Failed as failure:
        sys.exit(f"FAILED: {failure}")
    except (aiohttp.ClientError, TimeoutError, ProcessLookupError) as failure:
        sys.exit(f"FAILED: the server died, or does not answer: {failure!r}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="how long to send page views")
    parser.add_argument("--views-per-second", type=float, default=0, help="0 is full speed")
    parser.add_argument("--without-batching", action="store_true", help="to compare")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the report there, as JSON")
    options = parser.parse_args()
    if sys.platform == "win32":  # there SIGTERM ends a process at once, with no time to write
        print("nothing to show: Windows can't ask a process to stop by SIGTERM")
    else:
        run(**vars(options))
