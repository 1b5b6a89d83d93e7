"""How values and functions are named in messages, in `repr()` and in the names of tasks.

They are the user's objects: nothing here fails because of what they raise when they are inspected,
except for an interrupt, which may come at any time.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from multi_await._source import INTERRUPTS


def short(value: object) -> str:
    """A value for a message: its repr, shortened to fit on a line."""
    text = safe_repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def safe_repr(value: object) -> str:
    """The repr of a value; if that fails, the default one, so that no message fails."""
    try:
        return str.__str__(repr(value))  # not a subclass, whose methods may fail too
    except INTERRUPTS:
        raise
    except BaseException:
        return object.__repr__(value)


def type_of(value: object) -> str:
    return type(value).__qualname__


def name_of(function: Callable[..., object]) -> str:
    """The name of a function in messages, in repr() and in the names of tasks."""
    while issubclass(type(function), functools.partial):
        function = function.func  # type: ignore[attr-defined]  # which a partial has
    return qualname_of(function) or short(function)


def qualname_of(value: object) -> str | None:
    """The name of a function, a coroutine or an async generator; `None` for anything else."""
    name = attribute(value, "__qualname__")
    return name if type(name) is str else None


def attribute(value: object, name: str) -> Any:
    """An attribute, or `None` if there is none or it can't be read."""
    try:
        return getattr(value, name, None)
    except INTERRUPTS:
        raise
    except BaseException:
        return None


def holds(test: Callable[[Any], bool], value: object) -> bool:
    """Whether a test holds for a value; `False` if the value can't be tested."""
    try:
        return test(value)
    except INTERRUPTS:
        raise
    except BaseException:
        return False
