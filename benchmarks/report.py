"""The results: as JSON, with a line for each cell, and as the tables of the docs."""

from __future__ import annotations

import json
import math
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks.method import TOO_MUCH, Cell
from benchmarks.peers import (
    BATCH,
    BATCH_OF_64,
    FLOOR,
    GET,
    PACKAGES,
    PEERS,
    SELECT,
    STANDARD,
)
from benchmarks.workloads import WORKLOADS

Row: TypeAlias = list[str]

EVENTS = [name for name, workload in WORKLOADS.items() if workload.unit == "µs"]
# Also measured on other Pythons and event loops, with 64 sources.
ELSEWHERE = [name for name in EVENTS if name != "start" and not WORKLOADS[name].sizes]
SCALE = {"µs": 1e6, "ms": 1e3, "bytes": 1, "items": 1}
DISTRIBUTIONS = [
    "aiochan",
    "aiostream",
    "anyio",
    "asyncio-channel",
    "frequenz-channels",
    "multi-await",
    "uvloop",
]

MANY = (2, 8, 64, 1024, 16384)
# The targets, on Python 3.13 and asyncio's loop: the largest ratios to the floor.
TARGETS = [("backlog", SELECT, 1.5), ("backlog", GET, 1.5), ("wake", SELECT, 1.4)]
TARGETS += [("functions", SELECT, 3.5)]


@dataclass
class Results:
    """All measurements of one command."""

    command: str
    machine: str
    versions: dict[str, str]
    cells: list[Cell] = field(default_factory=list)

    @classmethod
    def of_this_machine(cls, command: str) -> Results:
        """Results without any cell so far."""
        return cls(command, machine(), versions())

    @classmethod
    def read(cls, path: Path) -> Results:
        """Read results from JSON."""
        saved = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**saved, "cells": [Cell(**cell) for cell in saved["cells"]]})

    def write(self, path: Path) -> None:
        """Write the results as JSON, with a line for each cell."""
        cells = [asdict(cell) for cell in self.cells]
        for cell in cells:
            cell["costs"] = [float(f"{cost:.4g}") for cost in cell["costs"]]
            cell["ratios"] = [float(f"{ratio:.4g}") for ratio in cell["ratios"]]
        head = {**asdict(self), "cells": ["CELLS"]}
        lines = ",\n    ".join(map(json.dumps, cells))
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(head, indent=2, ensure_ascii=False).replace('"CELLS"', lines)
        path.write_text(text + "\n", encoding="utf-8")

    @property
    def main(self) -> tuple[str, str]:
        """The Python and the event loop on which everything was measured."""
        return (self.cells[0].python, self.cells[0].loop) if self.cells else ("", "")

    def of(self, **what: Any) -> list[Cell]:
        """The cells with these attributes, of the main Python and loop unless others are named."""
        what = {**dict(zip(("python", "loop"), self.main, strict=True)), **what}
        return [
            cell for cell in self.cells if all(getattr(cell, name) == what[name] for name in what)
        ]

    def cell(self, **what: Any) -> Cell | None:
        """The cell with these attributes, if it has a figure."""
        return next((cell for cell in self.of(**what) if cell.ratios and not cell.note), None)

    def ratio(self, **what: Any) -> float | None:
        """The ratio of that cell."""
        cell = self.cell(**what)
        return cell.ratio if cell else None

    @property
    def sizes(self) -> list[int]:
        """The numbers of sources."""
        return sorted({cell.size for cell in self.cells if cell.workload in EVENTS})

    @property
    def losers(self) -> set[str]:
        """The peers that lost items."""
        return {
            cell.peer
            for cell in self.cells
            if cell.workload in ("leave", "cancelled") and cell.costs and cell.cost
        }


def machine() -> str:
    """A description of this machine."""
    model = platform.processor()
    if (path := Path("/proc/cpuinfo")).exists():
        found = re.search(r"model name\s*: (.*)", path.read_text(encoding="utf-8"))
        model = found[1] if found else model
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def versions() -> dict[str, str]:
    """The versions of the packages that are compared."""
    found = {"multi-await 1.0.4": "1.0.4"}
    for name in DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    try:
        command = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
        found["commit"] = subprocess.check_output(command, text=True).strip()  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        found["commit"] = "unknown"
    return found


# -- tables ----------------------------------------------------------------------------------------


