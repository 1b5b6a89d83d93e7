"""What was delivered, removed or ended is freed at once, and nothing grows with the events.

These tests count exactly, with the garbage collector off: on the paths that every program takes,
nothing in this package is in a reference cycle, so memory is freed with the last reference.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import signal
import sys
import tracemalloc
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any, TypeAlias

import pytest

from multi_await import (
    PENDING,
    NothingToAwait,
    Source,
    SourceLike,
    Wake,
    after,
    each,
    every,
    inline,
    multi_await,
    once,
    put,
    signals,
)
from tests.conftest import Reported
from tests.machinery.tools import cancelled_after, slow_to_end, steps

CALLS = ["select", "__anext__", "get", "get_or_raise"]
ALL_CALLS = [*CALLS, "select_nowait", "get_nowait"]
TIMES = 5  # each path, after a first run, which may fill Python's permanent caches
EVENTS = 100
LITTLE = 2500  # bytes: less than the smallest object for each event


@contextlib.contextmanager
def no_garbage() -> Iterator[None]:
    """The block must leave nothing that only the garbage collector would free."""
    while gc.collect():
        pass  # leftovers of an earlier test may need more than one, because finalizers run code
    gc.disable()
    try:
        yield
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found = Counter(type(each).__qualname__ for each in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert found == Counter()


class Thing:
    """A value whose release can be observed."""


class Failure(Exception):  # noqa: N818 -- what it is
    """A failure whose release can be observed."""


class Store:
    """Where things come from, and the sources that give them."""

    def __init__(self, *, has_lines: bool = True) -> None:
        self.has_lines = has_lines
        self.queue = asyncio.Queue[Thing]()
        self.room = asyncio.Queue[Thing](1)
        self.stream = asyncio.StreamReader()
        self.event = asyncio.Event()
        self.lock = asyncio.Lock()
        self.slots = asyncio.Semaphore(1)
        self.wakes = list[Wake]()

    def fill(self) -> None:
        """Give every source something."""
        if self.queue.empty():
            self.queue.put_nowait(Thing())
        if self.has_lines:
            self.stream.feed_data(b"a line\n")
        self.event.set()
        while self.room.qsize():
            self.room.get_nowait()
        if self.lock.locked():
            self.lock.release()
        if self.slots.locked():
            self.slots.release()
        for wake in self.wakes:
            wake()

    async def get(self) -> Thing:
        return await self.queue.get()

    async def slow(self) -> Thing:
        await asyncio.sleep(1)
        return Thing()

    async def fail(self) -> None:
        await asyncio.sleep(1)
        raise Failure

    async def items(self) -> AsyncIterator[Thing]:
        while True:
            yield await self.queue.get()


class Own(Source[Thing]):
    """A custom source."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def poll(self, wake: Wake) -> Any:
        self.store.wakes = [wake]
        return PENDING if self.store.queue.empty() else self.store.queue.get_nowait()


KINDS: dict[str, Callable[[Store], SourceLike[Any]]] = {
    "queue": lambda store: store.queue.get,
    "lock": lambda store: store.lock.acquire,
    "slots": lambda store: store.slots.acquire,
    "event": lambda store: store.event.wait,
    "line": lambda store: store.stream.readline,
    "inline": lambda store: inline(store.get),
    "function": lambda store: store.get,
    "once": lambda store: once(store.slow()),
    "once of a task": lambda store: once(asyncio.ensure_future(store.slow())),
    "each": lambda store: each(store.items()),
    "lines": lambda store: each(store.stream),
    "put": lambda store: put(store.room, Thing),
    "every": lambda store: every(1),
    "after": lambda store: after(1),
    "signals": lambda store: signals(signal.SIGTERM),
    "own": Own,
}
Path: TypeAlias = Callable[[Any, Store], Awaitable[object]]


async def selects(m: Any, store: Store) -> None:
    for _ in range(3):
        store.fill()
        await m.select()


async def gets(m: Any, store: Store) -> None:
    for _ in range(3):
        store.fill()
        await m.get()


