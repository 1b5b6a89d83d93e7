"""One awaitable as a source, which ends after its only outcome."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from multi_await._names import holds, qualname_of, short, type_of
from multi_await._source import ENDED, PENDING, Pending, Source, Wake, unheard
from multi_await._sources.function import TaskSource, can_be_awaited
from multi_await._tasks import close_coroutines

T = TypeVar("T")


def once(awaitable: Awaitable[T]) -> Source[T]:
    """A source with one outcome, after which it has ended.

    Args:
        awaitable: a coroutine, which runs in a task from the first poll on, and is cancelled at the
            end unless it is done; if it never ran, it is closed without a warning. Or a Task or
            Future, which remains yours: it is waited for but never cancelled, and an outcome that
            was not delivered is still in it, not in `MultiAwait.undelivered`.

    Returns:
        A source whose only value is the awaitable's result.

    Raises:
        TypeError: it can't be awaited.

    Example::

        async with multi_await(once(connect()), stop.wait) as m:
            match await m.select():
                case (0, connection):
                    print("there is", connection)
                case (1, _):
                    print("stopped before")
    """
    if not can_be_awaited(awaitable):
        raise TypeError(f"once() needs {_instead(awaitable)}")
    return Once(awaitable)


def _instead(mistake: object) -> str:
    if issubclass(type(mistake), concurrent.futures.Future):
        return (
            "an awaitable, not a concurrent.futures.Future, which another thread "
            "completes: pass once(asyncio.wrap_future(...))"
        )
    needed = f"a coroutine, a Task or another awaitable, not {short(mistake)}"
    if hasattr(type(mistake), "__aiter__"):
        return f"{needed}: wrap it in each(...)"
    if callable(mistake):
        return f"{needed}: call it and pass what it returns"
    return needed


class Once(TaskSource[T]):
    """Waits for the given awaitable, once."""

    __slots__ = ("_given", "_is_theirs", "when_over")

    def __init__(self, given: Awaitable[T]) -> None:
        super().__init__(f"once({qualname_of(given) or type_of(given)})")
        self._given: Awaitable[T] | None = given
        self._is_theirs = holds(asyncio.isfuture, given)
        self.when_over: Callable[[], None] = unheard

    def poll(self, wake: Wake) -> T | Pending:
        try:
            outcome = super().poll(wake)
        except ENDED:
            raise
        except BaseException:
            self.when_over()
            raise
        if outcome is not PENDING:
            self.when_over()
        return outcome

    def _next(self) -> Awaitable[T]:
        given, self._given = self._given, None
        if given is None:
            raise StopAsyncIteration
        return given

    async def aclose(self) -> Iterable[T]:
        if not self._is_theirs:
            close_coroutines((self._given,))
            return await super().aclose()
        if self._task is not None:
            self._task.remove_done_callback(self._wake)
        return ()

    def __del__(self) -> None:
        close_coroutines((getattr(self, "_given", None),))  # none, if __init__ did not run

    def __repr__(self) -> str:
        return self._label
