"""The same lives, at each of their steps, with all sources in a group or in nested groups."""

from __future__ import annotations

from typing import Any

import pytest

from multi_await import Group, after, ending, multi_await
from tests.promises.test_every_step import (
    CALLS,
    LIFE,
    MIXED,
    Consume,
    Deed,
    Kind,
    Scenario,
    at_each_step,
    has_a_failure,
    is_cancelled,
    sees_the_loop_shut_down,
    times_out,
)

OVER = object()


class Grouped(Scenario):
    """Each source is told to end, and then leaves the group."""

    def waits_on(self, sources: list[Any]) -> Any:
        group = Group[int, Any]()
        for key, source in enumerate(sources):
            group.add(key, ending(source, OVER))
        return multi_await(group, after(LIFE))

    def whose(self, position: int, value: Any) -> tuple[int, Any]:
        return value if position == 0 else (len(self.kinds), value)

    def take(self, position: int, value: Any) -> None:
        if self.whose(position, value)[1] is not OVER:
            super().take(position, value)


class Nested(Grouped):
    """Half of the sources are in a group inside the group."""

    def waits_on(self, sources: list[Any]) -> Any:
        inner = Group[int, Any](biased=True)
        outer = Group[str, Any]()
        outer.add("inner", inner)
        for key, source in enumerate(sources):
            if key % 2:
                inner.add(key, source)
            else:
                outer.add(str(key), source)
        return multi_await(outer, after(LIFE))

    def whose(self, position: int, value: Any) -> tuple[int, Any]:
        if position == 0:
            key, inner = value
            value = inner if key == "inner" else (int(key), inner)
        return super().whose(position, value)


@pytest.mark.parametrize("scenario", [Grouped, Nested])
@pytest.mark.parametrize("deed", [is_cancelled, times_out, has_a_failure, sees_the_loop_shut_down])
@pytest.mark.parametrize("consume", CALLS)
@pytest.mark.parametrize("kinds", MIXED.values(), ids=MIXED)
def test_a_consumer_of_a_group_loses_nothing_when_disturbed_at_any_step(
    kinds: list[Kind], consume: Consume, deed: Deed, scenario: type[Scenario]
) -> None:
    at_each_step(kinds, consume, deed, scenario)
