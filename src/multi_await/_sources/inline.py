"""Inline polling: a coroutine is run up to the place where it waits, and left there.

No task is needed for that: `coroutine.send(None)` runs it to its next suspension and returns the
future that it waits for. When that future is done the item is *still in the queue*; the coroutine
takes it when it is resumed, and it is resumed when its turn has come. That is what keeps items,
locks and slots where they are until they are delivered.

This module drives coroutines by the future protocol, and knows nothing of the ready queue.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Protocol, TypeVar

from multi_await._names import name_of, short
from multi_await._source import ENDED, PENDING, Pending, Source, Wake
from multi_await._tasks import until_done

T = TypeVar("T")

# Each of these, cancelled at any suspension, leaves its primitive as if it had never been called;
# and what each awaits of its own object, which must be asyncio's too. (What it merely calls can't
# be cancelled halfway, so a subclass may override that: `_get`, `get_nowait`, `full`, `locked`.)
# StreamReader.read is not among them (it loses what it gathered), nor is Condition.wait.
_CANCEL_SAFE: dict[object, tuple[str, ...]] = {
    asyncio.Queue.get: (),
    asyncio.Queue.put: (),
    asyncio.Event.wait: (),
    asyncio.Lock.acquire: (),
    asyncio.Semaphore.acquire: (),
    asyncio.StreamReader.readexactly: ("_wait_for_data",),
    asyncio.StreamReader.readuntil: ("_wait_for_data",),
    asyncio.StreamReader.readline: ("readuntil", "_wait_for_data"),
    asyncio.StreamReader.__anext__: ("readline", "readuntil", "_wait_for_data"),
}


def inline(function: Callable[[], Coroutine[Any, Any, T]]) -> Source[T]:
    """Declare that a coroutine function of yours is safe to poll without a task.

    Nothing is taken ahead then: what the coroutine takes, it takes at the moment when it is
    delivered. asyncio's own `Queue.get`, `Queue.put`, `Event.wait`, `Lock.acquire`,
    `Semaphore.acquire` and `StreamReader.readline`, `StreamReader.readuntil` and
    `StreamReader.readexactly` are polled so by themselves. For a coroutine function of your own it
    is a promise that you make, and it is not checked:

    - cancelled at any of its suspensions, it loses nothing, because it *is* cancelled there and
      called again later when another task could use what it was woken for;
    - it does not look at the current task, because it has none: no `asyncio.timeout`,
      no `asyncio.TaskGroup`, no `asyncio.current_task`.

    Each coroutine runs in one context of its own, a copy of the caller's at its first poll, until
    it ends, its clean-up included. So a context variable that it sets is its own, and the token
    resets it.

    Args:
        function: called without arguments for each outcome; returns a coroutine.

    Returns:
        A source whose values are the coroutines' results.

    Raises:
        TypeError: `function` can't be called. (If it returns something that is no coroutine,
            that is a failure of the source.)

    Example::

        async def next_job() -> Job:
            return Job(await queue.get())

        async with multi_await(inline(next_job), stop.wait) as m:
            print(await m.select())
    """
    if not callable(function):
        raise TypeError(
            f"inline() needs a function that returns a coroutine, not {short(function)}"
        )
    name = name_of(function)
    return InlineSource(functools.partial(_InContext, function, name), name)


def of_asyncio(function: Callable[..., Awaitable[T]]) -> Source[T] | None:
    """An inline source for a bound method of asyncio's that loses nothing when it is cancelled.

    None for any other function, and for a method that awaits an override.
    """
    method: Any = function
    while isinstance(method, functools.partial):
        method = method.func
    awaited = _CANCEL_SAFE.get(getattr(method, "__func__", None))
    if awaited is None:
        return None
    is_stream = isinstance(method.__self__, asyncio.StreamReader)
    for name in awaited:
        own = inspect.getattr_static(method.__self__, name, None)
        if own is not getattr(asyncio.StreamReader, name, None):
            return None
    coroutine_function: Any = function
    kind = StreamSource if is_stream else InlineSource
    return kind(coroutine_function, name_of(function))


class Steps(Protocol):
    """What is polled of a coroutine."""

    def send(self, value: None, /) -> Any: ...
    def throw(self, raised: type[BaseException], /) -> Any: ...
    def close(self) -> None: ...


class InlineSource(Source[T]):
    """Polls the coroutines that a function returns, one after the other, without a task."""

    # `_coroutine` is the one that is suspended, `_future` what it waits for, `_wake` whom that
    # future tells. `_given_up` is the coroutine that we cancelled last: a CancelledError that it
    # raises is ours, and it is not cancelled again.
    __slots__ = ("_coroutine", "_function", "_future", "_given_up", "_name", "_wake")

    def __init__(self, function: Callable[[], Steps], name: str) -> None:
        self._function = function
        self._name = name
        self._coroutine: Steps | None = None
        self._given_up: Steps | None = None

    def poll(self, wake: Wake) -> T | Pending:
        self._wake = wake
        coroutine = self._coroutine
        if coroutine is None:
            coroutine = self._function()
        elif not self._future.done():
            return PENDING
        try:
            return self._run(coroutine, coroutine.send, None)
        except asyncio.CancelledError:
            if self._given_up is not coroutine:
                raise
        return self.poll(wake)  # its clean-up after we gave it up has ended: start afresh

    def release(self) -> None:
        coroutine = self._coroutine
        if coroutine is None or coroutine is self._given_up or not self._future.done():
            return
        try:
            value = self._give_up(coroutine)
        except asyncio.CancelledError:
            pass
        except BaseException as failure:
            self._coroutine = self._given_up = _failed(failure)
        else:
            if value is not PENDING:  # cancelled, and it has a value all the same: the next poll's
                self._coroutine = self._given_up = _finished(value)

    async def aclose(self) -> Iterable[T]:
        coroutine = self._coroutine
        if coroutine is None:
            return ()
        try:
            value = PENDING if coroutine is self._given_up else self._give_up(coroutine)
            while value is PENDING:
                await until_done([self._future])  # its clean-up takes time: it gets it
                value = self._run(coroutine, coroutine.send, None)
        except (asyncio.CancelledError, *ENDED):
            return ()
        return (value,)

    def _run(self, coroutine: Steps, resume: Callable[[Any], Any], argument: object) -> T | Pending:
        """Run to the next suspension, as a task does in one step."""
        try:
            awaited = resume(argument)
        except StopIteration as stop:
            self._coroutine = None
            value: T = stop.value
            return value
        except BaseException:
            self._coroutine = None
            raise
        self._coroutine = coroutine
        if getattr(awaited, "_asyncio_future_blocking", False):
            # The future protocol's handshake: we have taken note that it is waited for.
            awaited._asyncio_future_blocking = False
            self._future = awaited
        else:
            self._future = self._next_pass(coroutine, awaited)
        self._future.add_done_callback(self._wake)
        return PENDING

    def _next_pass(self, coroutine: Steps, awaited: object) -> asyncio.Future[Any]:
        """What a coroutine waits for that yields without a future."""
        if awaited is None:  # a bare yield, as in asyncio.sleep(0): go on at the loop's next pass
            future = asyncio.get_running_loop().create_future()
            future.set_result(None)
            return future
        self._coroutine = None
        coroutine.close()
        raise RuntimeError(
            f"inline source {self._name} awaited {short(awaited)}, which is not a future"
        )

    def _give_up(self, coroutine: Steps) -> T | Pending:
        """Cancel as a task does: first the future, then the coroutine, which cleans up.

        Without the first, Semaphore.acquire on 3.11 and 3.12 gives back a slot that it never had.
        """
        future = self._future
        if not future.done():
            future.remove_done_callback(self._wake)
            future.cancel()
        self._given_up = coroutine
        # The class: an instance would be in a cycle with its own traceback.
        return self._run(coroutine, coroutine.throw, asyncio.CancelledError)

    def __repr__(self) -> str:
        return self._name


class StreamSource(InlineSource[T]):
    """A method of `asyncio.StreamReader`: what was woken holds nothing that another could use.

    Giving it up would only wipe the waiter of whoever has begun to read the stream since.
    """

    __slots__ = ()

    def release(self) -> None:
        pass


class _InContext:
    """A coroutine, each step of which runs in a context of its own, as that of a task does."""

    __slots__ = ("_context", "_coroutine")

    def __init__(self, function: Callable[[], Steps], name: str) -> None:
        self._coroutine = function()
        if not hasattr(self._coroutine, "send"):
            raise TypeError(
                f"inline source {name} returned {short(self._coroutine)}, not a coroutine: "
                "pass the function itself, without inline()"
            )
        self._context = contextvars.copy_context()

    def send(self, value: None, /) -> Any:
        return self._context.run(self._coroutine.send, value)

    def throw(self, raised: type[BaseException], /) -> Any:
        return self._context.run(self._coroutine.throw, raised)

    def close(self) -> None:
        self._context.run(self._coroutine.close)


async def _finished(value: T) -> T:
    return value


async def _failed(failure: BaseException) -> Any:
    try:
        raise failure
    finally:
        del failure  # its traceback keeps this frame: no cycle
