"""Killing, freezing, filling or stopping any part must lose no page view that was answered.

Each drill runs the real programs against its own Redis and PostgreSQL. Unless a drill says
otherwise, each of its users views only one page, so that no later view can hide a lost one.
`make test-distributed` runs this; `make test` doesn't, because it needs both servers.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
from distributed import demo
from distributed.processes import Process

from .harness import IDLE, PERIOD, Site, site, until

RECOVERY = 2 * IDLE + PERIOD + 1  # seconds
TO_END = PERIOD + 2  # seconds after SIGTERM
GAVE_UP = 75  # the exit code of a worker that had to leave pending entries behind

same_or_new_name = pytest.mark.parametrize("name", ["victim", "heir"])


async def killed(process: Process) -> None:
    assert await process.end(signal.SIGKILL) == -signal.SIGKILL


# -- a worker is killed ----------------------------------------------------------------------------


async def kill_again_and_again(here: Site, times: int, *, same_name: bool, fault: str = "") -> None:
    await here.web()
    await here.worker("steady", fault=fault)
    victim = await here.worker("victim", fault=fault)
    name = "victim"
    async with here.load():
        for kill in range(times):
            await here.answers(more=50)
            # The entries of a worker that acknowledges first are never pending, only unwritten.
            in_hand = here.has_unwritten if fault else functools.partial(here.has_pending, name)
            await until(in_hand)
            await killed(victim)
            name = "victim" if same_name else f"victim {kill}"
            victim = await here.worker(name, fault=fault)
    await here.check()


@pytest.mark.parametrize("same_name", [True, False], ids=["the same name", "new names"])
async def test_a_worker_is_killed_ten_times_and_restarted_under(same_name: bool) -> None:
    async with site() as here:
        await kill_again_and_again(here, 10, same_name=same_name)


async def test_a_worker_that_acknowledges_before_it_writes_is_caught() -> None:
    async with site() as here:
        with pytest.raises(AssertionError, match=r"'missing': [1-9]"):
            await kill_again_and_again(here, 3, same_name=True, fault="acknowledges_first")


@same_or_new_name
@pytest.mark.parametrize("accident", ["dies_before_deletion", "dies_before_acknowledgement"])
async def test_a_worker_is_killed_after_its_commit(accident: str, name: str) -> None:
    async with site() as here:
        await here.web()
        victim = await here.worker("victim", fault=accident)
        await here.new_users(100)
        assert await victim.end(signal.SIGCONT) == -signal.SIGKILL
        assert await here.table(), "it died too early"
        pending: Any = await here.client.xpending_range("views:0", "writers", "-", "+", 1000)
        ids = {entry["message_id"] for entry in pending}
        assert ids, "it died too late"
        entries: Any = await here.client.xrange("views:0")
        deleted = ids - {entry_id for entry_id, _ in entries}
        assert bool(deleted) == (accident == "dies_before_acknowledgement")
        await here.worker(name)
        await here.new_users(100)
        await here.check()


# -- a worker is frozen ----------------------------------------------------------------------------


async def freeze_for_longer_than_idle(here: Site, fault: str = "") -> None:
    """Each user has two views: the worker that freezes reads one, the other worker the second."""
    await here.web()
    frozen = await here.worker("frozen", "--period", "60", fault=fault)  # it keeps what it has
    await here.new_users(100)
    await until(lambda: has_read_all(here))
    await here.worker("other", fault=fault)
    frozen.send(signal.SIGSTOP)
    await here.view_all(list(here.answered))
    took = await until(functools.partial(has_none, here, "frozen"))
    assert took < RECOVERY
    await until(here.is_settled)
    frozen.send(signal.SIGCONT)
    assert await frozen.end() == 0  # it writes what it had, which is all outdated
    await here.check()


async def has_read_all(here: Site) -> bool:
    return await here.pending() == await here.length()


async def has_none(here: Site, name: str) -> bool:
    return await here.pending(name) == 0


async def test_a_worker_is_frozen_for_longer_than_the_idle_limit() -> None:
    async with site() as here:
        await freeze_for_longer_than_idle(here)


async def test_a_worker_without_greatest_is_caught() -> None:
    async with site() as here:
        with pytest.raises(AssertionError, match=r"'older': [1-9]"):
            await freeze_for_longer_than_idle(here, fault="without_greatest")


# -- Redis -----------------------------------------------------------------------------------------


def assert_only_503(here: Site) -> None:
    assert here.refused
    assert {status for status, _ in here.refused} == {503}, here.refused


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
async def test_redis_is_stopped_by(signum: signal.Signals) -> None:
    # With `everysec`, what Redis answers just as it falls behind is not written yet.
    async with site("--appendfsync", "always") as here:
        await here.web()
        await here.worker("one")
        await here.worker("two")
        async with here.load():
            await here.answers(more=100)
            await until(here.has_pending)
            await here.redis.end(signum)
            await until(lambda: has_refused(here))
            await here.redis.start()
            await here.answers(more=100)
        assert_only_503(here)
        await here.check()


async def has_refused(here: Site, text: str = "") -> bool:
    return any(text in said for _, said in here.refused)


async def test_redis_is_frozen_for_longer_than_the_clients_socket_timeout() -> None:
    async with site() as here:
        await here.web()
        await here.worker("one")
        await here.worker("two")
        async with here.load():
            await here.answers(more=100)
            await until(here.has_pending)
            here.redis.send(signal.SIGSTOP)
            # More than there are connections; each is answered within ten seconds.
            await here.view_all(itertools.islice(here.users, 100), at_once=100)
            assert_only_503(here)
            here.redis.send(signal.SIGCONT)
            await here.answers(more=100)
        await here.check()


async def test_redis_runs_out_of_memory_under_load() -> None:
    async with site("--maxmemory-policy", "noeviction") as here:
        await here.web()
        await here.worker("one")
        async with here.load():
            await here.answers(more=100)
            await until(here.has_pending)
            await here.client.config_set("maxmemory", "1")
            await until(functools.partial(has_refused, here, "maxmemory"))
            await until(here.is_settled)  # writing and deleting goes on
            await here.client.config_set("maxmemory", "0")
            await here.answers(more=100)
        assert_only_503(here)
        await here.check()


async def test_redis_is_already_out_of_memory_when_a_worker_starts() -> None:
    async with site("--maxmemory-policy", "noeviction") as here:
        await here.web()
        await here.new_users(100)
        await here.client.config_set("maxmemory", "1")
        new = here.new_worker("new")  # it can't create the group
        async with here.running(new):
            await asyncio.sleep(2)
            assert new.is_running
            assert new.lines == []
            await here.client.config_set("maxmemory", "0")
            await new.line("ready")
            await until(here.is_settled)
            assert await new.end() == 0

            await here.new_users(100)
            await here.client.config_set("maxmemory", "1")
            await here.worker("next")  # the group exists: it reads, and so makes room
            await here.check()


async def test_the_stream_is_deleted() -> None:
    async with site() as here:
        await here.web()
        await here.worker("one")
        await here.worker("two")
        async with here.load():
            await here.answers(more=100)
            await here.client.delete("views:0")
            deleted = time.time()
            await here.answers(more=100)
        # Only views after the deletion are promised.
        here.answered = {user: at for user, at in here.answered.items() if at[0] > deleted}
        await here.check()


# -- PostgreSQL ------------------------------------------------------------------------------------


async def stop_postgres(here: Site, fault: str = "") -> None:
    """Stop it for much longer than the idle limit, while one worker is full and another is not."""
    await here.web(fault=fault)
    await here.worker("full", "--limit", "50")
    await here.worker("other", "--limit", "100000")
    async with here.load():
        await here.answers(more=100)
        await until(here.has_pending)
        await here.postgres.end(signal.SIGQUIT)  # it dies at once, as if killed
        await here.answers(more=500)
        await asyncio.sleep(3 * IDLE)
        await here.answers(more=100)
        await here.postgres.start()
        await here.answers(more=100)
    await here.check()


async def test_postgres_is_stopped_at_once(record_property: Callable[[str, object], None]) -> None:
    async with site() as here:
        await stop_postgres(here)
        ratio = here.noted / len(here.answered)
    record_property("noted against answered, PostgreSQL down for long", f"{ratio:.3f}")
    assert ratio <= 1.01, "workers took each other's entries"


async def test_a_stream_trimmed_by_maxlen_is_caught() -> None:
    async with site() as here:
        with pytest.raises(AssertionError, match=r"'missing': [1-9]"):
            await stop_postgres(here, fault="trims")


async def test_postgres_is_down_when_a_worker_starts() -> None:
    async with site() as here:
        await here.web()
        await here.postgres.end(signal.SIGINT)
        await here.worker("one")  # it still reads
        await here.new_users(100)
        await until(here.has_pending)
        await here.postgres.start()
        await here.check()


async def test_the_table_is_locked() -> None:
    async with site() as here:
        await here.web()
        await here.worker("one", "--limit", "50")
        await here.worker("two")
        locker = await asyncpg.connect(here.postgres.dsn)
        async with here.load():
            await here.answers(more=100)
            async with locker.transaction():
                await locker.execute("LOCK TABLE user_last_active")
                await here.answers(more=500)
                await asyncio.sleep(3 * IDLE)
            await here.answers(more=100)
        await locker.close()
        await here.check()
        assert here.noted <= 1.01 * len(here.answered), "workers took each other's entries"


SLOW = (
    """CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql
       AS 'BEGIN PERFORM pg_sleep({}); RETURN NULL; END'""",
    "CREATE TRIGGER dawdle BEFORE INSERT ON user_last_active EXECUTE FUNCTION dawdle()",
)


async def test_postgres_is_slow() -> None:
    async with site() as here:
        await here.web()
        await here.worker("one")
        await here.worker("two")
        await here.execute(*(statement.format(1.5 * IDLE) for statement in SLOW))
        async with here.load():
            await asyncio.sleep(3 * IDLE)
        await here.check()
        assert here.noted <= 1.01 * len(here.answered), "workers took each other's entries"


@contextlib.contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Freeze a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    try:
        for each in (pid, *map(int, children)):
            os.kill(each, signal.SIGSTOP)
        yield
    finally:
        for each in (*map(int, children), pid):
            os.kill(each, signal.SIGCONT)


# -- SIGTERM ---------------------------------------------------------------------------------------


async def ended(process: Process) -> tuple[int, float]:
    """Send SIGTERM; return the exit code and how long the exit took."""
    start = time.monotonic()
    return await process.end(), time.monotonic() - start


async def test_workers_and_web_are_stopped_under_load() -> None:
    async with site() as here:
        await here.web()
        first = await here.worker("first")
        second = await here.worker("second")
        async with here.load():
            for worker, name in [(first, "first"), (second, "second")]:
                await here.answers(more=100)
                await until(functools.partial(here.has_pending, name))
                code, seconds = await ended(worker)
                assert (code, await here.pending(name)) == (0, 0)
                assert seconds < TO_END
            await here.answers(more=100)
            await here.worker("third")
            assert (await ended(here.web_process))[0] == 0
        await here.check()


async def test_a_worker_is_stopped_during_its_start() -> None:
    async with site() as here:
        await here.web()
        await here.new_users(100)
        codes = set[int]()
        for step in range(100):
            starting = here.new_worker("starting")
            async with here.running(starting):
                await asyncio.sleep(0.2 * step)
                code, seconds = await ended(starting)
            codes.add(code)
            assert seconds < TO_END
            if code == 0:
                break
        # It handles signals before it reads; until then, a signal ends it like any process.
        assert codes == {0, -signal.SIGTERM}
        await here.worker("starting")
        await here.check()


async def test_a_worker_is_stopped_while_postgres_is_down() -> None:
    async with site() as here:
        await here.web()
        worker = await here.worker("one")
        await here.postgres.end(signal.SIGQUIT)
        await here.new_users(100)
        await until(here.has_pending)
        code, seconds = await ended(worker)
        assert code == GAVE_UP
        assert seconds < 10
        assert await here.pending() == 100
        await here.postgres.start()
        await here.worker("two")
        await here.check()


async def test_a_worker_is_stopped_while_postgres_is_frozen() -> None:
    async with site() as here:
        await here.web()
        worker = await here.worker("one")
        with frozen(here.postgres.process.pid):
            await here.new_users(100)
            await until(here.has_pending)
            code, seconds = await ended(worker)
            assert code == GAVE_UP
            assert seconds < 10
        await here.worker("two")
        await here.check()


async def test_a_worker_is_stopped_while_redis_is_down() -> None:
    async with site() as here:
        await here.web()
        worker = await here.worker("one")
        await here.redis.end()
        code, seconds = await ended(worker)
        assert code == GAVE_UP
        assert seconds < 10


# -- everything that is not an accident ------------------------------------------------------------


async def test_workers_that_start_together_race_to_create_the_table_and_the_group() -> None:
    async with site() as here:
        await here.web()
        await asyncio.gather(*(here.worker(f"worker {number}") for number in range(4)))
        await here.new_users(100)
        await here.check()


async def test_two_shards_split_the_users_and_lose_nothing() -> None:
    async with site(shards=2) as here:
        await here.web()
        await here.new_users(200)
        for shard in (0, 1):
            entries: Any = await here.client.xrange(f"views:{shard}")
            assert len(entries) == 100
            assert {int(fields[b"user"]) % 2 for _, fields in entries} == {shard}
        await here.worker("one", "--shard", "0")
        two = await here.worker("two", "--shard", "1")
        async with here.load():
            await here.answers(more=100)
            await until(functools.partial(here.has_pending, "two"))
            await killed(two)
            await here.worker("two", "--shard", "1")
        await here.check()


async def test_an_entry_that_is_not_a_view_stops_no_worker() -> None:
    async with site() as here:
        await here.web()
        await here.client.xadd("views:0", {"something": "else"})
        await here.client.xadd("views:0", {"user": 2**63, "when": 1})
        await here.worker("one")
        await here.new_users(100)
        await here.check()


def test_the_demo_says_what_to_install() -> None:
    command = [sys.executable, demo.__file__]
    found = subprocess.run(command, env={"PATH": ""}, capture_output=True, text=True)  # noqa: S603
    expected = "FAILED: redis-server is missing: apt install redis-server postgresql\n"
    assert (found.returncode, found.stderr) == (1, expected)


async def test_web_answers_with_200_400_or_503() -> None:
    async with site() as here, aiohttp.ClientSession() as session:
        address = await here.web()
        for path, status in [
            ("/page/7?user=0", 200),
            (f"/page/7?user={2**63 - 1}", 200),
            (f"/page/7?user={2**63}", 400),
            ("/page/7?user=-1", 400),
            ("/page/7?user=Ada", 400),
            ("/page/7?user=", 400),
            ("/page/7", 400),
            ("/page/seven?user=1", 400),
        ]:
            async with session.get(address + path) as response:
                assert response.status == status, path
        # More concurrent views than connections to Redis: they wait, and none is refused.
        await here.view_all(range(1000), at_once=300)
        assert here.refused == []
        await here.worker("one")
        await here.check()
        assert (await here.table()).keys() >= {0, 2**63 - 1}
        await here.redis.end()
        await here.new_users(1)
        assert here.refused[0][0] == 503
        assert here.refused[0][1].startswith("Redis refused this view or is unavailable: ")
