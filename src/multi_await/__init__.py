"""Go's `select` for asyncio: one task waits on many sources, typed, and takes nothing early.

    async with multi_await(words.get, numbers.get) as m:
        async for position, value in m:
            print(position, value)

All public names are here; the modules behind this one are private.
"""

from multi_await._core.calls import NothingToAwait as NothingToAwait
from multi_await._group import Group as Group
from multi_await._helpers import as_completed_or_abort as as_completed_or_abort
from multi_await._helpers import gather_or_abort as gather_or_abort
from multi_await._helpers import wait_or_abort as wait_or_abort
from multi_await._helpers import with_value as with_value
from multi_await._multi_await import MultiAwait as MultiAwait
from multi_await._multi_await import multi_await as multi_await
from multi_await._source import PENDING as PENDING
from multi_await._source import Pending as Pending
from multi_await._source import Source as Source
from multi_await._source import SourceLike as SourceLike
from multi_await._source import Wake as Wake
from multi_await._sources.adapters import catching as catching
from multi_await._sources.adapters import ending as ending
from multi_await._sources.inline import inline as inline
from multi_await._sources.iteration import each as each
from multi_await._sources.once import once as once
from multi_await._sources.queues import batched as batched
from multi_await._sources.queues import put as put
from multi_await._sources.signals import signals as signals
from multi_await._sources.timers import Timer as Timer
from multi_await._sources.timers import after as after
from multi_await._sources.timers import every as every

__all__ = [
    "PENDING",
    "Group",
    "MultiAwait",
    "NothingToAwait",
    "Pending",
    "Source",
    "SourceLike",
    "Timer",
    "Wake",
    "after",
    "as_completed_or_abort",
    "batched",
    "catching",
    "each",
    "ending",
    "every",
    "gather_or_abort",
    "inline",
    "multi_await",
    "once",
    "put",
    "signals",
    "wait_or_abort",
    "with_value",
]

# Tracebacks show it as multi_await.NothingToAwait. The other classes keep the module that defines
# them, where inspect.getsource and IPython's `??` look for them; functions are found in any case.
NothingToAwait.__module__ = __name__
