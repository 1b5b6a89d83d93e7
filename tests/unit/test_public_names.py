"""What the package exports; programs, people and static tools must see the same."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import multi_await

NAMES = sorted(multi_await.__all__)
HOME = Path(multi_await.__file__).parents[1]


def test_dunder_all_lists_every_public_name() -> None:
    exported = {name for name in vars(multi_await) if not name.startswith("_")}
    assert exported == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_public_object_has_its_own_name_and_a_docstring(name: str) -> None:
    value = getattr(multi_await, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert value.__name__ == name
        assert inspect.getdoc(value)


@pytest.mark.parametrize("name", sorted({*NAMES} - {"NothingToAwait", "PENDING", "SourceLike"}))
def test_the_source_code_of_a_public_name_can_be_found(name: str) -> None:
    """IPython's `??` finds it too, because it asks inspect."""
    source = inspect.getsource(getattr(multi_await, name))
    assert re.search(rf"^(async )?(def|class) {name}\b", source, re.MULTILINE)


def test_a_traceback_shows_the_public_name_of_the_exception() -> None:
    assert multi_await.NothingToAwait.__module__ == "multi_await"


@pytest.mark.parametrize(
    "method", [name for name in vars(multi_await.MultiAwait) if not name.startswith("_")]
)
def test_every_public_method_is_documented(method: str) -> None:
    assert inspect.getdoc(getattr(multi_await.MultiAwait, method))


def test_importing_the_package_needs_only_the_standard_library() -> None:
    """With -S, nothing else can be imported."""
    program = f"import sys; sys.path.append({str(HOME)!r}); import multi_await"
    subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True)  # noqa: S603 -- our own
