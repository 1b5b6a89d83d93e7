"""Measures the cost of waiting on many sources: `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from benchmarks import old, plots, report
from benchmarks.method import ROOT, Cell, Job, measure, version_of
from benchmarks.peers import FLOOR, OURS
from benchmarks.workloads import WORKLOADS

SIZES = (1, 2, 8, 64, 1024, 16384)
MEASURED = ROOT / "benchmarks/results.json"
PARTIAL = ROOT / "build/benchmarks"


def options() -> argparse.ArgumentParser:
    """The command-line parser."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer sizes and repeats: two minutes")
    parser.add_argument("--only", help=f"some of the workloads {','.join(WORKLOADS)}")
    parser.add_argument("--sizes", help="numbers of sources, such as 2,64")
    parser.add_argument("--peers", help="parts of peers' names, such as select,by hand")
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    parser.add_argument(
        "--python",
        action="append",
        help="an interpreter: the first measures everything, the others (and uvloop) only "
        "multi_await; by default this one, and those on PATH",
    )
    parser.add_argument(
        "--publish", action="store_true", help="write the results, tables and charts of the docs"
    )
    parser.add_argument(
        "--draw", action="store_true", help="measure nothing, but redraw tables and charts"
    )
    return parser


def pythons() -> list[str]:
    """This interpreter, and one of each other version on PATH."""
    found = {version_of(sys.executable): sys.executable}
    for minor in range(11, 20):
        if path := shutil.which(f"python3.{minor}"):
            try:
                version = version_of(path)
            except (OSError, subprocess.CalledProcessError):
                continue
            if not any(version.startswith(f"3.{minor}.") for version in found):
                found[version] = path
    return list(found.values())


class Plan:
    """The measurements to make."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.workloads = args.only.split(",") if args.only else list(WORKLOADS)
        if unknown := [name for name in self.workloads if name not in WORKLOADS]:
            raise SystemExit(f"no such workload: {', '.join(unknown)}; {', '.join(WORKLOADS)}")
        sizes = (2, 64, 1024) if args.quick else SIZES
        self.sizes = [int(size) for size in args.sizes.split(",")] if args.sizes else sizes
        self.parts = args.peers.split(",") if args.peers else [""]
        found = [which for path in args.python or pythons() if (which := shutil.which(path))]
        if not found:
            raise SystemExit("there is no such interpreter")
        self.python, *self.others = (str(Path(path).absolute()) for path in found)
        self.loop = args.loop
        self.place = self.python, self.loop
        self.processes = 1 if args.quick else 3
        self.limit = 0.05 if args.quick else 0.15
        self.budget = 1.0 if args.quick else 2.0
        self.patience = 10.0
        self.elsewhere = bool(args.python) or not (args.quick or args.only or args.sizes)

    def names(self, workload: str) -> list[str]:
        """The names of the floor and the peers."""
        peers = WORKLOADS[workload].peers
        names = [peer.name for peer in peers if any(part in peer.name for part in self.parts)]
        return [WORKLOADS[workload].floor.name, *names]

    def series(self) -> Iterator[list[Job]]:
        """The jobs, in one list per workload, with increasing numbers of sources."""
        for workload in self.workloads:
            if self.loop not in WORKLOADS[workload].loops:
                continue
            sizes = WORKLOADS[workload].sizes or self.sizes
            yield [self.job(self.python, self.loop, workload, size) for size in sizes]
        if self.elsewhere:
            yield from ([job] for job in self.jobs_elsewhere())

    def jobs_elsewhere(self) -> Iterator[Job]:
        """The jobs for multi_await on the other Pythons and event loops."""
        ours = [FLOOR.name, *(peer.name for peer in OURS)]
        for python in [self.python, *self.others]:
            for loop in ("asyncio", "uvloop"):
                for workload in report.ELSEWHERE:
                    if (
                        (python, loop) != self.place
                        and workload in self.workloads
                        and loop in WORKLOADS[workload].loops
                    ):
                        yield replace(self.job(python, loop, workload, 64), peers=ours)

    def job(self, python: str, loop: str, workload: str, size: int) -> Job:
        """The job for one workload with one number of sources."""
        return Job(python, loop, workload, size, self.names(workload), self.limit, self.budget)


async def run(plan: Plan, results: report.Results, progress: Progress) -> None:
    """Run all the jobs of the plan."""
    series = list(plan.series())
    bar = progress.add_task("", total=sum(len(jobs) for jobs in series))
    for jobs in series:
        dropped: dict[str, str] = {}
        for job in jobs:
            version = version_of(job.python)
            text = f"{WORKLOADS[job.workload].title}, N = {job.size:,}, {version} {job.loop}"
            progress.update(bar, description=text)
            results.cells += (
                Cell(version, job.loop, job.workload, job.size, name, note=note)
                for name, note in dropped.items()
            )
            names = [name for name in job.peers if name not in dropped]
            processes = plan.processes if (job.python, job.loop) == plan.place else 1
            cells = await measure(replace(job, peers=names), processes, plan.patience)
            results.cells += cells
            dropped |= {cell.peer: cell.note or "> 1000" for cell in cells if cell.is_over}
            progress.advance(bar)


def show(results: report.Results, console: Console) -> None:
    """Print the tables."""
    tables = [
        (WORKLOADS[name].title, report.table_of(results, name))
        for name in [*report.EVENTS, "memory"]
        if results.of(workload=name)
    ]
    tables += [
        ("What is lost", report.losses(results)),
        ("Import", report.imports(results)),
        ("Other Pythons and event loops", report.everywhere(results)),
        ("What others do faster", report.faster(results)),
        ("Targets", report.targets(results)),
    ]
    for title, rows in tables:
        if len(rows) > 1:
            table = Table(*map(escape, rows[0]), title=title, title_justify="left")
            for row in rows[1:]:
                table.add_row(*map(escape, row))
            console.print(table)


def publish(results: report.Results, folder: Path, figures: Path) -> None:
    """Write the tables and charts."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.md").write_text(report.page(results), encoding="utf-8")
    for name, drawn in plots.draw(results).items():
        (figures / f"benchmark_{name}.svg").write_text(drawn, encoding="utf-8")


def command(args: argparse.Namespace, arguments: Sequence[str]) -> str:
    """The command as typed, without the paths of interpreters."""
    paths = {word for path in args.python or [] for word in ("--python", path, f"--python={path}")}
    return shlex.join(["python", "-m", "benchmarks", *(x for x in arguments if x not in paths)])


def main(arguments: Sequence[str]) -> None:
    """Measure, and write the results."""
    args = options().parse_args(arguments)
    console = Console()
    folder, figures = (
        (MEASURED.parent, ROOT / "docs/figures")
        if args.publish or args.draw
        else (PARTIAL, PARTIAL)
    )
    if args.draw:
        results = report.Results.read(MEASURED)
    else:
        old.fetch()
        results = report.Results.of_this_machine(command(args, arguments))
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
        with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as bar:
            asyncio.run(run(Plan(args), results, bar))
        results.write(folder / MEASURED.name)
    show(results, console)
    publish(results, folder, figures)
    console.print(f"written to {folder} and {figures}")


if __name__ == "__main__":
    main(sys.argv[1:])
