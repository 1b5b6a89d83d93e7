"""Every small program that a few operations can form, compared with the model.

Random programs (programs.py) are long and find what happens often. These are short and complete:
each of the settings below runs with every sequence of operations up to some length. An operation
that would do nothing is left out, if the state of the world shows that at this point: there is
nothing to cancel, for example, or nothing is paused.

Here the event loop gets its turn after two polls instead of 128, so that short programs meet that
too; and after a call was cancelled at such a turn, the next call must not yield again.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from multi_await._sources.convert import polled
from tests.machinery.kinds import EIGHTH, Box, Function, Gets, Kind
from tests.machinery.model import CALLS, NOWAIT_CALLS, Consumer, Errand, Made, World
from tests.machinery.programs import (
    AnyStep,
    add,
    call,
    call_nowait,
    cancel_calls,
    function,
    passes,
    pause,
    put_item,
    remove,
    rest,
    resume,
    shut_down,
    start_getter,
    step,
)

NO_SOURCES = Made(biased=False, watched=False, fixed=False)
BUDGET = 2  # replaces the one of multi_await._core.calls
MOST_SOURCES = 3


class Setting(NamedTuple):
    """How a program begins: `queue.get` at position 0, and a function at position 1."""

    beginning: str
    biased: bool
    fixed: bool

    def __str__(self) -> str:
        order, kind = "biased" if self.biased else "fair", "fixed" if self.fixed else "open"
        return f"{self.beginning}, {order}, {kind}"


# -- the world -------------------------------------------------------------------------------------


class GetsWatched(Gets):
    """The source `queue.get`, as the package makes it, even where the model sees each poll."""

    def __init__(self, box: Box) -> None:
        super().__init__(box)
        self.given = polled(box.real.get, "get")


class SmallConsumer(Consumer):
    """Knows a little more about what a call must do."""

    yielded = False  # the last call yielded to the event loop instead of taking what was there

    def ends(self, name: str, refusal: str | None, result: Any) -> None:
        in_vain = result is self.CANCELLED and bool(self.surely_ready())
        if refusal is None:
            self.world.must(not (in_vain and self.yielded), "two calls in a row had to yield")
            self.yielded = in_vain
        super().ends(name, refusal, result)

    def at_rest(self) -> None:
        """At rest, a blocked call has started every function."""
        super().at_rest()
        for position in self.positions.values() if self.calling is not None else ():
            if isinstance(position.kind, Function):
                idle = not position.kind.running and position.kind.holds is None
                of_no_use = position.paused or position.exhausted
                self.world.must(of_no_use or not idle, f"{position} was not started")


class SmallWorld(World):
    """Two queues, and a MultiAwait that waits for both."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(NO_SOURCES, NO_SOURCES)
        self.boxes = [Box(self, asyncio.Queue()), Box(self, asyncio.Queue())]
        self.slots = self.slots[:1]
        made = Made(setting.biased, True, setting.fixed, (gets(0), function(1)))
        self.consumers = [SmallConsumer(self, made)]

    def blocked(self) -> bool:
        return self.consumers[0].calling is not None

    def has_task(self, errands: Sequence[Errand]) -> bool:
        return any(not errand.task.done() for errand in errands)


# -- the operations --------------------------------------------------------------------------------


@step
def gets(world: World, queue: int) -> Kind:
    return GetsWatched(world.boxes[queue])


@step
async def start_call(world: World, name: str) -> None:
    """Start a call in its own task; return when it blocks."""
    world.callers[0].append(Errand(lambda: world.consumers[0].call(name)))
    await asyncio.sleep(0)


@step
async def start_rival(world: World, queue: int) -> None:
    """Start another task that wants an item; return when it waits."""
    start_getter(queue)(world)
    await asyncio.sleep(0)


