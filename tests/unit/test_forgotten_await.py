"""A call with a forgotten `await` is reported under the name that the program used."""

from __future__ import annotations

import asyncio

import pytest

from multi_await import multi_await


@pytest.mark.parametrize("name", ["select", "get", "get_or_raise"])
async def test_a_forgotten_await_names_the_call(name: str) -> None:
    async with multi_await(asyncio.Queue[str]().get) as m:
        with pytest.warns(RuntimeWarning, match=rf"'MultiAwait\.{name}' was never awaited"):
            getattr(m, name)()
