"""Go's own tests of channels and select, rewritten for asyncio's queues and multi_await.

After test/chan in Go's tree, file by file, and the tests of select in its src/runtime/chan_test.go.
What holds, what does not apply, and why, is in docs/explanation/go_tests.md. The file that a test
comes from is the first word of its name.

Throughout, `asyncio.Queue(1)` stands for a channel without a buffer: asyncio has no rendezvous.
None, put last, stands for close(). What Go checks with many threads is checked with many tasks.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import heapq
import itertools
import sys
import tracemalloc
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from fractions import Fraction
from typing import Any, TypeVar

import pytest

from multi_await import MultiAwait, NothingToAwait, Source, SourceLike, inline, multi_await, put
from tests.machinery.tools import SCHEDULES, steps, waiting_calls

T = TypeVar("T")

PRIMES = [n for n in range(2, 100) if all(n % divisor for divisor in range(2, n))]


def until_none(queue: asyncio.Queue[T | None]) -> Source[T]:
    """Go's `range`: ends where None was put."""

    async def receive() -> T:
        item = await queue.get()
        if item is None:
            raise StopAsyncIteration
        return item

    return inline(receive)


@contextlib.asynccontextmanager
async def go() -> AsyncIterator[Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]]:
    """`go(f())`; when the program is over, its goroutines are too, wherever they are."""
    tasks = list[asyncio.Task[None]]()

    def start(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        tasks.append(asyncio.create_task(coroutine))
        return tasks[-1]

    try:
        yield start
    finally:
        await steps(1)  # so that all have begun
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert [task for task in tasks if not task.cancelled() and task.exception()] == []


async def blocks(call: Awaitable[object]) -> bool:
    """Whether it waits; in virtual time, what does not wait takes no time at all."""
    begin = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(1):
            await call
    except TimeoutError:
        return True
    assert asyncio.get_running_loop().time() == begin
    return False


# doubleselect.go


async def test_doubleselect_one_select_sends_one_item_to_one_queue() -> None:
    count = 10 * SCHEDULES
    queues = [asyncio.Queue[int | None](1) for _ in range(4)]
    merged = asyncio.Queue[int | None](1)

    async def send() -> None:
        number = 0
        async with multi_await(*[put(queue, lambda: number) for queue in queues]) as m:
            for number in range(count):
                assert (await m.select())[1] == number
        for queue in queues:
            await queue.put(None)

    async def forward(queue: asyncio.Queue[int | None]) -> None:
        async with multi_await(until_none(queue)) as m:
            async for _, number in m:
                await merged.put(number)
        await merged.put(None)

    async with go() as start:
        start(send())
        forwarding = [start(forward(queue)) for queue in queues]
        received = list[int]()
        for _ in queues:
            async with multi_await(until_none(merged)) as m:
                received += [number async for _, number in m]
        await asyncio.wait(forwarding)
    assert sorted(received) == list(range(count))


# fifo.go


async def test_fifo_what_was_put_first_comes_first() -> None:
    queue = asyncio.Queue[int](10)
    async with multi_await(put(queue, itertools.count().__next__)) as m:
        sent = [(await m.select())[1] for _ in range(10)]
        assert m.select_nowait() is None
    async with multi_await(queue.get) as m:
        assert [(await m.select())[1] for _ in range(10)] == sent == list(range(10))


async def test_fifo_tasks_threaded_together_each_get_the_item_of_their_turn() -> None:
    queue = asyncio.Queue[int](1)
    turns = [asyncio.Queue[None](1) for _ in range(11)]
    received = list[int]()

    async def link(number: int) -> None:
        async with multi_await(turns[number].get) as m:
            await m.select()
        async with multi_await(queue.get) as m:
            received.append((await m.select())[1])
        await turns[number + 1].put(None)

    async with go() as start:
        for number in range(10):
            start(link(number))
        turns[0].put_nowait(None)
        for number in range(10):
            await queue.put(number)
        await turns[10].get()
    assert received == list(range(10))


# goroutines.go


async def test_goroutines_many_tasks_threaded_together_pass_an_item_on_and_end() -> None:
    queues = [asyncio.Queue[str](1) for _ in range(2 * SCHEDULES)]

    async def link(left: asyncio.Queue[str], right: asyncio.Queue[str]) -> None:
        async with multi_await(right.get) as m:
            _, item = await m.select()
        async with multi_await(put(left, lambda: item)) as m:
            await m.select()

    async with asyncio.TaskGroup() as group:  # which ends when all have
        for left, right in itertools.pairwise(queues):
            group.create_task(link(left, right))
        await queues[-1].put("item")
    assert queues[0].get_nowait() == "item"


# nonblock.go


@pytest.mark.parametrize("room", [1, 2])
@pytest.mark.parametrize("item", [123, 2**40, True, False, "hello", "", None, 0])
async def test_nonblock_what_would_wait_gives_none_and_changes_nothing(
    item: object, room: int
) -> None:
    queue, sync = asyncio.Queue[object](room), asyncio.Queue[object](1)

    async def receive() -> None:
        await sync.put(await queue.get())

    async def send() -> None:
        await queue.put(item)
        await sync.put("sent")

    async with multi_await(queue.get) as receiver, multi_await(put(queue, lambda: item)) as sender:
        assert receiver.select_nowait() is None  # an empty queue
        assert queue.empty()
        async with go() as start:
            start(receive())
            await steps(3)
            assert sender.select_nowait() == (0, item)
            assert await sync.get() == item
            start(send())
            assert await sync.get() == "sent"
            assert receiver.select_nowait() == (0, item)
        for _ in range(room):
            assert sender.select_nowait() == (0, item)
        assert sender.select_nowait() is None  # a full one
        assert queue.qsize() == room


# powser1.go, powser2.go: power series whose terms flow through queues, each on demand


class Series:
    """Ask, and a term comes."""

    def __init__(self) -> None:
        self.asked = asyncio.Queue[None](1)
        self.terms = asyncio.Queue[Fraction](1)

    async def term(self) -> Fraction:
        await self.asked.put(None)
        return await self.terms.get()

    async def put(self, term: Fraction) -> None:
        await self.asked.get()
        await self.terms.put(term)

    async def copy(self, other: Series) -> None:
        while True:
            await self.asked.get()
            await self.terms.put(await other.term())


def nothing() -> None:
    """What is put into `asked`."""


async def both_terms(u: Series, v: Series) -> tuple[Fraction, Fraction]:
    """Ask both, and take their terms, each as soon as it can be."""
    terms = dict[int, Fraction]()
    async with multi_await(
        put(u.asked, nothing), put(v.asked, nothing), u.terms.get, v.terms.get
    ) as m:
        m.pause(2)
        m.pause(3)
        for _ in range(4):
            match await m.select():
                case (0, _):
                    m.pause(0)
                    m.resume(2)
                case (1, _):
                    m.pause(1)
                    m.resume(3)
                case (2 | 3 as position, term):
                    m.pause(position)
                    terms[position] = term
    return terms[2], terms[3]


class Network:
    """Each series is a task of its own, which goes on for ever."""

    def __init__(self, start: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        self.start = start

    def series(self, function: Callable[[Series], Coroutine[Any, Any, None]]) -> Series:
        z = Series()
        self.start(function(z))
        return z

    def repeat(self, term: Fraction) -> Series:
        async def run(z: Series) -> None:
            while True:
                await z.put(term)

        return self.series(run)

    def add(self, u: Series, v: Series) -> Series:
        async def run(z: Series) -> None:
            while True:
                await z.asked.get()
                await z.terms.put(sum(await both_terms(u, v), Fraction()))

        return self.series(run)

    def scale(self, factor: Fraction, u: Series) -> Series:
        async def run(z: Series) -> None:
            while True:
                await z.asked.get()
                await z.terms.put(factor * await u.term())

        return self.series(run)

    def multiply(self, u: Series, v: Series) -> Series:
        """(u + xU)(v + xV) = uv + x(uV + vU) + xxUV."""

        async def run(z: Series) -> None:
            await z.asked.get()
            first, second = await both_terms(u, v)
            await z.terms.put(first * second)
            (u0, u1), (v0, v1) = self.split(u), self.split(v)
            middle = self.add(self.scale(first, v0), self.scale(second, u0))
            await z.put(await middle.term())
            await z.copy(self.add(middle, self.multiply(u1, v1)))

        return self.series(run)

    def differentiate(self, u: Series) -> Series:
        async def run(z: Series) -> None:
            await z.asked.get()
            await u.term()
            for number in itertools.count(1):
                await z.terms.put(number * await u.term())
                await z.asked.get()

        return self.series(run)

    def integrate(self, constant: Fraction, u: Series) -> Series:
        async def run(z: Series) -> None:
            await z.put(constant)
            for number in itertools.count(1):
                await z.asked.get()
                await z.terms.put(await u.term() / number)

        return self.series(run)

    def substitute(self, u: Series, factor: Fraction, power: int) -> Series:
        """`factor * x ** power` for x."""

        async def run(z: Series) -> None:
            for number in itertools.count():
                await z.asked.get()
                await z.terms.put(await u.term() * factor**number)
                for _ in range(power - 1):
                    await z.put(Fraction())

        return self.series(run)

    def exponential(self, u: Series) -> Series:
        """Its derivative is itself times that of u; so it is asked for terms by itself."""
        back, z = Series(), Series()
        product = self.multiply(back, self.differentiate(u))
        self.start(copy_to_both(self.integrate(Fraction(1), product), back, z))
        return z

    def split(self, u: Series) -> tuple[Series, Series]:
        z = Series(), Series()
        self.start(copy_to_both(u, *z))
        return z


async def copy_to_both(u: Series, first: Series, second: Series) -> None:
    """Two may read it at different rates, and one while the other waits for a term."""
    outs = first, second
    later = deque[Fraction](), deque[Fraction]()  # what each has yet to get
    asking = set[int]()
    async with multi_await(
        first.asked.get, second.asked.get, put(u.asked, nothing), u.terms.get
    ) as m:
        m.pause(2)  # asks only for what somebody asked for
        idle = True
        async for event in m:
            match event:
                case (0 | 1 as out, _):
                    asking.add(out)
                    if idle and not later[out]:
                        m.resume(2)
                        idle = False
                case (2, _):
                    m.pause(2)
                case (3, term):
                    idle = True
                    for terms in later:
                        terms.append(term)
            for who in [who for who in (0, 1) if who in asking and later[who]]:
                asking.remove(who)
                await outs[who].terms.put(later[who].popleft())


def exponentials(terms: list[Fraction]) -> list[Fraction]:
    """The terms of the exponential of a series, without its constant, by the recurrence."""
    result = [Fraction(1)]
    for n in range(1, len(terms)):
        result.append(sum((k * terms[k] * result[n - k] for k in range(1, n + 1)), Fraction()) / n)
    return result


async def test_powser_power_series_flow_through_a_network_of_tasks() -> None:
    one, zero, count = Fraction(1), Fraction(), 8
    async with go() as start:
        network = Network(start)

        def ones() -> Series:
            return network.repeat(one)

        async def first(series: Series) -> list[Fraction]:
            return [await series.term() for _ in range(count)]

        assert await first(ones()) == [1] * count
        assert await first(network.add(ones(), network.repeat(2 * one))) == [3] * count
        assert await first(network.scale(-one, network.repeat(2 * one))) == [-2] * count
        assert await first(network.differentiate(ones())) == list(range(1, count + 1))
        assert await first(network.integrate(zero, ones())) == [
            0,
            *[Fraction(1, n) for n in range(1, count)],
        ]
        assert await first(network.multiply(ones(), ones())) == list(range(1, count + 1))
        assert await first(network.exponential(ones())) == exponentials([one] * count)
        arctangent = network.integrate(zero, network.substitute(ones(), -one, 2))
        assert await first(arctangent) == [
            Fraction((-1) ** (n // 2), n) if n % 2 else 0 for n in range(count)
        ]


# select.go


async def test_select_a_supplier_is_called_for_the_item_that_is_sent_and_for_no_other() -> None:
    first, second = asyncio.Queue[int](1), asyncio.Queue[int](1)
    calls = 0

    def value() -> int:
        nonlocal calls
        calls += 1
        return int(2 ** (calls - 1))

    def send(m: MultiAwait[int, int]) -> int:
        sent = 0
        while (event := m.select_nowait()) is not None:
            m.pause(event[0])
            sent += 1
        return sent

    async with multi_await(put(first, value), put(second, value)) as m:
        assert send(m) == 2
    assert first.get_nowait() | second.get_nowait() == 3
    async with multi_await(put(first, value), put(second, value)) as m:
        m.pause(1)
        assert send(m) == 1
    assert calls == 3


# select2.go


async def test_select2_many_times_as_many_selects_take_no_more_memory() -> None:
    queue, dummy = asyncio.Queue[int](1), asyncio.Queue[int](1)

    async def send(count: int) -> None:
        for _ in range(count):
            await queue.put(1)

    async def receive(count: int) -> None:
        sending = asyncio.create_task(send(count))
        for _ in range(count):
            assert await m.select() == (0, 1)
        await sending

    def memory() -> tuple[int, int]:
        gc.collect()
        return len(gc.get_objects()), tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        async with multi_await(queue.get, dummy.get) as m:
            await receive(10)  # what is kept for later use is there now
            memory()
            await receive(10)
            objects, size = memory()
            await receive(4 * SCHEDULES)
            more_objects, more = memory()
    finally:
        tracemalloc.stop()
    assert more_objects - objects < 20
    assert more - size < 1000


# select3.go


def queue_of(*items: object) -> asyncio.Queue[object]:
    queue = asyncio.Queue[object](1)
    for item in items:
        queue.put_nowait(item)
    return queue


def sends(queue: asyncio.Queue[object]) -> Source[object]:
    return put(queue, lambda: 7)


@pytest.mark.parametrize(
    ("what", "paused", "waits"),
    [
        # Go's nil channel is a source that is paused.
        (lambda: [queue_of(7).get], [0], True),
        (lambda: [sends(queue_of())], [0], True),
        (lambda: [queue_of(7).get, sends(queue_of())], [0, 1], True),
        (lambda: [queue_of(7).get, queue_of().get], [0], True),
        (lambda: [queue_of(7).get, queue_of(8).get], [0], False),
        # Channels that are not ready, and such as are.
        (lambda: [queue_of().get], [], True),
        (lambda: [sends(queue_of(7))], [], True),
        (lambda: [queue_of().get, sends(queue_of(7))], [], True),
        (lambda: [queue_of(7).get], [], False),
        (lambda: [sends(queue_of())], [], False),
        (lambda: [queue_of().get, queue_of(7).get], [], False),
    ],
)
async def test_select3_a_select_waits_exactly_while_no_case_is_ready(
    what: Callable[[], list[SourceLike[object]]], paused: list[int], waits: bool
) -> None:
    async with multi_await(*what()) as m:
        for position in paused:
            m.pause(position)
        if waits:
            assert m.select_nowait() is None  # with a default, it does not wait
        assert await blocks(m.select()) == waits


async def test_select3_a_source_that_has_ended_is_never_ready_and_alone_an_error() -> None:
    closed: Source[int] = until_none(queue_of(None))  # type: ignore[arg-type]  # there is no int
    async with multi_await(closed, queue_of().get) as m:
        assert await blocks(m.select())
    closed = until_none(queue_of(None))  # type: ignore[arg-type]
    async with multi_await(closed) as m:
        with pytest.raises(NothingToAwait):
            await m.select()


@pytest.mark.skipif(sys.version_info < (3, 13), reason="Queue.shutdown() came with Python 3.13")
async def test_select3_a_send_to_a_queue_that_was_shut_down_ends_and_hands_the_item_back() -> None:
    queue: Any = queue_of()  # Any: for the checkers, shutdown() came with Python 3.13
    queue.shutdown()
    m = multi_await(sends(queue))
    with pytest.raises(NothingToAwait):
        await m.select()
    await m.cancel()
    assert m.undelivered == ((0, 7),)


async def test_select3_without_a_case_it_is_an_error_where_go_waits_for_ever() -> None:
    async with multi_await() as m:
        for call in waiting_calls(m):
            with pytest.raises(NothingToAwait):
                await call()


async def test_select3_it_may_send_to_the_queue_that_it_receives_from() -> None:
    queue = asyncio.Queue[object](1)
    async with multi_await(sends(queue), queue.get) as m:
        assert [await m.select() for _ in range(6)] == [(0, 7), (1, 7)] * 3


# select4.go


async def test_select4_what_belongs_to_a_case_runs_only_if_it_is_chosen() -> None:
    ran = list[str]()

    def chosen(name: str, queue: asyncio.Queue[object]) -> Source[object]:
        async def receive() -> object:
            item = await queue.get()
            ran.append(name)
            return item

        return inline(receive)

    async with multi_await(chosen("empty", queue_of()), chosen("ready", queue_of(42))) as m:
        assert await m.select() == (1, 42)
    async with multi_await(chosen("first", queue_of(1)), chosen("second", queue_of(2))) as m:
        assert await m.select() == (0, 1)
    assert ran == ["ready", "first"]


# select5.go: one operation in every phrasing, among every choice of others that can't go on


async def by_iterating(m: MultiAwait[*tuple[Any, ...]]) -> Any:
    async for event in m:
        return event
    raise NothingToAwait


async def by_select(m: MultiAwait[*tuple[Any, ...]]) -> Any:
    return await m.select()


async def by_select_nowait(m: MultiAwait[*tuple[Any, ...]]) -> Any:
    return m.select_nowait()


async def by_get(m: MultiAwait[*tuple[Any, ...]]) -> Any:
    return only((await m.get())[0])


async def by_get_nowait(m: MultiAwait[*tuple[Any, ...]]) -> Any:
    return only(m.get_nowait()[0])


async def by_get_or_raise(m: MultiAwait[*tuple[Any, ...]]) -> Any:
    return only(await m.get_or_raise())


def only(completed: tuple[Any, ...]) -> tuple[int, Any]:
    (event,) = [(n, value) for n, value in enumerate(completed) if value is not None]
    return event


PHRASES = [by_select, by_select_nowait, by_get, by_get_nowait, by_get_or_raise, by_iterating]
NAMES = ["send to a full queue", "receive from an empty one", "paused send", "paused receive"]


def never() -> int:
    raise AssertionError("this is not to be sent")


def others(names: tuple[str, ...]) -> list[tuple[SourceLike[Any], bool]]:
    """Sources of which none can go on, and whether each is to be paused."""
    sources: dict[str, tuple[SourceLike[Any], bool]] = {
        NAMES[0]: (put(queue_of(1), never), False),
        NAMES[1]: (queue_of().get, False),
        NAMES[2]: (put(queue_of(), never), True),
        NAMES[3]: (queue_of(1).get, True),
    }
    return [sources[name] for name in names]


def settings() -> list[tuple[tuple[str, ...], int]]:
    """Every choice of the others, and every place among them."""
    return [
        (names, place)
        for count in range(len(NAMES) + 1)
        for names in itertools.combinations(NAMES, count)
        for place in range(count + 1)
    ]


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("phrase", PHRASES)
async def test_select5_the_one_case_that_can_go_on_does_so_however_it_is_phrased(
    phrase: Callable[[MultiAwait[*tuple[Any, ...]]], Awaitable[Any]], biased: bool
) -> None:
    queue = asyncio.Queue[Any](1)
    for number, (names, place) in enumerate(settings(), start=1):
        for real in (queue.get, put(queue, lambda item=number: item)):  # type: ignore[misc]  # an int
            if real == queue.get:
                queue.put_nowait(number)
            sources = others(names)
            sources.insert(place, (real, False))
            async with multi_await(*[source for source, _ in sources], biased=biased) as m:
                for position, (_, paused) in enumerate(sources):
                    if paused:
                        m.pause(position)
                assert await phrase(m) == (place, number)
            assert queue.empty() == (real == queue.get)
        assert queue.get_nowait() == number


async def test_select5_where_none_can_go_on_a_call_without_waiting_gives_nothing() -> None:
    for names, _ in settings():
        sources = others(names)
        if not sources:
            continue
        async with multi_await(*[source for source, _ in sources]) as m:
            for position, (_, paused) in enumerate(sources):
                if paused:
                    m.pause(position)
            assert m.select_nowait() is None
            assert m.get_nowait()[0] == (None,) * len(sources)


# select6.go


async def test_select6_who_waits_behind_a_select_is_woken_though_that_took_another_case() -> None:
    first, second, third = (asyncio.Queue[bool](1) for _ in range(3))

    async def receive() -> None:
        await first.get()

    async def choose() -> None:
        async with multi_await(first.get, second.get) as m:
            assert await m.select() == (1, True)
            await third.put(True)
        await first.get()

    async with go() as start:
        receiving = [start(receive()), start(choose())]
        await steps(3)
        await second.put(True)
        await third.get()
        await first.put(True)
        await first.put(True)
        await asyncio.wait(receiving, timeout=1)
        assert all(task.done() for task in receiving)


# select7.go


@pytest.mark.parametrize("cases_of_receiver", [0, 1, 2])
@pytest.mark.parametrize("cases_of_sender", [0, 1, 2])
async def test_select7_an_item_that_nobody_looks_at_is_received_all_the_same(
    cases_of_receiver: int, cases_of_sender: int
) -> None:
    queue = queue_of()

    async def receive() -> None:
        await either(queue.get, [queue.get, queue_of().get][:cases_of_receiver])

    async def either(alone: Callable[[], Awaitable[object]], cases: list[Any]) -> None:
        if not cases:
            await alone()
            return
        async with multi_await(*cases) as m:
            await m.select()

    async with asyncio.TaskGroup() as group:
        group.create_task(receive())
        await steps(1)
        await either(
            functools.partial(queue.put, 7), [sends(queue), sends(queue_of(1))][:cases_of_sender]
        )
    assert queue.empty()


# select8.go


@pytest.mark.parametrize("cases", [1, 2, 3])
async def test_select8_break_in_a_case_leaves_the_loop_and_so_the_next_case_is_not_taken(
    cases: int,
) -> None:
    queues = [queue_of(5) for _ in range(cases)]
    received = 0
    async with multi_await(*[queue.get for queue in queues]) as m:
        async for event in m:
            match event:
                case (0, 5):
                    received += 1
                    break
            raise AssertionError("break leaves the loop, and not only the match")
    assert received == 1
    assert [queue.qsize() for queue in queues] == [0] + [1] * (cases - 1)


# sendstmt.go


async def test_sendstmt_one_may_send_to_a_queue_that_came_through_a_queue() -> None:
    queues, queue = asyncio.Queue[asyncio.Queue[int]](1), asyncio.Queue[int](1)
    queues.put_nowait(queue)
    async with multi_await(put(await queues.get(), lambda: 2)) as m:
        assert m.select_nowait() == (0, 2)
    assert queue.get_nowait() == 2


# sieve1.go


async def test_sieve1_a_chain_of_tasks_sieves_the_primes() -> None:
    async with go() as start:

        async def count(out: asyncio.Queue[int]) -> None:
            async with multi_await(put(out, itertools.count(2).__next__)) as m:
                async for _ in m:
                    pass

        async def drop_multiples(
            numbers: asyncio.Queue[int], out: asyncio.Queue[int], prime: int
        ) -> None:
            async with multi_await(numbers.get) as m:
                async for _, number in m:
                    if number % prime:
                        await out.put(number)

        numbers = asyncio.Queue[int](1)
        start(count(numbers))
        primes = list[int]()
        while len(primes) < len(PRIMES):
            primes.append(await numbers.get())
            rest = asyncio.Queue[int](1)
            start(drop_multiples(numbers, rest, primes[-1]))
            numbers = rest
    assert primes == PRIMES


# sieve2.go


async def never_full(numbers: asyncio.Queue[int], out: asyncio.Queue[int]) -> None:
    """Pass on what comes, and keep what does not go out yet, so that nobody waits to put it."""
    kept = deque[int]()
    async with multi_await(numbers.get, put(out, kept.popleft)) as m:
        m.pause(1)
        async for event in m:
            match event:
                case (0, number):
                    if not kept:
                        m.resume(1)
                    kept.append(number)
                case (1, _) if not kept:
                    m.pause(1)


async def test_sieve2_a_ring_of_tasks_with_a_buffer_that_grows_sieves_the_primes() -> None:
    async with go() as start:

        def counting(first: int, step: int, room: int) -> asyncio.Queue[int]:
            numbers = asyncio.Queue[int](room)

            async def count() -> None:
                async with multi_await(put(numbers, itertools.count(first, step).__next__)) as m:
                    async for _ in m:
                        pass

            start(count())
            return numbers

        async def merge(primes: asyncio.Queue[int], composites: asyncio.Queue[int]) -> None:
            """The odd multiples of all the primes, in their order, each once."""
            heap = list[tuple[int, int, asyncio.Queue[int]]]()  # with the prime: queues don't sort
            while True:
                prime = await primes.get()
                multiples = counting(prime * prime, 2 * prime, 10)
                head = await multiples.get()
                last = 0
                while heap and heap[0][0] <= head:
                    least, of, queue = heap[0]
                    if least not in (last, head):
                        await composites.put(least)
                    last = least
                    heapq.heapreplace(heap, (await queue.get(), of, queue))
                await composites.put(head)
                heapq.heappush(heap, (await multiples.get(), prime, multiples))

        async def sieve(
            composites: asyncio.Queue[int], primes: asyncio.Queue[int], out: asyncio.Queue[int]
        ) -> None:
            candidates = counting(5, 2, 50)
            candidate = await candidates.get()
            while True:
                composite = await composites.get()
                while candidate < composite:
                    await primes.put(candidate)
                    await out.put(candidate)
                    candidate = await candidates.get()
                if candidate == composite:
                    candidate = await candidates.get()

        out, composites = asyncio.Queue[int](10), asyncio.Queue[int](50)
        primes, sent = asyncio.Queue[int](10), asyncio.Queue[int](10)
        for prime in (2, 3):
            out.put_nowait(prime)
        primes.put_nowait(3)
        start(merge(primes, composites))
        start(never_full(sent, primes))
        start(sieve(composites, sent, out))
        assert [await out.get() for _ in PRIMES] == PRIMES


# zerosize.go


@pytest.mark.parametrize("empty", [None, (), b"", "", 0, False])
async def test_zerosize_an_empty_value_is_an_event_like_any_other(empty: object) -> None:
    queue = asyncio.Queue[object](1)
    async with multi_await(put(queue, lambda: empty), queue.get) as m:
        assert await m.select() == (0, empty)
        assert await m.select() == (1, empty)
    assert queue.empty()


# src/runtime/chan_test.go: what it checks of select


async def test_fairness_two_that_are_always_ready_take_turns_where_go_draws_lots() -> None:
    count = 10 * SCHEDULES
    ready = [asyncio.Queue[int]() for _ in range(2)]
    for number, queue in enumerate(ready):
        for _ in range(count + 1):
            queue.put_nowait(number)
    out, done = asyncio.Queue[int](1), asyncio.Event()
    empty = [asyncio.Queue[int]() for _ in range(2)]

    async def pass_on() -> None:
        async with multi_await(*[queue.get for queue in [*empty, *ready]]) as receiving:
            async for _, number in receiving:
                async with multi_await(put(out, functools.partial(int, number)), done.wait) as m:
                    if (await m.select())[0] == 1:
                        return

    async with go() as start:
        passing = start(pass_on())
        passed = [await out.get() for _ in range(count)]
        done.set()
        await passing
    assert passed == [0, 1] * (count // 2)


async def test_pseudorandomsend_two_sends_to_one_queue_take_turns_where_go_draws_lots() -> None:
    queue = asyncio.Queue[int](1)
    received = list[int]()

    async def receive() -> None:
        while True:
            received.append(await queue.get())

    async with go() as start:
        start(receive())
        async with multi_await(put(queue, lambda: 1), put(queue, lambda: 0)) as m:
            for _ in range(100):
                await m.select()
        await steps(2)
    assert Counter(received) == {0: 50, 1: 50}


@pytest.mark.parametrize("room", [1, 10])
async def test_selfselect_two_that_send_to_and_receive_from_one_queue_go_on_for_ever(
    room: int,
) -> None:
    queue = asyncio.Queue[int](room)
    sent, received = Counter[int](), Counter[int]()

    async def both(number: int) -> None:
        for turn in range(10 * SCHEDULES // 6):
            sources: list[SourceLike[int]] = [put(queue, lambda: number), queue.get]
            sending = 0
            if number and turn % 2:
                sources.reverse()
                sending = 1
            async with multi_await(*sources) as m:
                position, item = await m.select()
                (sent if position == sending else received)[item] += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for number in range(2):
            group.create_task(both(number))
    left = Counter(queue.get_nowait() for _ in range(queue.qsize()))
    assert sent == received + left


async def test_selectstress_sends_receives_and_selects_of_both_on_four_queues_all_end() -> None:
    count = SCHEDULES
    queues = [asyncio.Queue[int](room) for room in (1, 1, 2, 3)]

    async def send(queue: asyncio.Queue[int]) -> None:
        for _ in range(count):
            await queue.put(0)

    async def receive(queue: asyncio.Queue[int]) -> None:
        for _ in range(count):
            await queue.get()

    async def select(order: list[int], sources: list[SourceLike[int]]) -> None:
        """So many times from each, in one select."""
        done = Counter[int]()
        async with multi_await(*[sources[position] for position in order]) as m:
            for _ in range(len(order) * count):
                position, _ = await m.select()
                done[position] += 1
                if done[position] == count:
                    m.pause(position)

    async with asyncio.TaskGroup() as group:
        for queue in queues:
            group.create_task(send(queue))
            group.create_task(receive(queue))
        group.create_task(select([3, 2, 0, 1], [put(queue, lambda: 0) for queue in queues]))
        group.create_task(select([0, 1, 2, 3], [queue.get for queue in queues]))
    assert all(queue.empty() for queue in queues)


async def test_selectduplicatechannel_one_queue_may_be_two_cases_and_loses_nobodys_place() -> None:
    first, second, third = (asyncio.Queue[int](1) for _ in range(3))

    async def choose() -> None:
        async with multi_await(first.get, first.get, second.get) as m:
            assert await m.select() == (2, 7)
        await third.put(9)

    async with go() as start:
        start(choose())
        await steps(3)
        behind = asyncio.ensure_future(first.get())
        await steps(3)
        await second.put(7)
        assert await third.get() == 9
        await first.put(8)
        assert await behind == 8


async def test_nonblockselectrace_there_is_always_one_ready_and_so_it_is_found() -> None:
    for passes in range(4):
        first, second = asyncio.Queue[int](1), asyncio.Queue[int](1)
        first.put_nowait(1)
        found = list[object]()

        async def look(
            m: MultiAwait[int, int], passes: int = passes, found: list[object] = found
        ) -> None:
            await steps(passes)
            found.append(m.select_nowait())

        async with multi_await(first.get, second.get) as m, go() as start:
            looking = start(look(m))
            await steps(1)
            second.put_nowait(1)
            if not first.empty():
                first.get_nowait()
            await looking
        assert found[0] is not None


async def test_multiconsumer_each_item_goes_through_one_of_many_workers() -> None:
    workers, items = 23, [2, 3, 7, 11, 13, 17, 19, 23, 27, 31]
    queue = asyncio.Queue[int | None](3 * workers)
    results = asyncio.Queue[int](3 * workers)
    total = 10 * SCHEDULES

    async def work(number: int) -> None:
        async with multi_await(until_none(queue)) as m:
            async for _, item in m:
                if item == items[number % len(items)]:
                    await asyncio.sleep(0)  # so that they don't go in step
                await results.put(item)

    async def feed() -> None:
        for item in itertools.islice(itertools.cycle(items), total):
            await queue.put(item)
        for _ in range(workers):
            await queue.put(None)

    received = Counter[int]()
    async with asyncio.TaskGroup() as group:
        for number in range(workers):
            group.create_task(work(number))
        group.create_task(feed())
        async with multi_await(results.get) as m:
            for _ in range(total):
                received[(await m.select())[1]] += 1
    assert received == Counter(itertools.islice(itertools.cycle(items), total))
    assert queue.empty()
    assert results.empty()