def number(value: float) -> str:
    """A number with its significant digits."""
    if value >= 9.95:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 2.995 else f"{value:.1f}"


def shown(cell: Cell) -> str:
    """The ratio with half the distance between its quartiles; or why there is none."""
    if cell.note or not cell.ratios:
        return cell.note or "-"
    if cell.ratio > TOO_MUCH:
        return "> 1000"
    low, high = cell.spread
    digits = 0 if cell.ratio >= 9.95 else 2 if cell.ratio < 2.995 else 1
    spread = (high - low) / 2
    return (
        f"{number(cell.ratio)} ±{spread:.{digits}f}" if len(cell.ratios) > 1 else number(cell.ratio)
    )


def table_of(results: Results, name: str) -> list[Row]:
    """A row for each peer, a column for each number of sources."""
    workload = WORKLOADS[name]
    cells = results.of(workload=name)
    sizes = sorted({cell.size for cell in cells})
    beside = workload.beside if workload.beside in sizes else sizes[-1]
    rows = [["N sources", *(f"{size:,}" for size in sizes), f"{workload.unit} at {beside:,}"]]
    for peer in PEERS:
        found = {cell.size: cell for cell in cells if cell.peer == peer}
        if not found:
            continue
        columns = [shown(found[size]) if size in found else "-" for size in sizes]
        if peer == workload.floor.name:
            columns = ["1"] * len(sizes)
        cost = ""
        if found[beside].costs and not found[beside].note:
            cost = number(found[beside].cost * SCALE[workload.unit])
        rows.append([marked(peer, peer in results.losers), *columns, cost])
    return rows


def marked(peer: str, loses: bool) -> str:
    """A peer's name, marked if it loses items."""
    return f"{peer} †" if loses else peer


def losses(results: Results) -> list[Row]:
    """A row with the losses of each peer."""
    rows = [["", "lost when it is left", "lost when a wait is cancelled", "and afterwards"]]
    for peer in PEERS:
        columns = []
        note = ""
        for name, of in (("leave", 1000), ("cancelled", 210)):
            cells = [cell for cell in results.of(workload=name, peer=peer) if cell.costs]
            columns += [f"{cells[0].cost:.0f} of {of:,}" if cells else "-"]
            note = note or (cells[0].note if cells else "")
        if columns != ["-", "-"]:
            rows.append([peer, *columns, note])
    return rows


def imports(results: Results) -> list[Row]:
    """A row with the time of each import."""
    rows = [["", "ms"]]
    for cell in results.of(workload="import"):
        name = cell.peer.partition(",")[0]
        name = "`asyncio` itself" if cell.peer == FLOOR.name else f"{name}, beyond `asyncio`"
        value = cell.note or f"{cell.cost * 1e3:.1f}" if cell.costs or cell.note else "-"
        rows.append([name, value])
    return rows


def everywhere(results: Results) -> list[Row]:
    """The ratios of `select()` on each Python and event loop."""
    rows = [["", *(WORKLOADS[name].title for name in ELSEWHERE)]]
    places = sorted({(cell.python, cell.loop) for cell in results.cells}, key=by_version)
    for python, loop in places:
        cells = [
            results.of(python=python, loop=loop, workload=name, size=64, peer=SELECT.name)
            for name in ELSEWHERE
        ]
        rows.append([f"{python}, {loop}", *(shown(found[0]) if found else "-" for found in cells)])
    return rows


def by_version(place: tuple[str, str]) -> tuple[list[int], str]:
    """A sort key by which 3.9 comes before 3.10."""
    return [int(part) for part in re.findall(r"\d+", place[0])], place[1]


def faster(results: Results) -> list[Row]:
    """Where a peer's upper quartile is below the lower one of `select()`, and the largest gap."""
    rows = [["", "has less than `select()` in", "at N =", "at most"]]
    others = [*STANDARD, *PACKAGES]
    for name in [*EVENTS, "memory"]:
        for peer in others:
            gaps = {}
            for size in results.sizes:
                ours = results.cell(workload=name, size=size, peer=SELECT.name)
                its = results.cell(workload=name, size=size, peer=peer.name)
                if ours and its and its.spread[1] < ours.spread[0]:
                    gaps[size] = (its.ratio, ours.ratio)
            if gaps:
                less, more = min(gaps.values(), key=lambda gap: gap[0] / gap[1])
                sizes = ", ".join(f"{size:,}" for size in gaps)
                gap = f"{number(less)} against {number(more)}"
                rows.append(
                    [
                        marked(peer.name, peer.name in results.losers),
                        WORKLOADS[name].title,
                        sizes,
                        gap,
                    ]
                )
    return rows


