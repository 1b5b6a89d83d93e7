"""Two blows at any two steps of a consumer's short life: nothing is lost.

A blow is whatever `BLOWS` does to the consumer. The first may come at any step, and the second at
the same step or any later one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.machinery.tools import LENGTH
from tests.promises.short_lives import (
    AllInAGroup,
    GroupAmong,
    GroupInAGroup,
    NewLife,
    ShortLife,
    SignalsOverlap,
    TimersAreReset,
    told_batch_source,
    told_function_source,
    told_iteration_source,
    told_source,
    wrapped_queue_source,
)
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
    reset_after_source,
    reset_every_source,
    run,
    select,
    signals_source,
    times_out,
)

# Strides of the first and the second blow; LENGTH=5 runs every pair, and `make soak` picks some.
STRIDES = {2: (6, 12), 3: (2, 3)}.get(LENGTH, (1, 1))
NEW_STRIDES = {2: (6, 12), 3: (2, 5), 4: (1, 5)}.get(LENGTH, (1, 1))


def has_an_end(scenario: Scenario) -> None:
    scenario.break_source(StopAsyncIteration())


def has_an_item(scenario: Scenario) -> None:
    assert isinstance(scenario, ShortLife)
    scenario.one_more_item()


def has_a_source_removed(scenario: Scenario) -> None:
    assert isinstance(scenario, ShortLife)
    if hasattr(scenario, "m") and not scenario.consumer.done():
        scenario.others.append(asyncio.create_task(scenario.remove()))


BLOWS = [is_cancelled, times_out, has_a_failure, has_an_end, has_an_item, has_a_source_removed]
CONSUMERS = [select, get_or_raise]
LIVES: dict[str, tuple[type[ShortLife], list[Kind]]] = {
    "asyncio's own and a task": (ShortLife, [queue_source, function_source, fault_source]),
    "a batch and an iteration": (ShortLife, [batch_source, each_source, fault_source]),
    "ends and failures as values": (
        NewLife,
        [wrapped_queue_source, told_source, told_function_source],
    ),
    "a batch and an iteration that end": (NewLife, [told_batch_source, told_iteration_source]),
    "timers that are reset": (
        TimersAreReset,
        [reset_every_source, reset_after_source, queue_source],
    ),
    "signals that overlap": (SignalsOverlap, [signals_source, signals_source, fault_source]),
    "a group among them": (GroupAmong, [queue_source, told_function_source, batch_source]),
    "all in a group": (AllInAGroup, [wrapped_queue_source, told_source]),
    "a group in a group": (GroupInAGroup, [batch_source, told_iteration_source, queue_source]),
}


def both(first: Deed, second: Deed) -> Deed:
    def deed(scenario: Scenario) -> None:
        first(scenario)
        second(scenario)

    return deed


@pytest.mark.parametrize("second", BLOWS)
@pytest.mark.parametrize("first", BLOWS)
@pytest.mark.parametrize("consume", CONSUMERS)
@pytest.mark.parametrize("life", LIVES)
def test_a_consumer_survives_two_blows_at_any_two_steps(
    life: str,
    consume: Consume,
    first: Deed,
    second: Deed,
    record_property: Callable[[str, object], None],
) -> None:
    scenario, kinds = LIVES[life]
    strides = NEW_STRIDES if issubclass(scenario, NewLife) else STRIDES
    record_property("lives", live_all(kinds, consume, first, second, scenario, strides))


def live_all(
    kinds: list[Kind],
    consume: Consume,
    first: Deed,
    second: Deed,
    scenario: type[ShortLife],
    strides: tuple[int, int] = (1, 1),
) -> int:
    """Run the first blow at each step and the second at each from there on; return how many ran."""
    lives = 0
    for step in range(1, run(kinds, consume, {}, scenario) + 1, strides[0]):
        lived = run(kinds, consume, {step: first}, scenario)
        for later in range(step + step % strides[1], lived + 1, strides[1]):
            deeds = {step: first, later: second} if step < later else {step: both(first, second)}
            try:
                run(kinds, consume, deeds, scenario)
            except BaseException as failure:
                failure.add_note(f"at the steps {step} and {later} of {lived}")
                raise
            lives += 1
    return lives
