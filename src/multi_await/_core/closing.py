"""The end of sources: all at once, each in a task of its own, whatever cancels us meanwhile.

This module knows slots and their sources, and nothing of polling.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine
from typing import Any

from multi_await._core.outcome import Kept, report
from multi_await._core.slot import Slot
from multi_await._tasks import ended_by, start, until_done


async def end_all(slots: Collection[Slot], undelivered: list[tuple[int, Any]]) -> None:
    """End these sources, and wait until all have ended; what they leave goes to `undelivered`."""
    cancelled = None
    interrupts = list[BaseException]()
    while unended := [slot for slot in slots if slot.state != "ended"]:
        for slot in sorted(unended):
            # Done, and not ended: cancelled before its first step by a loop that shuts down.
            if slot.ending is None or slot.ending.done():
                # A factory that wraps it would leave it never awaited.
                if slot.end is not None:  # pragma: no cover -- runs, unseen by 3.11's tracer
                    slot.end.close()
                slot.end = _end_of(slot, undelivered, interrupts)
                slot.ending = _start_end(slot, slot.end)
        endings = [slot.ending for slot in unended if slot.ending is not None]
        cancelled = await until_done(endings) or cancelled
    for slot in slots:
        slot.end = slot.ending = None  # which would keep whoever waited for it
    for raised in (*interrupts, cancelled):
        if raised is not None:
            raise raised


def _start_end(slot: Slot, end: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    before = ended_by.set(asyncio.current_task())
    try:
        return start(end, f"end of {slot}")
    finally:
        ended_by.reset(before)


async def _end_of(
    slot: Slot, undelivered: list[tuple[int, Any]], interrupts: list[BaseException]
) -> None:
    try:
        while isinstance(kept := slot.source, Kept):
            slot.source = kept.source
            if kept.failure is None:
                undelivered.append((slot.position, kept.value))
            else:
                report(kept.failure, slot)
        left = await slot.source.aclose()
        if left is not None:
            undelivered.extend((slot.position, value) for value in left)
    except asyncio.CancelledError:
        pass  # what we asked for
    except GeneratorExit:
        raise  # the event loop is gone, and with it whom to tell
    except (KeyboardInterrupt, SystemExit) as interrupt:
        interrupts.append(interrupt)
    except BaseException as failure:
        report(failure, slot)
    finally:
        slot.state = "ended"
        del slot.source  # which may hold our wake, and so this slot: no cycle
