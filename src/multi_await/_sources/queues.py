"""Queues as sources: what comes out of one, and Go's send case, which puts something in."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from multi_await._names import name_of, short
from multi_await._source import Pending, Source, Wake
from multi_await._sources.inline import InlineSource

T = TypeVar("T")


class QueueSource(InlineSource[T]):
    """`Queue.get`, which needs no coroutine while there is something to get."""

    __slots__ = ("_queue",)

    def __init__(self, queue: asyncio.Queue[T]) -> None:
        super().__init__(queue.get, name_of(queue.get))
        del self._function  # a bound method of 64 bytes, which poll() does without
        self._queue = queue

    def poll(self, wake: Wake) -> T | Pending:
        if self._coroutine is None:
            if not self._queue.empty():
                return self._queue.get_nowait()
            self._wake = wake
            coroutine = self._queue.get()
            return self._run(coroutine, coroutine.send, None)
        return InlineSource.poll(self, wake)


def put(queue: asyncio.Queue[T], supplier: Callable[[], T]) -> Source[T]:
    """A source that is ready when there is room in a queue, and puts an item there.

    Args:
        queue: where to put it.
        supplier: gives the item. Called without arguments, and only at the moment when the item
            goes in: when there is room, and the turn has come. If it raises, that is a failure of
            this source, and nothing goes in. While there is nothing to send, pause the source
            (`MultiAwait.pause`), as a Go programmer sets the channel to nil.

    Returns:
        A source whose values are the items that went in. It ends when the queue is shut down; an
        item that the queue did not take then is in `MultiAwait.undelivered`.

    Raises:
        TypeError: the queue is no `asyncio.Queue`, or `supplier` can't be called.

    Example::

        async with multi_await(stop.wait, put(outbox, measure)) as m:
            async for position, measured in m:
                if position == 0:
                    break
                print("sent", measured)

    After the send case of Go's select statement.
    """
    if not isinstance(queue, asyncio.Queue):
        raise TypeError(f"put() needs an asyncio.Queue to put into, not {short(queue)}")
    if not callable(supplier):
        raise TypeError(
            f"put() needs a function that gives the item, not {short(supplier)}: "
            "it is called when there is room"
        )
    return PutSource(queue, supplier)


class PutSource(InlineSource[T]):
    """Waits for room in the line of `Queue.put`, and asks for the item when there is room."""

    __slots__ = ("_sender", "_supplier")

    def __init__(self, queue: asyncio.Queue[T], supplier: Callable[[], T]) -> None:
        self._supplier = supplier
        self._sender = _Sender(queue)
        queue_put: Any = asyncio.Queue.put  # which takes the sender for the queue
        put_there = functools.partial(queue_put, self._sender, None)
        super().__init__(put_there, f"put({name_of(supplier)})")

    def poll(self, wake: Wake) -> T | Pending:
        its_turn = self._coroutine is None or self._future.done()
        if its_turn and not self._sender.queue.full():
            try:
                self._sender.offered.append(self._supplier())
            except BaseException:
                self.release()  # the room is for the next in line
                raise
        return InlineSource.poll(self, wake)

    async def aclose(self) -> Iterable[T]:
        await InlineSource.aclose(self)
        return self._sender.refused + self._sender.offered


class _Sender(Generic[T]):
    """The queue, as `Queue.put` sees it: what goes in is what was offered, in place of its item."""

    def __init__(self, queue: asyncio.Queue[T]) -> None:
        self.queue = queue
        self.offered: list[T] = []
        self.refused: list[T] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.queue, name)

    def full(self) -> bool:
        return not self.offered and self.queue.full()

    def put_nowait(self, _: None) -> T:
        item = self.offered.pop()
        try:
            self.queue.put_nowait(item)
        except BaseException:
            self.refused.append(item)
            raise
        return item
