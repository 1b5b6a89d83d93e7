"""How CPython's tests wait: each bare, and in three ways through a MultiAwait."""

from __future__ import annotations

import pytest

from tests.peers.primitives.cpython import Wait, through
from tests.peers.primitives.ways import get, iterate, select


@pytest.fixture(params=[None, select, get, iterate], ids=["bare", "select", "get", "async for"])
def wait(request: pytest.FixtureRequest) -> Wait:
    return through(request.param)
