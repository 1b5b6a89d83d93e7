"""The Go by Example program."""

from __future__ import annotations

import asyncio

import go_select
import pytest


async def test_go_select_prints_what_the_go_program_prints_in_two_seconds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    await go_select.main()
    assert capsys.readouterr().out == "received one\nreceived two\n"
    assert asyncio.get_running_loop().time() == 2
