"""Go's own tests that build networks of goroutines: power series, and sieves of primes.

test_go_channels.py explains what stands for what, and the names.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Coroutine
from fractions import Fraction
from typing import Any

from multi_await import multi_await, put
from tests.peers.go.goroutines import go

PRIMES = [n for n in range(2, 100) if all(n % divisor for divisor in range(2, n))]


# powser1.go, powser2.go: power series whose terms flow through queues, each on demand


class Series:
    """A power series: ask, and a term comes."""

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
    """The item that is put into `asked`."""


async def both_terms(u: Series, v: Series) -> tuple[Fraction, Fraction]:
    """Ask both, and take their terms, each as soon as possible."""
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
    """Each series is a task of its own that never ends."""

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
        """Its derivative is itself times that of u, so it asks itself for terms."""
        back, z = Series(), Series()
        product = self.multiply(back, self.differentiate(u))
        self.start(copy_to_both(self.integrate(Fraction(1), product), back, z))
        return z

    def split(self, u: Series) -> tuple[Series, Series]:
        z = Series(), Series()
        self.start(copy_to_both(u, *z))
        return z


async def copy_to_both(u: Series, first: Series, second: Series) -> None:
    """Two readers may read at different rates, and one while the other waits for a term."""
    outs = first, second
    later = deque[Fraction](), deque[Fraction]()  # what each has still to get
    asking = set[int]()
    async with multi_await(
        first.asked.get, second.asked.get, put(u.asked, nothing), u.terms.get
    ) as m:
        m.pause(2)  # asks only for what was asked of it
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
    """Pass items on, and keep those that can't go out yet, so that no sender ever waits."""
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
            """Give the odd multiples of all the primes in order, each once."""
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
