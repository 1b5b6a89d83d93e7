"""Sources that wrap a source: its end as a value, and its failures as values.

They know what a source is, and which kinds know that an outcome is their last one, but not what
polls them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeAlias, TypeVar

from multi_await._names import name_of, safe_repr, short
from multi_await._source import (
    ENDED,
    INTERRUPTS,
    Pending,
    Source,
    SourceLike,
    Wake,
    failing_after,
    unheard,
)
from multi_await._sources.convert import (
    handed_over,
    mistaken,
    polled,
    source_object,
)
from multi_await._sources.once import Once
from multi_await._sources.timers import Ticks
from multi_await._tasks import refused
from multi_await._tracebacks import without_our_frames

T = TypeVar("T")
V = TypeVar("V")
Poll: TypeAlias = Callable[[Wake], T | Pending]


def ending(source: SourceLike[T], value: V) -> Source[T | V]:
    """A source that passes on the values of `source`, then `value` once when `source` has ended.

    Nothing is taken early. A failure remains a failure. After `value`, the next poll raises
    `StopAsyncIteration` at once, without polling `source` again.

    Args:
        source: a function that returns an awaitable, or a `Source`, which then belongs to this one.
        value: the last value: `None`, a member of an enum, or any other object.

    Raises:
        TypeError: `source` is neither a function nor a `Source`.
        RuntimeError: `source` is a `Source` that was already used.

    Example::

        async with multi_await(ending(each(connection), None), stop.wait) as m:
            async for event in m:
                match event:
                    case (0, None):
                        print("hung up")
                    case (0, message):
                        print("received", message)
                    case (1, _):
                        break

    After tokio's `StreamNotifyClose`.
    """
    return Ending(_inner(source, "ending"), value)


def catching(source: SourceLike[T], wrap: Callable[[Exception], V]) -> Source[T | V]:
    """A source that passes on the values of `source`, and `wrap(failure)` in place of a failure.

    A failure is then one more typed value, even in `undelivered`, and does not leave the loop. An
    end is not a failure, and remains an end. A failure that is not an `Exception`, such as a
    `CancelledError`, remains a failure.

    Args:
        source: a function that returns an awaitable, or a `Source`, which then belongs to this one.
        wrap: called with the failure; returns the value. If it raises, that is the failure.

    Raises:
        TypeError: `source` is neither a function nor a `Source`, or `wrap` is not callable.
        RuntimeError: `source` is a `Source` that was already used.

    Example::

        @dataclass
        class Broken:
            failure: Exception

        source = ending(catching(each(connection), Broken), None)
        # the messages; then how the connection broke, if it did; then None
    """
    if not callable(wrap):
        raise refused(
            source,
            f"catching() needs a function that turns a failure into a value, not {short(wrap)}",
        )
    return Catching(_inner(source, "catching"), wrap)


class _Around(Source[V], Generic[T, V]):
    """Passes everything on; a failed start or release becomes the failure of the next poll."""

    __slots__ = ("_failure", "_is_over", "_source")

    def __init__(self, source: Source[T]) -> None:
        self._source = source
        self._failure: BaseException | None = None
        self._is_over = False

    def start(self) -> None:
        try:
            self._source.start()
        except BaseException as failure:
            self._failure = without_our_frames(failure)
            self._is_over = True

    def poll(self, wake: Wake) -> V | Pending:
        return self._ask(self._source.poll, wake)

    def _poll_unwoken(self, wake: Wake) -> V | Pending:
        return self._ask(self._source._poll_unwoken, wake)

    @abstractmethod
    def _ask(self, poll: Poll[T], wake: Wake) -> V | Pending:
        """Poll the source by one of its two methods."""

    def _ask_inner(self, poll: Poll[T], wake: Wake) -> T | Pending:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            try:
                raise failure
            finally:
                del failure  # its traceback keeps this frame: no cycle
        if self._is_over:
            raise StopAsyncIteration
        return poll(wake)

    def release(self) -> None:
        try:
            self._source.release()
        except BaseException as failure:
            if issubclass(type(failure), INTERRUPTS) or self._failure is not None:
                raise
            self._failure = without_our_frames(failure)

    async def _aclose_inner(self) -> Iterable[T] | None:
        failure, self._failure = self._failure, None
        if failure is None:
            return await self._source.aclose()
        try:
            left = await self._source.aclose()
        except BaseException as raised:
            return failing_after((), raised, failure)
        return failing_after(() if left is None else left, failure)


class Ending(_Around[T, T | V]):
    """Returns a value in place of the end."""

    __slots__ = ("_has_told", "_value", "when_over")

    def __init__(self, source: Source[T], value: V) -> None:
        super().__init__(source)
        self._value = value
        self._has_told = False
        self.when_over: Callable[[], None] = unheard

    def _ask(self, poll: Poll[T], wake: Wake) -> T | V | Pending:
        if self._has_told:
            raise StopAsyncIteration
        try:
            return self._ask_inner(poll, wake)
        except ENDED:
            self._has_told = True
            self.when_over()
            return self._value

    async def aclose(self) -> Iterable[T | V] | None:
        return await self._aclose_inner()

    def __repr__(self) -> str:
        return f"ending({safe_repr(self._source)})"


class Catching(_Around[T, T | V]):
    """Returns a value in place of each failure."""

    __slots__ = ("_wrap",)

    def __init__(self, source: Source[T], wrap: Callable[[Exception], V]) -> None:
        super().__init__(source)
        self._wrap = wrap

    def _ask(self, poll: Poll[T], wake: Wake) -> T | V | Pending:
        try:
            return self._ask_inner(poll, wake)
        except ENDED:
            raise
        except Exception as failure:
            return self._wrapped(failure)

    def _wrapped(self, failure: Exception) -> V:
        try:
            return self._wrap(without_our_frames(failure))
        except ENDED as end:
            raise RuntimeError(
                f"{self!r}: wrap raised {type(end).__name__}, which would end the source"
            ) from end

    async def aclose(self) -> Iterable[T | V]:
        try:
            left = await self._aclose_inner()
        except Exception as failure:
            return (self._wrapped(failure),)
        return self._left(() if left is None else left)

    def _left(self, left: Iterable[T]) -> Iterator[T | V]:
        """The values that were not delivered, and a failure as one more value."""
        try:
            yield from left
        except Exception as failure:
            yield self._wrapped(failure)

    def __repr__(self) -> str:
        return f"catching({safe_repr(self._source)})"


def source_that_knows(source: Source[Any]) -> Ending[Any, Any] | Once[Any] | Ticks | None:
    """The source, if any, that knows which outcome of the given source is the last one.

    It then calls `when_over`, so its owner need not poll it again to learn that it has ended.
    """
    while type(source) is Catching:
        source = source._source
    if type(source) is Ending or type(source) is Once or type(source) is Ticks:
        return source
    return None


def _inner(given: SourceLike[T], adapter: str) -> Source[T]:
    """The source that an adapter wraps; raises an error that says what was wrong with it."""
    if (source := source_object(given)) is not None:
        if not handed_over(source):
            raise RuntimeError(
                f"{adapter}() got {safe_repr(source)}, which was already used: "
                "a Source belongs to one owner, so create a new one"
            )
        return source
    if not callable(given):
        raise refused(given, f"the source of {adapter}() {mistaken(given)}")
    return polled(given, f"{adapter}({name_of(given)})")
