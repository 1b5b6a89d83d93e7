"""The classifiers, CI and `requires-python` name the same versions of Python."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CLASSIFIER = re.compile(r"Programming Language :: Python :: (3\.\d+)$")
PYTHONS = [
    found[1] for each in PROJECT["project"]["classifiers"] if (found := CLASSIFIER.match(each))
]


@pytest.mark.parametrize("workflow", ["ci.yml", "release.yml"])
def test_each_workflows_matrix_matches_the_classifiers(workflow: str) -> None:
    text = (ROOT / ".github/workflows" / workflow).read_text(encoding="utf-8")
    (matrix,) = re.findall(r"^ +python: (\[.+\])$", text, re.MULTILINE)
    assert json.loads(matrix) == PYTHONS


def test_the_oldest_python_is_the_one_required_and_the_one_checked() -> None:
    oldest = PYTHONS[0]
    assert PROJECT["project"]["requires-python"] == f">={oldest}"
    assert PROJECT["tool"]["mypy"]["python_version"] == oldest
    assert PROJECT["tool"]["pyright"]["pythonVersion"] == oldest
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"


def test_no_python_between_the_oldest_and_the_newest_is_missing() -> None:
    minors = [int(python.removeprefix("3.")) for python in PYTHONS]
    assert minors == list(range(minors[0], minors[-1] + 1))


def test_local_ci_looks_for_every_other_python() -> None:
    script = ROOT / ".ci/run"
    if not script.exists():
        pytest.skip("an sdist has no .ci")
    (versions,) = re.findall(r"for version in (.+); do", script.read_text(encoding="utf-8"))
    assert versions.split() == PYTHONS[1:]
