"""The typed front: `MultiAwait`, and what each of its calls returns.

Results by position, as tuples or lists. The overloads, one for each number of sources, are needed
because Python still can't say "for each of `*Ts`". They come in triangles, one line each: for one
source, for two, and so on up to eight; for an open set; for more. They are written out, without
type aliases, because an editor shows them as they are written. The ready queue handles what
happens inside a call, and `_sources.convert` decides what can be a source.
"""

from __future__ import annotations

import warnings
from operator import itemgetter
from types import TracebackType
from typing import (
    Any,
    Generic,
    Literal,
    NoReturn,
    Self,
    TypeAlias,
    TypeVar,
    TypeVarTuple,
    Unpack,
    overload,
)

from multi_await._core.calls import Calls, Round
from multi_await._core.positions import Positions
from multi_await._names import short
from multi_await._source import SourceLike
from multi_await._sources.convert import as_source, as_sources
from multi_await._tasks import close_coroutines

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")
T6 = TypeVar("T6")
T7 = TypeVar("T7")
T8 = TypeVar("T8")
Ts = TypeVarTuple("Ts")

# mypy lets a MultiAwait[Any, Any] match any number of sources, and picks the first overload. So the
# first one is for a number that no other overload has, and gives Any.
_Untyped: TypeAlias = "MultiAwait[_U, _U, _U, _U, _U, _U, _U, _U, _U]"


class _U:
    """A type that no source has."""


