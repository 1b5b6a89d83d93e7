"""The figures of the tutorial "Past one machine", each with its target.

`make test-distributed` prints them. They are measured with the workers' own defaults: a period of
one second, and two seconds of silence until a worker's entries are claimed.
"""

from __future__ import annotations

import asyncio
import functools
import os
import re
import signal
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from distributed import worker

from .drills import SLOW, ended, has_none, killed
from .harness import Site, site, until

PERIOD, IDLE = 1.0, 2.0
DEFAULTS = ("--period", f"{PERIOD}", "--idle", f"{IDLE}")
Record = Callable[[str, object], None]


async def test_recovery_after_sigkill(record_property: Record) -> None:
    took = []
    async with site() as here:
        await here.web()
        await here.worker("steady", *DEFAULTS)
        async with here.load():
            for name in ("one", "two", "three"):
                victim = await here.worker(name, *DEFAULTS)
                await until(functools.partial(here.has_pending, name))
                await killed(victim)
                took.append(await until(functools.partial(has_none, here, name)))
        await here.check()
    record_property("recovery after SIGKILL, worst of three", f"{max(took):.2f} s")
    assert max(took) <= 2 * IDLE + PERIOD + 1


async def test_lag_without_a_fault(record_property: Record) -> None:
    async with site() as here:
        await here.web()
        await here.worker("one", *DEFAULTS)
        await here.worker("two", *DEFAULTS)
        async with here.load():
            await asyncio.sleep(5 * PERIOD)
        await here.check()
        lags = sorted((write["lag"], write["views"]) for write in here.writes())
        worst = max(write["worst"] for write in here.writes())
    median = statistics.median(lag for lag, views in lags for _ in range(int(views)))
    record_property("median lag", f"{median:.2f} s")
    record_property("worst lag", f"{worst:.2f} s")
    assert median <= PERIOD


async def test_the_loop_stays_responsive_during_a_two_second_write(record_property: Record) -> None:
    async with site() as here:
        await here.client.config_set("hz", "500")  # otherwise a 10 ms block may last 100 ms
        process = await here.worker("one", *DEFAULTS, probe="deaf")
        await here.execute(*(statement.format(2) for statement in SLOW))
        for _ in range(4):
            await here.add(100, users=1000)
            await asyncio.sleep(2)
        assert await process.end() == 0
        deaf = [
            float(found[1])
            for line in process.lines
            if (found := re.match(r"deaf for ([\d.]+) s of [2-9]", line))
        ]
    assert len(deaf) >= 3
    record_property(
        "loop deaf during a write of 2 s, the shortest of four", f"{min(deaf) * 1000:.0f} ms"
    )
    record_property("the longest of four such writes", f"{max(deaf) * 1000:.0f} ms")
    assert min(deaf) <= 0.1  # anything above the minimum is due to the machine, not to the program


async def test_memory_at_a_limit_of_20000_views_while_postgres_is_down(
    record_property: Record,
) -> None:
    async with site() as here:
        process = await here.worker("one", "--period", "60", "--limit", "20000")
        await here.postgres.end(signal.SIGQUIT)
        await here.add(50_000, users=50_000)

        async def is_full() -> bool:
            return await here.pending() >= 40_000  # one batch is being written and another gathered

        await until(is_full)
        peak = peak_memory(process.process.pid)
        await here.postgres.start()

        async def is_half_empty() -> bool:
            return await here.length() <= 10_000

        await until(is_half_empty)
        assert await process.end() == 0
        assert len(await here.table()) + await here.length() == 50_000
        assert await here.pending() == 0
    record_property("memory of a worker, PostgreSQL down", f"{peak:.1f} MB")
    assert peak <= 60


