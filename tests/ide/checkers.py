"""What type checkers find: each fact of tests/typing in all of them, and what each says of ways.py.

`make test-ide` runs them with default settings, as a beginner would. What they say of ways.py is
recorded in narrows.md, rejects.md and reports.md, which are part of the page about types; `make
record-ide` regenerates them.
"""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TYPING = HERE.parent / "typing"
WAYS = HERE / "ways.py"
BIN = Path(sys.executable).parent
COMMANDS = {
    "mypy": ["mypy", "--cache-dir", "/dev/null"],
    "pyright": ["pyright", "--pythonpath", sys.executable],
    "basedpyright": ["basedpyright", "--pythonpath", sys.executable],
    "pyrefly": [
        *("pyrefly", "check", "--python-interpreter-path", sys.executable),
        *("--output-format", "min-text", "--min-severity", "info"),
    ],
    "ty": ["ty", "check", "--python", str(BIN.parent), "--output-format", "concise"],
    "zuban": ["zuban", "check", "--python-executable", sys.executable],
    "zuban mypy": ["zuban", "mypy", "--python-executable", sys.executable],  # instead of mypy
}
LINE = re.compile(r"(?P<name>\w+\.py):(?P<number>\d+)[\d:-]*(?P<text>.*)")
SEVERITY = re.compile(r"\b(error|warning)\b(?!.*\(reportAny\))", re.IGNORECASE)
REVEALED = re.compile(r"(?:[Rr]evealed type:? (?:is )?|Type of \".*\" is )[\"`]?([^\"`\[]+|.*)")
MARK = re.compile(r"^ *# (narrows|rejects|reports): (.*)$")
# Where one differs from the rest: the file, the beginning of the line, and the checker.
OTHERWISE = {
    # It is Any for them, so this is not an error.
    ("fixed_sets.py", "assert_type(await m.select(), Any)"): {"mypy", "zuban", "zuban mypy"},
    # It is a Source[Literal["done"]].
    ("sources.py", 'assert_type(once(asyncio.sleep(1, "done"))'): {"ty"},
    # They want the class to say that it is abstract.
    ("sources.py", "class WithoutPoll(Source[int]):"): {"basedpyright"},
}


@dataclass(frozen=True)
class Said:
    """What a checker says about a line."""

    name: str
    number: int
    text: str
    severity: str  # empty for a mere note


def said_by(checker: str, folder: Path, names: list[str]) -> list[Said]:
    command = [str(BIN / COMMANDS[checker][0]), *COMMANDS[checker][1:], *names]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found = [
        (line, match)
        for line in run.stdout.splitlines()
        if (match := LINE.search(line)) is not None
    ]
    assert found, run.stdout + run.stderr
    return [
        Said(match["name"], int(match["number"]), match["text"], severity(line))
        for line, match in found
    ]


def severity(line: str) -> str:
    match = SEVERITY.search(line)
    return match[1].lower() if match else ""


def of_all(folder: Path, names: list[str]) -> dict[str, list[Said]]:
    (folder / "pyrefly.toml").touch()  # otherwise it checks less
    with ThreadPoolExecutor() as pool:
        said = pool.map(lambda checker: said_by(checker, folder, names), COMMANDS)
    return dict(zip(COMMANDS, said, strict=True))


def lines(path: Path) -> Iterator[tuple[int, str]]:
    return enumerate(path.read_text(encoding="utf-8").splitlines(), 1)


@pytest.fixture(scope="session")
def of_typing(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Said]]:
    """What they say about tests/typing without the comments that expect an error."""
    folder = tmp_path_factory.mktemp("typing")
    paths = sorted(TYPING.glob("*.py"))
    for path in paths:
        text = re.sub(r" *# (type|pyright): ignore.*", "", path.read_text(encoding="utf-8"))
        (folder / path.name).write_text(text, encoding="utf-8")
    return of_all(folder, [path.name for path in paths])


@pytest.mark.parametrize("checker", COMMANDS)
def test_each_checker_finds_the_mistakes_in_tests_typing_and_nothing_else(
    of_typing: dict[str, list[Said]], checker: str
) -> None:
    expected = set()
    for path in TYPING.glob("*.py"):
        for number, line in lines(path):
            differs = any(
                name == path.name and line.strip().startswith(start) and checker in who
                for (name, start), who in OTHERWISE.items()
            )
            if ("ignore[" in line) != differs:
                expected.add((path.name, number))
    found = {
        (said.name, said.number): said.text
        for said in of_typing[checker]
        if said.severity == "error"
    }
    assert {place: found.get(place) for place in found.keys() ^ expected} == {}


@dataclass(frozen=True)
class Way:
    """A line of ways.py, and the comment before it."""

    number: int
    kind: str
    label: str


WAYS_BY_KIND: dict[str, list[Way]] = {"narrows": [], "rejects": [], "reports": []}
for _number, _line in lines(WAYS):
    if _match := MARK.search(_line):
        WAYS_BY_KIND[_match[1]].append(Way(_number + 1, _match[1], _match[2]))


@pytest.fixture(scope="session")
def of_ways(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Said]]:
    folder = tmp_path_factory.mktemp("ways")
    (folder / WAYS.name).write_text(WAYS.read_text(encoding="utf-8"), encoding="utf-8")
    return of_all(folder, [WAYS.name])


def narrows(way: Way, said: list[Said]) -> str:
    here = [one for one in said if one.number == way.number]
    types = [
        match[1].replace("builtins.", "").strip()
        for one in here
        if (match := REVEALED.search(one.text))
    ]
    if types not in ([], ["Never"]):
        return "yes" if types == ["str"] else "no"
    return "unreachable" if any(one.severity for one in here) else "unreachable, in silence"


def complains(way: Way, said: list[Said]) -> str:
    return "yes" if any(one.severity and one.number == way.number for one in said) else "no"


def table(kind: str, of: dict[str, list[Said]]) -> str:
    rows = [f"| | {' | '.join(of)} |", f"|---|{'---|' * len(of)}"]
    for way in WAYS_BY_KIND[kind]:
        cells = [CELLS[kind](way, said) for said in of.values()]
        rows.append(f"| {way.label} | {' | '.join(cells)} |")
    names = [name for name in of if " " not in name]
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    return "\n".join([f"<!-- written by make record-ide, with {versions} -->\n", *rows, ""])


CELLS = {"narrows": narrows, "rejects": complains, "reports": complains}


@pytest.mark.parametrize("kind", CELLS)
def test_the_recorded_output_of_the_checkers_is_current(
    of_ways: dict[str, list[Said]], pytestconfig: pytest.Config, kind: str
) -> None:
    recorded = HERE / f"{kind}.md"
    if pytestconfig.option.record:
        recorded.write_text(table(kind, of_ways), encoding="utf-8")
    assert table(kind, of_ways) == recorded.read_text(encoding="utf-8")
