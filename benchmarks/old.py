"""multi-await 1.0.4, which has the same import name, so it is kept in a separate folder."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

CACHE = Path(__file__).parents[1] / "build/benchmarks"
PACKAGE = CACHE / "multi-await-1.0.4/multi_await"
NAME = "multi_await_1_0_4"


def fetch() -> None:
    """Download and unpack its source, if needed. Its dependency, aiotk, is installed."""
    if PACKAGE.exists():
        return
    CACHE.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-binary", ":all:", "--dest", str(CACHE), "multi-await==1.0.4"]
    subprocess.run(command, check=True)  # noqa: S603
    with tarfile.open(CACHE / "multi-await-1.0.4.tar.gz") as archive:
        archive.extractall(CACHE, filter="data")


def load() -> Any:
    """The module, under a different name from ours."""
    if NAME not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            NAME, PACKAGE / "__init__.py", submodule_search_locations=[str(PACKAGE)]
        )
        if spec is None or spec.loader is None or not PACKAGE.exists():
            raise ImportError("multi-await 1.0.4 was not fetched")
        sys.modules[NAME] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[NAME]
