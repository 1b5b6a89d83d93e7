"""Mutation testing: break a copy of the package in every small way, and see a test fail.

`make mutants` runs this, and continues where it was stopped; a function that has changed starts
over. The mutants are those of cosmic-ray, and one more kind, for which it has no operator: a
statement is left out. Each meets the quick tests alone. The survivors meet the others, up to all
those of `make test-deep`, together: if the tests pass with many mutants in the code at once, all of
them survive; if not, each half is tried by itself. What survives all this is printed as a
difference, and explained in docs/reference/mutants.md.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import functools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from cosmic_ray import plugins
from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_code
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkerOutcome, WorkResult
from parso.python.tree import Keyword

ROOT = Path(__file__).parents[2]
COPY = ROOT / ".mutants"
SESSIONS = COPY / "sessions"  # a database for each module, with the text that it was made from
TIMED_OUT = "timed out"
MET = "met "  # and the last stage that a survivor has met
# The operator, the text of the function, where in it, and which one there.
Mutant: TypeAlias = tuple[str, str, int, int, int]

# They swap identity and equality. Which of the two is used is a matter of style and speed here: the
# operands are None, PENDING, positions and the names of states.
SAME = re.compile(r"core/ReplaceComparisonOperator_(Is_Eq|IsNot_NotEq|Eq_Is|NotEq_IsNot)$")

# The tests, in stages, each of which is run only if the ones before have passed: where they are in
# tests/, the environment, and the seconds that are enough on a machine that is not busy. Plugins
# take longer to load than most mutants live. The first stage is the unit tests of the module that
# is broken.
QUICK = (
    "unit promises/test_promises.py promises/test_paths_of_failure.py "
    "promises/test_every_program.py promises/test_every_step.py peers/test_faults_of_1_0_4.py"
)
OTHERS = (
    "promises/test_costs.py promises/test_leaks.py promises/test_conservation.py "
    "promises/test_conservation_open_sets.py "
    "promises/test_conservation_groups.py promises/test_two_blows.py promises/test_model.py "
    "promises/test_hostile_schedules.py promises/test_every_step_groups.py "
    "peers/go peers/test_cancellation_of_asyncio.py "
    "real/test_examples.py real/test_every_kind.py"
)
BARE = {"SCHEDULES": "5", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
STAGES: dict[str, tuple[str, dict[str, str], int]] = {
    "first": ("", BARE, 10),
    "quick": (QUICK, BARE, 40),
    "hostile": ("promises/hostile", BARE, 20),
    "others": (OTHERS, {"SCHEDULES": "5"}, 60),
    "whole": ("", {"SCHEDULES": "600", "PYTHONDONTWRITEBYTECODE": "1"}, 3600),
}
ALONE = ["first", "quick"]
TOGETHER = ["hostile", "others", "whole"]
MANY = 25  # more at once make a test fail more often although none of them does so by itself
# The unit tests of a module, where they are not in the one file of its own name: what is likely to
# notice.
FIRST = {
    "_group": "group group_ends",
    "_multi_await": "multi_await open_sets",
    "_names": "multi_await open_sets",
    "_source": "source inline convert adapters",
    "_tasks": "source multi_await",
    "_tracebacks": "source around",
    "adapters": "around ending adapters shown",
    "calls": "ready kept multi_await open_sets",
    "closing": "source multi_await",
    "convert": "convert refused dispatch adapters",
    "function": "source multi_await",
    "inline": "inline inline_context stream_release dispatch",
    "iteration": "each_scopes adapters shown around stream_release",
    "members": "group group_ends",
    "once": "adapters around group_ends",
    "outcome": "source multi_await kept",
    "positions": "open_sets multi_await",
    "queues": "put batched dispatch shown refused",
    "ready": "ready kept multi_await open_sets",
    "signals": "signals signals_shared shown",
    "slot": "kept open_sets ready",
    "timers": "timers timer_start timer_reset",
}
# The whole of `make test-deep`, but for what proves something of the text of src: that would notice
# every mutant, and prove nothing.
NOT_OF_THE_WHOLE = ["tests/real", "tests/docs/test_reference.py", "tests/docs/test_figures.py"]


class RemoveStatement:
    """An operator of cosmic-ray: a simple statement of a function becomes `pass`."""

    @classmethod
    def arguments(cls) -> tuple[()]:
        return ()

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        if node.type == "simple_stmt" and _function_of(node) is not None:
            statement = node.children[0]
            if statement.type not in ("string", "import_name", "import_from", "nonlocal_stmt") and (
                statement.get_code().strip() != "..."
            ):
                yield statement.start_pos, statement.end_pos

    def mutate(self, node: Any, _index: int) -> Any:
        first = node.get_first_leaf()
        node.children[0] = Keyword("pass", first.start_pos, first.prefix)
        return node


def _function_of(node: Any) -> Any:
    while node is not None and node.type != "funcdef":
        node = node.parent
    return node


class WhatRuns(ast.NodeTransformer):
    """Skips what only type checkers read: annotations, their names, the stubs of overloads."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None or ast.unparse(node.annotation) == "TypeAlias":
            return None
        return ast.Assign([node.target], self.visit(node.value), lineno=node.lineno)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST | None:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST | None:
        return self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST | None:
        if is_a_stub(node):
            return None
        node.returns = None
        return self.generic_visit(node)


