"""Random programs for the model (model.py), made of the steps in programs.py."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from tests.machinery.kinds import EIGHTH, Kind, Meaning
from tests.machinery.model import BLINK, CALLS, NOWAIT_CALLS, Made
from tests.machinery.programs import (
    AnyStep,
    Step,
    acquires,
    add,
    batches,
    call,
    call_nowait,
    cancel_calls,
    cancel_rival,
    catches,
    clear_event,
    close,
    comes_after,
    ends,
    function,
    gets,
    later,
    passes,
    pause,
    put_item,
    puts,
    release,
    remove,
    reset_timer,
    rest,
    resume,
    set_event,
    shut_down,
    sleep,
    slow_function,
    start_call,
    start_getter,
    start_holder,
    start_putter,
    stop_timer,
    take_item,
    ticks_every,
    waits,
)

T = TypeVar("T")


def each(make: Callable[..., Step[T]], *arguments: Iterable[object]) -> list[Step[T]]:
    """The step with each of these arguments; one listed twice is drawn twice as often."""
    return [make(*chosen) for chosen in itertools.product(*arguments)]


# The program itself mostly calls the first, and other tasks call the second.
BOTH, FIRST, SECOND = [0, 1], [0, 0, 0, 1], [1, 1, 1, 0]
LOCKS = [0, 1]
WAITING = [*CALLS, "get_or_raise"]
POSITIONS = [0, 0, 0, 1, 1, 2, 3, -1]
SECONDS = [EIGHTH, 0.5, 2]
MEANINGS: list[Meaning] = ["value", "value", "value", "failure", "failure", "end", "cancelled"]
AFTERWARDS: list[AnyStep | None] = [*4 * [None], *each(passes, [1, 2, 3]), *4 * each(rest)]


@functools.cache
def sources_with(queues: tuple[int, ...]) -> list[Step[Kind]]:
    functions = [*2 * each(function, queues), *each(slow_function, queues)]
    plain = [
        *2 * each(gets, queues),
        *functions,
        *each(batches, queues, [1, 2, 9]),
        *2 * each(puts, queues),
        *each(acquires, LOCKS),
        *each(waits),
        *each(comes_after, SECONDS),
        *each(ticks_every, SECONDS),
    ]
    caught = each(catches, [*functions, *each(puts, queues)])
    return [*plain, *caught, *each(ends, plain[:-3]), *each(ends, caught)]


@functools.cache
def steps_with(queues: tuple[int, ...]) -> list[Sequence[AnyStep | None]]:
    sudden = [
        *each(put_item, queues, ["value", "failure"]),
        *each(take_item, queues),
        *each(release, LOCKS),
        *each(set_event),
        *each(clear_event),
        *each(reset_timer, BOTH, [0, 1], [None, 0]),
    ]
    return [
        [None],  # the simplest: failures shrink to this
        *6 * [each(put_item, queues, MEANINGS)],
        *1 * [each(take_item, queues)],
        *1 * [each(release, LOCKS)],
        *2 * [each(set_event)],
        *1 * [each(clear_event)],
        *4 * [each(later, [EIGHTH, EIGHTH, 0.5], sudden)],
        *4 * [each(call, FIRST, WAITING, [0, BLINK, EIGHTH, 2])],
        *3 * [each(call_nowait, FIRST, NOWAIT_CALLS, [1, 1, 5])],
        *4 * [each(start_call, SECOND, WAITING)],
        *2 * [each(cancel_calls, SECOND)],
        *1 * [each(remove, BOTH, POSITIONS)],
        *2 * [each(pause, BOTH, POSITIONS)],
        *2 * [each(resume, BOTH, POSITIONS)],
        *2 * [each(reset_timer, BOTH, POSITIONS, [None, -1, 0, EIGHTH, 2])],
        *1 * [each(stop_timer, BOTH, POSITIONS)],
        *2 * [each(start_getter, queues)],
        *1 * [each(start_putter, queues, MEANINGS)],
        *1 * [each(start_holder, LOCKS, SECONDS)],
        *1 * [each(cancel_rival, [0, 1, 2])],
        *2 * [each(sleep, SECONDS)],
        # Rare, because little happens after these.
        [*each(close, BOTH), *each(shut_down, queues), None, None, None, None],
    ]


# No time limits and no memory of other runs: the same seed gives the same programs.
AS_THE_SEED_SAYS = settings(
    phases=[Phase.generate, Phase.shrink],
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


class Program(NamedTuple):
    """What `run` takes."""

    first: Made
    second: Made
    steps: list[AnyStep]


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Programs with few queues and few sources, so that many want the same."""
    queues = tuple(draw(st.lists(st.integers(0, 3), min_size=1, max_size=3)))
    sources = draw(st.lists(st.sampled_from(sources_with(queues)), min_size=1, max_size=4))
    chosen = st.lists(st.sampled_from(sources), max_size=4).map(tuple)
    made = st.builds(Made, st.booleans(), st.booleans(), st.booleans(), chosen, st.booleans())
    choices = [*steps_with(queues), *3 * [each(add, BOTH, sources)]]
    # Three numbers per step: which step, which arguments, and what follows it. Many of them,
    # because lists are mostly short; but zeros are not steps.
    steps = list[AnyStep]()
    pairs = draw(st.lists(st.binary(min_size=6, max_size=6), min_size=15, max_size=30))
    for pair in pairs:
        for which, with_what, afterwards in (pair[:3], pair[3:]):
            options = choices[which % len(choices)]
            step = options[with_what % len(options)]
            if step is not None:
                steps += filter(None, [step, AFTERWARDS[afterwards % len(AFTERWARDS)]])
    return Program(draw(made), draw(made), steps)