def peak_memory(pid: int) -> float:
    """The peak memory of a process on Linux, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1000


async def test_time_for_an_idle_worker_to_stop_after_sigterm(record_property: Record) -> None:
    took = []
    async with site() as here:
        for name in ("one", "two", "three"):
            process = await here.worker(name, *DEFAULTS)
            await asyncio.sleep(0.5)
            code, seconds = await ended(process)
            assert code == 0
            took.append(seconds)
    record_property("SIGTERM, idle, worst of three", f"{max(took):.2f} s")
    assert max(took) <= 1


async def test_batches_compared_with_a_transaction_per_view(record_property: Record) -> None:
    async with site() as here:
        await here.add(1_000, users=2000)
        process = await here.worker("one by one", *DEFAULTS, "--limit", "1")
        alone = 1_000 / await until(here.is_settled)
        assert await process.end() == 0

        await here.add(100_000, users=2000)
        await here.worker("in batches", *DEFAULTS)
        batched = 100_000 / await until(here.is_settled)
    record_property("a transaction for each view, one worker", f"{alone:,.0f} views/s")
    record_property("batches, one worker", f"{batched:,.0f} views/s: {batched / alone:.0f} times")
    # The target is 50 times. Where the disk is fast, a transaction costs less, and so the ratio is
    # smaller: 82 to 296 times were measured on quiet machines.
    assert batched >= 10 * alone


async def test_processor_time_compared_with_a_handwritten_loop(record_property: Record) -> None:
    times: dict[str, list[float]] = {"cpu": [], "cpu_by_hand": []}
    async with site() as here:
        for _ in range(5):
            for probe, took in times.items():
                took.append(await processor_time(here, probe))
    ours, by_hand = map(statistics.median, times.values())
    record_property(
        "worker's processor time for a view, by hand",
        f"{ours * 1e6:.1f} us, {by_hand * 1e6:.1f} us: {ours / by_hand:.2f} times",
    )
    assert ours <= 1.5 * by_hand


async def processor_time(here: Site, probe: str) -> float:
    """Seconds per view, when most views come in full replies."""
    await here.add(20_000, users=2000)
    process = await here.worker(probe, *DEFAULTS, probe=probe)
    await until(here.is_settled)
    assert await process.end() == 0
    return float((await process.line("cpu ")).removeprefix("cpu ")) / 20_000


async def test_processor_time_of_web_and_redis_per_view(record_property: Record) -> None:
    async with site() as here:
        await here.web()
        await here.worker("one", *DEFAULTS)
        web, redis = here.web_process.process.pid, here.redis.process.pid
        await here.new_users(100)
        before = processor_seconds(web), processor_seconds(redis)
        await here.new_users(5_000)
        of_web = (processor_seconds(web) - before[0]) / 5_000
        one_by_one = (processor_seconds(redis) - before[1]) / 5_000

        await here.check()
        before_many = processor_seconds(redis)
        await here.add(100_000, users=2000)
        await until(here.is_settled)
        in_pipelines = (processor_seconds(redis) - before_many) / 100_000

        connection = await asyncpg.connect(here.postgres.dsn)
        users, start = list(range(10_000)), time.monotonic()
        for _ in range(5):
            await connection.execute(worker.UPSERT, users, [time.time()] * len(users))
        rows = 5 * len(users) / (time.monotonic() - start)
        await connection.close()
    record_property("web's processor time for a view", f"{of_web * 1e6:.0f} us")
    record_property(
        "Redis's processor time for a view, added one by one, in pipelines",
        f"{one_by_one * 1e6:.0f} us, {in_pipelines * 1e6:.0f} us",
    )
    record_property("PostgreSQL, one connection, batches of 10,000", f"{rows:,.0f} rows/s")


def processor_seconds(pid: int) -> float:
    """The user and system time of a process on Linux."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("workers", [1, 4])
async def test_rows_grow_with_workers(workers: int, record_property: Record) -> None:
    async with site() as here:
        for number in range(workers):
            await here.worker(f"worker {number}", *DEFAULTS)
        start = time.monotonic()
        for tenth in range(50):
            await here.add(1000, users=2000)
            await asyncio.sleep(start + (tenth + 1) / 10 - time.monotonic())
        for process in here.workers:
            assert await process.end() == 0
        rows = sum(write["rows"] for write in here.writes())
        assert here.noted == 50_000
    record_property(f"rows of 50,000 views of 2,000 users, {workers} workers", f"{rows:,.0f}")