async def gets_or_raises(m: Any, store: Store) -> None:
    for _ in range(3):
        store.fill()
        await m.get_or_raise()


async def iterates(m: Any, store: Store) -> None:
    store.fill()
    left = 3
    async for _ in m:
        left -= 1
        if not left:
            break
        store.fill()


async def nowait(m: Any, store: Store) -> None:
    for _ in range(3):
        m.select_nowait()
        m.get_nowait()
        store.fill()
        await steps(3)


async def times_out(m: Any, store: Store) -> None:
    m.pause(0)  # always ready
    for _ in range(3):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                while True:
                    await m.select()


async def is_cancelled(m: Any, store: Store) -> None:
    m.pause(0)

    async def consume() -> None:
        while True:
            await m.select()

    await cancelled_after(0.1, consume())


async def is_woken_between_calls(m: Any, store: Store) -> None:
    m.get_nowait()
    for _ in range(3):
        store.fill()
        await steps(3)
        while not store.queue.empty():
            store.queue.get_nowait()


async def pauses(m: Any, store: Store) -> None:
    m.get_nowait()
    m.pause(1)
    store.fill()
    await steps(3)
    m.resume(1)
    m.get_nowait()
    m.pause(1)


async def removes(m: Any, store: Store) -> None:
    m.get_nowait()
    await m.remove(1)
    await m.select()


async def nothing(m: Any, store: Store) -> None:
    """End before the first poll."""


async def leaves(m: Any, store: Store) -> None:
    """End while everything waits."""
    m.get_nowait()


async def leaves_outcomes_untaken(m: Any, store: Store) -> None:
    m.get_nowait()
    store.fill()
    await asyncio.sleep(2)


async def is_closed_while_it_waits(m: Any, store: Store) -> None:
    m.pause(0)

    async def consume() -> None:
        with contextlib.suppress(RuntimeError):
            while True:
                await m.select()

    consumer = asyncio.ensure_future(consume())
    await steps(5)
    await m.cancel()
    await consumer


PATHS: list[Path] = [
    selects,
    gets,
    gets_or_raises,
    iterates,
    nowait,
    times_out,
    is_cancelled,
    is_woken_between_calls,
    pauses,
    removes,
    nothing,
    leaves,
    leaves_outcomes_untaken,
    is_closed_while_it_waits,
]


async def go(path: Path, kind: str) -> None:
    store = Store()
    m = multi_await()
    m.add(every(1))
    m.add(KINDS[kind](store))
    async with m:
        await path(m, store)
    assert m.undelivered is not None
    await asyncio.sleep(2)  # a task that was handed to once() goes on


@pytest.mark.parametrize("path", PATHS)
async def test_no_path_leaves_garbage(path: Path) -> None:
    for kind in KINDS:
        await go(path, kind)
    with no_garbage():
        for kind in [*KINDS] * TIMES:
            await go(path, kind)


# -- failures --------------------------------------------------------------------------------------


class FailsInPoll(Source[Any]):
    def poll(self, wake: Wake) -> Any:
        raise Failure


async def fails() -> None:
    raise Failure


async def fails_later() -> None:
    await asyncio.sleep(1)
    raise Failure


async def items_failing() -> AsyncIterator[None]:
    await fails_later()
    yield


async def is_cancelled_by_itself() -> None:
    await asyncio.sleep(1)
    raise asyncio.CancelledError


def supplies_nothing() -> Any:
    raise Failure


FAIL: dict[str, Callable[[], SourceLike[Any]]] = {
    "poll": FailsInPoll,
    "function": lambda: supplies_nothing,
    "task": lambda: fails_later,
    "task that fails at once": lambda: fails,
    "inline": lambda: inline(fails),
    "once": lambda: once(fails_later()),
    "each": lambda: each(items_failing()),
    "put": lambda: put(asyncio.Queue(), supplies_nothing),
    "cancelled": lambda: is_cancelled_by_itself,
}


