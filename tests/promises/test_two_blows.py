"""Two blows at any two steps of a consumer's life, which is a short one: nothing is lost.

The first may come at each step, and the second at each later one, or at the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from multi_await import after, multi_await
from tests.machinery.tools import LENGTH
from tests.promises.test_every_step import (
    Consume,
    Deed,
    Kind,
    Scenario,
    batch_source,
    each_source,
    fault_source,
    function_source,
    get_or_raise,
    has_a_failure,
    is_cancelled,
    queue_source,
    run,
    select,
    times_out,
)

STRIDES = {2: (6, 12), 3: (2, 3)}.get(LENGTH, (1, 1))  # of the first and of the second blow


class ShortLife(Scenario):
    """Its set is open."""

    items = 1

    def waits_on(self, sources: list[Any]) -> Any:
        m: Any = multi_await()
        for source in [*sources, after(0.3)]:
            m.add(source)
        return m

    async def remove(self) -> None:
        """Remove the first source that is still there."""
        for position in range(len(self.kinds)):
            try:
                left = await self.m.remove(position)
            except IndexError:
                continue
            except RuntimeError as refusal:
                assert "was closed" in str(refusal)  # noqa: PT017 -- or another position is next
                return
            for value in left:
                self.take(position, value)
            return


def has_an_end(scenario: Scenario) -> None:
    scenario.break_source(StopAsyncIteration())


def has_an_item(scenario: Scenario) -> None:
    scenario.queue.put_nowait(scenario.number())


def has_a_source_removed(scenario: Scenario) -> None:
    assert isinstance(scenario, ShortLife)
    if hasattr(scenario, "m") and not scenario.consumer.done():
        scenario.others.append(asyncio.create_task(scenario.remove()))


BLOWS = [is_cancelled, times_out, has_a_failure, has_an_end, has_an_item, has_a_source_removed]
LIVES = {
    "asyncio's own and a task": [queue_source, function_source, fault_source],
    "a batch and an iteration": [batch_source, each_source, fault_source],
}


def both(first: Deed, second: Deed) -> Deed:
    def deed(scenario: Scenario) -> None:
        first(scenario)
        second(scenario)

    return deed


@pytest.mark.parametrize("second", BLOWS)
@pytest.mark.parametrize("first", BLOWS)
@pytest.mark.parametrize("consume", [select, get_or_raise])
@pytest.mark.parametrize("kinds", LIVES.values(), ids=LIVES)
def test_a_consumer_meets_two_blows_at_any_two_steps(
    kinds: list[Kind],
    consume: Consume,
    first: Deed,
    second: Deed,
    record_property: Callable[[str, object], None],
) -> None:
    lives = 0
    for step in range(1, run(kinds, consume, {}, ShortLife) + 1, STRIDES[0]):
        lived = run(kinds, consume, {step: first}, ShortLife)
        for later in range(step + step % STRIDES[1], lived + 1, STRIDES[1]):
            deeds = {step: first, later: second} if step < later else {step: both(first, second)}
            try:
                run(kinds, consume, deeds, ShortLife)
            except BaseException as failure:
                failure.add_note(f"at the steps {step} and {later} of {lived}")
                raise
            lives += 1
    record_property("lives", lives)
