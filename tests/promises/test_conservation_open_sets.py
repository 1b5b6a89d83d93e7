"""The same random schedules with sets that change while they run, biased ones, and send cases."""

from __future__ import annotations

import contextlib
from collections import Counter

import pytest

from multi_await import MultiAwait, multi_await, put
from tests.machinery.tools import SCHEDULES
from tests.promises.test_conservation import CHUNK, ITEMS, Schedule, inline_source, run


class Changing(Schedule):
    """Producers send by put(); consumers add, remove, pause and resume at random."""

    async def produce(self, producer: int) -> None:
        numbers = iter(range(producer * ITEMS, (producer + 1) * ITEMS))

        def supply() -> int:
            self.put.append(next(numbers))
            return self.put[-1]

        queues = self.random.choices(self.queues, k=self.random.randint(1, 3))
        async with multi_await(*[put(queue, supply) for queue in queues], biased=self.coin()) as m:
            for _ in range(ITEMS):
                async with self.timeout():
                    await m.select()
                if self.coin():
                    await self.pause()
        assert m.undelivered == ()

    def coin(self) -> bool:
        return self.random.random() < 0.5

    async def get(self) -> None:
        async with multi_await(biased=self.coin()) as m:
            positions = [self.add(m)]
            while True:
                await self.change(m, positions)
                async with self.timeout():
                    if self.coin():
                        self.delivered.append((await m.select())[1])
                    else:
                        completed, _ = m.get_nowait() if self.coin() else await m.get()
                        self.delivered += [item for item in completed if item is not None]
                await self.passes()

    select = iterate = get

    def add(self, m: MultiAwait[()]) -> int:
        return m.add(self.source(self.random.choice(self.queues)))

    async def change(self, m: MultiAwait[()], positions: list[int]) -> None:
        """Add, remove, pause or resume a source; this may raise, which is harmless."""
        position, chance = self.random.choice(positions), self.random.random()
        if chance < 0.2:
            positions.append(self.add(m))
        elif chance < 0.4 and len(positions) > 1:
            positions.remove(position)
            await m.remove(position)
        elif chance < 0.7:
            with contextlib.suppress(RuntimeError):
                (m.pause if self.coin() else m.resume)(position)


@pytest.mark.parametrize("first_seed", range(0, SCHEDULES, CHUNK))
def test_changing_sets_lose_nothing_and_duplicate_nothing(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + CHUNK):
        schedule = run(seed, inline_source, Changing)
        here = schedule.delivered + schedule.left_in_queues()
        assert Counter(here) == Counter(schedule.put), f"seed {seed}"
        assert len(here) > 0
