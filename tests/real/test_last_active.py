"""The batching example, with a real database, and as a real server that gets real signals."""

import asyncio
import contextlib
import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import aiosqlite
import last_active
import last_active_demo as demo
import pytest

needs_signals = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows can't ask a process to stop by SIGTERM"
)


@contextlib.asynccontextmanager
async def opened(path: Path) -> AsyncIterator[last_active.LastActive]:
    """The table in a database that never waits for a lock."""
    async with aiosqlite.connect(path, timeout=0.01) as connection:
        await connection.execute(last_active.TABLE)
        yield last_active.LastActive(connection)


@contextlib.contextmanager
def other_program(path: Path, *statements: str) -> Iterator[sqlite3.Connection]:
    """A second connection, whose locks end with the block."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement).fetchall()
        yield connection


def rows_of(path: Path) -> dict[int, float]:
    with other_program(path) as connection:
        return dict(connection.execute("SELECT user_id, last_active_time FROM user_last_active"))


# -- the table and the loop ------------------------------------------------------------------------


def test_a_batch_has_one_row_per_active_user_with_the_last_time(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(path) as table:
            for tens in range(0, 1000, 10):
                table.note([(view % 7, float(view)) for view in range(tens, tens + 10)])
            await table.write()
            assert table.report.page_views == 1000
            assert (table.report.batches, table.report.rows_written) == (1, 7)

            table.note([(3, 2000.0)])
            await table.write()
            assert (table.report.batches, table.report.rows_written) == (2, 8)

    path = tmp_path / "database"
    asyncio.run(main())
    assert rows_of(path) == {0: 994.0, 1: 995.0, 2: 996.0, 3: 2000.0, 4: 998.0, 5: 999.0, 6: 993.0}


def test_a_period_without_views_writes_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path / "database") as table:
            await table.write()
            assert table.report == last_active.Report()

    asyncio.run(main())


@pytest.mark.parametrize(
    "lock",
    [
        pytest.param(["BEGIN EXCLUSIVE"], id="the first statement fails"),
        pytest.param(["BEGIN", "SELECT * FROM user_last_active"], id="the commit fails"),
    ],
)
def test_a_failed_write_keeps_the_rows_for_the_next_one(
    tmp_path: Path, lock: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        async with opened(path) as table:
            table.note([(1, 10.0), (2, 20.0)])
            with other_program(path, *lock):
                await table.write()
            assert table.unwritten == {1: 10.0, 2: 20.0}
            assert not table.database.in_transaction, "it would lock others out until the next one"
            assert table.report == last_active.Report(page_views=2)

            table.note([(2, 30.0)])
            table.note([(3, 40.0)])
            await table.write()
            assert table.unwritten == {}
            assert (table.report.batches, table.report.rows_written) == (1, 3)
            # Its age is that of the view that had to wait, not that of the first one afterwards.
            assert table.report.oldest_unwritten_view > time.time() - 15

    path = tmp_path / "database"
    asyncio.run(main())
    assert rows_of(path) == {1: 10.0, 2: 30.0, 3: 40.0}
    assert capsys.readouterr().err == "2 rows wait for the next write: database is locked\n"


def test_the_loop_writes_once_per_period_until_it_is_told_to_stop(tmp_path: Path) -> None:
    async def main() -> None:
        activity: asyncio.Queue[last_active.View] = asyncio.Queue()
        stop = asyncio.Event()
        views = 0

        class ViewedBetweenWrites(last_active.LastActive):
            async def write(self) -> None:
                nonlocal views
                await super().write()
                if self.report.batches == 2:
                    stop.set()
                for user in range(100):
                    activity.put_nowait((user, time.time()))
                    views += 1

        async with opened(path) as table:
            table = ViewedBetweenWrites(table.database)
            async with asyncio.timeout(10):  # the period is much longer than a write takes
                await last_active.write_batches(activity, table, 0.5, stop)
            assert table.report.batches == 2
            assert 0 < table.report.oldest_unwritten_view < 10
            assert table.report.page_views + activity.qsize() == views

    path = tmp_path / "database"
    asyncio.run(main())
    assert 0 < len(rows_of(path)) <= 100


async def test_writes_that_take_longer_than_the_period_keep_up_with_the_views() -> None:
    batches: list[int] = []

    class SlowToWrite(last_active.LastActive):
        async def write(self) -> None:
            await asyncio.sleep(2.5)
            batches.append(len(self.unwritten))
            self.unwritten.clear()

    activity: asyncio.Queue[last_active.View] = asyncio.Queue()
    stop = asyncio.Event()

    async def view_pages() -> None:
        for user in range(1000):
            activity.put_nowait((user, 0.0))
            await asyncio.sleep(0.01)
        stop.set()

    no_database: Any = None
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(view_pages())
        table = SlowToWrite(no_database)
        await last_active.write_batches(activity, table, 1, stop)
    # A second's views, then those of 2.5 seconds each; those before the stop are left.
    assert batches == pytest.approx([100, 250, 250, 250], abs=1)
    assert sum(batches) + len(table.unwritten) == 1000


def test_everything_in_memory_and_in_the_queue_is_written_at_the_stop(tmp_path: Path) -> None:
    async def main() -> None:
        activity: asyncio.Queue[last_active.View] = asyncio.Queue()
        for user in range(100):
            activity.put_nowait((user, float(user)))
        stop = asyncio.Event()
        stop.set()
        async with opened(path) as table:
            await last_active.write_batches(activity, table, 60, stop)
            assert table.unwritten == {user: float(user) for user in range(100)}
            assert activity.empty()

            for user in range(90, 110):  # from requests that were in flight
                activity.put_nowait((user, user + 1000.0))
            await last_active.write_the_rest(activity, table, 60)
            assert table.report.page_views == 120
            assert (table.report.batches, table.report.rows_written) == (1, 110)

    path = tmp_path / "database"
    asyncio.run(main())
    assert rows_of(path) == {user: user + 1000.0 * (user >= 90) for user in range(110)}


async def test_a_long_queue_is_emptied_before_the_tick_and_the_stop() -> None:
    batches: list[int] = []

    class InNoDatabase(last_active.LastActive):
        async def write(self) -> None:
            batches.append(len(self.unwritten))
            self.unwritten.clear()
            for user in range(5 * last_active.MOST):
                activity.put_nowait((user, 0.0))
            if len(batches) == 3:
                stop.set()
            await asyncio.sleep(2.5)  # by then the next two ticks are due

    activity: asyncio.Queue[last_active.View] = asyncio.Queue()
    stop = asyncio.Event()
    no_database: Any = None
    table = InNoDatabase(no_database)
    await last_active.write_batches(activity, table, 1, stop)
    assert batches == [0, 5 * last_active.MOST, 5 * last_active.MOST]
    assert len(table.unwritten) == 5 * last_active.MOST
    assert activity.empty()


def test_the_last_write_is_retried_until_the_database_is_free(tmp_path: Path) -> None:
    async def main() -> None:
        activity: asyncio.Queue[last_active.View] = asyncio.Queue()
        activity.put_nowait((42, 1.5))
        failed_writes = 0

        with contextlib.ExitStack() as locks:

            class UnlockedAfterTheThird(last_active.LastActive):
                async def write(self) -> None:
                    nonlocal failed_writes
                    await super().write()
                    failed_writes += bool(self.unwritten)
                    if failed_writes == 3:
                        locks.close()

            async with opened(path) as table:
                table = UnlockedAfterTheThird(table.database)
                locks.enter_context(other_program(path, "BEGIN EXCLUSIVE"))
                async with asyncio.timeout(10):
                    await last_active.write_the_rest(activity, table, 0.01)
        assert failed_writes == 3

    path = tmp_path / "database"
    asyncio.run(main())
    assert rows_of(path) == {42: 1.5}


# -- the server ------------------------------------------------------------------------------------


@pytest.fixture
def short_period(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "PERIOD", 0.2)


@needs_signals
@pytest.mark.usefixtures("short_period")
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_the_server_stops_at_a_signal_and_reports(tmp_path: Path, signum: signal.Signals) -> None:
    async def main() -> None:
        async with demo.server(path) as process:
            url = await demo.address_of(process)
            async with aiohttp.ClientSession(url) as session:
                for address, status in [
                    ("/page/7?user=42", 200),
                    ("/page/7?user=999999999999999999", 200),
                    ("/page/7", 400),
                    ("/page/7?user=", 400),
                    ("/page/7?user=-1", 400),
                    ("/page/7?user=Ada", 400),
                    ("/page/7?user=9999999999999999999", 400),  # more than the table can hold
                    ("/page/seven?user=42", 404),
                ]:
                    async with session.get(address) as response:
                        assert response.status == status, address
                process.send_signal(signum)
                output, _ = await process.communicate()
            assert process.returncode == 0
        report = json.loads(output)
        assert report["page_views"] == report["rows_written"] == 2
        assert 1 <= report["batches"] <= 2
        assert 0 < report["oldest_unwritten_view"] < 10

    path = tmp_path / "database"
    asyncio.run(main())
    assert rows_of(path).keys() == {42, 999999999999999999}


@needs_signals
@pytest.mark.usefixtures("short_period")
def test_a_stop_during_requests_loses_no_answered_one(tmp_path: Path) -> None:
    async def main() -> None:
        answered = 0
        unanswered = 0
        last_sent: dict[int, float] = {}
        hundred_answered = asyncio.Event()

        async def browse(session: aiohttp.ClientSession, user: int) -> None:
            nonlocal answered, unanswered
            while True:
                sent = time.time()
                try:
                    async with session.get("/page/1", params={"user": user}) as response:
                        await response.read()
                except aiohttp.ClientError:  # it has stopped
                    unanswered += 1
                    return
                assert response.status == 200
                last_sent[user] = sent
                answered += 1
                if answered >= 100:
                    hundred_answered.set()

        async with demo.server(path) as process:
            url = await demo.address_of(process)
            async with aiohttp.ClientSession(url) as session, asyncio.TaskGroup() as tasks:
                for user in range(20):
                    tasks.create_task(browse(session, user))
                await hundred_answered.wait()
                report = await demo.stop(process)
        assert answered <= report["page_views"] <= answered + unanswered
        written = rows_of(path)
        assert written.keys() >= last_sent.keys()
        assert all(written[user] >= last_sent[user] for user in last_sent)

    path = tmp_path / "database"
    asyncio.run(main())


@needs_signals
def test_a_killed_server_loses_only_what_it_has_not_written() -> None:
    program = Path(last_active.__file__).with_name("distributed") / "killed.py"
    command = [sys.executable, str(program)]
    printed = subprocess.check_output(command, text=True, timeout=60)  # noqa: S603
    assert printed == program.with_suffix(".out").read_text(encoding="utf-8")


# -- the demo --------------------------------------------------------------------------------------


@needs_signals
def test_the_demo_shows_that_every_users_last_activity_was_written() -> None:
    async def main() -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable, demo.__file__, "--seconds=1", stdout=PIPE, stderr=PIPE
        )
        async with asyncio.timeout(60):
            output, errors = await process.communicate()
        assert process.returncode == 0, errors
        assert b"Warning:" not in errors, errors
        return output.decode()

    shown = asyncio.run(main())
    for expected in (
        r"page views +[\d,]+\n",
        r"write transactions +\d+ +[\d,]+ page views each\n",
        r"rows written +[\d,]+ +one for [\d.]+ page views\n",
        r"oldest unwritten view +[\d.]+ +seconds old at its commit\n",
        r"every one of 200 users' last activity is in the database, the last period before",
    ):
        assert re.search(expected, shown), shown


@pytest.mark.parametrize("written", [{}, {1: 9.9}, {1: 11.1}], ids=["never", "earlier", "later"])
def test_the_demo_rejects_a_wrong_time(tmp_path: Path, written: dict[int, float]) -> None:
    async def main() -> None:
        async with opened(path) as table:
            table.note(list({2: 20.5, **written}.items()))
            await table.write()

    path = tmp_path / "database"
    asyncio.run(main())
    demo.check(path, {2: (20.0, 21.0)})
    with pytest.raises(demo.Failed, match="1 of 2 users' last activity was lost: user 1"):
        demo.check(path, {1: (10.0, 11.0), 2: (20.0, 21.0)})


@needs_signals
@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        pytest.param(
            "await write_the_rest(activity, table, period)",
            "pass",
            "FAILED: 200 of 200 users' last activity was lost",
            id="forgets what is unwritten at the stop",
        ),
        pytest.param(
            "table.note(some_views)",
            "signal.raise_signal(signal.SIGKILL)",
            "FAILED: the server died, or does not answer",
            id="dies",
        ),
        pytest.param(
            "await connection.execute(TABLE)",
            "sys.exit()",
            "FAILED: the server did not start",
            id="does not start",
        ),
    ],
)
def test_the_demo_fails_if_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: str, wrong: str, message: str
) -> None:
    program = demo.SERVER.read_text(encoding="utf-8")
    assert right in program
    broken = tmp_path / "broken.py"
    broken.write_text(program.replace(right, wrong), encoding="utf-8")
    monkeypatch.setattr(demo, "SERVER", broken)
    monkeypatch.setattr(demo, "PERIOD", 60)
    with pytest.raises(SystemExit, match=message):
        demo.run(seconds=0.1)
