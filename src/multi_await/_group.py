"""A group: the engine as a source, so that sources can come and go at one position of a typed set.

The typed front of `_core.members`, just as `MultiAwait` is the front of `_core.positions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Generic, NoReturn, TypeVar

from multi_await._core.members import Key, Members
from multi_await._names import short
from multi_await._source import Pending, Source, SourceLike, Wake
from multi_await._sources.adapters import source_that_knows
from multi_await._sources.convert import as_source, give_back
from multi_await._tasks import close_coroutines

K = TypeVar("K")
T = TypeVar("T")


class Group(Source[tuple[K, T]], Generic[K, T]):
    """A source that combines many sources, each under a key, which can come and go.

    It takes one position of a `MultiAwait`, and its values are `(key, value)` pairs. Use one group
    for each kind of source that comes and goes, such as the connections of a server; sources that
    stay get their own positions. So `match` tells them apart, and a type checker knows each type.

    A source that has ended leaves the group, which frees its key: an `ending`, a `once` or an
    `after` as soon as its last value is delivered, any other source when a poll finds that it has
    ended. An empty group waits for more sources, until `shutdown`.

    A failure of a source is raised as a failure of the group's position, and `failed` says which
    source it came from; `catching` turns it into a value instead. Every promise of a `MultiAwait`
    also holds for the sources in a group: nothing is taken before it is delivered, the sources take
    turns, an event costs the same however many there are, and they end with the `MultiAwait`.
    Values that were produced but not delivered are in `MultiAwait.undelivered`, as
    `(position, (key, value))`.

    Like any `Source`, a group belongs to one `MultiAwait`, or to another group.

    Args:
        biased: true priority within the group: each poll looks at the sources in the order in which
            they were added, and takes the first outcome that is available now.

    Example::

        clients = Group[str, bytes | None]()
        async with multi_await(clients, joined.get) as m:
            async for event in m:
                match event:
                    case (0, (name, None)):
                        print(name, "hung up")
                    case (0, (name, line)):
                        print(name, "says", line)
                    case (1, client):
                        clients.add(client.name, ending(each(client.reader), None))

    After tokio's `StreamMap`.
    """

    def __init__(self, *, biased: bool = False) -> None:
        self._members = Members(biased)

    def add(self, key: K, source: SourceLike[T]) -> None:
        """Add a source under a key, at any time; a call that is already waiting polls it too.

        Args:
            key: any hashable object; events carry it.
            source: a function without arguments that returns an awaitable, or a `Source`, which
                then belongs to the group.

        Raises:
            ValueError: there is already a source under this key.
            TypeError: `source` is neither a function nor a `Source`; or the key is not hashable.
            RuntimeError: after `shutdown()`, or after the end of the `MultiAwait`; or from another
                thread; or `source` is a `Source` that was already used.

        Example::

            clients.add(name, ending(catching(each(websocket), Broken), None))
        """
        try:
            listed = self._members.check_addable(key)
            added = as_source(source, short(key))
        except BaseException:
            close_coroutines((source,))
            raise
        try:
            slot = self._members.add(listed, added)
        except BaseException:
            give_back(added)
            raise
        if (last := source_that_knows(added)) is not None:
            last.when_over = partial(self._members.retire, slot)

    async def remove(self, key: K) -> tuple[T, ...]:
        """Remove a source and end it, at any time. Its key is free at once.

        By the time this returns, the source's task has been cancelled and has ended.

        Args:
            key: the key of the source.

        Returns:
            The source's values that were not delivered. Usually there are none,
            and a function source has at most one. (A failure goes to the event loop's exception
            handler.)

        Raises:
            KeyError: there is no source under this key (any more).
            RuntimeError: called from within a source of this group that is being polled; or from
                another thread.
            asyncio.CancelledError: the caller was cancelled meanwhile. The source is removed and
                has ended nevertheless; what it left is in `MultiAwait.undelivered` at the end.

        Example::

            for message in await clients.remove(name):
                print("came too late:", message)
        """
        return await self._members.remove(key)

    def pause(self, key: K) -> None:
        """Stop polling a source until `resume`, like `MultiAwait.pause`. Idempotent.

        Args:
            key: the key of the source.

        Raises:
            KeyError: there is no source under this key (any more).
            RuntimeError: from another thread.

        Example::

            clients.pause(name) if full else clients.resume(name)
        """
        self._members.pause(key)

    def resume(self, key: K) -> None:
        """Poll a paused source again, even in a call that is already waiting. Idempotent.

        Args:
            key: the key of the source.

        Raises:
            KeyError: there is no source under this key (any more).
            RuntimeError: from another thread.

        Example::

            clients.resume(name)
        """
        self._members.resume(key)

    def shutdown(self) -> None:
        """Declare that no more sources will be added: the group ends when its last source ends.

        Idempotent, like `asyncio.Queue.shutdown`.

        Raises:
            RuntimeError: from another thread.

        Example::

            clients.shutdown()
            async for position, (name, line) in m:  # goes on until every client has hung up
                print(name, line)
        """
        self._members.shutdown()

    @property
    def failed(self) -> K | None:
        """The key of the source whose failure was delivered last, by any call, or `None`.

        Example::

            try:
                position, (name, line) = await m.select()
            except ConnectionError:
                print(clients.failed, "broke")
        """
        failed: K | None = self._members.failed
        return failed

    def __len__(self) -> int:
        """The number of sources in the group."""
        return self._members.unended

    def __contains__(self, key: object) -> bool:
        return Key(key) in self._members.by_key

    def __iter__(self) -> Iterator[K]:
        """Iterate over the keys in the order of adding; the group may change meanwhile."""
        return iter([listed.key for listed in self._members.by_key])

    def __repr__(self) -> str:
        count = self._members.unended
        return f"Group({count} source{'' if count == 1 else 's'})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Group can't be copied or pickled: make a new one")

    def __del__(self) -> None:
        if hasattr(self, "_members") and self._members.phase == "new":
            self._members.drop()

    def start(self) -> None:
        """Start its sources; see `Source.start`."""
        self._members.start()

    def poll(self, wake: Wake) -> tuple[K, T] | Pending:
        """Return the next event of its sources; see `Source.poll`."""
        # Saving a call makes an event a tenth cheaper, so this code is here and not in `Members`.
        members = self._members
        if members.phase == "new":  # in a source that did not start it
            members.start()
        members.wake = wake
        members.phase = "polling"
        try:
            event: tuple[K, T] | None = members.take_one(members.looks)
        finally:
            members.phase = "asleep"
            if members.claims:  # of those that remain in the ready queue
                wake()
        return members.nothing() if event is None else event

    def _poll_unwoken(self, wake: Wake) -> tuple[K, T] | Pending:
        members = self._members
        members.enqueue_all()
        members.looks = True
        try:
            return self.poll(wake)
        finally:
            members.looks = False

    def release(self) -> None:
        """Release its sources; see `Source.release`."""
        self._members.release()

    async def aclose(self) -> Iterable[tuple[K, T]]:
        """End all of its sources; see `Source.aclose`."""
        return await self._members.close()
