"""Queues as sources: items one at a time or in batches, and Go's send case."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator
from typing import Any, Generic, TypeVar

from multi_await._names import name_of, short, type_of
from multi_await._source import ENDED, PENDING, Pending, Source, Wake, failing_after
from multi_await._sources.function import FunctionSource
from multi_await._sources.inline import InlineSource, is_asyncios
from multi_await._tasks import refused

T = TypeVar("T")

_ASYNCIOS = (asyncio.Queue, asyncio.PriorityQueue, asyncio.LifoQueue)


def of_get(get: Callable[[], Coroutine[Any, Any, T]]) -> Source[T]:
    """The source for asyncio's own `get`, bound to a queue of any class."""
    queue: asyncio.Queue[T] = get.__self__  # type: ignore[attr-defined]  # it is bound
    return QueueSource(queue) if type(queue) in _ASYNCIOS else InlineSource(get, name_of(get))


class QueueSource(InlineSource[T]):
    """`get` of asyncio's queue classes, which needs no coroutine while the queue has items.

    Not for a subclass: a `QueueEmpty` raised by its own override is a failure.
    """

    # `_was_empty`: at the last poll. It may be empty again, and `QueueEmpty` is expensive.
    __slots__ = ("_queue", "_was_empty")

    def __init__(self, queue: asyncio.Queue[T]) -> None:
        super().__init__(queue.get, name_of(queue.get))
        del self._function  # a bound method takes 64 bytes, and poll() does not need it
        self._queue = queue
        self._was_empty = False

    def poll(self, wake: Wake) -> T | Pending:
        if self._coroutine is not None:
            self._was_empty = True
            return InlineSource.poll(self, wake)
        if not self._was_empty:
            try:
                return self._queue.get_nowait()
            except asyncio.QueueEmpty:
                pass
        self._was_empty = False
        self._wake = wake
        coroutine = self._queue.get()
        return self._run(coroutine, coroutine.send, None)


def batched(queue: asyncio.Queue[T], most: int) -> Source[list[T]]:
    """A source of the items of a queue in batches: all available items, up to `most`.

    A batch is taken at the moment it is delivered, and nothing is taken earlier. While the queue is
    empty, the source waits in line with the queue's other consumers.

    Args:
        queue: the queue to take items from.
        most: the maximum number of items in a batch, at least 1.

    Returns:
        A source whose values are lists of 1 to `most` items, in the queue's order. It ends when the
        queue is shut down and empty. If the queue fails after returning some items, these are
        delivered first, and the failure next.

    Raises:
        TypeError: `queue` is not an `asyncio.Queue`, or its class overrides `get` but not
            `get_nowait`, which returns all but the first item of a batch; or `most` is not an
            integer.
        ValueError: `most` is less than 1.

    Example::

        async with multi_await(batched(rows, 500), stop.wait) as m:
            async for event in m:
                match event:
                    case (0, some_rows):
                        print("write", some_rows)
                    case (1, _):
                        break

    After the `recv_many` of tokio's channels.
    """
    if not issubclass(type(queue), asyncio.Queue):
        raise refused(queue, f"batched() needs an asyncio.Queue to take from, not {short(queue)}")
    if not isinstance(most, int):
        raise refused(most, f"batched() needs the most items in a batch, not {short(most)}")
    if most < 1:
        raise ValueError(f"batched() needs at least 1 item in a batch, not {most}")
    if is_asyncios(queue, asyncio.Queue, "get"):
        return BatchSource(queue, most, of_get(queue.get))
    if is_asyncios(queue, asyncio.Queue, "get_nowait"):
        raise TypeError(
            f"batched() takes items by get_nowait(), which {type_of(queue)} does not override as "
            "it does get(): override both alike, or pass the queue's get"
        )
    return BatchSource(queue, most, FunctionSource(queue.get, f"batched({name_of(queue.get)})"))


class BatchSource(Source[list[T]]):
    """Waits for the first item like `get`, and takes the other available items with it."""

    __slots__ = ("_failure", "_first", "_more", "_queue")

    def __init__(self, queue: asyncio.Queue[T], most: int, first: Source[T]) -> None:
        self._queue = queue
        self._first = first
        self._more = most - 1
        self._failure: BaseException | None = None

    def poll(self, wake: Wake) -> list[T] | Pending:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            try:
                raise failure
            finally:
                del failure  # its traceback keeps this frame: no cycle
        first = self._first.poll(wake)
        if first is PENDING:
            return PENDING
        items = [first]
        if self._more:
            self._take_more(items)
        return items

    def _take_more(self, items: list[T]) -> None:
        try:
            get_nowait = self._queue.get_nowait
            for _ in range(min(self._more, self._queue.qsize())):
                items.append(get_nowait())  # noqa: PERF401 -- this keeps the items before a failure
        except asyncio.QueueEmpty:
            pass  # a subclass counts items that it does not give
        except BaseException as failure:
            self._failure = failure  # what was taken is delivered first

    def release(self) -> None:
        self._first.release()

    async def aclose(self) -> Iterable[list[T]]:
        failure, self._failure = self._failure, None
        try:
            left = [[item] for item in await self._first.aclose() or ()]
        except BaseException as raised:
            return failing_after((), raised, failure)
        return _and_then(left, failure)

    def __repr__(self) -> str:
        return f"batched({self._first!r}, {self._more + 1})"


