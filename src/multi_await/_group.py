"""A group: the engine as a source, so that sources come and go behind one position of a typed set.

The typed face of `_core.members`, as `MultiAwait` is that of `_core.positions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Generic, NoReturn, TypeVar

from multi_await._core.members import Members
from multi_await._names import short
from multi_await._source import Pending, Source, SourceLike, Wake
from multi_await._sources.adapters import ending_in
from multi_await._sources.convert import as_source, close_coroutines

K = TypeVar("K")
T = TypeVar("T")


class Group(Source[tuple[K, T]], Generic[K, T]):
    """A source of many sources, each under a key, that come and go: a typed set that changes.

    It takes one position of a `MultiAwait`, and gives `(key, value)`. Sources of one kind come and
    go in it, such as the connections of a server; other groups, and sources that stay, have
    positions of their own. So `match` tells them apart, and every checker knows each type.

    A source that has ended leaves the group by itself, and its key is free: the source of `ending`
    as soon as its last value is delivered, any other when a poll finds its end. An empty group
    waits for more, until `shutdown`.

    A failure of a source is raised as that of the group's position, and `failed` says whose it was;
    `catching` makes it a value instead. Every promise of a `MultiAwait` holds for the sources in a
    group too: nothing is taken ahead of its delivery, they take turns, an event costs the same at
    any number of them, and they end with the `MultiAwait`. What they had produced and nobody
    received is in `MultiAwait.undelivered`, as `(position, (key, value))`.

    A group belongs to one `MultiAwait`, or to another group, as any `Source` does.

    Args:
        biased: true priority within the group: each poll looks at its sources in the order in which
            they were added, and takes the first outcome that is there now.

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
        """Add a source under a key, at any time, also while a call waits, which then polls it too.

        Args:
            key: any hashable object; events carry it.
            source: a function without arguments that returns an awaitable, or a `Source`, which
                belongs to the group then.

        Raises:
            ValueError: there is a source under this key.
            TypeError: `source` is neither a function nor a `Source`; or the key can't be hashed.
            RuntimeError: after `shutdown()`, or after the end of the `MultiAwait`; or `source` is
                a `Source` that was handed over before.

        Example::

            clients.add(name, ending(catching(each(websocket), Broken), None))
        """
        try:
            self._members.check_addable(key)
            added = as_source(source, short(key))
        except BaseException:
            close_coroutines((source,))
            raise
        slot = self._members.add(key, added)
        if (ending := ending_in(added)) is not None:
            ending.when_told = partial(self._members._retire, slot)

    async def remove(self, key: K) -> tuple[T, ...]:
        """End a source, and remove it: at any time, as `add`. The key is free at once.

        Its task is cancelled and has ended when this returns.

        Args:
            key: of the source.

        Returns:
            What the source had produced and nobody had received; usually nothing, and of a
            function source at most one value. (A failure goes to the event loop's exception
            handler.)

        Raises:
            KeyError: there is no source under this key, or no more.
            RuntimeError: from within a source of this group that is being polled.
            asyncio.CancelledError: the caller was cancelled meanwhile. The source is removed and
                has ended all the same, and what it left is in `MultiAwait.undelivered` at the end.

        Example::

            for message in await clients.remove(name):
                print("came too late:", message)
        """
        return await self._members.remove(key)

    def pause(self, key: K) -> None:
        """Stop polling a source until `resume`, as `MultiAwait.pause`. Idempotent.

        Args:
            key: of the source.

        Raises:
            KeyError: there is no source under this key, or no more.

        Example::

            clients.pause(name) if full else clients.resume(name)
        """
        self._members.pause(key)

    def resume(self, key: K) -> None:
        """Poll a paused source again; so does a call that is waiting. Idempotent.

        Args:
            key: of the source.

        Raises:
            KeyError: there is no source under this key, or no more.

        Example::

            clients.resume(name)
        """
        self._members.resume(key)

    def shutdown(self) -> None:
        """Say that no more sources will be added: the group ends when its last source has.

        Idempotent, as `asyncio.Queue.shutdown`.

        Example::

            clients.shutdown()
            async for position, (name, line) in m:  # goes on until every client has hung up
                print(name, line)
        """
        self._members.shutdown()

    @property
    def failed(self) -> K | None:
        """The key of the source whose failure was delivered last, by whichever call; else `None`.

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
        return self._members._unended

    def __contains__(self, key: object) -> bool:
        return key in self._members.by_key()

    def __iter__(self) -> Iterator[K]:
        """Iterate over the keys, in the order of adding; the group may change meanwhile."""
        return iter(list(self._members.by_key()))

    def __repr__(self) -> str:
        count = self._members._unended
        return f"Group({count} source{'' if count == 1 else 's'})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Group can't be copied or pickled: make a new one")

    def start(self) -> None:
        """Start its sources; see `Source.start`."""
        self._members.start()

    def poll(self, wake: Wake) -> tuple[K, T] | Pending:
        """Give the next event of its sources; see `Source.poll`."""
        # A call less makes an event a tenth cheaper, so here is what `Members` might do.
        members = self._members
        members.wake = wake
        members.phase = "polling"
        try:
            event: tuple[K, T] | None = members.take_one(members.looks)
        finally:
            members.phase = "asleep"
            if members._claims:  # of those that are left in the ready queue
                wake()
        return members.nothing() if event is None else event

    def _look(self, wake: Wake) -> tuple[K, T] | Pending:
        members = self._members
        members._enqueue_all()
        members.looks = True
        try:
            return self.poll(wake)
        finally:
            members.looks = False

    def release(self) -> None:
        """Let go of what its sources were woken for; see `Source.release`."""
        self._members.release()

    async def aclose(self) -> Iterable[tuple[K, T]]:
        """End all of its sources; see `Source.aclose`."""
        return await self._members.close()
