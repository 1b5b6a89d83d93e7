"""Whatever happens to a consumer, at any step of the event loop, nothing is lost.

A step is one callback that the event loop runs. A scenario first runs undisturbed, and the steps of
its consumer's life are counted. Then it runs again once per step, and something happens there: the
consumer is cancelled, its call times out, or a source fails. Each time, every item put must be
delivered once, be in `undelivered`, or still be there; locks and slots must be free, no wake-up may
be lost on its way to another task, every signal must reach a source or the previous handler, which
must be restored, and the cancellation must be raised.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import signal
import sys
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import Context
from typing import Any, TypeAlias, TypeVarTuple

import pytest
from virtual_clock import VirtualClockLoop

from multi_await import (
    MultiAwait,
    Timer,
    after,
    batched,
    catching,
    each,
    ending,
    every,
    inline,
    multi_await,
    once,
    put,
    signals,
)
from tests.conftest import Reported
from tests.machinery.tools import SCHEDULES

Ts = TypeVarTuple("Ts")

ITEMS = 2
SIGNUM = signal.SIGTERM if sys.platform == "win32" else signal.SIGUSR1
LIFE = 1.3  # seconds after which the consumer stops
STRIDE = 1 if SCHEDULES >= 600 else 40

Deed: TypeAlias = Callable[["Scenario"], object]
Kind: TypeAlias = Callable[["Scenario"], Any]
Consume: TypeAlias = Callable[["Scenario", MultiAwait[*tuple[Any, ...]]], Awaitable[None]]


END, BROKEN = "the end", "a failure"  # as values


class Fault(Exception):  # noqa: N818 -- what it is
    """A source's failure."""


class SlowToPut(asyncio.Queue[int]):
    """A queue with its own put."""

    async def put(self, item: int) -> None:
        await asyncio.sleep(0.1)
        await super().put(item)
        await asyncio.sleep(0)


