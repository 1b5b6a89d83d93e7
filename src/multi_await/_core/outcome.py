"""What a source produced, on its way to the caller: a failure is attributed, or reported.

A value can be anything, and so can an exception: nothing here runs their code unless what they hold
is already safe. This module knows neither slots nor the ready queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class Failed:
    """A failure as an outcome."""

    __slots__ = ("_failure",)

    def __init__(self, failure: BaseException) -> None:
        self._failure = [failure]

    def taken(self) -> BaseException:
        """The failure, only once: it is dropped here, as its traceback may refer to this object."""
        return self._failure.pop()


def attributed(failure: BaseException, slot: object, owner: str) -> BaseException:
    """A source's failure as raised to the caller, saying which source it came from.

    A source's own CancelledError would look as if the caller had been cancelled.
    """
    if issubclass(type(failure), asyncio.CancelledError):
        cancelled = RuntimeError(f"{slot} was cancelled, and not by this call")
        cancelled.__cause__ = failure
        return cancelled
    with suppress(Exception):  # the note is optional
        _add_note(failure, f"raised by {slot} of a {owner}")
    return failure


def _add_note(failure: BaseException, note: str) -> None:
    """Like `add_note`, but without the exception's own methods, and not twice."""
    notes = _dict_of(failure).setdefault("__notes__", [])
    if type(notes) is list and not any(type(other) is str and other == note for other in notes):
        notes.append(note)


# The real one, even if the class has a property of that name.
_dict_of: Callable[[BaseException], dict[str, Any]] = BaseException.__dict__["__dict__"].__get__


def report(failure: BaseException, message: str) -> None:
    """Report a failure that can no longer be delivered to the event loop's exception handler."""
    asyncio.get_running_loop().call_exception_handler({"message": message, "exception": failure})
