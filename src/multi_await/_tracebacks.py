"""Tracebacks of failures, without the frames of this package.

Those say nothing about what went wrong, and keep alive what they hold: the `MultiAwait`, and the
outcomes of the same round.
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TypeVar

F = TypeVar("F", bound=BaseException)


def without_our_frames(failure: F) -> F:
    """The failure that is being handled, with the traceback from the source's own code on."""
    traceback = sys.exc_info()[2]
    while traceback is not None and _is_ours(traceback):
        traceback = traceback.tb_next
    BaseException.with_traceback(failure, traceback)
    return failure


def _is_ours(traceback: TracebackType) -> bool:
    module = traceback.tb_frame.f_globals.get("__name__")
    return isinstance(module, str) and module.startswith("multi_await.")
