"""Random programs against a model of MultiAwait: only what the model allows may happen."""

from __future__ import annotations

import sys
from collections import Counter

import hypothesis
import pytest
from hypothesis import given, settings

from tests.machinery.model import Made
from tests.machinery.programs import (
    add,
    call,
    close,
    function,
    put_item,
    rest,
    run,
    shut_down,
    start_call,
)
from tests.machinery.random_programs import AS_THE_SEED_SAYS, Program, programs
from tests.machinery.tools import SCHEDULES

OPEN = Made(biased=False, watched=False, fixed=False)

# What the programs must do, or they prove nothing.
WAITING = ["select", "async for", "get", "get_or_raise"]
NOWAIT = ["select_nowait", "get_nowait"]
TO_BE_SEEN = {
    *(f"{kind}: something" for kind in ["Gets", "Batches", "Puts", "OwnPuts", "Function"]),
    *(f"{kind}: something" for kind in ["Waits", "Acquires", "Timer", "Ends", "Catches"]),
    *(f"{call}: something" for call in [*WAITING, *NOWAIT]),
    *(f"{call}: NothingToAwait" for call in [*WAITING, *NOWAIT]),
    *(f"{call}: RuntimeError" for call in [*WAITING, *NOWAIT]),  # refused, or a source cancelled
    *(f"{call}: cancelled" for call in WAITING),
    *(f"{call}: Fault" for call in ["select", "async for", "get_or_raise"]),
    "Function: Fault",
    "Function: CancelledError",
    "OwnPuts: Fault",
    "Ends: Fault",
    "Catches: CancelledError",
    "an end as a value",
    "a failure as a value",
    "select_nowait: nothing",
    "async for: StopAsyncIteration",
    "blocked at rest",
}


# Hypothesis checks who refers to its random numbers, and gc.freeze() in conftest.py hides that.
@pytest.mark.filterwarnings("ignore:It looks like `register_random`")
def test_a_random_program_behaves_as_the_model_says() -> None:
    seen: Counter[str] = Counter()

    @hypothesis.seed(sys.version_info.minor)  # the same each time, but different on each Python
    @settings(AS_THE_SEED_SAYS, max_examples=2 * SCHEDULES)
    @given(programs())
    def one_program(program: Program) -> None:
        seen.update(run(*program))

    one_program()
    if SCHEDULES >= 600:
        assert TO_BE_SEEN - set(seen) == set()


def test_async_for_on_a_closed_multi_await_raises_even_if_it_was_exhausted() -> None:
    ended = [put_item(0, "end"), add(0, function(0)), call(0, "async for", 2)]
    run(OPEN, OPEN, [*ended, close(0), call(0, "async for", 2)])


def test_ending_a_function_whose_queue_was_shut_down_is_not_a_failure() -> None:
    run(OPEN, OPEN, [add(0, function(0)), call(0, "select", 0), shut_down(0)])


def test_a_value_kept_by_get_or_raise_is_delivered_alone() -> None:
    three = Made(biased=False, watched=True, fixed=False, sources=3 * (function(0),))
    fails = [put_item(0, "value"), put_item(0, "failure"), start_call(0, "get_or_raise"), rest()]
    run(three, OPEN, [*fails, put_item(0, "value"), rest(), *2 * [call(0, "get_or_raise", 0)]])
