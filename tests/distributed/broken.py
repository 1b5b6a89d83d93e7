"""The programs with a built-in fault or accident: python broken.py FAULT OPTIONS..."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import sys
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import pytest
from redis.asyncio import Redis

sys.path.insert(0, str(Path(__file__).parents[2] / "docs/examples"))
from distributed import web, worker

change = pytest.MonkeyPatch().setattr


def acknowledges_first() -> None:
    read = worker.Views.read

    async def read_and_acknowledge(self: worker.Views) -> Iterable[worker.Entry]:
        entries = list(await read(self))
        if entries:
            await self.finish([entry_id for entry_id, _ in entries])
        return entries

    change(worker.Views, "read", read_and_acknowledge)


def without_greatest() -> None:
    greatest = "GREATEST(old.last_active_time, excluded.last_active_time)"
    assert greatest in worker.UPSERT
    change(worker, "UPSERT", worker.UPSERT.replace(greatest, "excluded.last_active_time"))


def trims() -> None:
    change(Redis, "xadd", functools.partialmethod(Redis.xadd, maxlen=10, approximate=False))


async def die(self: worker.Views, ids: Collection[bytes]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dies_before_deletion() -> None:
    change(worker.Views, "delete", die)


def dies_before_acknowledgement() -> None:
    change(worker.Views, "acknowledge", die)


FAULTS: list[Callable[[], None]] = [
    acknowledges_first,
    without_greatest,
    trims,
    dies_before_deletion,
    dies_before_acknowledgement,
]

if __name__ == "__main__":
    name = sys.argv.pop(1)
    {fault.__name__: fault for fault in FAULTS}[name]()
    main, arguments = (
        (web.main, web.arguments) if name == "trims" else (worker.main, worker.arguments)
    )
    asyncio.run(main(**vars(arguments())))
