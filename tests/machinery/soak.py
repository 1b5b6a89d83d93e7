"""Random programs and schedules, different ones each time: `make soak SECONDS=60`.

In addition, this runs programs of every_program.py that are one operation longer than in CI: those
of a random setting with the same random beginning. And a random short life gets two blows at every
pair of steps.

Each round has a seed, which is printed; SOAK_SEED=... runs only that round again.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable

import hypothesis
import pytest
from hypothesis import given, settings

from multi_await._core import calls
from tests.conftest import new_loop, with_task_factory
from tests.machinery.every_program import BUDGET, SETTINGS, Program, every_program, length_for
from tests.machinery.programs import run as run_program
from tests.machinery.random_programs import AS_THE_SEED_SAYS, programs
from tests.machinery.random_programs import Program as RandomProgram
from tests.machinery.shuffled_loop import ShuffledLoop
from tests.promises.test_conservation import Schedule, function_source, inline_source
from tests.promises.test_conservation import run as run_schedule
from tests.promises.test_conservation_open_sets import Changing
from tests.promises.test_two_blows import BLOWS, CONSUMERS, LIVES, live_all

SECONDS = float(os.environ.get("SOAK_SECONDS", "60"))
SEED = os.environ.get("SOAK_SEED")
PROGRAMS = 500  # per round, for each event loop
SCHEDULES = 10
LENGTH = 5  # of the small programs
PARTS = 20  # roughly the operations that a program may begin with
COUNTED = ("programs", "steps", "schedules", "of all small programs", "lives")


def run_programs(seed: int, loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> Counter[str]:
    seen: Counter[str] = Counter()

    @hypothesis.seed(seed)
    @settings(AS_THE_SEED_SAYS, max_examples=PROGRAMS)
    @given(programs())
    def one_program(program: RandomProgram) -> None:
        seen.update(run_program(*program, loop_factory))
        seen["programs"] += 1
        seen["steps"] += len(program.steps)

    one_program()
    return seen


def run_every_program(seed: int) -> int:
    """Run the programs of one setting that begin with one operation."""
    chosen = random.Random(seed)  # noqa: S311 -- no secret
    setting, part = chosen.choice(SETTINGS), chosen.randrange(PARTS)
    programs = every_program(Program(setting), length_for(setting, LENGTH), part, PARTS)
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner(loop_factory=new_loop) as runner:
        patch.setattr(calls, "BUDGET", BUDGET)
        return runner.run(programs)


def run_lives(seed: int) -> int:
    """Run a life with two blows, each of which may come at every step."""
    chosen = random.Random(seed)  # noqa: S311 -- no secret
    scenario, kinds = LIVES[chosen.choice(list(LIVES))]
    consume, first, second = chosen.choice(CONSUMERS), chosen.choice(BLOWS), chosen.choice(BLOWS)
    return live_all(kinds, consume, first, second, scenario)


def run_schedules(seed: int) -> None:
    for kind, source in [
        (Schedule, inline_source),
        (Schedule, function_source),
        (Changing, inline_source),
    ]:
        for number in range(seed, seed + SCHEDULES):
            schedule = run_schedule(number, source, kind)
            there = schedule.delivered + schedule.left_in_queues() + schedule.undelivered
            assert Counter(there) == Counter(schedule.put), f"schedule {number}"


@pytest.mark.filterwarnings("ignore:It looks like `register_random`")
def test_soak() -> None:
    seen: Counter[str] = Counter()
    end = time.monotonic() + SECONDS
    while True:
        seed = int(SEED) if SEED else random.randrange(10**9)  # noqa: S311 -- no secret

        def shuffled_loop(seed: int = seed) -> asyncio.AbstractEventLoop:
            return with_task_factory(ShuffledLoop(seed))

        try:
            seen += run_programs(seed, new_loop)
            seen += run_programs(seed, shuffled_loop)
            run_schedules(seed)
            seen["of all small programs"] += run_every_program(seed)
            seen["lives"] += run_lives(seed)
        except BaseException as failure:
            failure.add_note(f"SOAK_SEED={seed} runs this round again")
            raise
        seen["schedules"] += 3 * SCHEDULES
        counts = ", ".join(f"{seen[what]} {what}" for what in COUNTED)
        sys.stdout.write(f"seed {seed}: done; {counts}\n")
        sys.stdout.flush()
        if SEED or time.monotonic() >= end:
            break
    for what, number in sorted(seen.items()):
        sys.stdout.write(f"{number:8} {what}\n")