class MultiAwait(Generic[Unpack[Ts]]):  # not *Ts: jedi, and so IPython, could not parse the class
    """Waits on any number of sources, over and over, and reports which one has something.

    A set that is built with sources is fixed, and every result is typed by position:
    `multi_await(words.get, numbers.get)` gives a `MultiAwait[str, int]`. A set that is built
    without any is open: `add` sources at any time; results are lists, and their values `Any`.

    Sources are polled only during a call, starting with the first one. A source that has not
    finished is neither restarted nor cancelled between calls.

    Only one call can run at a time: if two tasks wait, create one for each. Use it as a context
    manager, or end it with `await m.cancel()`.

    Cancelling a call, or letting it time out, leaves every source as it was, and the next call goes
    on; so put `asyncio.timeout` around a call to limit how long it waits.

    Args:
        sources: functions without arguments that return an awaitable, such as `queue.get`, or
            `Source` objects. Their order determines their positions. A Task or Future that a
            function returns is cancelled at the end, unless it is done.
        biased: true priority. Each call looks at the sources from position 0 on, and takes the
            first outcome that is available now, instead of giving each source its turn. A source
            that always has something blocks those after it.

    Raises:
        TypeError: an argument is not a source, such as `queue.get()` instead of `queue.get`.
        RuntimeError: a `Source` was already used; each belongs to one `MultiAwait`.

    Example::

        async with multi_await(words.get, numbers.get) as m:
            async for event in m:
                match event:
                    case (0, word):
                        print("a word", word)
                    case (1, number):
                        print("a number", number)
    """

    # fmt: off
    @overload
    def __init__(self: MultiAwait[T1], s1: SourceLike[T1], /, *, biased: bool = False) -> None: ...
    @overload
    def __init__(self: MultiAwait[T1, T2], s1: SourceLike[T1], s2: SourceLike[T2], /, *, biased: bool = False) -> None: ...
    @overload
    def __init__(self: MultiAwait[T1, T2, T3], s1: SourceLike[T1], s2: SourceLike[T2], s3: SourceLike[T3], /, *, biased: bool = False) -> None: ...
    @overload
    def __init__(self: MultiAwait[T1, T2, T3, T4], s1: SourceLike[T1], s2: SourceLike[T2], s3: SourceLike[T3], s4: SourceLike[T4], /, *, biased: bool = False) -> None: ...
    @overload
    def __init__(self: MultiAwait[T1, T2, T3, T4, T5], s1: SourceLike[T1], s2: SourceLike[T2], s3: SourceLike[T3], s4: SourceLike[T4], s5: SourceLike[T5], /, *, biased: bool = False) -> None: ...
    @overload
    def __init__(self: MultiAwait[T1, T2, T3, T4, T5, T6], s1: SourceLike[T1], s2: SourceLike[T2], s3: SourceLike[T3], s4: SourceLike[T4], s5: SourceLike[T5], s6: SourceLike[T6], /, *, biased: bool = False) -> None: ...
    @overload
    def __init__(self: MultiAwait[T1, T2, T3, T4, T5, T6, T7], s1: SourceLike[T1], s2: SourceLike[T2], s3: SourceLike[T3], s4: SourceLike[T4], s5: SourceLike[T5], s6: SourceLike[T6], s7: SourceLike[T7], /, *, biased: bool = False) -> None: ...
    @overload
    def __init__(self: MultiAwait[T1, T2, T3, T4, T5, T6, T7, T8], s1: SourceLike[T1], s2: SourceLike[T2], s3: SourceLike[T3], s4: SourceLike[T4], s5: SourceLike[T5], s6: SourceLike[T6], s7: SourceLike[T7], s8: SourceLike[T8], /, *, biased: bool = False) -> None: ...
    @overload
    def __init__(self: MultiAwait[()], *, biased: bool = False) -> None: ...
    @overload
    def __init__(self: MultiAwait[Unpack[tuple[T, ...]]], *sources: SourceLike[T], biased: bool = False) -> None: ...
    # fmt: on
    def __init__(self, *sources: SourceLike[Any], biased: bool = False) -> None:
        self._queue = Positions(biased)
        self._fixed = bool(sources)
        self._looked = False  # at undelivered
        self._entered = False
        for source in as_sources(sources):
            self._queue.add(source)

    def add(self: MultiAwait[()], source: SourceLike[Any]) -> int:
        """Add a source to an open set, at any time, even while another task is blocked in a call.

        Args:
            source: a function without arguments that returns an awaitable, or a `Source`.

        Returns:
            Its position, which is the lowest free one, as with file descriptors.

        Raises:
            TypeError: the set is fixed, because it was built with sources; or `source` is not a
                source.
            RuntimeError: after `cancel()`; or from another thread; or `source` is a `Source` that
                was already used.

        Example::

            async with multi_await() as m:
                m.add(queue.get)
                m.add(every(1))
                (item, tick), failures = await m.get()
        """
        try:
            self._check_open_set("add()")
            self._queue.check_open()
            self._queue.check_thread("add()")
            added = as_source(source, self._queue.next_position())
        except (TypeError, RuntimeError):
            close_coroutines((source,))
            raise
        return self._queue.add(added)

    async def remove(self: MultiAwait[()], position: int) -> tuple[Any, ...]:
        """Remove a source from an open set and end it, at any time.

        By the time this returns, the source's task has been cancelled and has ended. The next `add`
        can reuse the position.

        Args:
            position: what `add` returned.

        Returns:
            The source's values that were not delivered. Usually there are none,
            and a function source has at most one. They are yours now, and will not be in
            `undelivered`. (A failure goes to the event loop's exception handler.)

        Raises:
            TypeError: the set is fixed, because it was built with sources.
            IndexError: there is no source at this position (any more).
            RuntimeError: after `cancel()`; or from within a source that is being polled; or in
                a different event loop than before.
            asyncio.CancelledError: the caller was cancelled meanwhile. The source is removed and
                has ended nevertheless; what it left is in `undelivered`.

        Example::

            position = m.add(connection.receive)
            ...  # events
            for message in await m.remove(position):
                print("came too late:", message)
        """
        self._check_open_set("remove()")
        return await self._queue.remove(position)

    def pause(self, position: int) -> None:
        """Stop polling a source until `resume`: a guard.

        The source's task keeps running, and its outcome is kept. A paused source has not ended: if
        all others have, a call still waits. Does nothing if the source is already paused, or
        exhausted.

        Args:
            position: the position of the source.

        Raises:
            IndexError: there is no source at this position (any more).
            RuntimeError: after `cancel()`; or from another thread.

        Example::

            m.pause(INBOX) if len(waiting) == limit else m.resume(INBOX)

        After Go's nil channel, and the `if` of tokio's `select!`.
        """
        self._queue.pause(position)

    def resume(self, position: int) -> None:
        """Poll a paused source again, even in a call that is blocked in another task.

        Does nothing if the source is not paused.

        Args:
            position: the position of the source.

        Raises:
            IndexError: there is no source at this position (any more).
            RuntimeError: after `cancel()`; or from another thread.

        Example::

            waiting.popleft()
            m.resume(INBOX)
        """
        self._queue.resume(position)

    def _check_open_set(self, call: str) -> None:
        if self._fixed:
            raise TypeError(
                f"{call} on a MultiAwait that was built with sources, whose set is fixed: "
                "build it without sources, multi_await(), and add() them all"
            )

    # fmt: off
    @overload
    async def get(self: _Untyped) -> Any: ...
    @overload
    async def get(self: MultiAwait[T1]) -> tuple[tuple[T1 | None], tuple[BaseException | None]]: ...
    @overload
    async def get(self: MultiAwait[T1, T2]) -> tuple[tuple[T1 | None, T2 | None], tuple[BaseException | None, BaseException | None]]: ...
    @overload
    async def get(self: MultiAwait[T1, T2, T3]) -> tuple[tuple[T1 | None, T2 | None, T3 | None], tuple[BaseException | None, BaseException | None, BaseException | None]]: ...
    @overload
    async def get(self: MultiAwait[T1, T2, T3, T4]) -> tuple[tuple[T1 | None, T2 | None, T3 | None, T4 | None], tuple[BaseException | None, BaseException | None, BaseException | None, BaseException | None]]: ...
    @overload
    async def get(self: MultiAwait[T1, T2, T3, T4, T5]) -> tuple[tuple[T1 | None, T2 | None, T3 | None, T4 | None, T5 | None], tuple[BaseException | None, BaseException | None, BaseException | None, BaseException | None, BaseException | None]]: ...
    @overload
    async def get(self: MultiAwait[T1, T2, T3, T4, T5, T6]) -> tuple[tuple[T1 | None, T2 | None, T3 | None, T4 | None, T5 | None, T6 | None], tuple[BaseException | None, BaseException | None, BaseException | None, BaseException | None, BaseException | None, BaseException | None]]: ...
    @overload
    async def get(self: MultiAwait[T1, T2, T3, T4, T5, T6, T7]) -> tuple[tuple[T1 | None, T2 | None, T3 | None, T4 | None, T5 | None, T6 | None, T7 | None], tuple[BaseException | None, BaseException | None, BaseException | None, BaseException | None, BaseException | None, BaseException | None, BaseException | None]]: ...
    @overload
    async def get(self: MultiAwait[T1, T2, T3, T4, T5, T6, T7, T8]) -> tuple[tuple[T1 | None, T2 | None, T3 | None, T4 | None, T5 | None, T6 | None, T7 | None, T8 | None], tuple[BaseException | None, BaseException | None, BaseException | None, BaseException | None, BaseException | None, BaseException | None, BaseException | None, BaseException | None]]: ...
    @overload
    async def get(self: MultiAwait[()]) -> tuple[list[Any], list[BaseException | None]]: ...
    @overload
    async def get(self: MultiAwait[Unpack[tuple[T, ...]]]) -> tuple[tuple[T | None, ...], tuple[BaseException | None, ...]]: ...
    # fmt: on
    def get(self) -> Any:
        """Wait until a source has an outcome, then take the outcomes of all sources that are ready.

        `None` in `completed` means either no value or the value `None`; `select` distinguishes the
        two.

        Returns:
            `(completed, failures)`, the values and the exceptions by position, with `None` where
            there is none. Tuples if the set is fixed; for a `MultiAwait[str, int]` they are
            `tuple[str | None, int | None]` and `tuple[BaseException | None, BaseException | None]`.
            Lists if the set is open.

        Raises:
            NothingToAwait: there is no source, or every source is exhausted.
            RuntimeError: another call has not returned; or after `cancel()`; or in a different
                event loop than before.
            asyncio.CancelledError: the caller was cancelled. Nothing was taken.

        Example::

            completed, failures = await m.get()
            word, number = completed
        """
        return self._queue.call(self._queue.take_all, self._round)

    # fmt: off
    @overload
    def get_nowait(self: _Untyped) -> Any: ...
    @overload
    def get_nowait(self: MultiAwait[T1]) -> tuple[tuple[T1 | None], tuple[BaseException | None]]: ...
    @overload
    def get_nowait(self: MultiAwait[T1, T2]) -> tuple[tuple[T1 | None, T2 | None], tuple[BaseException | None, BaseException | None]]: ...
    @overload
    def get_nowait(self: MultiAwait[T1, T2, T3]) -> tuple[tuple[T1 | None, T2 | None, T3 | None], tuple[BaseException | None, BaseException | None, BaseException | None]]: ...
    @overload
    def get_nowait(self: MultiAwait[T1, T2, T3, T4]) -> tuple[tuple[T1 | None, T2 | None, T3 | None, T4 | None], tuple[BaseException | None, BaseException | None, BaseException | None, BaseException | None]]: ...
    @overload
    def get_nowait(self: MultiAwait[T1, T2, T3, T4, T5]) -> tuple[tuple[T1 | None, T2 | None, T3 | None, T4 | None, T5 | None], tuple[BaseException | None, BaseException | None, BaseException | None, BaseException | None, BaseException | None]]: ...
    @overload
    def get_nowait(self: MultiAwait[T1, T2, T3, T4, T5, T6]) -> tuple[tuple[T1 | None, T2 | None, T3 | None, T4 | None, T5 | None, T6 | None], tuple[BaseException | None, BaseException | None, BaseException | None, BaseException | None, BaseException | None, BaseException | None]]: ...
    @overload
    def get_nowait(self: MultiAwait[T1, T2, T3, T4, T5, T6, T7]) -> tuple[tuple[T1 | None, T2 | None, T3 | None, T4 | None, T5 | None, T6 | None, T7 | None], tuple[BaseException | None, BaseException | None, BaseException | None, BaseException | None, BaseException | None, BaseException | None, BaseException | None]]: ...
    @overload
    def get_nowait(self: MultiAwait[T1, T2, T3, T4, T5, T6, T7, T8]) -> tuple[tuple[T1 | None, T2 | None, T3 | None, T4 | None, T5 | None, T6 | None, T7 | None, T8 | None], tuple[BaseException | None, BaseException | None, BaseException | None, BaseException | None, BaseException | None, BaseException | None, BaseException | None, BaseException | None]]: ...
    @overload
    def get_nowait(self: MultiAwait[()]) -> tuple[list[Any], list[BaseException | None]]: ...
    @overload
    def get_nowait(self: MultiAwait[Unpack[tuple[T, ...]]]) -> tuple[tuple[T | None, ...], tuple[BaseException | None, ...]]: ...
    # fmt: on
    def get_nowait(self) -> Any:
        """Return what `get` would return now, or `None` everywhere if nothing is ready. Never waits.

        A function source that is not running is started. A later call returns its outcome, or this
        one, if the function does not wait and tasks start eagerly (Python 3.12 and later).

        Returns:
            `(completed, failures)`, like `get`.

        Raises:
            NothingToAwait: there is no source, or every source is exhausted.
            RuntimeError: another call has not returned; or after `cancel()`; or in a different
                event loop than before, or without one.

        Example::

            completed, failures = m.get_nowait()  # (None, None) twice, if nothing is ready
        """
        taken_all = self._queue.call_nowait(self._queue.take_all)
        return self._round(taken_all or ([None] * len(self), [None] * len(self)))

    # fmt: off
    @overload
    async def get_or_raise(self: _Untyped) -> Any: ...
    @overload
    async def get_or_raise(self: MultiAwait[T1]) -> tuple[T1 | None]: ...
    @overload
    async def get_or_raise(self: MultiAwait[T1, T2]) -> tuple[T1 | None, T2 | None]: ...
    @overload
    async def get_or_raise(self: MultiAwait[T1, T2, T3]) -> tuple[T1 | None, T2 | None, T3 | None]: ...
    @overload
    async def get_or_raise(self: MultiAwait[T1, T2, T3, T4]) -> tuple[T1 | None, T2 | None, T3 | None, T4 | None]: ...
    @overload
    async def get_or_raise(self: MultiAwait[T1, T2, T3, T4, T5]) -> tuple[T1 | None, T2 | None, T3 | None, T4 | None, T5 | None]: ...
    @overload
    async def get_or_raise(self: MultiAwait[T1, T2, T3, T4, T5, T6]) -> tuple[T1 | None, T2 | None, T3 | None, T4 | None, T5 | None, T6 | None]: ...
    @overload
    async def get_or_raise(self: MultiAwait[T1, T2, T3, T4, T5, T6, T7]) -> tuple[T1 | None, T2 | None, T3 | None, T4 | None, T5 | None, T6 | None, T7 | None]: ...
    @overload
    async def get_or_raise(self: MultiAwait[T1, T2, T3, T4, T5, T6, T7, T8]) -> tuple[T1 | None, T2 | None, T3 | None, T4 | None, T5 | None, T6 | None, T7 | None, T8 | None]: ...
    @overload
    async def get_or_raise(self: MultiAwait[()]) -> list[Any]: ...
    @overload
    async def get_or_raise(self: MultiAwait[Unpack[tuple[T, ...]]]) -> tuple[T | None, ...]: ...
    # fmt: on
    def get_or_raise(self) -> Any:
        """Like `get`, but a failure is raised: the one with the lowest position.

        The other outcomes of the same round, values and failures, are kept for the next call. If that
        is `get_or_raise` again, it returns only these, and polls nothing.

        Returns:
            `completed`, the values by position, with `None` where there is none. A tuple if the set
            is fixed, a list if it is open.

        Raises:
            BaseException: a source's failure, with a note that says which source it came from.
            RuntimeError: a source was cancelled, and not by this call (the source's
                `CancelledError` is the cause); or another call has not returned; or after
                `cancel()`; or in a different event loop than before.
            NothingToAwait: there is no source, or every source is exhausted.
            asyncio.CancelledError: the caller was cancelled. Nothing was taken.

        Example::

            try:
                word, number = await m.get_or_raise()
            except ConnectionError as error:
                print(error, *error.__notes__)
        """
        coroutine: Any = self._queue.call(self._queue.take_values, self._values)
        coroutine.__qualname__ = "MultiAwait.get_or_raise"  # as below
        return coroutine

    # fmt: off
    @overload
    async def select(self: _Untyped) -> Any: ...
    @overload
    async def select(self: MultiAwait[T1]) -> tuple[Literal[0], T1]: ...
    @overload
    async def select(self: MultiAwait[T1, T2]) -> tuple[Literal[0], T1] | tuple[Literal[1], T2]: ...
    @overload
    async def select(self: MultiAwait[T1, T2, T3]) -> tuple[Literal[0], T1] | tuple[Literal[1], T2] | tuple[Literal[2], T3]: ...
    @overload
    async def select(self: MultiAwait[T1, T2, T3, T4]) -> tuple[Literal[0], T1] | tuple[Literal[1], T2] | tuple[Literal[2], T3] | tuple[Literal[3], T4]: ...
    @overload
    async def select(self: MultiAwait[T1, T2, T3, T4, T5]) -> tuple[Literal[0], T1] | tuple[Literal[1], T2] | tuple[Literal[2], T3] | tuple[Literal[3], T4] | tuple[Literal[4], T5]: ...
    @overload
    async def select(self: MultiAwait[T1, T2, T3, T4, T5, T6]) -> tuple[Literal[0], T1] | tuple[Literal[1], T2] | tuple[Literal[2], T3] | tuple[Literal[3], T4] | tuple[Literal[4], T5] | tuple[Literal[5], T6]: ...
    @overload
    async def select(self: MultiAwait[T1, T2, T3, T4, T5, T6, T7]) -> tuple[Literal[0], T1] | tuple[Literal[1], T2] | tuple[Literal[2], T3] | tuple[Literal[3], T4] | tuple[Literal[4], T5] | tuple[Literal[5], T6] | tuple[Literal[6], T7]: ...
    @overload
    async def select(self: MultiAwait[T1, T2, T3, T4, T5, T6, T7, T8]) -> tuple[Literal[0], T1] | tuple[Literal[1], T2] | tuple[Literal[2], T3] | tuple[Literal[3], T4] | tuple[Literal[4], T5] | tuple[Literal[5], T6] | tuple[Literal[6], T7] | tuple[Literal[7], T8]: ...
    @overload
    async def select(self: MultiAwait[()]) -> tuple[int, Any]: ...
    @overload
    async def select(self: MultiAwait[Unpack[tuple[T, ...]]]) -> tuple[int, T]: ...
    # fmt: on
    def select(self) -> Any:  # saves a coroutine frame: it returns the ready queue's coroutine
        """Wait for one event. Nothing else is taken: all other sources keep what they have.

        Returns:
            `(position, value)`. For a `MultiAwait[str, int]` it is
            `tuple[Literal[0], str] | tuple[Literal[1], int]`: `match` narrows it, and
            `assert_never` in a last `case _` proves that every source is handled.

        Raises:
            BaseException: the source's failure, with a note that says which source it came from.
            RuntimeError: the source was cancelled, and not by this call (its `CancelledError` is
                the cause); or another call has not returned; or after `cancel()`; or in a
                different event loop than before.
            NothingToAwait: there is no source, or every source is exhausted.
            asyncio.CancelledError: the caller was cancelled. Nothing was taken.

        Example::

            match await m.select():
                case (0, word):
                    print("a word", word)
                case (1, number):
                    print("a number", number)

        After Go's select statement.
        """
        return self._queue.select()

    # fmt: off
    @overload
    def select_nowait(self: _Untyped) -> Any: ...
    @overload
    def select_nowait(self: MultiAwait[T1]) -> tuple[Literal[0], T1] | None: ...
    @overload
    def select_nowait(self: MultiAwait[T1, T2]) -> tuple[Literal[0], T1] | tuple[Literal[1], T2] | None: ...
    @overload
    def select_nowait(self: MultiAwait[T1, T2, T3]) -> tuple[Literal[0], T1] | tuple[Literal[1], T2] | tuple[Literal[2], T3] | None: ...
    @overload
    def select_nowait(self: MultiAwait[T1, T2, T3, T4]) -> tuple[Literal[0], T1] | tuple[Literal[1], T2] | tuple[Literal[2], T3] | tuple[Literal[3], T4] | None: ...
    @overload
    def select_nowait(self: MultiAwait[T1, T2, T3, T4, T5]) -> tuple[Literal[0], T1] | tuple[Literal[1], T2] | tuple[Literal[2], T3] | tuple[Literal[3], T4] | tuple[Literal[4], T5] | None: ...
    @overload
    def select_nowait(self: MultiAwait[T1, T2, T3, T4, T5, T6]) -> tuple[Literal[0], T1] | tuple[Literal[1], T2] | tuple[Literal[2], T3] | tuple[Literal[3], T4] | tuple[Literal[4], T5] | tuple[Literal[5], T6] | None: ...
    @overload
    def select_nowait(self: MultiAwait[T1, T2, T3, T4, T5, T6, T7]) -> tuple[Literal[0], T1] | tuple[Literal[1], T2] | tuple[Literal[2], T3] | tuple[Literal[3], T4] | tuple[Literal[4], T5] | tuple[Literal[5], T6] | tuple[Literal[6], T7] | None: ...
    @overload
    def select_nowait(self: MultiAwait[T1, T2, T3, T4, T5, T6, T7, T8]) -> tuple[Literal[0], T1] | tuple[Literal[1], T2] | tuple[Literal[2], T3] | tuple[Literal[3], T4] | tuple[Literal[4], T5] | tuple[Literal[5], T6] | tuple[Literal[6], T7] | tuple[Literal[7], T8] | None: ...
    @overload
    def select_nowait(self: MultiAwait[()]) -> tuple[int, Any] | None: ...
    @overload
    def select_nowait(self: MultiAwait[Unpack[tuple[T, ...]]]) -> tuple[int, T] | None: ...
    # fmt: on
    def select_nowait(self) -> Any:
        """Return the event that `select` would return now, or `None`. Never waits.

        A function source that is not running is started. A later call returns its outcome, or this
        one, if the function does not wait and tasks start eagerly (Python 3.12 and later).

        Returns:
            `(position, value)` like `select`, or `None` if nothing is ready.

        Raises:
            BaseException: the source's failure, as in `select`.
            RuntimeError: as in `select`; also if no event loop is running.
            NothingToAwait: there is no source, or every source is exhausted.

        Example::

            match m.select_nowait():
                case None:
                    print("nothing is ready")
                case (position, value):
                    print(position, value)

        After the `default` case of Go's select statement.
        """
        return self._queue.call_nowait(self._queue.take_one)

    def __aiter__(self) -> Self:
        """Iterate over events, one at a time, until every source is exhausted.

        Each event is what `select` returns. A source's failure is raised and leaves the loop. The next
        `async for` over the same `MultiAwait` continues where that one stopped.

        Example::

            async for position, value in m:
                print(position, value)
        """
        return self

    # fmt: off
    @overload
    async def __anext__(self: _Untyped) -> Any: ...
    @overload
    async def __anext__(self: MultiAwait[T1]) -> tuple[Literal[0], T1]: ...
    @overload
    async def __anext__(self: MultiAwait[T1, T2]) -> tuple[Literal[0], T1] | tuple[Literal[1], T2]: ...
    @overload
    async def __anext__(self: MultiAwait[T1, T2, T3]) -> tuple[Literal[0], T1] | tuple[Literal[1], T2] | tuple[Literal[2], T3]: ...
    @overload
    async def __anext__(self: MultiAwait[T1, T2, T3, T4]) -> tuple[Literal[0], T1] | tuple[Literal[1], T2] | tuple[Literal[2], T3] | tuple[Literal[3], T4]: ...
    @overload
    async def __anext__(self: MultiAwait[T1, T2, T3, T4, T5]) -> tuple[Literal[0], T1] | tuple[Literal[1], T2] | tuple[Literal[2], T3] | tuple[Literal[3], T4] | tuple[Literal[4], T5]: ...
    @overload
    async def __anext__(self: MultiAwait[T1, T2, T3, T4, T5, T6]) -> tuple[Literal[0], T1] | tuple[Literal[1], T2] | tuple[Literal[2], T3] | tuple[Literal[3], T4] | tuple[Literal[4], T5] | tuple[Literal[5], T6]: ...
    @overload
    async def __anext__(self: MultiAwait[T1, T2, T3, T4, T5, T6, T7]) -> tuple[Literal[0], T1] | tuple[Literal[1], T2] | tuple[Literal[2], T3] | tuple[Literal[3], T4] | tuple[Literal[4], T5] | tuple[Literal[5], T6] | tuple[Literal[6], T7]: ...
    @overload
    async def __anext__(self: MultiAwait[T1, T2, T3, T4, T5, T6, T7, T8]) -> tuple[Literal[0], T1] | tuple[Literal[1], T2] | tuple[Literal[2], T3] | tuple[Literal[3], T4] | tuple[Literal[4], T5] | tuple[Literal[5], T6] | tuple[Literal[6], T7] | tuple[Literal[7], T8]: ...
    @overload
    async def __anext__(self: MultiAwait[()]) -> tuple[int, Any]: ...
    @overload
    async def __anext__(self: MultiAwait[Unpack[tuple[T, ...]]]) -> tuple[int, T]: ...
    # fmt: on
    def __anext__(self) -> Any:  # as above
        """Return the next event, like `select`, until every source is exhausted.

        Returns:
            `(position, value)`, like `select`.

        Raises:
            StopAsyncIteration: every source is exhausted.
            NothingToAwait: there is no source.
            BaseException: as in `select`.
        """
        return self._queue.select(True)

    async def cancel(self) -> None:
        """End it: cancel every source's task, wait until all have ended, and release everything.

        The end of `async with` calls this. Afterwards, values that were produced but not delivered
        are in `undelivered`; a failure goes to the event loop's exception handler. A second call
        does nothing. A call that is blocked in another task raises a `RuntimeError`. Like
        `asyncio.TaskGroup`, this waits for a source that does not end. A function source may call
        it: all others end, and that source goes on. In the clean-up of a source that is being
        ended, it does not wait for that source. `aclose` is another name for it.

        Raises:
            asyncio.CancelledError: the caller was cancelled meanwhile; everything has ended
                nevertheless.
            KeyboardInterrupt, SystemExit: the end of a source raised it; everything has ended.
            RuntimeError: called in a different event loop than before; or from within a source that
                is being polled, which would wait for its own end.

        Example::

            m = multi_await(words.get, numbers.get)
            try:
                print(await m.select())
            finally:
                await m.cancel()
        """
        await self._queue.close()

    aclose = cancel

    async def __aenter__(self) -> Self:
        if self._entered:  # as asyncio.TaskGroup and asyncio.timeout say it
            self._queue.check_open()
            raise RuntimeError(f"{self!r} has already been entered: its first `async with` ends it")
        self._queue.start()
        self._entered = True
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.cancel()

    @property
    def undelivered(self) -> tuple[tuple[int, Any], ...]:
        """`(position, value)` of every value that was produced but not delivered before the end.

        A `tuple[tuple[int, Any], ...]`, ordered by position. Empty until the end. (`remove` returns
        the values of a removed source; they are here only if `remove` was cancelled.) With asyncio's
        own primitives it stays empty, because their items are still in them. If it holds a value
        other than `None` and is never looked at, a `ResourceWarning` names the source.

        Example::

            async with multi_await(download, stop.wait) as m:
                print(await m.select())
            for position, value in m.undelivered:
                print("came too late:", value)
        """
        self._looked = True
        return tuple(sorted(self._queue.undelivered, key=itemgetter(0)))

    @property
    def failed(self) -> int | None:
        """The position of the source whose failure was raised last; `None` before the first.

        `select`, `async for`, `get_or_raise` and `select_nowait` raise failures. `get` returns them by
        position instead, and does not change this property.

        Example::

            try:
                position, value = await m.select()
            except ConnectionError as error:
                print("source", m.failed, "failed:", error)
        """
        failed: int | None = self._queue.failed
        return failed

    def __len__(self) -> int:
        """The number of positions, including free ones between others; 0 after `cancel`."""
        return len(self._queue.slots)

    def __repr__(self) -> str:
        return repr(self._queue)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a MultiAwait can't be copied or pickled: make a new one")

    def __del__(self) -> None:
        if not hasattr(self, "_queue"):
            return  # its constructor failed
        self._queue.drop(self)
        lost = [] if self._looked else self._queue.undelivered
        for position, value in lost:
            if value is not None:
                warnings.warn(
                    f"source {position} of a MultiAwait had produced {short(value)}, which was "
                    "never delivered: look at .undelivered after the end",
                    ResourceWarning,
                    source=self,
                    stacklevel=2,
                )

    def _round(self, taken_all: Round) -> Any:
        values, failures = taken_all
        return (tuple(values), tuple(failures)) if self._fixed else taken_all

    def _values(self, values: list[Any]) -> Any:
        return tuple(values) if self._fixed else values