def what_runs(code: str) -> str:
    return ast.dump(WhatRuns().visit(ast.parse(code)))


@functools.lru_cache(maxsize=2)
def lines_of_stubs(code: str) -> frozenset[int]:
    """A short cut: nearly all of the thousands of changes to the overloads are there."""
    return frozenset(
        line
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_a_stub(node)
        for line in range(node.lineno, node.body[-1].lineno + 1)
    )


def is_a_stub(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return ast.unparse(function.body[-1]) == "..."


def is_a_mutant(code: str, mutated: str) -> bool:
    """Whether the program differs from the original and Python accepts it."""
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(mutated, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return what_runs(code) != what_runs(mutated)


def copy_the_checkout() -> None:
    list_files = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(  # noqa: S603 -- nothing of it is from outside
        list_files,
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (COPY / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, COPY / name)
    # A file where Python would make a directory: if it found the first one compiled, it would take
    # two mutants of the same size, made in the same second, for the same module.
    for package in (COPY / "src").rglob("__init__.py"):
        (package.parent / "__pycache__").touch()


def limits_of(stages: list[str]) -> dict[str, float]:
    """How long each stage may take: a multiple of its time without a mutant."""
    limits = dict.fromkeys(stages, 0.0)
    for stage in stages:
        if stage != "first":
            begin = time.monotonic()
            generous = {stage: 10.0 * STAGES[stage][2]}
            if (said := failing_tests("__init__", generous, write_bytecode=True)) is not None:
                sys.exit(f"the tests fail without a mutant\n{said}")
            limits[stage] = max(STAGES[stage][2], 4 * (time.monotonic() - begin))
    if "first" in limits:  # part of the next one
        limits["first"] = limits.get("quick", 10.0 * STAGES["first"][2])
    return limits


def failing_tests(
    module: str, limits: dict[str, float], *, write_bytecode: bool = False
) -> str | None:
    """The output of the tests as soon as one fails; None if all pass."""
    for stage, seconds in limits.items():
        places, environment, _ = STAGES[stage]
        files = unit_tests(module) if stage == "first" else [f"tests/{at}" for at in places.split()]
        if stage == "first" and not files:
            continue
        options = ["-x", "-q", "--tb=line", "-p", "no:cacheprovider"]
        if stage == "whole":
            options += ["-n", "auto"]
        if stage in ("first", "quick"):
            options += ["-k", "not thousand"]
        options += files or [f"--ignore={place}" for place in NOT_OF_THE_WHOLE]
        status, output = run_pytest(options, environment, seconds, write_bytecode)
        if status != 0:
            return output
    return None


def unit_tests(module: str) -> list[str]:
    names = FIRST.get(module, module.strip("_")).split()
    return [str(file) for name in names for file in Path("tests/unit").rglob(f"test_{name}.py")]


def run_pytest(
    options: list[str], environment: dict[str, str], seconds: float, write_bytecode: bool
) -> tuple[int | None, str]:
    """The exit status, or None if it took too long, and the output.

    In a fork of this process, which has imported pytest before: that is twice as fast.
    """
    with tempfile.TemporaryFile() as output:
        if (pid := os.fork()) == 0:
            status = 1
            try:
                os.setsid()
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                os.environ.update(environment, PYTHONPATH=str(COPY / "src"))
                sys.path.insert(0, str(COPY / "src"))
                sys.dont_write_bytecode = not write_bytecode
                status = pytest.main(options)
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(status)
        late = time.monotonic() + seconds
        while not (ended := os.waitpid(pid, os.WNOHANG))[0] and time.monotonic() < late:
            time.sleep(0.005)
        if not ended[0]:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        output.seek(0)
        text = output.read().decode(errors="replace")[-1000:]
    return (ended[1], text) if ended[0] else (None, f"{text}\n{TIMED_OUT}")


def prepare(restart: bool) -> None:
    """Make the copy and enter it; start a session for each module that is new or has changed."""
    if restart:
        shutil.rmtree(COPY, ignore_errors=True)
    for path in COPY.glob("*/"):  # from which files may have been deleted
        if path != SESSIONS:
            shutil.rmtree(path)
    copy_the_checkout()  # even where a killed run may have left a mutant behind
    os.chdir(COPY)
    SESSIONS.mkdir(exist_ok=True)
    for path in modules():
        session, text = session_of(path), session_of(path).with_suffix(".text")
        if not (text.exists() and program_of(text) == program_of(path)):
            known = results_by_mutant(session, text.read_text()) if text.exists() else {}
            with use_db(str(session), WorkDB.Mode.create) as db:
                init([path], db, {})
                for mutant, job_id in mutants_of(db, path.read_text()):
                    if mutant in known:
                        db.set_result(job_id, known[mutant])
            text.write_text(path.read_text())


def results_by_mutant(session: Path, code: str) -> dict[Mutant, WorkResult]:
    with use_db(str(session), WorkDB.Mode.open) as db:
        results = dict(db.results)
        return {
            mutant: results[job_id] for mutant, job_id in mutants_of(db, code) if job_id in results
        }


def mutants_of(db: WorkDB, code: str) -> Iterator[tuple[Mutant, str]]:
    """What identifies each mutant, wherever in the module its function is, and its job."""
    lines = code.splitlines()
    units = [*units_of(ast.parse(code))]
    seen = Counter[tuple[str, str, int, int]]()
    for item in db.work_items:
        mutation = item.mutations[0]
        line, column = mutation.start_pos
        first, last = next(
            ((first, last) for first, last in units if first <= line <= last), (line, line)
        )
        text = "\n".join(lines[first - 1 : last])
        place = (mutation.operator_name, text, line - first, column)
        seen[place] += 1
        yield (*place, seen[place]), item.job_id


def units_of(tree: ast.Module | ast.ClassDef) -> Iterator[tuple[int, int]]:
    """The first and the last line of each function, and of each statement outside of them."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from units_of(node)
        else:
            decorators = getattr(node, "decorator_list", [])
            yield min(at.lineno for at in [node, *decorators]), node.end_lineno or node.lineno


def program_of(path: Path) -> str:
    """The code without comments and docstrings, in which there are no mutants."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        match node:
            case ast.Module() | ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                if ast.get_docstring(node) is not None:
                    del node.body[0]
    return ast.dump(tree)


def modules() -> list[Path]:
    """The modules' paths relative to the copy, in which their mutants run."""
    return sorted(path.relative_to(COPY) for path in (COPY / "src/multi_await").rglob("*.py"))


def session_of(module: Path) -> Path:
    return SESSIONS / ("_".join(module.parts[2:]) + ".sqlite")


def run_alone(stages: list[str], chosen: re.Pattern[str], again: bool) -> None:
    """Those that have not met these tests, one at a time."""
    limits = limits_of(stages)
    for module in modules():
        if not chosen.search(module.stem):
            continue
        with use_db(str(session_of(module)), WorkDB.Mode.open) as db:
            results = dict(db.results)
            for item in db.work_items:
                known = results.get(item.job_id)
                if known is None or (again and known.test_outcome == TestOutcome.SURVIVED):
                    result = try_mutant(item.mutations[0], limits, stages[-1])
                    db.set_result(item.job_id, result)
                    if result.worker_outcome == WorkerOutcome.NORMAL:
                        print("." if result.is_killed else f"\n{result.diff}\n", end="", flush=True)


def try_mutant(mutation: MutationSpec, limits: dict[str, float], last: str) -> WorkResult:
    path = mutation.module_path
    code = path.read_text()
    mutated = mutant_of(code, mutation)
    if mutated is None:
        return WorkResult(worker_outcome=WorkerOutcome.SKIPPED)
    path.write_text(mutated)
    try:
        said = failing_tests(path.stem, limits)
    finally:
        path.write_text(code)
    lines = difflib.unified_diff(
        code.splitlines(), mutated.splitlines(), str(path), mutation.operator_name, "", "", 1, ""
    )
    return WorkResult(
        worker_outcome=WorkerOutcome.NORMAL,
        output=MET + last if said is None else said,
        test_outcome=TestOutcome.SURVIVED if said is None else TestOutcome.KILLED,
        diff="\n".join(lines),
    )


def mutant_of(code: str, mutation: MutationSpec) -> str | None:
    """None if it is not counted."""
    if SAME.match(mutation.operator_name) or mutation.start_pos[0] in lines_of_stubs(code):
        return None
    try:
        operator = plugins.get_operator(mutation.operator_name)()
        mutated: str = mutate_code(code, operator, mutation.occurrence)
    except AttributeError:  # ExceptionReplacer knows no names with a dot
        return None
    return mutated if is_a_mutant(code, mutated) else None


@dataclass
class Survivor:
    """A mutant, as the lines that it replaces and those that it has in their place."""

    path: Path
    job_id: str
    first: int
    beyond: int
    lines: list[str]
    known: WorkResult

    def overlaps(self, other: Survivor) -> bool:
        return self.path == other.path and self.first < other.beyond and other.first < self.beyond

    def record(self, outcome: TestOutcome, output: str) -> None:
        result = WorkResult(
            worker_outcome=WorkerOutcome.NORMAL,
            output=output,
            test_outcome=outcome,
            diff=self.known.diff,
        )
        with use_db(str(session_of(self.path)), WorkDB.Mode.open) as db:
            db.set_result(self.job_id, result)


def run_together(stage: str, chosen: re.Pattern[str]) -> None:
    """Those that have survived all stages before, many at a time."""
    due = [mutant for mutant in survivors(chosen) if not has_met(mutant.known, stage)]
    if not due:
        return
    limits = limits_of([stage])
    groups: list[list[Survivor]] = []  # of mutants that do not overlap
    for mutant in due:
        for group in groups:
            if len(group) < MANY and not any(mutant.overlaps(other) for other in group):
                group.append(mutant)
                break
        else:
            groups.append([mutant])
    while groups:
        group = groups.pop()
        said = failing_with(group, limits)
        print(f"{stage}: {len(group)} mutants, {'they live' if said is None else 'a test fails'}")
        if said is None:
            for mutant in group:
                mutant.record(TestOutcome.SURVIVED, MET + stage)
        elif len(group) == 1:
            group[0].record(TestOutcome.KILLED, said)
            print(group[0].known.diff, flush=True)
        else:
            half = len(group) // 2
            groups += [group[half:], group[:half]]


def survivors(chosen: re.Pattern[str]) -> Iterator[Survivor]:
    for module in modules():
        if not chosen.search(module.stem):
            continue
        code = module.read_text()
        with use_db(str(session_of(module)), WorkDB.Mode.open) as db:
            mutations = {item.job_id: item.mutations[0] for item in db.work_items}
            results = list(db.results)
        for job_id, result in results:
            if result.test_outcome == TestOutcome.SURVIVED:
                mutated = mutant_of(code, mutations[job_id])
                assert mutated is not None, "it was one when it survived"
                yield Survivor(module, job_id, *change(code, mutated), result)


def change(code: str, mutated: str) -> tuple[int, int, list[str]]:
    old, new = code.splitlines(keepends=True), mutated.splitlines(keepends=True)
    first = next(at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other)
    after = 0
    while old[-1 - after] == new[-1 - after] and after < min(len(old), len(new)) - first - 1:
        after += 1
    return first, len(old) - after, new[first : len(new) - after]


def has_met(known: WorkResult, stage: str) -> bool:
    met = (known.output or "").removeprefix(MET)
    return met in TOGETHER and TOGETHER.index(met) >= TOGETHER.index(stage)


def failing_with(group: list[Survivor], limits: dict[str, float]) -> str | None:
    codes = {mutant.path: mutant.path.read_text() for mutant in group}
    try:
        for path, code in codes.items():
            lines = code.splitlines(keepends=True)
            mine = [mutant for mutant in group if mutant.path == path]
            for mutant in sorted(mine, key=lambda mutant: mutant.first, reverse=True):
                lines[mutant.first : mutant.beyond] = mutant.lines
            path.write_text("".join(lines))
        return failing_tests("", limits)
    finally:
        for path, code in codes.items():
            path.write_text(code)


def report() -> None:
    """Print every survivor, and the figures of each module."""
    figures = defaultdict[str, Counter[str]](Counter)
    for module in modules():
        with use_db(str(session_of(module)), WorkDB.Mode.open) as db:
            results = [result for _, result in db.results]
        for result in results:
            if result.worker_outcome != WorkerOutcome.NORMAL:
                continue
            if not result.is_killed:
                print(result.diff, "\n")
            outcome = "killed" if result.is_killed else "survived"
            timed_out = (result.output or "").endswith(TIMED_OUT)
            for name in (module.stem, "in all"):
                figures[name].update(["mutants", outcome] + ["timed out"] * timed_out)
    columns = ["mutants", "killed", "timed out", "survived"]
    print(f"{'':16}", *(f"{column:>10}" for column in columns), f"{'score':>10}")
    for name, counted in sorted(figures.items()):
        score = counted["killed"] / counted["mutants"]
        print(f"{name:16}", *(f"{counted[each]:10}" for each in columns), f"{score:10.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stages", nargs="*", choices=STAGES, help="else all")
    parser.add_argument("--modules", default="", help="a regular expression")
    parser.add_argument("--restart", action="store_true", help="forget what was found before")
    parser.add_argument("--again", action="store_true", help="those too that have survived")
    parser.add_argument("--report", action="store_true", help="only what was found so far")
    chosen = parser.parse_args()
    if chosen.report:
        return report()
    plugins.OPERATOR_PROVIDERS["own"] = {"RemoveStatement": RemoveStatement}
    prepare(chosen.restart)
    stages, pattern = chosen.stages or [*STAGES], re.compile(chosen.modules)
    if alone := [stage for stage in ALONE if stage in stages]:
        run_alone(alone, pattern, chosen.again)
    for stage in TOGETHER:
        if stage in stages:
            run_together(stage, pattern)
    return report()


if __name__ == "__main__":
    main()