def put(queue: asyncio.Queue[T], supplier: Callable[[], T]) -> Source[T]:
    """A source that is ready when a queue has room, and then puts an item into it.

    Args:
        queue: the queue to put items into. If its class overrides `put`, the override is used, and
            runs in a task, which is cancelled if it has not ended when the source ends.
        supplier: returns the item. Called without arguments, and only at the moment the item goes
            in: when there is room, and the source's turn has come. If it raises, that is a failure
            of this source, and nothing goes in. While there is nothing to send, pause the source
            (`MultiAwait.pause`), as a Go programmer sets the channel to nil.

    Returns:
        A source whose values are the items that went in. It ends when the queue is shut down. If
        the queue did not accept an item, because it was shut down or raised another exception, the
        item is in `MultiAwait.undelivered`.

    Raises:
        TypeError: the queue is not an `asyncio.Queue`, or `supplier` is not callable.

    Example::

        async with multi_await(stop.wait, put(outbox, measure)) as m:
            async for position, measured in m:
                if position == 0:
                    break
                print("sent", measured)

    After the send case of Go's select statement.
    """
    if not issubclass(type(queue), asyncio.Queue):
        raise refused(queue, f"put() needs an asyncio.Queue to put into, not {short(queue)}")
    if not callable(supplier):
        raise refused(
            supplier,
            f"put() needs a function that returns the item, not {short(supplier)}: "
            "it is called when there is room",
        )
    if is_asyncios(queue, asyncio.Queue, "put"):
        return PutSource(queue, supplier)
    return OwnPutSource(queue, supplier)


class PutSource(InlineSource[T]):
    """Waits for room in line with `Queue.put`, and asks for the item when there is room."""

    __slots__ = ("_sender", "_supplier")

    def __init__(self, queue: asyncio.Queue[T], supplier: Callable[[], T]) -> None:
        self._supplier = supplier
        self._sender = _Sender(queue)
        queue_put: Any = asyncio.Queue.put  # with the sender in place of the queue
        put_there = functools.partial(queue_put, self._sender, None)
        super().__init__(put_there, f"put({name_of(supplier)})")

    def poll(self, wake: Wake) -> T | Pending:
        self._offer()
        return InlineSource.poll(self, wake)

    def _offer(self) -> bool:
        """Ask for the item if there is room and the turn has come."""
        its_turn = self._coroutine is None or self._future.done()
        if not its_turn or self._sender.queue.full():
            return False
        try:
            self._sender.offered.append(self._supplier())
        except BaseException:
            self.release()  # the room is for the next in line
            raise
        return True

    async def aclose(self) -> Iterable[T]:
        failure = await _failure_of(InlineSource.aclose(self))
        return _and_then(self._sender.refused + self._sender.offered, failure)


class OwnPutSource(PutSource[T]):
    """The same for a class that overrides `put`: that may be any coroutine, so it gets a task.

    It keeps the place in line meanwhile, so that the room can be passed on if it was not used.
    """

    __slots__ = ("_puts", "_putting")

    def __init__(self, queue: asyncio.Queue[T], supplier: Callable[[], T]) -> None:
        super().__init__(queue, supplier)
        self._puts = FunctionSource(self._put, self._name)
        self._putting = False

    def poll(self, wake: Wake) -> T | Pending:
        if not self._putting and not self._offer():
            return InlineSource.poll(self, wake)
        self._putting = False
        put = self._puts.poll(wake)
        self._putting = put is PENDING
        return put

    async def _put(self) -> T:
        sender = self._sender
        (item,) = sender.offered
        putting = _Putting(sender.queue, item)
        try:
            await putting
        except BaseException:
            if not putting.has_put:
                sender.refused.append(item)
            raise
        finally:
            sender.offered.clear()
            self.release()  # if there is still room, it is for the next in line
        return item

    async def aclose(self) -> Iterable[T]:
        failure = await _failure_of(self._puts.aclose())  # items that it has put are in the queue
        sender = self._sender
        sender.refused += sender.offered  # of a task that was cancelled before it began
        sender.offered.clear()
        return _and_then(await PutSource.aclose(self), failure)


class _Sender(Generic[T]):
    """The queue as `Queue.put` sees it: the offered item goes in instead of its argument."""

    def __init__(self, queue: asyncio.Queue[T]) -> None:
        self.queue = queue
        self.offered: list[T] = []
        self.refused: list[T] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.queue, name)

    def full(self) -> bool:
        return not self.offered and self.queue.full()

    def put_nowait(self, _: None) -> T:
        size = self.queue.qsize()
        item = self.offered[0]
        try:
            self.queue.put_nowait(item)
        except BaseException:
            if self.queue.qsize() <= size:  # else it is in: PriorityQueue can't compare it
                self.refused.append(item)
            raise
        finally:
            self.offered.clear()
        return item


class _Putting:
    """A queue's own `put`, step by step: it has put if the queue grew during one of its steps."""

    def __init__(self, queue: asyncio.Queue[T], item: T) -> None:
        async def put() -> None:
            await queue.put(item)

        self._queue = queue
        self._coroutine: Coroutine[Any, Any, None] = put()
        self.has_put = False

    def __await__(self) -> Generator[Any, Any, None]:
        step: Callable[[Any], Any] = self._coroutine.send
        argument: Any = None
        while True:
            size = self._queue.qsize()
            try:
                awaited = step(argument)
            except StopIteration:
                return
            finally:
                argument = None  # an exception's traceback keeps this frame: no cycle
                self.has_put |= self._queue.qsize() > size
            try:
                argument, step = (yield awaited), self._coroutine.send
            except BaseException as raised:
                argument, step = raised, self._coroutine.throw


def _and_then(values: Iterable[T], failure: BaseException | None) -> Iterator[T]:
    yield from values
    try:
        if failure is not None and not issubclass(type(failure), ENDED):
            raise failure
    finally:
        del failure  # its traceback keeps this frame: no cycle


async def _failure_of(end: Coroutine[Any, Any, object]) -> BaseException | None:
    try:
        await end
    except BaseException as failure:
        return failure
    return None
