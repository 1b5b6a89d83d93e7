"""The released distributions, from the build to the first program: `make test-dist`.

This builds the sdist and the wheel from copies of the checkout, and takes longer than other tests.
So it runs only by name.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import textwrap
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# The parts of the README's first program that are left to the reader.
AROUND_IT = """
import asyncio
from typing import assert_never

from multi_await import multi_await


async def main() -> None:
    words: asyncio.Queue[str] = asyncio.Queue()
    numbers: asyncio.Queue[int] = asyncio.Queue()
    stop = asyncio.Event()
    words.put_nowait("hello")
    numbers.put_nowait(42)
    asyncio.get_running_loop().call_later(0.1, stop.set)
{program}

asyncio.run(main())
"""


def command(*arguments: object, cwd: Path, path: str = "") -> str:
    done = subprocess.run(  # noqa: S603 -- nothing of it is from outside
        [str(argument) for argument in arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path, "SCHEDULES": "5"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(source: Path, target: str) -> Path:
    command(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", "dist", cwd=source)
    (built,) = (source / "dist").glob("*.whl" if target == "wheel" else "*.tar.gz")
    return built


def copied(into: Path) -> Path:
    """A copy of the files that git knows or would add, with the current time as their date."""
    listed = command(
        "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT
    )
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, into / name)
    return into


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(copied(tmp_path_factory.mktemp("checkout")), "sdist")


@pytest.fixture(scope="module")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(place, filter="data")
    (folder,) = place.iterdir()
    return folder


@pytest.fixture(scope="module")
def wheel(unpacked: Path) -> Path:
    """The wheel, built from the sdist as for a release."""
    return build(unpacked, "wheel")


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has only the wheel."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, symlinks=sys.platform != "win32")
    python = place / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    options = ["--no-index", "--disable-pip-version-check", "--quiet"]
    command(sys.executable, "-m", "pip", "--python", python, "install", *options, wheel, cwd=place)
    return python


@pytest.fixture(scope="module")
def first_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first Python block of the README, in a file."""
    (block, *_) = re.findall(r"^```python\n(.+?)^```$", README, re.MULTILINE | re.DOTALL)
    if "asyncio.run(" not in block:
        block = AROUND_IT.format(program=textwrap.indent(block, "    "))
    file = tmp_path_factory.mktemp("program") / "first.py"
    file.write_text(block, encoding="utf-8")
    return file


def test_two_builds_of_the_wheel_are_identical(wheel: Path, tmp_path: Path) -> None:
    assert build(copied(tmp_path), "wheel").read_bytes() == wheel.read_bytes()


def test_two_builds_of_the_sdist_are_identical(sdist: Path, tmp_path: Path) -> None:
    assert build(copied(tmp_path), "sdist").read_bytes() == sdist.read_bytes()


def test_the_wheel_contains_only_the_package_its_types_and_its_license(
    wheel: Path,
) -> None:
    source = ROOT / "src/multi_await"
    expected = {
        f"multi_await/{each.relative_to(source).as_posix()}" for each in source.rglob("*.py")
    }
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        text = archive.read(metadata).decode()
    about = metadata.removesuffix("METADATA")
    expected |= {"multi_await/py.typed", f"{about}licenses/LICENSE"}
    assert names == expected | {f"{about}{name}" for name in ("METADATA", "RECORD", "WHEEL")}
    assert "Requires-Dist" not in text


def test_the_readmes_first_program_runs_with_only_the_wheel_installed(
    python: Path, first_program: Path
) -> None:
    printed = command(python, "-I", "-W", "error", first_program, cwd=first_program.parent)
    assert printed


def test_mypy_finds_no_error_in_the_readmes_first_program(
    python: Path, first_program: Path
) -> None:
    checker = [sys.executable, "-m", "mypy", "--strict", "--python-executable", python]
    command(*checker, first_program.name, cwd=first_program.parent)


def test_mypy_finds_an_error_put_into_the_readmes_first_program(
    python: Path, first_program: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text(first_program.read_text(encoding="utf-8") + "\nmulti_await(3)\n", "utf-8")
    with pytest.raises(AssertionError, match="call-overload"):
        command(
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--python-executable",
            python,
            wrong.name,
            cwd=tmp_path,
        )


def test_the_sdist_contains_the_tests_and_they_pass(unpacked: Path) -> None:
    """Without real servers and with few schedules: CI runs those from the checkout."""
    source = str(unpacked / "src")
    where = command(
        sys.executable,
        "-c",
        "import multi_await as m; print(m.__file__)",
        cwd=unpacked,
        path=source,
    )
    assert where.startswith(source)
    options = ["-q", "-n", "auto", "--ignore", "tests/real"]
    command(sys.executable, "-m", "pytest", *options, cwd=unpacked, path=source)