PASS, REST, CANCEL, ADD = passes(1), rest(), cancel_calls(0), add(0, gets(1))
PUTS: list[AnyStep] = [
    put_item(0, "value"),
    put_item(1, "value"),
    put_item(1, "failure"),
    put_item(1, "end"),
]
STARTS: list[AnyStep] = [start_call(name) for name in CALLS]
AT_ONCE: list[AnyStep] = [call(0, name, 0) for name in CALLS]
NOWAIT: list[AnyStep] = [call_nowait(0, name, 1) for name in NOWAIT_CALLS]
RIVAL, SHUT = start_rival(0), shut_down(0)


def operations(world: SmallWorld, last: AnyStep | None) -> Iterator[AnyStep]:
    """The operations that may come next."""
    yield from PUTS
    if hasattr(asyncio, "QueueShutDown") and not world.boxes[0].shut:
        yield SHUT
    # While a call is blocked, any other is refused, whatever its name.
    there_is_a_call = world.blocked()
    yield from STARTS[:1] if there_is_a_call else STARTS
    yield from [] if there_is_a_call else AT_ONCE
    yield from NOWAIT[:1] if there_is_a_call else NOWAIT
    if world.has_task(world.callers[0]):
        yield CANCEL
    if not world.has_task(world.rivals):
        yield RIVAL
    consumer = world.consumers[0]
    for number, position in consumer.positions.items():
        yield (resume if position.paused else pause)(0, number)
        if not consumer.fixed:
            yield remove(0, number)
    if not consumer.fixed and len(consumer.positions) < MOST_SOURCES:
        yield ADD
    if last is not REST:
        yield REST
        yield PASS


STARTED = [AT_ONCE[-1], REST]  # a call has polled both sources and found nothing
BEGINNINGS: dict[str, list[AnyStep]] = {
    "empty": [],
    "two values each": [*STARTED, *PUTS[:2], *PUTS[:2], REST],
    "a value and a failure": [*STARTED, PUTS[0], PUTS[2], REST],
    "an end": [*STARTED, PUTS[3], REST],
    "blocked": [STARTS[0], REST, RIVAL],
}
SETTINGS = [Setting(*each) for each in itertools.product(BEGINNINGS, [False, True], [False, True])]


def length_for(setting: Setting, length: int) -> int:
    """The length; one less if a program begins with some operations or can't change its sources."""
    less = setting.beginning != "empty" or setting.fixed
    return length - 1 if less and length > 2 else length


# -- every program ---------------------------------------------------------------------------------


class Program(NamedTuple):
    """It is run by `await run(*program)`, in an event loop."""

    setting: Setting
    steps: tuple[AnyStep, ...] = ()

    def longer(self, step: AnyStep) -> Program:
        return Program(self.setting, (*self.steps, step))


async def run(setting: Setting, steps: Sequence[AnyStep]) -> list[AnyStep]:
    """Run a program to its end, and return the operations that could have come next."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(EIGHTH - loop.time() % EIGHTH)  # the model counts from whole numbers
    world = SmallWorld(setting)
    loop.set_exception_handler(lambda _, context: world.report(context))
    try:
        for step in [*BEGINNINGS[setting.beginning], *steps]:
            if (result := step(world)) is not None:
                await result
        world.check()  # the shorter programs have checked after each earlier step
        may_follow = list(operations(world, steps[-1] if steps else None))
        await world.end()
    except BaseException as failure:
        failure.add_note(f"run({setting}, {steps})")
        raise
    finally:
        await world.consumers[0].real.cancel()
    return may_follow


async def every_program(program: Program, length: int, part: int = 0, parts: int = 1) -> int:
    """Run it and all programs up to some length that begin with it; return how many ran.

    With several parts, run only one of them: the next operations are divided among the parts.
    """
    may_follow = await run(*program)
    if len(program.steps) >= length:
        return 1
    # Each program ends with a rest: another rest or a pass before it changes nothing.
    if len(program.steps) == length - 1:
        may_follow = [step for step in may_follow if step not in (PASS, REST)]
    mine = [program.longer(step) for step in may_follow[part::parts]]
    return (part == 0) + sum([await every_program(longer, length) for longer in mine])