async def fail_by(call: str, *kinds: str) -> None:
    async with multi_await(*[FAIL[kind]() for kind in kinds]) as m:
        for _ in range(2):  # what the first has kept comes with the second
            with contextlib.suppress(Failure, RuntimeError, StopAsyncIteration):
                await getattr(m, call)()


@pytest.mark.parametrize("call", CALLS)
async def test_a_delivered_failure_leaves_no_garbage(call: str, reported: Reported) -> None:
    kinds = [*FAIL]
    if sys.version_info < (3, 14) and asyncio.get_running_loop().get_task_factory() is not None:
        # In the first releases of 3.12 and 3.13, create_task() keeps what an eager factory has run.
        kinds.remove("task that fails at once")  # https://github.com/python/cpython/issues/128552
    for kind in kinds:
        await fail_by(call, kind)
    with no_garbage():
        for kind in kinds * TIMES:
            await fail_by(call, kind)
            reported.clear()


@pytest.mark.parametrize("call", ["select", "get", "get_or_raise"])
async def test_a_failure_kept_for_the_next_call_leaves_no_garbage(
    call: str, reported: Reported
) -> None:
    async def keep() -> None:
        async with multi_await(FailsInPoll(), FailsInPoll(), FailsInPoll()) as m:
            for next_call in ["get_or_raise", call, call, call]:
                with contextlib.suppress(Failure):
                    await getattr(m, next_call)()

    await keep()
    with no_garbage():
        for _ in range(TIMES):
            await keep()
            reported.clear()


async def test_a_failure_of_an_abandoned_inline_coroutine_leaves_no_garbage() -> None:
    async def given_up(queue: asyncio.Queue[int]) -> None:
        async def fails_when_cancelled() -> None:
            try:
                await queue.get()
            except asyncio.CancelledError:
                raise Failure from None

        async with multi_await(inline(fails_when_cancelled)) as m:
            for _ in range(2):
                assert m.select_nowait() is None
                queue.put_nowait(1)
                await steps(3)
                queue.get_nowait()
                with contextlib.suppress(Failure):
                    await m.select()

    await given_up(asyncio.Queue())
    with no_garbage():
        for _ in range(TIMES):
            await given_up(asyncio.Queue())


async def test_a_failure_at_the_end_leaves_no_garbage(
    reported: Reported,
) -> None:
    class FailsAtTheEnd(Source[Any]):
        def poll(self, wake: Wake) -> Any:
            return PENDING

        async def aclose(self) -> Iterable[Any]:
            raise Failure

    async def fails_when_cancelled() -> None:
        try:
            await asyncio.sleep(9)
        finally:
            raise Failure

    async def end() -> None:
        async with multi_await(
            FailsAtTheEnd(), fails_when_cancelled, inline(fails_when_cancelled)
        ) as m:
            m.select_nowait()
            await steps(2)
        assert len(reported) == 3
        reported.clear()

    await end()
    with no_garbage():
        for _ in range(TIMES):
            await end()


@pytest.mark.parametrize("pass_on", [True, False], ids=["while it runs", "at its yield"])
async def test_an_iteration_that_fails_at_the_end_leaves_no_garbage(
    pass_on: bool, reported: Reported
) -> None:
    async def items() -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.sleep(9)
        finally:
            raise Failure

    async def end() -> None:
        async with multi_await(each(items())) as m:
            await m.select()
            if pass_on:
                m.select_nowait()
                await steps(2)
        assert len(reported) == 1
        reported.clear()

    await end()
    with no_garbage():
        for _ in range(TIMES):
            await end()


@pytest.mark.parametrize("end", ["remove", "cancel"])
async def test_an_end_that_is_cancelled_leaves_no_garbage(end: str) -> None:
    async def end_twice() -> None:
        m = multi_await()
        m.add(functools.partial(slow_to_end, []))
        assert m.select_nowait() is None
        await steps(1)
        await cancelled_after(1, m.remove(0) if end == "remove" else m.cancel())
        await m.cancel()

    await end_twice()
    with no_garbage():
        for _ in range(TIMES):
            await end_twice()