class SteppingLoop(VirtualClockLoop):
    """Counts the callbacks that it runs, and performs a deed before some of them."""

    def __init__(self) -> None:
        self.step = 0
        self.deeds: dict[int, Callable[[], object]] = {}
        super().__init__()

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        return super().call_soon(self.one_step, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return super().call_at(when, self.one_step, callback, *args, context=context)

    def one_step(self, callback: Callable[[*Ts], object], *args: *Ts) -> None:
        self.step += 1
        if self.step in self.deeds:
            self.deeds.pop(self.step)()
        callback(*args)


class Scenario:
    """A producer, a rival for everything that is there, and one consumer with a MultiAwait."""

    items = ITEMS

    def __init__(self, kinds: list[Kind], consume: Consume) -> None:
        self.kinds = kinds
        self.consume = consume
        self.queue: asyncio.Queue[int] = asyncio.Queue()
        self.room: asyncio.Queue[int] = asyncio.Queue(1)
        self.slow_room = SlowToPut(1)
        self.queues = [self.queue, self.room, self.slow_room]
        self.lock = asyncio.Lock()
        self.slots = asyncio.Semaphore(1)
        self.event = asyncio.Event()
        self.stream = asyncio.StreamReader()
        self.timers = list[Timer]()
        self.raised = self.received = self.not_ours = 0  # signals
        self.faults = deque[asyncio.Future[None]]()
        self.asked: asyncio.Future[None] | None = None
        self.others = list[asyncio.Task[None]]()  # who performed a deed
        self.numbers = itertools.count(1)
        self.put = list[int]()
        self.delivered = list[int]()
        self.failed = 0
        self.ended = set[int]()  # positions that reported it
        self.timeout: asyncio.Timeout | None = None
        self.must_be_cancelled = False
        self.shut_down = False
        self.stopped = False
        self.busy = False

    def goes_on(self) -> bool:
        return not self.stopped

    def number(self) -> int:
        """A new item."""
        self.put.append(next(self.numbers))
        return self.put[-1]

    def fault(self) -> asyncio.Future[None]:
        """Fails or ends on request, and never gives anything."""
        new = asyncio.get_running_loop().create_future
        self.asked = self.faults.popleft() if self.faults else new()
        return self.asked

    def break_source(self, failure: Exception) -> None:
        """Break the source that waits for a fault, or else the next one that asks."""
        future = self.asked
        if future is None or future.done():
            future = asyncio.get_running_loop().create_future()
            self.faults.append(future)
        future.set_exception(failure)
        future.exception()  # whether or not a source ever asks for it

    # -- the others ----------------------------------------------------------------------------

    async def produce(self) -> None:
        for _ in range(self.items):
            await asyncio.sleep(0)
            self.queue.put_nowait(self.number())
            self.stream.feed_data(b"%d\n" % self.number())
            self.event.set()
            self.disturb()
            await asyncio.sleep(0)
            self.queue.put_nowait(self.number())
            await asyncio.sleep(0.4)
        self.stream.feed_eof()

    def disturb(self) -> None:
        """Let another task reset and stop timers, and send the process a signal."""
        for number, timer in enumerate(self.timers):
            with contextlib.suppress(RuntimeError):  # it has ended
                timer.stop()
                timer.reset(0 if number % 2 else None)
        self.raised += 1
        signal.raise_signal(SIGNUM)

    def handler_from_before(self, *_: object) -> None:
        self.not_ours += 1

    async def gets(self, queue: asyncio.Queue[int]) -> None:
        while True:
            self.delivered.append(await queue.get())
            await asyncio.sleep(0.5)

    async def holds(self, lock: asyncio.Lock | asyncio.Semaphore) -> None:
        while True:
            async with lock:
                await asyncio.sleep(0.25)
            await asyncio.sleep(0.25)

    def rivals(self) -> list[asyncio.Task[None]]:
        gets = [asyncio.create_task(self.gets(queue)) for queue in self.queues]
        return gets + [asyncio.create_task(self.holds(lock)) for lock in (self.lock, self.slots)]

    # -- the consumer --------------------------------------------------------------------------

    async def live(self) -> None:
        self.m: Any = self.waits_on([kind(self) for kind in self.kinds])
        try:
            async with self.m:
                await self.consume(self, self.m)
        finally:
            for event in self.m.undelivered:
                position, value = self.whose(*event)
                if position < len(self.kinds) and self.kinds[position] is own_put_source:
                    self.delivered.append(value)  # which the queue did not take
                else:
                    self.take(*event)

    def waits_on(self, sources: list[Any]) -> Any:
        return multi_await(*sources, after(LIFE))

    def whose(self, position: int, value: Any) -> tuple[int, Any]:
        """The source of an event, and its value."""
        return position, value

    @contextlib.asynccontextmanager
    async def failures(self) -> AsyncIterator[None]:
        """Continue after a failure, and after a call that timed out."""
        try:
            async with asyncio.timeout(None) as self.timeout:
                yield
        except TimeoutError:
            pass
        except Fault:
            self.failed += 1
        finally:
            self.timeout = None

    def take(self, position: int, value: Any) -> None:
        """Take a delivered value: count items, and give back what was lent."""
        position, value = self.whose(position, value)
        if position == len(self.kinds):
            self.stopped = True
            return
        kind = self.kinds[position]
        if kind in (lock_source, slot_source):
            (self.lock if kind is lock_source else self.slots).release()
            self.busy = True
        elif kind is event_source:
            self.event.clear()
        elif kind is signals_source:
            self.received += 1
        elif kind is batch_source:
            self.delivered += value
        elif value == END:
            assert position not in self.ended
            self.ended.add(position)
        elif value == BROKEN:
            self.failed += 1
        elif kind in TAKES:
            self.delivered.append(int(value))

    async def rest(self) -> None:
        """Rest after using a lock: it is ready again at once, and the clock would never move."""
        if self.busy:
            self.busy = False
            await asyncio.sleep(0.2)

    # -- a run ---------------------------------------------------------------------------------

    async def run(self, deeds: dict[int, Deed]) -> int:
        """Return how many steps the consumer lived."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SteppingLoop)
        begin = loop.step
        handler = self.handler_from_before
        before = signal.signal(SIGNUM, handler)
        producer = asyncio.create_task(self.produce())
        rivals = self.rivals()
        self.consumer = asyncio.create_task(self.live())
        loop.deeds = {begin + step: functools.partial(deed, self) for step, deed in deeds.items()}
        await asyncio.wait([self.consumer])
        lived = loop.step - begin
        loop.deeds = {}
        await asyncio.wait([producer, *self.others])
        for other in self.others:
            other.result()
        assert signal.signal(SIGNUM, before) == handler
        if not self.shut_down:
            await self.check_wake_ups()
        for rival in rivals:
            rival.cancel()
        await asyncio.wait(rivals)
        await self.check()
        return lived

    async def check_wake_ups(self) -> None:
        """The rivals must get what is there, and then what arrives."""
        await asyncio.sleep(10)
        assert all(queue.empty() for queue in self.queues)
        for queue in self.queues:
            queue.put_nowait(self.number())
        await asyncio.sleep(0.5)
        assert all(queue.empty() for queue in self.queues)

    async def check(self) -> None:
        assert self.consumer.cancelled() == self.must_be_cancelled
        if not self.must_be_cancelled:
            self.consumer.result()
        sharers = max(1, self.kinds.count(signals_source))
        assert self.raised <= self.received + self.not_ours <= self.raised * sharers
        assert not self.lock.locked()
        assert not self.slots.locked()
        self.stream.feed_eof()
        rest = [int(number) for number in (await self.stream.read()).split()]
        for queue in self.queues:
            assert "_getters" not in repr(queue)
            assert "_putters" not in repr(queue)
            rest += [queue.get_nowait() for _ in range(queue.qsize())]
        assert Counter(self.delivered + rest) == Counter(self.put)


# -- the sources -----------------------------------------------------------------------------------


def queue_source(scenario: Scenario) -> Any:
    return scenario.queue.get


def batch_source(scenario: Scenario) -> Any:
    return batched(scenario.queue, 3)


def function_source(scenario: Scenario) -> Any:
    async def get() -> int:
        return await scenario.queue.get()

    return get


def slow_function_source(scenario: Scenario) -> Any:
    """Has more steps after it took an item, and keeps the item if cancelled there."""

    async def get() -> int:
        item = await scenario.queue.get()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0.1)
        return item

    return get


def inline_source(scenario: Scenario) -> Any:
    async def get() -> int:
        return await scenario.queue.get()

    return inline(get)


def once_source(scenario: Scenario) -> Any:
    return once(scenario.queue.get())


def each_source(scenario: Scenario) -> Any:
    async def items() -> AsyncIterator[int]:
        while True:
            yield await scenario.queue.get()

    return each(items())


def lines_source(scenario: Scenario) -> Any:
    return each(scenario.stream)


def ending_source(scenario: Scenario) -> Any:
    """Ends by itself, and reports it; the inner source has a place in line."""
    taken = 0

    async def get() -> int:
        nonlocal taken
        if taken == 2:
            raise StopAsyncIteration
        item = await scenario.queue.get()
        taken += 1
        return item

    return ending(inline(get), END)


def catching_source(scenario: Scenario) -> Any:
    """Fails at every other call, and goes on."""
    calls = itertools.count()

    async def get() -> int:
        if next(calls) % 2:
            raise Fault
        return await scenario.queue.get()

    return catching(get, lambda _: BROKEN)


def broken_source(scenario: Scenario) -> Any:
    """Breaks after an item, and so ends."""

    async def items() -> AsyncIterator[int]:
        yield await scenario.queue.get()
        raise Fault

    return ending(catching(each(items()), lambda _: BROKEN), END)


def put_source(scenario: Scenario) -> Any:
    return put(scenario.room, scenario.number)


def own_put_source(scenario: Scenario) -> Any:
    return put(scenario.slow_room, scenario.number)


def event_source(scenario: Scenario) -> Any:
    return scenario.event.wait


def lock_source(scenario: Scenario) -> Any:
    return scenario.lock.acquire


def slot_source(scenario: Scenario) -> Any:
    return scenario.slots.acquire


def every_source(_: Scenario) -> Any:
    return every(0.7)


def after_source(_: Scenario) -> Any:
    return after(1.5)


def reset_every_source(scenario: Scenario) -> Any:
    scenario.timers.append(every(0.5, first=0))
    return scenario.timers[-1]


def reset_after_source(scenario: Scenario) -> Any:
    scenario.timers.append(after(0.6))
    return scenario.timers[-1]


def signals_source(_: Scenario) -> Any:
    return signals(SIGNUM)


def fault_source(scenario: Scenario) -> Any:
    return scenario.fault


TAKES = [
    queue_source,
    batch_source,
    function_source,
    slow_function_source,
    inline_source,
    once_source,
    each_source,
    lines_source,
    ending_source,
    catching_source,
    broken_source,
]
PUTS = [put_source, own_put_source]
CLOCKS = [every_source, after_source, reset_every_source, reset_after_source]
KINDS = [*TAKES, *PUTS, event_source, lock_source, slot_source, *CLOCKS, signals_source]
MIXED = {
    "two of asyncio's own": [queue_source, queue_source, fault_source],
    "inline ones": [queue_source, batch_source, lock_source, put_source, slot_source, fault_source],
    "ends and failures": [
        *(ending_source, catching_source, broken_source, own_put_source),
        *(ending_source, fault_source),
    ],
    "clocks and signals": [*CLOCKS, signals_source, signals_source, fault_source],
    "tasks": [function_source, slow_function_source, each_source, once_source, fault_source],
    "one of each": [*KINDS, fault_source],
}


# -- what the consumer calls -----------------------------------------------------------------------


async def select(scenario: Scenario, m: MultiAwait[*tuple[Any, ...]]) -> None:
    while scenario.goes_on():
        async with scenario.failures():
            scenario.take(*await m.select())
            await scenario.rest()


async def iterate(scenario: Scenario, m: MultiAwait[*tuple[Any, ...]]) -> None:
    while scenario.goes_on():
        async with scenario.failures():
            async for event in m:
                scenario.take(*event)
                await scenario.rest()
                if not scenario.goes_on():
                    break


async def get(scenario: Scenario, m: MultiAwait[*tuple[Any, ...]]) -> None:
    while scenario.goes_on():
        async with scenario.failures():
            completed, failures = await m.get()
            take_all(scenario, completed)
            scenario.failed += sum(isinstance(failure, Fault) for failure in failures)
            await scenario.rest()


async def get_or_raise(scenario: Scenario, m: MultiAwait[*tuple[Any, ...]]) -> None:
    while scenario.goes_on():
        async with scenario.failures():
            take_all(scenario, await m.get_or_raise())
            await scenario.rest()


async def now_and_then(scenario: Scenario, m: MultiAwait[*tuple[Any, ...]]) -> None:
    for pause in itertools.cycle([0, 0.3, 0, 0.2]):
        if not scenario.goes_on():
            return
        async with scenario.failures():
            scenario.take(*await m.select())
        async with scenario.failures():
            if event := m.select_nowait():
                scenario.take(*event)
        async with scenario.failures():
            completed, failures = m.get_nowait()
            take_all(scenario, completed)
            scenario.failed += sum(isinstance(failure, Fault) for failure in failures)
        await scenario.rest()
        await asyncio.sleep(pause)


def take_all(scenario: Scenario, completed: tuple[Any, ...]) -> None:
    for position, value in enumerate(completed):
        if value is not None:
            scenario.take(position, value)


CALLS = [select, iterate, get, get_or_raise, now_and_then]


# -- what happens to it ----------------------------------------------------------------------------


def is_cancelled(scenario: Scenario) -> None:
    scenario.must_be_cancelled |= scenario.consumer.cancel()


def times_out(scenario: Scenario) -> None:
    if scenario.timeout is not None and scenario.timeout.when() is None:
        scenario.timeout.reschedule(asyncio.get_running_loop().time())


def has_a_failure(scenario: Scenario) -> None:
    scenario.break_source(Fault())


def sees_the_loop_shut_down(scenario: Scenario) -> None:
    scenario.shut_down = True
    main = [task for task in asyncio.all_tasks() if task.get_name() == "main"]
    for task in asyncio.all_tasks().difference(main):
        cancelled = task.cancel()
        scenario.must_be_cancelled |= cancelled and task is scenario.consumer


def run(
    kinds: list[Kind],
    consume: Consume,
    deeds: dict[int, Deed],
    scenario: type[Scenario] = Scenario,
) -> int:
    reported: Reported = []
    # Without the task factory that the options ask for: it would hide the steps, or leave a
    # coroutine never awaited if its task is cancelled before the first.
    with asyncio.Runner(loop_factory=SteppingLoop) as runner:
        runner.get_loop().set_exception_handler(lambda _, context: reported.append(context))

        async def main() -> int:
            task = asyncio.current_task()
            assert task is not None
            task.set_name("main")
            return await scenario(kinds, consume).run(deeds)

        lived = runner.run(main())
        assert asyncio.all_tasks(runner.get_loop()) == set()
    assert [each for each in reported if not isinstance(each.get("exception"), Fault)] == []
    return lived


def at_each_step(
    kinds: list[Kind], consume: Consume, deed: Deed, scenario: type[Scenario] = Scenario
) -> None:
    lived = run(kinds, consume, {}, scenario)
    assert lived > 5
    for step in range(1, lived + 1, STRIDE):
        try:
            run(kinds, consume, {step: deed}, scenario)
        except BaseException as failure:
            failure.add_note(f"at step {step} of {lived}")
            raise


@pytest.mark.parametrize("consume", CALLS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_consumer_of_one_source_loses_nothing_when_cancelled_at_any_step(
    kind: Kind, consume: Consume
) -> None:
    at_each_step([kind, queue_source], consume, is_cancelled)


@pytest.mark.parametrize("deed", [is_cancelled, times_out, has_a_failure, sees_the_loop_shut_down])
@pytest.mark.parametrize("consume", CALLS)
@pytest.mark.parametrize("kinds", MIXED.values(), ids=MIXED)
def test_a_consumer_of_many_sources_loses_nothing_when_disturbed_at_any_step(
    kinds: list[Kind], consume: Consume, deed: Deed
) -> None:
    at_each_step(kinds, consume, deed)


@pytest.mark.parametrize("consume", [select, get])
@pytest.mark.parametrize("kinds", MIXED.values(), ids=MIXED)
def test_a_consumer_loses_nothing_when_cancelled_twice_at_any_step(
    kinds: list[Kind], consume: Consume
) -> None:
    lived = run(kinds, consume, {})
    for step in range(1, lived + 1, STRIDE):
        for later in range(step + 1, step + 12, STRIDE):
            run(kinds, consume, {step: is_cancelled, later: is_cancelled})
