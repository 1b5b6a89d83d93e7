"""How values and functions are named in messages, in `repr()` and in the names of tasks."""

from __future__ import annotations

import functools
from collections.abc import Callable


def short(value: object) -> str:
    """A value for a message: its repr, shortened to fit in a line."""
    text = safe_repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def safe_repr(value: object) -> str:
    """A message must not fail because of what it is about."""
    try:
        return repr(value)
    except Exception:
        return object.__repr__(value)


def type_of(value: object) -> str:
    return type(value).__qualname__


def name_of(function: Callable[..., object]) -> str:
    """The name of a function in messages, in repr() and in the names of tasks."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__qualname__", None)
    return name if isinstance(name, str) else short(function)