async def test_a_misuse_leaves_no_garbage() -> None:
    async def mistakes() -> None:
        wrong: Any = 5
        with contextlib.suppress(TypeError):
            multi_await(wrong)
        async with multi_await() as m:
            with contextlib.suppress(NothingToAwait):
                await m.select()
            with contextlib.suppress(TypeError):
                m.add(wrong)
            m.add(asyncio.Event().wait)
            with contextlib.suppress(IndexError):
                m.pause(1)
            blocked = asyncio.ensure_future(m.select())
            await steps(2)
            with contextlib.suppress(RuntimeError):
                await m.select()
            blocked.cancel()
            await asyncio.wait([blocked])
        with contextlib.suppress(RuntimeError):
            await m.select()

    await mistakes()
    with no_garbage():
        for _ in range(TIMES):
            await mistakes()


# -- when held objects are released ----------------------------------------------------------------

THINGS = ["queue", "inline", "function", "once", "each", "put", "own"]


@contextlib.contextmanager
def no_collector() -> Iterator[None]:
    while gc.collect():
        pass  # leftovers of an earlier test may need more than one, because finalizers run code
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def held(call: str, kind: str) -> bool:
    """Whether a value still exists after it was delivered and the caller dropped it."""
    store = Store()
    source = KINDS[kind](store)
    with no_collector():
        async with multi_await(asyncio.Event().wait, source) as m:
            del source
            m.get_nowait()
            store.fill()
            await asyncio.sleep(2)
            given: Any = getattr(m, call)()
            if not call.endswith("nowait"):
                given = await given
            if call.startswith("get"):
                given = given if call == "get_or_raise" else given[0]
            gone = weakref.ref(given[1])
            assert isinstance(gone(), Thing)
            del given
            await steps(2)
            if kind == "put":
                store.room.get_nowait()
            return gone() is not None


@pytest.mark.parametrize("call", ALL_CALLS)
async def test_nothing_keeps_a_delivered_value_alive(call: str) -> None:
    assert [kind for kind in THINGS if await held(call, kind)] == []


async def test_nothing_keeps_the_delivered_value_of_a_task_alive() -> None:
    assert not await held("select", "once of a task")


@pytest.mark.parametrize("end", ["remove", "cancel"])
@pytest.mark.parametrize("path", [nothing, leaves, selects])
async def test_nothing_keeps_the_values_of_an_ended_source_alive(path: Path, end: str) -> None:
    for kind in [kind for kind in KINDS if kind not in ("every", "after", "signals")]:
        store = Store()
        with no_collector():
            m = multi_await()
            m.add(every(1))
            m.add(KINDS[kind](store))
            await path(m, store)
            await (m.remove(1) if end == "remove" else m.cancel())
            gone = weakref.ref(store)
            del store
            await asyncio.sleep(2)  # a task that was handed to once() goes on
            assert m.undelivered == ()
            assert gone() is None, kind
        await m.cancel()


LASTING = [kind for kind in KINDS if kind not in ("once", "once of a task", "each", "lines", "own")]


async def held_by(source: Callable[[], SourceLike[Any]]) -> int:
    """How many past waiters on something long-lived still exist afterwards."""
    waited = list[weakref.ref[object]]()

    async def wait() -> None:
        async with multi_await(source(), asyncio.Event().wait) as m:
            waited.extend([weakref.ref(m), weakref.ref(some(asyncio.current_task()))])
            for _ in range(3):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await m.select()

    with no_collector():
        for _ in range(TIMES):
            await asyncio.ensure_future(wait())
        await steps(2)
        return len([each for each in waited if each() is not None])


def some(task: asyncio.Task[Any] | None) -> asyncio.Task[Any]:
    assert task is not None
    return task


async def test_a_long_lived_primitive_keeps_no_past_waiter_alive() -> None:
    for kind in LASTING:
        source = functools.partial(KINDS[kind], Store())
        assert await held_by(source) == 0, kind
    stream = aiter(asyncio.StreamReader())
    assert await held_by(lambda: each(stream)) == 0


