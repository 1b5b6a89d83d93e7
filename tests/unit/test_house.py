"""The shape of the package: two wings on a common ground, and nothing too long to read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import multi_await

HOME = Path(multi_await.__file__).parent
FILES = {
    ".".join(("multi_await", *path.relative_to(HOME).with_suffix("").parts)): path
    for path in sorted(HOME.rglob("*.py"))
}
TREES = {
    name.removesuffix(".__init__"): ast.parse(path.read_text(encoding="utf-8"))
    for name, path in FILES.items()
}
GROUND = {"multi_await._source", "multi_await._tasks", "multi_await._names"}
# The typed face is mostly overloads, one per number of sources.
LONG = {"multi_await._multi_await"}


def imported(tree: ast.Module) -> set[str]:
    """The modules of the package that this one imports, including imports for type checkers."""
    names = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import would go unseen"
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names & set(TREES)


IMPORTS = {name: imported(tree) for name, tree in TREES.items()}


def wing(name: str) -> str:
    return name.split(".")[1] if name.count(".") > 1 else ""


@pytest.mark.parametrize(("one", "other"), [("_core", "_sources"), ("_sources", "_core")])
def test_neither_wing_imports_the_other(one: str, other: str) -> None:
    modules = {name for name in IMPORTS if wing(name) == one}
    assert len(modules) > 3
    for name in modules:
        assert other not in {wing(target) for target in IMPORTS[name]}, name


def test_the_ground_imports_no_wing() -> None:
    assert set(IMPORTS) >= GROUND
    for name in GROUND:
        assert IMPORTS[name] <= GROUND, name


def test_no_two_modules_import_each_other() -> None:
    TopologicalSorter(IMPORTS).prepare()  # CycleError names the modules


@pytest.mark.parametrize("name", sorted(set(FILES) - LONG))
def test_a_module_has_at_most_350_lines(name: str) -> None:
    assert len(FILES[name].read_text(encoding="utf-8").splitlines()) <= 350


def functions() -> Iterator[tuple[str, int]]:
    """Each function and its number of lines, without the docstring."""
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if ast.get_docstring(node) is not None:
                    docstring = node.body[0]
                    lines -= (docstring.end_lineno or 0) - docstring.lineno + 1
                yield f"{name}:{node.name}", lines


def test_no_function_has_more_than_thirty_lines() -> None:
    assert [(name, lines) for name, lines in functions() if lines > 30] == []
