"""Inline polling: run a coroutine up to the point where it waits, and leave it there.

This needs no task: `coroutine.send(None)` runs it to its next suspension and returns the future
that it waits for. When that future is done, the item is *still in the queue*; the coroutine takes
it when it is resumed, and it is resumed when its turn comes. This keeps items, locks and slots
where they are until they are delivered.

This module drives coroutines by the future protocol, and does not know the ready queue.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
from asyncio import get_running_loop
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable
from types import MethodType
from typing import Any, Protocol, TypeVar

from multi_await._names import name_of, short
from multi_await._source import ENDED, PENDING, Pending, Source, Wake
from multi_await._tasks import refused, until_done

T = TypeVar("T")

# If one of these is cancelled at any suspension, it leaves its primitive as if it had never been
# called. The values are the methods of the same object that it awaits; they must be asyncio's too.
# (What it merely calls can't be cancelled halfway, so a subclass may override that: `_get`,
# `get_nowait`, `full`, `locked`.) StreamReader.read is not among them (it loses what it has read),
# nor is Condition.wait.
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

    Then nothing is taken early: the coroutine takes an item only at the moment of delivery.
    asyncio's own `Queue.get`, `Queue.put`, `Event.wait`, `Lock.acquire`, `Semaphore.acquire`,
    `StreamReader.readline`, `StreamReader.readuntil` and `StreamReader.readexactly` are always
    polled this way. For a coroutine function of your own, you promise the following, which is not
    checked:

    - It loses nothing if it is cancelled at any of its suspensions. It *is* cancelled there, and
      called again later, when another task could use what it was woken for.
    - It does not use the current task, because it has none: no `asyncio.timeout`, no
      `asyncio.TaskGroup`, no `asyncio.current_task`.

    Each coroutine runs in its own context, a copy of the caller's at its first poll, until it ends,
    including its clean-up. So context variables that it sets are its own, and a token resets them.

    Args:
        function: called without arguments for each outcome; returns a coroutine.

    Returns:
        A source whose values are the coroutines' results.

    Raises:
        TypeError: `function` is not callable. (If it returns something other than a coroutine,
            that is a failure of the source.)

    Example::

        async def next_job() -> Job:
            return Job(await queue.get())

        async with multi_await(inline(next_job), stop.wait) as m:
            print(await m.select())
    """
    if not callable(function):
        raise refused(
            function, f"inline() needs a function that returns a coroutine, not {short(function)}"
        )
    name = name_of(function)
    return InlineSource(functools.partial(_InContext, function, name), name)


def of_asyncio(function: Callable[..., Awaitable[T]]) -> Source[T] | None:
    """An inline source for a bound asyncio method that loses nothing when it is cancelled.

    `None` for any other function, and for a method that awaits an override.
    """
    method: Any = function
    while _only_binds(method):
        method = method.func
    # By its class: a proxy has the method's attributes, but does more than the method.
    awaited = _awaited_by(method.__func__) if type(method) is MethodType else None
    if awaited is None:
        return None
    is_stream = isinstance(method.__self__, asyncio.StreamReader)
    if not all(is_asyncios(method.__self__, asyncio.StreamReader, name) for name in awaited):
        return None
    coroutine_function: Any = function
    kind = StreamSource if is_stream else InlineSource
    return kind(coroutine_function, name_of(function))


def _only_binds(function: object) -> bool:
    """Whether it is a partial, and not of a class that does more when it is called."""
    kind: Any = type(function)
    return issubclass(kind, functools.partial) and kind.__call__ is functools.partial.__call__


def is_asyncios(value: object, kind: type, name: str) -> bool:
    """Whether neither its class nor the object itself overrides a method of asyncio's."""
    own: object = inspect.getattr_static(value, name, None)
    return own is getattr(kind, name, None)


def _awaited_by(function: object) -> tuple[str, ...] | None:
    """By identity: a function that is not asyncio's may be unhashable."""
    return next((awaited for safe, awaited in _CANCEL_SAFE.items() if safe is function), None)


class Steps(Protocol):
    """The part of a coroutine that polling uses."""

    def send(self, value: None, /) -> Any: ...
    def throw(self, raised: type[BaseException], /) -> Any: ...
    def close(self) -> None: ...


class InlineSource(Source[T]):
    """Polls the coroutines that a function returns, one after another, without a task."""

    # `_coroutine` is the suspended one, `_future` what it waits for, `_wake` what that future
    # calls. `_given_up` is the coroutine that we cancelled last: a CancelledError from it is ours,
    # and it is not cancelled again.
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
        return self.poll(wake)  # we gave it up, and its clean-up has ended: start again

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
            if value is not PENDING:  # it was cancelled but has a value, for the next poll
                self._coroutine = self._given_up = _finished(value)

    async def aclose(self) -> Iterable[T]:
        coroutine = self._coroutine
        if coroutine is None:
            return ()
        try:
            value = PENDING if coroutine is self._given_up else self._give_up(coroutine)
            while value is PENDING:
                await until_done([self._future])  # wait for its clean-up
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
        try:
            if getattr(awaited, "_asyncio_future_blocking", False):
                # The future protocol's handshake: we acknowledge that we wait for it.
                awaited._asyncio_future_blocking = False
                self._future = awaited
                if awaited.get_loop() is not get_running_loop():  # it would wake that one
                    raise self._of_another_loop()
            else:
                self._future = self._next_pass(awaited)
            self._future.add_done_callback(self._wake)
        except BaseException:  # nothing will ever wake it
            self._coroutine = None
            coroutine.close()
            raise
        return PENDING

    def _of_another_loop(self) -> RuntimeError:
        return RuntimeError(f"inline source {self._name} awaited a future of another event loop")

    def _next_pass(self, awaited: object) -> asyncio.Future[Any]:
        """The future to wait for if a coroutine yields something other than a future."""
        if awaited is None:  # a bare yield, as in asyncio.sleep(0): go on at the loop's next pass
            future = get_running_loop().create_future()
            future.set_result(None)
            return future
        raise RuntimeError(
            f"inline source {self._name} awaited {short(awaited)}, which is not a future"
        )

    def _give_up(self, coroutine: Steps) -> T | Pending:
        """Cancel as a task does: first the future, then the coroutine, which cleans up.

        Without the former, Semaphore.acquire on 3.11 and 3.12 releases a slot that it never had.
        """
        future = self._future
        if not future.done():
            future.remove_done_callback(self._wake)
            future.cancel()
        elif not future.cancelled():
            future.exception()  # so that it is not logged as never retrieved
        self._given_up = coroutine
        # The class: an instance would be in a cycle with its own traceback.
        return self._run(coroutine, coroutine.throw, asyncio.CancelledError)

    def __repr__(self) -> str:
        return self._name


class StreamSource(InlineSource[T]):
    """A method of `asyncio.StreamReader`: a wake reserves nothing that another task could use.

    Giving it up would only remove the waiter of a task that has begun to read the stream since.
    """

    __slots__ = ()

    def release(self) -> None:
        pass


class _InContext:
    """A coroutine that runs each step in its own context, as a task does."""

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


# Generators do as coroutines here, and nobody is warned if they are never run.
def _finished(value: T) -> Generator[None, None, T]:
    yield from ()
    return value


def _failed(failure: BaseException) -> Generator[None, None, None]:
    try:
        yield from ()
        raise failure
    finally:
        del failure  # its traceback keeps this frame: no cycle