async def test_a_long_lived_future_keeps_no_past_waiter_alive() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    assert await held_by(lambda: once(future)) == 0
    assert not future.cancelled()
    assert "cb=" not in repr(future)


async def test_a_stored_wake_keeps_no_past_waiter_alive() -> None:
    store = Store()
    assert await held_by(lambda: Own(store)) == 0
    assert len(store.wakes) == 1


# -- memory ----------------------------------------------------------------------------------------

slow_in_debug_mode = pytest.mark.skipif(
    sys.flags.dev_mode, reason="what debug mode notes of each task and callback is measured too"
)


async def growth(events: Callable[[int], Awaitable[object]]) -> int:
    """How many more bytes are in use after twice as many events."""
    await events(EVENTS)
    gc.collect()
    tracemalloc.start()
    try:
        await events(EVENTS)
        gc.collect()
        before = tracemalloc.take_snapshot()
        await events(EVENTS)
        gc.collect()
        after = tracemalloc.take_snapshot()
        return size(after) - size(before)
    finally:
        tracemalloc.stop()


# In a worker of pytest-xdist, a thread receives the numbers of the tests to run next.
OF_THE_RUNNER = ("*/execnet/*", "*/xdist/*", tracemalloc.__file__)


def size(snapshot: tracemalloc.Snapshot) -> int:
    others = [tracemalloc.Filter(inclusive=False, filename_pattern=path) for path in OF_THE_RUNNER]
    return sum(trace.size for trace in snapshot.filter_traces(others).traces)


LASTING_EVENTS = [
    kind for kind in KINDS if kind not in ("once", "once of a task", "after", "signals")
]


@slow_in_debug_mode
@pytest.mark.parametrize("call", ALL_CALLS)
async def test_memory_does_not_grow_with_events(call: str) -> None:
    async def events(count: int) -> None:
        for _ in range(count):
            store.fill()
            await steps(2)
            given = getattr(m, call)()
            if not call.endswith("nowait"):
                await given

    for kind in LASTING_EVENTS:
        store = Store(has_lines=kind.startswith("line"))
        async with multi_await(KINDS[kind](store), asyncio.Event().wait) as m:
            assert await growth(events) < LITTLE, kind


@slow_in_debug_mode
async def test_memory_does_not_grow_with_calls_that_time_out() -> None:
    async def events(count: int) -> None:
        for _ in range(count):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await m.select()

    store = Store()
    async with multi_await(store.queue.get, store.get, put(store.room, Thing)) as m:
        await m.select()
        assert await growth(events) < LITTLE


@slow_in_debug_mode
@pytest.mark.parametrize("call", CALLS)
async def test_memory_does_not_grow_with_failures(call: str, reported: Reported) -> None:
    async def events(count: int) -> None:
        for _ in range(count):
            with contextlib.suppress(Failure, RuntimeError):
                await getattr(m, call)()

    for kind in [kind for kind in FAIL if kind not in ("once", "each")]:
        async with multi_await(FAIL[kind](), FAIL[kind]()) as m:
            assert await growth(events) < LITTLE, kind
    assert {type(each["exception"]) for each in reported} <= {Failure}


@slow_in_debug_mode
async def test_memory_does_not_grow_with_sources_that_come_and_go() -> None:
    async def events(count: int) -> None:
        there = [m.add(KINDS[kind](Store())) for _ in range(9)]
        for _ in range(count // 2):
            m.get_nowait()
            await m.remove(there.pop(4))
            there.append(m.add(KINDS[kind](Store())))
            m.pause(there[0])
            m.resume(there[0])
        for position in there:
            await m.remove(position)
        await asyncio.sleep(2)  # until then the event loop holds a cancelled timer

    for kind in [kind for kind in KINDS if kind != "once of a task"]:  # which are the caller's
        async with multi_await() as m:
            m.add(every(1))
            assert await growth(events) < LITTLE, kind