# Callers receive the coroutines of the ready queue. Python shows these names if one is never
# awaited.
Calls.select.__qualname__ = "MultiAwait.select"
Calls.call.__qualname__ = "MultiAwait.get"


# fmt: off
@overload
def multi_await(s1: SourceLike[T1], /, *, biased: bool = False) -> MultiAwait[T1]: ...
@overload
def multi_await(s1: SourceLike[T1], s2: SourceLike[T2], /, *, biased: bool = False) -> MultiAwait[T1, T2]: ...
@overload
def multi_await(s1: SourceLike[T1], s2: SourceLike[T2], s3: SourceLike[T3], /, *, biased: bool = False) -> MultiAwait[T1, T2, T3]: ...
@overload
def multi_await(s1: SourceLike[T1], s2: SourceLike[T2], s3: SourceLike[T3], s4: SourceLike[T4], /, *, biased: bool = False) -> MultiAwait[T1, T2, T3, T4]: ...
@overload
def multi_await(s1: SourceLike[T1], s2: SourceLike[T2], s3: SourceLike[T3], s4: SourceLike[T4], s5: SourceLike[T5], /, *, biased: bool = False) -> MultiAwait[T1, T2, T3, T4, T5]: ...
@overload
def multi_await(s1: SourceLike[T1], s2: SourceLike[T2], s3: SourceLike[T3], s4: SourceLike[T4], s5: SourceLike[T5], s6: SourceLike[T6], /, *, biased: bool = False) -> MultiAwait[T1, T2, T3, T4, T5, T6]: ...
@overload
def multi_await(s1: SourceLike[T1], s2: SourceLike[T2], s3: SourceLike[T3], s4: SourceLike[T4], s5: SourceLike[T5], s6: SourceLike[T6], s7: SourceLike[T7], /, *, biased: bool = False) -> MultiAwait[T1, T2, T3, T4, T5, T6, T7]: ...
@overload
def multi_await(s1: SourceLike[T1], s2: SourceLike[T2], s3: SourceLike[T3], s4: SourceLike[T4], s5: SourceLike[T5], s6: SourceLike[T6], s7: SourceLike[T7], s8: SourceLike[T8], /, *, biased: bool = False) -> MultiAwait[T1, T2, T3, T4, T5, T6, T7, T8]: ...
@overload
def multi_await(*, biased: bool = False) -> MultiAwait[()]: ...
@overload
def multi_await(*sources: SourceLike[T], biased: bool = False) -> MultiAwait[Unpack[tuple[T, ...]]]: ...
# fmt: on
def multi_await(*sources: SourceLike[Any], biased: bool = False) -> Any:
    """Wait on many sources at once: creates a `MultiAwait`, for use with `async with`.

    Args:
        sources: functions without arguments that return an awaitable, such as `queue.get`, or
            `Source` objects. Without any, the set is open: see `MultiAwait.add`.
        biased: true priority: each call looks at the sources from position 0 on.

    Returns:
        A `MultiAwait`, which is its own context manager. When the block ends, even by an exception
        or a cancellation, every task that it started has ended.

    Raises:
        TypeError: an argument is not a source, such as `queue.get()` instead of `queue.get`.
        RuntimeError: a `Source` was already used; each belongs to one `MultiAwait`.

    Example::

        async with multi_await(words.get, numbers.get) as m:  # MultiAwait[str, int]
            completed, failures = await m.get()

    After Eric Urban's package and article of 2020, "Python asyncio and await'ing multiple
    functions".
    """
    return MultiAwait(*sources, biased=biased)
