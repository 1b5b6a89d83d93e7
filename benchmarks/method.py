"""The measurement: all peers in turn, in several processes, each as a ratio to the floor.

A job is one workload with one number of sources, on one Python and one event loop. It runs in
separate processes, each of which runs several rounds. A round runs every peer once, in an order
that changes, so that other load on the machine affects all of them alike, and a peer's figure is
divided by that of the floor in the same round. The headline is the median of these ratios; their
quartiles are the spread. A peer that crashes or hangs ends its process, but the others' results are
kept.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SLOW = 2.0  # seconds: a peer that takes longer runs only once per process
TOO_MUCH = 1000.0  # a peer with a greater ratio is not measured again
NOTE = itemgetter("note")


@dataclass(frozen=True)
class Job:
    """The work of a process."""

    python: str
    loop: str
    workload: str
    size: int
    peers: Sequence[str]
    limit: float  # seconds per run
    budget: float  # seconds for all rounds


@dataclass
class Cell:
    """The results of one peer in one job."""

    python: str
    loop: str
    workload: str
    size: int
    peer: str
    costs: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    note: str = ""

    @property
    def ratio(self) -> float:
        """The headline: the median of the ratios."""
        return statistics.median(self.ratios)

    @property
    def is_over(self) -> bool:
        """Whether it is pointless to measure this peer again, or with more sources."""
        return bool(self.note) or bool(self.ratios and self.ratio > TOO_MUCH)

    @property
    def spread(self) -> tuple[float, float]:
        """The quartiles of the ratios."""
        if len(self.ratios) < 2:
            return self.ratio, self.ratio
        low, _, high = statistics.quantiles(self.ratios, method="inclusive")
        return low, high

    @property
    def cost(self) -> float:
        """The absolute cost: seconds, bytes or items."""
        return statistics.median(self.costs)


# -- in the measuring process ----------------------------------------------------------------------


def rounds(job: Job) -> Iterator[dict[str, Any]]:
    """Run the peers in turn until the time is up; yield each beginning and each result."""
    from benchmarks.peers import PEERS, Cannot
    from benchmarks.workloads import WORKLOADS

    workload = WORKLOADS[job.workload]
    names = list(job.peers)
    seconds: dict[str, float] = {}  # of the first run, a warm-up that shows which peers are slow
    started = time.monotonic()
    for number in itertools.count():
        if number > 1 and time.monotonic() - started > job.budget:
            break
        for name in names[number % len(names) :] + names[: number % len(names)]:
            if number > 0 and too_slow(name, number, seconds, job):
                continue
            yield {"begins": name}
            begun = time.process_time()
            try:
                with asyncio.Runner(loop_factory=loop_factory(job)) as runner:
                    runner.get_loop().set_exception_handler(lambda *_: None)
                    sample = runner.run(_awaited(workload.run(PEERS[name], job.size, job.limit)))
            except Cannot as reason:
                found = {"note": f"{reason}"}
            except ImportError:
                found = {"note": "not installed"}
            except Exception as fault:
                found = {"note": described(fault)}
            else:
                found = asdict(sample)
            if found.get("note") and workload.unit != "items":
                names = [other for other in names if other != name]
            seconds.setdefault(name, time.process_time() - begun)
            yield {"peer": name, "round": number, **found}


def too_slow(name: str, number: int, seconds: dict[str, float], job: Job) -> bool:
    """Whether there is no time to run a peer again: a slow one gets one run or two."""
    slow = seconds[name] > max(10 * seconds[job.peers[0]], 2 * job.limit)
    return slow and (number > 1 or seconds[name] > SLOW)


def described(fault: BaseException) -> str:
    """A short description of what a peer raised."""
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return f"{type(fault).__name__}: {fault}"[:60]


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


def loop_factory(job: Job) -> Callable[[], asyncio.AbstractEventLoop]:
    """The factory for the job's event loop; for timers, one whose clock jumps."""
    if job.workload == "timers":
        from virtual_clock import VirtualClockLoop

        return VirtualClockLoop
    if job.loop == "uvloop":
        import uvloop

        factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
        return factory
    return asyncio.new_event_loop


def main() -> None:
    """Do the job in the first argument, and print each message as a line of JSON."""
    for said in rounds(Job(**json.loads(sys.argv[1]))):
        print(json.dumps(said), flush=True)


# -- in the parent process -------------------------------------------------------------------------


async def measure(job: Job, processes: int, patience: float) -> list[Cell]:
    """Do a job in several processes, one after the other; abandon a run that takes too long."""
    cells = {
        name: Cell(version_of(job.python), job.loop, job.workload, job.size, name)
        for name in job.peers
    }
    for _ in range(processes):
        names = [name for name in job.peers if not cells[name].is_over]
        while names:
            lost = await one_process(Job(**{**asdict(job), "peers": names}), patience, cells)
            if lost is None:
                break
            if lost[0] == job.peers[0]:
                raise RuntimeError(f"{job.workload}: the floor {lost[1]}")
            names.remove(lost[0])
            cells[lost[0]].note = lost[1]
    return list(cells.values())


async def one_process(job: Job, patience: float, cells: dict[str, Cell]) -> tuple[str, str] | None:
    """Collect the results of a process; if a peer kills or blocks it, return which, and how."""
    found: dict[str, list[dict[str, Any]]] = {}
    running = ""
    try:
        async for said in lines(job, patience):
            running = said.get("begins", running)
            if "peer" in said:
                found.setdefault(said["peer"], []).append(said)
    except (TimeoutError, ChildProcessError) as fault:
        return running, f"{fault}"
    floor = {sample["round"]: sample["cost"] for sample in found.get(job.peers[0], [])}
    for name, samples in found.items():
        cells[name].note = cells[name].note or next(iter(filter(None, map(NOTE, samples))), "")
        measured = [sample for sample in samples if "cost" in sample]
        for sample in measured[1:] or measured:
            cells[name].costs.append(sample["cost"])
            if floor.get(sample["round"]):
                cells[name].ratios.append(sample["cost"] / floor[sample["round"]])
    return None


async def lines(job: Job, patience: float) -> AsyncIterator[dict[str, Any]]:
    """The messages of the process, line by line."""
    places = [ROOT, ROOT / "src", ROOT / "docs/examples"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, places)),
        "PYTHONPYCACHEPREFIX": str(ROOT / "build/benchmarks/bytecode"),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # so that imports find bytecode
    process = await asyncio.create_subprocess_exec(
        job.python,
        "-m",
        "benchmarks.method",
        json.dumps(asdict(job)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=environment,
    )
    assert process.stdout is not None  # noqa: S101 -- it is a pipe
    assert process.stderr is not None  # noqa: S101
    errors = asyncio.create_task(process.stderr.read())
    try:
        while True:
            try:
                line = await asyncio.wait_for(process.stdout.readline(), patience)
            except TimeoutError:
                raise TimeoutError(f"> {patience:.0f} s") from None
            if not line:
                break
            yield json.loads(line)
        if await process.wait():
            said = (await errors).decode().strip().rpartition("\n")[2]
            raise ChildProcessError(f"crashes: {said or process.returncode}"[:100])
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await errors


_versions: dict[str, str] = {}


def version_of(python: str) -> str:
    """The version of an interpreter, such as 3.13.0."""
    if python not in _versions:
        command = [python, "-c", "import platform; print(platform.python_version())"]
        found = subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL)  # noqa: S603
        _versions[python] = found.strip()
    return _versions[python]


if __name__ == "__main__":
    main()
