"""Where a MultiAwait can't equal a bare wait, and that it differs nowhere else.

test_random_programs.py explains why.
"""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Callable
from typing import TypeAlias

import pytest

from multi_await import multi_await
from tests.machinery.tools import steps
from tests.peers.primitives.shared import Function, Get, Lock, Queue
from tests.peers.primitives.ways import CALLS, Call, bare, kept, select

pytestmark = pytest.mark.in_order


Scene: TypeAlias = Callable[[], tuple[Function, Callable[[], object]]]


def item() -> tuple[Function, Callable[[], object]]:
    queue = Queue()
    return queue.get, functools.partial(queue.put_nowait, 1)


def room() -> tuple[Function, Callable[[], object]]:
    queue = Queue(1)
    queue.put_nowait(1)
    return functools.partial(queue.put, 2), queue.get_nowait


def lock() -> tuple[Function, Callable[[], object]]:
    shared = Lock(random.Random(0))  # noqa: S311
    shared.take(0)
    return shared.lock.acquire, shared.lock.release


def slot() -> tuple[Function, Callable[[], object]]:
    semaphore = asyncio.Semaphore(0)
    return semaphore.acquire, semaphore.release


def flag() -> tuple[Function, Callable[[], object]]:
    event = asyncio.Event()
    return event.wait, event.set


async def resumed(scene: Scene, call: Call | None, passes: int) -> list[str]:
    """Two tasks wait; one is woken, and so many passes later the first in line is cancelled."""
    function, wake = scene()
    gone_on = list[str]()

    async def wait(name: str) -> None:
        async with multi_await(function) as m:
            try:
                await (function() if call is None else call(m))
                gone_on.append(name)
            finally:
                await asyncio.sleep(5)  # the MultiAwait still exists, and must hold nothing

    waiting = [asyncio.create_task(wait(name)) for name in ("first", "second")]
    await asyncio.sleep(1)
    wake()
    await steps(passes)
    waiting[0].cancel()
    await asyncio.sleep(1)
    waiting[1].cancel()
    await asyncio.wait(waiting)
    return gone_on


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("scene", [item, room, lock, slot, flag])
async def test_a_cancellation_differs_from_that_of_a_bare_wait_in_only_one_pass(
    scene: Scene, call: Call
) -> None:
    for passes in range(8):
        through = await resumed(scene, call, passes)
        assert (through == await resumed(scene, None, passes)) == (passes != 1)
        assert ("first" in through) == (passes > 1)


@pytest.mark.parametrize("call", CALLS)
async def test_only_a_task_in_the_pass_between_can_take_an_item_from_a_multi_await(
    call: Call,
) -> None:
    for passes in range(8):
        taken = list[bool]()
        for way in (kept(call), bare):
            shared = Get(random.Random(0))  # noqa: S311
            async with way(shared, 0) as take:
                waiting = asyncio.ensure_future(take())
                await steps(3)
                shared.act()
                await steps(passes)
                taken.append(shared.is_free())
                if taken[-1]:
                    shared.take(1)
                await steps(5)
                assert waiting.done() != taken[-1]
                waiting.cancel()
                await asyncio.wait([waiting])
        assert taken == [passes < 2, passes < 1]


async def test_a_notification_that_arrives_with_a_cancellation_is_in_undelivered() -> None:
    condition = asyncio.Condition()

    async def notified() -> str:
        async with condition:
            await condition.wait()
        return "notified"

    m = multi_await(notified)
    blocked = asyncio.create_task(select(m))
    await steps(3)
    async with condition:
        condition.notify()
        blocked.cancel()
    await asyncio.wait([blocked])
    assert blocked.cancelled()
    await m.cancel()
    assert m.undelivered == ((0, "notified"),)
