"""Programs for the model (model.py): their steps, and what runs them.

A program is a list of steps that one coroutine runs, rather than a state machine of Hypothesis,
which would run the event loop once for each rule: two steps may follow each other without a pass of
the event loop, and that is where wake-ups get lost. A program is printed as it is written here: to
run a failure again, put `run(...)` into a test.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Concatenate, Generic, ParamSpec, TypeAlias, TypeVar

from tests.conftest import new_loop
from tests.machinery.kinds import (
    ENDS,
    Acquires,
    Batches,
    Catches,
    Ends,
    Function,
    Gets,
    Kind,
    Meaning,
    OwnPuts,
    Puts,
    SlowToPut,
    Timer,
    Waits,
)
from tests.machinery.model import Errand, Made, Position, World

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class Step(Generic[R_co]):
    """A function with all its arguments except the world."""

    def __init__(self, do: Callable[..., R_co], arguments: tuple[object, ...]) -> None:
        self.do = do
        self.arguments = arguments

    def __call__(self, world: World) -> R_co:
        return self.do(world, *self.arguments)

    def __repr__(self) -> str:
        return f"{self.do.__name__}({', '.join(map(repr, self.arguments))})"


AnyStep: TypeAlias = Step[Awaitable[None] | None]


def step(do: Callable[Concatenate[World, P], R_co]) -> Callable[P, Step[R_co]]:
    def later(*args: P.args, **kwargs: P.kwargs) -> Step[R_co]:
        assert not kwargs
        return Step(do, args)

    return later


def run(
    first: Made,
    second: Made,
    steps: Sequence[AnyStep],
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = new_loop,
) -> Counter[str]:
    """Run a program, and return what was seen."""

    async def main() -> Counter[str]:
        world = World(first, second)
        asyncio.get_running_loop().set_exception_handler(lambda _, context: world.report(context))
        done = list[AnyStep]()
        try:
            for step in steps:
                done.append(step)
                if (result := step(world)) is not None:
                    await result
                world.check()
            await world.end()
        except BaseException as failure:
            failure.add_note(f"run({first}, {second}, {done})")
            raise
        finally:
            for consumer in world.consumers:
                await consumer.real.cancel()
        return world.seen

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(main())


# -- sources ---------------------------------------------------------------------------------------


@step
def gets(world: World, queue: int) -> Kind:
    return Gets(world.boxes[queue])


@step
def function(world: World, queue: int) -> Kind:
    return Function(world.boxes[queue], slow=False)


@step
def slow_function(world: World, queue: int) -> Kind:
    return Function(world.boxes[queue], slow=True)


@step
def batches(world: World, queue: int, most: int) -> Kind:
    return Batches(world.boxes[queue], most)


@step
def puts(world: World, queue: int) -> Kind:
    box = world.boxes[queue]
    return OwnPuts(box, box.real) if isinstance(box.real, SlowToPut) else Puts(box)


@step
def acquires(world: World, which: int) -> Kind:
    return Acquires(world.slots[which])


@step
def waits(world: World) -> Kind:
    return Waits(world.flag)


@step
def ticks_every(world: World, seconds: float) -> Kind:
    return Timer(world, seconds, once=False)


@step
def comes_after(world: World, seconds: float) -> Kind:
    return Timer(world, seconds, once=True)


@step
def ends(world: World, source: Step[Kind]) -> Kind:
    return Ends(world, source(world))


@step
def catches(world: World, source: Step[Kind]) -> Kind:
    return Catches(world, source(world))


# -- steps with a MultiAwait: `who` is 0 for the first, and 1 for the second -----------------------


def attempt(world: World, refusal: type[Exception] | None, do: Callable[[], object]) -> bool:
    """Do it, or expect that it is refused."""
    try:
        do()
    except (TypeError, IndexError, RuntimeError) as refused:
        world.must(type(refused) is refusal, f"{refused!r}, and not {refusal}")
        return False
    world.must(refusal is None, f"no {refusal}")
    return True


@step
def add(world: World, who: int, source: Step[Kind]) -> None:
    consumer = world.consumers[who]
    position = Position(consumer, consumer.free_position(), source(world))
    refusal = TypeError if consumer.fixed else RuntimeError if consumer.closed else None

    def do() -> None:
        number = consumer.real.add(position.source())
        world.must(number == position.number, f"add() gave {number}, and not {position.number}")

    if attempt(world, refusal, do):
        consumer.positions[position.number] = position


@step
async def remove(world: World, who: int, number: int) -> None:
    consumer = world.consumers[who]
    refusal = TypeError if consumer.fixed else RuntimeError if consumer.closed else IndexError
    position = None
    if not consumer.fixed:
        position = consumer.positions.pop(number, None)
    try:
        left = await consumer.real.remove(number)
    except (TypeError, IndexError, RuntimeError) as refused:
        world.must(position is None and type(refused) is refusal, f"{refused!r}, not {refusal}")
    else:
        world.must(position is not None, f"there was no source at {number} to remove")
        if position is not None:
            world.must([*left] == consumer.ended(position), f"{position} left {left}")


def guard(world: World, who: int, number: int, paused: bool) -> None:
    """Pause the source, or resume it."""
    consumer = world.consumers[who]
    position = consumer.positions.get(number)
    if position is not None and position.over() and not position.watched:
        return  # it has no effect if a poll has found the end, which the model cannot know
    refusal: type[Exception] | None = None
    if consumer.closed:
        refusal = RuntimeError
    elif position is None:
        refusal = IndexError
    do = consumer.real.pause if paused else consumer.real.resume
    if attempt(world, refusal, lambda: do(number)) and position is not None:
        position.paused = paused and not position.exhausted
        world.changed()


@step
def pause(world: World, who: int, number: int) -> None:
    guard(world, who, number, paused=True)


@step
def resume(world: World, who: int, number: int) -> None:
    guard(world, who, number, paused=False)


def timed(world: World, who: int, number: int, what: Callable[[Timer], None]) -> None:
    """Call this method of the timer at that position, if there is one."""
    position = world.consumers[who].positions.get(number)
    if position is not None and position.kind.timer is not None:
        what(position.kind.timer)
        world.changed()


@step
def reset_timer(world: World, who: int, number: int, seconds: float | None) -> None:
    def reset(timer: Timer) -> None:
        refusal = RuntimeError if timer.over() else None
        if attempt(world, refusal, lambda: timer.given.reset(seconds)):
            timer.reset(seconds)

    timed(world, who, number, reset)


@step
def stop_timer(world: World, who: int, number: int) -> None:
    def stop(timer: Timer) -> None:
        timer.given.stop()
        timer.stop()

    timed(world, who, number, stop)


@step
async def call(world: World, who: int, name: str, seconds: float) -> None:
    """Call it from the program itself, with a timeout."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await world.consumers[who].call(name)


