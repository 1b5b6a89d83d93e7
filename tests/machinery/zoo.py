"""The zoo: objects that do everything that a user's object may do, in every combination.

A trait is one thing that an object refuses, or answers oddly. A body is what the object is: a
value, an exception, a key, a function, an awaitable, an iterator, a queue, a source. `breed`
combines the two into a class.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, ClassVar, NoReturn

from multi_await import Source, Wake


class Refused(Exception):  # noqa: N818 -- what the zoo's methods raise
    """Raised by objects that refuse a question."""


class Fault(BaseException):
    """An exception that `except Exception` does not catch."""


class SubInterrupt(KeyboardInterrupt):
    """A subclass, not KeyboardInterrupt itself."""


# -- traits ----------------------------------------------------------------------------------------


class Tame:
    """Refuses nothing."""

    needed: ClassVar[frozenset[str]] = frozenset()  # the attributes that the body can't do without


class NoTruth(Tame):
    """Refuses its truth value, as numpy's arrays do."""

    def __bool__(self) -> bool:
        raise Refused


class Empty(Tame):
    """Counts as false."""

    def __len__(self) -> int:
        return 0


class NoLength(Tame):
    """Refuses its length, and so its truth value too."""

    def __len__(self) -> int:
        raise Refused


class NoEquality(Tame):
    """Refuses comparison, and has the same hash as all others of its kind."""

    def __eq__(self, other: object) -> bool:
        raise Refused

    def __hash__(self) -> int:
        return 7


class NoHash(Tame):
    def __hash__(self) -> int:
        raise Refused


class NoRepr(Tame):
    def __repr__(self) -> str:
        raise Refused

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        raise Refused


class FaultyRepr(NoRepr):
    """Its repr raises what `except Exception` does not catch."""

    def __repr__(self) -> str:
        raise Fault

    __str__ = __repr__


class OddText(str):
    """Has a text that can't be used as one."""

    __slots__ = ()

    def __len__(self) -> NoReturn:
        raise Refused

    def __getitem__(self, index: object) -> NoReturn:
        raise Refused

    def __format__(self, spec: str) -> NoReturn:
        raise Refused

    def __str__(self) -> NoReturn:
        raise Refused


class OddRepr(Tame):
    def __repr__(self) -> str:
        return OddText("odd")


class NoReading(Tame):
    """Refuses every attribute that its body does not need, even `__class__`."""

    def __getattribute__(self, name: str) -> Any:
        if name in type(self).needed:
            return super().__getattribute__(name)
        raise Refused


class NoWriting(Tame):
    """Frozen."""

    def __setattr__(self, name: str, value: object) -> None:
        if name not in type(self).needed:
            raise Refused
        super().__setattr__(name, value)


class AnyAttribute(Tame):
    """Has every attribute, like a proxy or a mock: each is an object like itself."""

    def __getattr__(self, name: str) -> Any:
        return type(self)


class OddAttributes(Tame):
    """Raises what `except Exception` does not catch if an attribute is missing."""

    def __getattr__(self, name: str) -> NoReturn:
        raise Fault


TRAITS: list[type[Tame]] = [
    Tame,
    NoTruth,
    Empty,
    NoLength,
    NoEquality,
    NoHash,
    NoRepr,
    FaultyRepr,
    OddRepr,
    NoReading,
    NoWriting,
    AnyAttribute,
    OddAttributes,
]


def breed(body: type[Any], *needed: str) -> dict[str, type[Any]]:
    """A class for each trait, with that body, by the trait's name."""
    return {
        trait.__name__: type(
            f"{trait.__name__}{body.__name__}", (trait, body), {"needed": frozenset(needed)}
        )
        for trait in TRAITS
    }


# -- bodies ----------------------------------------------------------------------------------------


class Value:
    """A plain value."""


class CaughtError(Exception):
    """An ordinary failure."""


class End(StopAsyncIteration):
    """An end, as a subclass."""


class ItsOwnCancelledError(asyncio.CancelledError):
    """A CancelledError although nothing was cancelled."""


class Function:
    """A callable that calls what it was made of."""

    def __init__(self, function: Callable[[], Any]) -> None:
        object.__setattr__(self, "function", function)

    def __call__(self) -> Any:
        return object.__getattribute__(self, "function")()


class Awaitable:
    """An awaitable that awaits what it was made of."""

    def __init__(self, function: Callable[[], Any]) -> None:
        object.__setattr__(self, "function", function)

    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield from object.__getattribute__(self, "function")().__await__())


