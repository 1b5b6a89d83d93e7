"""What values and functions are called in messages, in `repr()` and in the names of tasks.

They are somebody else's: whatever they raise when they are asked, nothing here fails because of it.
An interrupt may come at any time, and passes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

_INTERRUPTS = (KeyboardInterrupt, SystemExit)


def short(value: object) -> str:
    """A value for a message: its repr, cut to a length that a line holds."""
    text = safe_repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def safe_repr(value: object) -> str:
    """A message must not fail because of what it is about."""
    try:
        return str.__str__(repr(value))  # a plain one, without methods of a class of its own
    except _INTERRUPTS:
        raise
    except BaseException:
        return object.__repr__(value)


def type_of(value: object) -> str:
    return type(value).__qualname__


def name_of(function: Callable[..., object]) -> str:
    """What a function is called in messages, in repr() and in the names of tasks."""
    while issubclass(type(function), functools.partial):
        function = function.func  # type: ignore[attr-defined]  # which a partial has
    return qualname_of(function) or short(function)


def qualname_of(value: object) -> str | None:
    """The name of what has one: a function, a coroutine, an async generator."""
    name = attribute(value, "__qualname__")
    return name if type(name) is str else None


def attribute(value: object, name: str) -> Any:
    """An attribute that may be there; `None` if it is not, or can't be read."""
    try:
        return getattr(value, name, None)
    except _INTERRUPTS:
        raise
    except BaseException:
        return None


def holds(test: Callable[[Any], bool], value: object) -> bool:
    """Whether a test holds for a value; it does not if the value can't be asked."""
    try:
        return test(value)
    except _INTERRUPTS:
        raise
    except BaseException:
        return False
