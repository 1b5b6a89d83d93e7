"""The virtual clock: async tests run on a loop whose time passes only when no task has work.

Hours pass in a millisecond, the order of events is the same in every run, and a deadlock fails a
test instead of hanging it. The clock is the one that the docs give to users, in docs/examples. The
options --loop and --tasks choose the loop and how it creates tasks; --order changes the order of
callbacks where asyncio promises none.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from virtual_clock import MOST_PASSES as MOST_PASSES
from virtual_clock import Deadlock as Deadlock
from virtual_clock import VirtualClockLoop

# Assertions in the helper modules must work too, even with -O.
pytest.register_assert_rewrite(
    "tests.peers", "tests.promises", "tests.machinery.feeds", "tests.machinery.tools"
)

COUNTED = {  # set by record_property
    "programs": "small programs did what the model says",
    "lives": "short lives met two blows",
}
Reported = list[dict[str, Any]]


def wrapped(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any
) -> asyncio.Task[Any]:
    """Tasks as tracers and profilers wrap them: each runs a coroutine that awaits the real one.

    The real one is never awaited if the task is cancelled before its first step: no test may do
    that, and the package must not.
    """

    async def wrapper() -> Any:
        return await coroutine

    return asyncio.Task(wrapper(), loop=loop, **options)


TASK_FACTORIES: dict[str, Callable[..., asyncio.Task[Any]] | None] = {
    "plain": None,
    "wrapped": wrapped,
}
if sys.version_info >= (3, 12):

    def eager(
        loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        """asyncio.eager_task_factory, also on uvloop.

        uvloop on 3.13 and later hands every factory eager_start=None. The first releases of 3.13
        don't know that option, and later ones take it for "not eagerly".
        """
        given = {name: value for name, value in options.items() if value is not None}
        return asyncio.eager_task_factory(loop, coroutine, **given)

    TASK_FACTORIES["eager"] = eager

_virtual_loop: Callable[[], asyncio.AbstractEventLoop] = VirtualClockLoop
_real_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
_task_factory = TASK_FACTORIES["plain"]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("event loop")
    group.addoption(
        "--loop",
        choices=["asyncio", "uvloop"],
        default="asyncio",
        help="what the async tests run on",
    )
    group.addoption(
        "--tasks",
        choices=["plain", "eager", "wrapped"],
        default="plain",
        help="how the loop makes its tasks: by no factory, by asyncio.eager_task_factory (Python "
        "3.12 and later), or by one that wraps every coroutine in another",
    )
    group.addoption(
        "--order",
        type=int,
        metavar="SEED",
        help="run what is ready in the order of this seed, where asyncio promises no order",
    )

    group = parser.getgroup("examples")
    group.addoption(
        "--record",
        action="store_true",
        help="write down what the programs of docs/examples print, instead of comparing it",
    )


def pytest_configure(config: pytest.Config) -> None:
    global _virtual_loop, _real_loop, _task_factory
    if config.option.loop == "uvloop":  # needed only then
        import uvloop

        from tests.machinery.virtual_uvloop import VirtualClockUvloop

        _virtual_loop, _real_loop = VirtualClockUvloop, uvloop.new_event_loop
    if config.option.order is not None:
        from tests.machinery.shuffled_loop import ShuffledLoop

        _virtual_loop = functools.partial(ShuffledLoop, config.option.order)
    if config.option.tasks not in TASK_FACTORIES:
        raise pytest.UsageError("--tasks eager: eager tasks came with Python 3.12")
    _task_factory = TASK_FACTORIES[config.option.tasks]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.option.order is not None:
        for item in items:
            if item.get_closest_marker("in_order"):
                item.add_marker(pytest.mark.skip(reason="first come, first served: not so here"))


def pytest_collection_finish() -> None:
    """Imported modules stay: keep them out of the garbage collection after each test."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the sums that the exhaustive tests counted."""
    reports = terminalreporter.getreports("passed")
    counted = [each for report in reports for each in report.user_properties]
    for what, words in COUNTED.items():
        if counts := [count for name, count in counted if name == what]:
            terminalreporter.write_line(f"{sum(counts)} {words}")


def new_loop(*, real_clock: bool = False) -> asyncio.AbstractEventLoop:
    """An event loop as the options ask for."""
    return with_task_factory(_real_loop() if real_clock else _virtual_loop())


def with_task_factory(loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    """The loop, with the task factory that the options ask for."""
    loop.set_task_factory(_task_factory)
    return loop


@pytest.fixture
def reported() -> Reported:
    """The reports to the loop's exception handler, for tests that expect some."""
    return []


@pytest.fixture
def collected() -> Iterator[None]:
    """Collect a test's garbage before the next test."""
    yield
    while gc.collect():
        pass


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an async test on the virtual clock; leave the others alone."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    arguments: dict[str, Any] = {name: pyfuncitem.funcargs[name] for name in wanted}
    reported: Reported = arguments.get("reported", [])
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.get_loop().set_exception_handler(lambda _, context: reported.append(context))
        runner.run(pyfuncitem.obj(**arguments))
        assert asyncio.all_tasks(runner.get_loop()) == set(), "tasks are left"
    gc.collect()
    assert "reported" in arguments or not reported, reported
    return True