def targets(results: Results) -> list[Row]:
    """The targets, and whether they were reached."""
    rows = [["target", "N", "at most", "measured", ""]]
    for label, size, most, found in [*aims(results), *aims_by_comparison(results)]:
        if found is not None:
            verdict = "reached" if found <= most else "missed"
            rows.append([label, f"{size:,}", number(most), number(found), verdict])
    return rows


def aims(results: Results) -> Iterator[tuple[str, int, float, float | None]]:
    """Each target, its number of sources, the limit, and the measured figure."""
    for name, peer, most in TARGETS:
        for size in MANY:
            ratio = results.ratio(workload=name, size=size, peer=peer.name)
            yield f"{WORKLOADS[name].title}: {peer.name}", size, most, ratio
    batches = results.ratio(workload="batches", size=1, peer=BATCH_OF_64.name)
    yield f"Batches: {BATCH_OF_64.name}", 1, 0.75, batches
    for cell in results.of(workload="memory", size=1024, peer=SELECT.name):
        yield "Memory: bytes", 1024, 1024, cell.cost
    for cell in results.of(workload="import", peer=SELECT.name):
        yield "Import: ms", 0, 5, cell.cost * 1e3


def aims_by_comparison(results: Results) -> Iterator[tuple[str, int, float, float | None]]:
    """The same for targets that are a fraction of a peer's figure."""
    tasks = results.ratio(workload="memory", size=1024, peer=STANDARD[1].name)
    memory = results.ratio(workload="memory", size=1024, peer=SELECT.name)
    if tasks and memory:
        yield "Memory: part of a task each", 1024, 0.5, memory / tasks
    batch = results.ratio(workload="batches", size=1, peer=BATCH.name)
    select = results.ratio(workload="batches", size=1, peer=SELECT.name)
    if batch and select:
        yield f"Batches: {BATCH.name}: of `select()`", 1, 4 / 3, batch / select
    for size in MANY:
        old = results.ratio(workload="backlog", size=size, peer=PACKAGES[0].name)
        ours = results.ratio(workload="backlog", size=size, peer=GET.name)
        if old and ours:
            yield "Backlog, `get()`: part of 1.0.4", size, 0.25, ours / old
    for name in [*EVENTS, "memory"]:
        for size in results.sizes:
            safe = [
                (results.ratio(workload=name, size=size, peer=peer.name) or math.inf, peer.name)
                for peer in (*STANDARD, *PACKAGES)
                if peer.name not in results.losers
            ]
            ours = results.ratio(workload=name, size=size, peer=SELECT.name)
            ratio, best = min(safe)
            if ours and ratio < ours:
                yield f"{WORKLOADS[name].title}: not slower than {best}", size, ratio, ours


def markdown(rows: Sequence[Row]) -> str:
    """A table in Markdown, with figures aligned right."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    rule = "|---|" + "--:|" * (len(rows[0]) - 1)
    return "\n".join([lines[0], rule, *lines[1:]])


def page(results: Results) -> str:
    """The file that the docs include, in named parts: every table, and how it was measured."""
    tables = []
    for name in [*EVENTS, "memory"]:
        if results.of(workload=name):
            workload = WORKLOADS[name]
            tables += [f"### {workload.title}", workload.text, markdown(table_of(results, name))]
    commands = f"Measured by\n\n    {results.command}\n\non {', '.join(place(results))}."
    parts = {
        "place": commands,
        "tables": "\n\n".join(tables),
        "losses": markdown(losses(results)),
        "imports": markdown(imports(results)),
        "everywhere": markdown(everywhere(results)),
        "faster": markdown(faster(results)),
    }
    return "\n".join(
        f"<!-- {name} -->\n\n{text}\n\n<!-- end of {name} -->\n" for name, text in parts.items()
    )


def place(results: Results) -> Iterable[str]:
    """The machine and the versions that were measured."""
    python, loop = results.main
    yield f"CPython {python} with {loop}'s event loop"
    yield results.machine
    for name, version in results.versions.items():
        if name not in ("commit", "multi-await", "multi-await 1.0.4") and version[0].isdigit():
            yield f"{name} {version}"