class Items:
    """An asynchronous iterator: each step awaits what it was made of."""

    def __init__(self, function: Callable[[], Any]) -> None:
        object.__setattr__(self, "function", function)

    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> Any:
        return await object.__getattribute__(self, "function")()


class Polled(Source[Any]):
    """A source: each poll calls the function that it was made of."""

    def __init__(self, function: Callable[[], Any], left: Iterable[Any] = ()) -> None:
        object.__setattr__(self, "function", function)
        object.__setattr__(self, "left", left)

    def poll(self, wake: Wake) -> Any:
        return object.__getattribute__(self, "function")()

    async def aclose(self) -> Any:
        return object.__getattribute__(self, "left")


class Left:
    """The values that a source leaves."""

    def __init__(self, values: list[Any]) -> None:
        object.__setattr__(self, "values", values)

    def __iter__(self) -> Iterator[Any]:
        return iter(object.__getattribute__(self, "values"))


class FickleHash:
    """A key whose hash changes after it was added."""

    def __init__(self) -> None:
        self.asked = 0

    def __hash__(self) -> int:
        self.asked += 1
        return self.asked


class HashedOnce(FickleHash):
    """A key whose hash can be computed only once."""

    def __hash__(self) -> int:
        if super().__hash__() > 1:
            raise KeyError
        return 7


class EqualToAll:
    """A key that claims to equal every other."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 7


class NoNowait(asyncio.Queue[Any]):
    """A queue that refuses to give an item: it stays."""

    def get_nowait(self) -> NoReturn:
        raise Refused


class NoSize(asyncio.Queue[Any]):
    def qsize(self) -> NoReturn:
        raise Refused


class TooLarge(asyncio.Queue[Any]):
    """Claims to have more than it has."""

    def qsize(self) -> int:
        return super().qsize() + 5


class NoRoom(asyncio.Queue[Any]):
    """Refuses to say whether it is full."""

    def full(self) -> NoReturn:
        raise Refused


class NoPut(asyncio.Queue[Any]):
    """Refuses an item as it goes in."""

    def put_nowait(self, item: Any) -> NoReturn:
        raise Refused


class OwnGet(asyncio.Queue[Any]):
    """A queue with a slow `get` of its own."""

    async def get(self) -> Any:
        await asyncio.sleep(0)
        return await super().get()

    def get_nowait(self) -> Any:
        return super().get_nowait()


class NoCallbacks(asyncio.Future[Any]):
    """A future that accepts no callbacks."""

    def add_done_callback(self, *_: object, **__: object) -> NoReturn:
        raise Refused


def _attributes(thing: object) -> list[str]:
    return [name for name in dir(thing) if not name.startswith("__")]


@dataclasses.dataclass(frozen=True)
class FrozenError(Exception):
    key: str = "k"


class OddNotesError(Exception):
    __notes__ = ("a tuple",)  # type: ignore[assignment]  # what this exception is for


class ClosedDictError(Exception):
    """Its `__dict__` is a property, which raises."""

    @property
    def __dict__(self) -> Any:  # type: ignore[override]  # likewise
        raise Fault


def annotated() -> Exception:
    """With a note that can't be compared."""
    failure = ValueError("annotated")
    failure.__notes__ = [VALUES["NoEquality"]()]
    return failure


ODD_ERRORS = {
    "frozen": FrozenError,
    "odd notes": OddNotesError,
    "closed dict": ClosedDictError,
    "annotated": annotated,
}
VALUES = breed(Value)
KEYS = breed(Value) | {kind.__name__: kind for kind in (FickleHash, HashedOnce, EqualToAll)}
EXCEPTIONS = breed(CaughtError) | ODD_ERRORS
FAULTS = breed(Fault)
ENDS = breed(End)
CANCELLATIONS = breed(ItsOwnCancelledError)
INTERRUPTS = breed(SubInterrupt)
FUNCTIONS = breed(Function)
AWAITABLES = breed(Awaitable)
ITERATORS = breed(Items)
SOURCES = breed(Polled, "poll", "start", "release", "aclose", "_poll_unwoken")
LEFT = breed(Left)
QUEUES = breed(asyncio.Queue, *_attributes(asyncio.Queue()))
ODD_GETS = {kind.__name__: kind for kind in (NoNowait, NoSize, TooLarge, OwnGet)}
ODD_PUTS = {kind.__name__: kind for kind in (NoRoom, NoPut, NoSize)}