@step
def call_nowait(world: World, who: int, name: str, times: int) -> None:
    for _ in range(times):
        world.consumers[who].call_nowait(name)


@step
def start_call(world: World, who: int, name: str) -> None:
    """Call it from its own task."""
    world.callers[who].append(Errand(lambda: world.consumers[who].call(name)))


@step
def cancel_calls(world: World, who: int) -> None:
    for caller in world.callers[who]:
        caller.cancel()


@step
async def close(world: World, who: int) -> None:
    await world.close(world.consumers[who])


# -- steps of others -------------------------------------------------------------------------------


@step
def put_item(world: World, queue: int, meaning: Meaning) -> None:
    box = world.boxes[queue]
    if not box.full() and not box.shut:
        item = world.item(meaning)
        box.real.put_nowait(item)
        box.entered(item)


@step
def take_item(world: World, queue: int) -> None:
    box = world.boxes[queue]
    if box.items:
        item = box.real.get_nowait()
        box.left(item)
        world.delivered.append(item)


@step
def shut_down(world: World, queue: int) -> None:
    """Shut it down; needs Python 3.13."""
    box = world.boxes[queue]
    if hasattr(box.real, "shutdown"):
        box.real.shutdown()
        box.shut = True
        world.changed()


@step
def start_getter(world: World, queue: int) -> None:
    box = world.boxes[queue]

    async def get() -> None:
        with contextlib.suppress(*ENDS):
            item = await box.real.get()
            box.left(item)
            world.delivered.append(item)

    world.rivals.append(Errand(get, wants=box))


@step
def start_putter(world: World, queue: int, meaning: Meaning) -> None:
    box = world.boxes[queue]
    item = world.item(meaning)

    async def put() -> None:
        with contextlib.suppress(*ENDS):
            await box.real.put(item)
            box.entered(item)

    world.rivals.append(Errand(put, wants=box))


@step
def start_holder(world: World, which: int, seconds: float) -> None:
    slots = world.slots[which]

    async def hold() -> None:
        await slots.real.acquire()
        slots.acquired()
        try:
            await asyncio.sleep(seconds)
        finally:
            slots.released()

    world.rivals.append(Errand(hold, wants=slots))


@step
def cancel_rival(world: World, number: int) -> None:
    """Cancel one of the rivals that still wait."""
    there = [rival for rival in world.rivals if not rival.task.done()]
    if there:
        there[number % len(there)].cancel()


@step
def release(world: World, which: int) -> None:
    """Release what a MultiAwait has acquired for the program."""
    slots = world.slots[which]
    if slots.lent:
        slots.lent -= 1
        slots.released()


@step
def set_event(world: World) -> None:
    world.flag.set()


@step
def clear_event(world: World) -> None:
    world.flag.clear()


@step
def later(world: World, seconds: float, what: Step[None]) -> None:
    """Do it later, while the program goes on or waits in a call."""

    async def wait() -> None:
        await asyncio.sleep(seconds)
        what(world)

    world.rivals.append(Errand(wait))


@step
async def sleep(world: World, seconds: float) -> None:
    await asyncio.sleep(seconds)


@step
async def passes(world: World, number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


@step
async def rest(world: World) -> None:
    await world.rest()
