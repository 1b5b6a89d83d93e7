"""The primitives, each with the tasks that share it and wait in line."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from multi_await import SourceLike, put

Function: TypeAlias = Callable[[], Awaitable[Any]]
Queue: TypeAlias = asyncio.Queue[Any]


class Shared(ABC):
    """A primitive, what its consumers wait for, and what other tasks do to it."""

    consumers = 4
    at_once = True  # whether a consumer may call again at once

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.line = Line(self)

    @abstractmethod
    def function(self, consumer: int) -> Function:
        """What the consumer waits for."""

    def source(self, consumer: int) -> SourceLike[Any]:
        """The same for a reused MultiAwait."""
        return self.function(consumer)

    def taken(self, consumer: int, value: Any) -> Any:
        """What to note of a value."""
        return value

    async def use(self, rest: Function) -> None:  # noqa: B027 -- most do nothing
        """What the consumer does with a value."""

    @abstractmethod
    def act(self) -> None:
        """What another task does to it."""

    def is_free(self) -> bool:
        """Whether a task could take it without waiting; like `take`, this is for `Line`."""
        raise NotImplementedError

    def take(self, consumer: int) -> Any:
        raise NotImplementedError

    @abstractmethod
    def left(self) -> Any:
        """Its visible state at the end."""


def emptied(queue: Queue) -> list[Any]:
    assert "_getters" not in repr(queue), "somebody still waits for an item"
    assert "_putters" not in repr(queue), "somebody still waits for room"
    return [queue.get_nowait() for _ in range(queue.qsize())]


class Get(Shared):
    kind: type[Queue] = asyncio.Queue

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.queue = self.kind()
        self.number = 0

    def function(self, consumer: int) -> Function:
        return self.queue.get

    def act(self) -> None:
        self.number += 1
        self.queue.put_nowait((self.draw.randint(0, 9), self.number))

    def is_free(self) -> bool:
        return not self.queue.empty()

    def take(self, consumer: int) -> Any:
        return self.queue.get_nowait()

    def left(self) -> Any:
        return emptied(self.queue)


class LifoGet(Get):
    kind = asyncio.LifoQueue


class PriorityGet(Get):
    kind = asyncio.PriorityQueue


class Put(Shared):
    """Each consumer puts its own numbers."""

    kind: type[Queue] = asyncio.Queue

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.queue = self.kind(draw.randint(1, 3))
        self.items = [1000 * consumer for consumer in range(self.consumers)]

    def function(self, consumer: int) -> Function:
        return functools.partial(self.queue.put, self.items[consumer])

    def source(self, consumer: int) -> SourceLike[Any]:
        return put(self.queue, lambda: self.items[consumer])

    def taken(self, consumer: int, value: Any) -> Any:
        assert value in (None, self.items[consumer])
        self.items[consumer] += 1
        return self.items[consumer]

    def act(self) -> None:
        if not self.queue.empty():
            self.queue.get_nowait()

    def is_free(self) -> bool:
        return not self.queue.full()

    def take(self, consumer: int) -> Any:
        self.queue.put_nowait(self.items[consumer])

    def left(self) -> Any:
        return emptied(self.queue)


class LifoPut(Put):
    kind = asyncio.LifoQueue


class PriorityPut(Put):
    kind = asyncio.PriorityQueue


class PutAndGet(Put):
    """Two consumers put, and two get."""

    def function(self, consumer: int) -> Function:
        return self.queue.get if consumer % 2 else super().function(consumer)

    def source(self, consumer: int) -> SourceLike[Any]:
        return self.queue.get if consumer % 2 else super().source(consumer)

    def taken(self, consumer: int, value: Any) -> Any:
        return value if consumer % 2 else super().taken(consumer, value)

    def act(self) -> None:
        if self.draw.random() < 0.5:
            super().act()
        elif not self.queue.full():
            self.queue.put_nowait(-1)


class Event(Shared):
    at_once = False  # an event that is set is always ready

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.event = asyncio.Event()

    def function(self, consumer: int) -> Function:
        return self.event.wait

    def act(self) -> None:
        set_, clear = self.draw.choice([(True, False), (False, True), (True, True)])
        if set_:
            self.event.set()
        if clear:
            self.event.clear()

    def left(self) -> Any:
        return repr(self.event).split()[-1]  # without its address


class Lock(Shared):
    lock: asyncio.Lock | asyncio.Semaphore

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.lock = asyncio.Lock()

    def function(self, consumer: int) -> Function:
        return self.lock.acquire

    async def use(self, rest: Function) -> None:
        try:
            await rest()
        finally:
            self.lock.release()

    def act(self) -> None:
        """Other tasks only cancel."""

    def is_free(self) -> bool:
        return not self.lock.locked()

    def take(self, consumer: int) -> Any:
        with contextlib.suppress(StopIteration):  # it is free: nothing to wait for
            self.lock.acquire().send(None)
        return True

    def left(self) -> Any:
        return repr(self.lock).split("[")[-1]


class Semaphore(Lock):
    kind: type[asyncio.Semaphore] = asyncio.Semaphore

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.lock = self.kind(draw.randint(1, 3))


class BoundedSemaphore(Semaphore):
    kind = asyncio.BoundedSemaphore


class Stream(Shared):
    """Reading while another task reads raises a RuntimeError."""

    consumers = 2
    at_once = False  # at its end a read never waits

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.stream = asyncio.StreamReader(limit=draw.choice([8, 1000]))
        functions: list[Function] = [
            self.stream.readline,
            functools.partial(self.stream.readuntil, b";"),
            functools.partial(self.stream.readexactly, 3),
        ]
        self.functions = [draw.choice(functions) for _ in range(self.consumers)]
        self.ended = False

    def function(self, consumer: int) -> Function:
        return self.functions[consumer]

    def act(self) -> None:
        match self.draw.random():
            case chance if chance < 0.01:
                self.stream.set_exception(OSError("broken"))
            case chance if chance < 0.02:
                self.ended = True
                self.stream.feed_eof()
            case _ if not self.ended:
                self.stream.feed_data(bytes(self.draw.choices(b"ab;\n", k=self.draw.randint(1, 6))))

    def left(self) -> Any:
        return repr(self.stream)  # how much is there, and whether anyone waits


class StreamOfOne(Stream):
    consumers = 1


class Condition(Shared):
    at_once = False  # a notification reaches the tasks that wait at that moment

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.condition = asyncio.Condition()
        self.number = 0

    def function(self, consumer: int) -> Function:
        async def notified() -> int:
            async with self.condition:
                await self.condition.wait()
                self.number += 1
                return self.number

        return notified

    def act(self) -> None:
        with contextlib.suppress(StopIteration):  # it is free: nothing to wait for
            self.condition.acquire().send(None)
        self.condition.notify(self.draw.choice([1, 1, 2]))
        self.condition.release()

    def left(self) -> Any:
        return repr(self.condition).split("[")[-1]


class Line:
    """The tasks that wait for something, in order of arrival; one that goes away keeps its place.

    A reused MultiAwait must behave like this. One that is away when its turn comes is passed over
    and loses its place.
    """

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.places: dict[int, asyncio.Future[Any]] = {}

    async def wait(self, consumer: int) -> Any:
        if self.shared.is_free() and all(place.done() for place in self.places.values()):
            self.places.pop(consumer, None)
            return self.shared.take(consumer)
        place = self.places[consumer] = asyncio.get_running_loop().create_future()
        return await place  # cancelled when the consumer goes away

    def serve(self) -> None:
        while self.places and self.shared.is_free():
            consumer = next(iter(self.places))
            place = self.places.pop(consumer)
            if not place.done():
                place.set_result(self.shared.take(consumer))
