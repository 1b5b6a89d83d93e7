"""The loop that shuffles callbacks where asyncio promises no order, and only there."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import itertools
import threading
import weakref
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

import pytest

from tests.machinery.shuffled_loop import ShuffledLoop
from tests.machinery.tools import steps

SEEDS = range(32)
THREE = ("a", "b", "c")

Told = list[str]
Program: TypeAlias = Callable[[Told], Coroutine[Any, Any, None]]


def run(program: Program, seed: int) -> tuple[str, ...]:
    """What the program records in the order of a seed."""
    told = Told()
    with asyncio.Runner(loop_factory=lambda: ShuffledLoop(seed)) as runner:
        runner.run(program(told))
    return tuple(told)


def orders(program: Program) -> set[tuple[str, ...]]:
    """What it records in the orders of many seeds."""
    return {run(program, seed) for seed in SEEDS}


def tell(told: Told, what: str) -> Callable[[object], None]:
    """A future's callback."""
    return lambda _: told.append(what)


def futures(count: int) -> list[asyncio.Future[None]]:
    return [asyncio.get_running_loop().create_future() for _ in range(count)]


# -- what may be shuffled --------------------------------------------------------------------------


async def wakes_tasks(told: Told) -> None:
    async def wait(name: str, future: asyncio.Future[None]) -> None:
        await future
        told.append(name)

    three = futures(3)
    tasks = [asyncio.create_task(wait(*each)) for each in zip(THREE, three, strict=True)]
    await steps(1)
    for future in three:
        future.set_result(None)
    await asyncio.wait(tasks)


async def creates_tasks(told: Told) -> None:
    async def start(name: str) -> None:
        told.append(name)

    await asyncio.wait([asyncio.create_task(start(name)) for name in THREE])


async def has_timers_at_the_same_time(told: Told) -> None:
    for name in THREE:
        asyncio.get_running_loop().call_at(1, told.append, name)
    await asyncio.sleep(2)


async def puts_for_three_who_get(told: Told) -> None:
    """asyncio's queues serve them in the order in which they wake."""
    queue = asyncio.Queue[int]()

    async def get(name: str) -> None:
        await queue.get()
        told.append(name)

    tasks = [asyncio.create_task(get(name)) for name in THREE]
    await steps(1)
    for number in range(3):
        queue.put_nowait(number)
    await asyncio.wait(tasks)


PROGRAMS = [wakes_tasks, creates_tasks, has_timers_at_the_same_time, puts_for_three_who_get]


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_order_that_asyncio_allows_occurs_for_some_seed(program: Program) -> None:
    assert orders(program) == set(itertools.permutations(THREE))


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_does_the_same_with_the_same_seed(program: Program) -> None:
    for seed in SEEDS:
        assert run(program, seed) == run(program, seed)


def test_a_created_task_and_a_woken_task_may_swap_places() -> None:
    async def program(told: Told) -> None:
        async def start() -> None:
            told.append("created")

        (future,) = futures(1)
        future.add_done_callback(tell(told, "woken"))
        future.set_result(None)
        await asyncio.create_task(start())

    assert orders(program) == {("created", "woken"), ("woken", "created")}


# -- what does not ---------------------------------------------------------------------------------


def test_callbacks_of_one_future_run_in_the_order_they_were_added() -> None:
    async def program(told: Told) -> None:
        first, second = futures(2)
        for name in ("1a", "1b", "1c"):
            first.add_done_callback(tell(told, name))
        second.add_done_callback(tell(told, "2"))
        first.set_result(None)
        second.set_result(None)
        await steps(1)

    expected = [["1a", "1b", "1c"] for _ in range(4)]
    for place, told in enumerate(expected):
        told.insert(place, "2")
    assert orders(program) == {tuple(told) for told in expected}


def test_functions_passed_to_call_soon_run_in_the_order_of_the_calls() -> None:
    async def program(told: Told) -> None:
        for name in THREE:
            asyncio.get_running_loop().call_soon(told.append, name)
        await steps(1)

    assert orders(program) == {THREE}


def test_task_methods_passed_to_call_soon_run_in_the_order_of_the_calls() -> None:
    async def program(told: Told) -> None:
        tasks = [asyncio.create_task(asyncio.sleep(1)) for _ in THREE]
        await steps(1)
        for name, task in zip(THREE, tasks, strict=True):
            task.add_done_callback(tell(told, name))
            asyncio.get_running_loop().call_soon(task.cancel)
        await asyncio.wait(tasks)

    assert orders(program) == {THREE}


def test_nothing_overtakes_a_function_passed_to_call_soon() -> None:
    async def program(told: Told) -> None:
        before, after = futures(2)
        before.add_done_callback(tell(told, "before"))
        after.add_done_callback(tell(told, "after"))
        before.set_result(None)
        asyncio.get_running_loop().call_soon(told.append, "soon")
        after.set_result(None)
        await steps(1)

    assert orders(program) == {("before", "soon", "after")}


def test_after_a_bare_yield_a_task_resumes_after_everything_it_made_ready() -> None:
    async def program(told: Told) -> None:
        (future,) = futures(1)
        future.add_done_callback(tell(told, "made ready"))
        future.set_result(None)
        await steps(1)
        told.append("goes on")

    assert orders(program) == {("made ready", "goes on")}


def one_after_the_other(told: Told) -> list[Callable[[], None]]:
    """Three callbacks, each of which makes something ready."""

    def make_ready(name: str) -> None:
        (future,) = futures(1)
        future.add_done_callback(tell(told, name))
        future.set_result(None)

    return [functools.partial(make_ready, name) for name in THREE]


async def by_call_soon(told: Told) -> None:
    for callback in one_after_the_other(told):
        asyncio.get_running_loop().call_soon(callback)
    await steps(2)


async def by_timers(told: Told) -> None:
    for number, callback in enumerate(one_after_the_other(told)):
        # So close together that all three run in the same pass through the loop.
        asyncio.get_running_loop().call_at(1 + number / 2**50, callback)
    await asyncio.sleep(2)


async def from_a_thread(told: Told) -> None:
    def call() -> None:
        for callback in callbacks:
            loop.call_soon_threadsafe(callback)

    loop, callbacks = asyncio.get_running_loop(), one_after_the_other(told)
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    await steps(3)


@pytest.mark.parametrize("program", [by_call_soon, by_timers, from_a_thread])
def test_work_made_ready_by_one_callback_runs_before_the_next_callbacks_work(
    program: Program,
) -> None:
    assert orders(program) == {THREE}


def test_each_timer_fires_at_its_time() -> None:
    async def program(told: Told) -> None:
        loop = asyncio.get_running_loop()
        for when in (3, 1, 2, 1, 3):
            loop.call_later(when, lambda: told.append(f"{loop.time():g}"))
        cancelled = loop.call_later(2, told.append, "cancelled")
        assert cancelled.when() == 2
        cancelled.cancel()
        await asyncio.sleep(4)

    assert orders(program) == {("1", "1", "2", "3", "3")}


# -- callbacks behave as before --------------------------------------------------------------------


def test_each_callback_runs_once_even_if_another_is_cancelled() -> None:
    async def program(told: Told) -> None:
        three = futures(3)
        handles = list[asyncio.Handle]()
        for name, future in zip(THREE, three, strict=True):
            future.set_result(None)
            handles.append(asyncio.get_running_loop().call_soon(tell(told, name), future))
        handles[1].cancel()
        assert [handle.cancelled() for handle in handles] == [False, True, False]
        await steps(1)
        handles[0].cancel()  # too late
        await steps(1)

    assert orders(program) == {("a", "c"), ("c", "a")}


def test_each_callback_runs_in_its_own_context() -> None:
    variable = contextvars.ContextVar[str]("variable")

    async def program(told: Told) -> None:
        async def wait(name: str, future: asyncio.Future[None]) -> None:
            variable.set(name)
            await future
            tell_variable()

        def tell_variable(*_: object) -> None:
            told.append(variable.get())

        loop, given = asyncio.get_running_loop(), contextvars.Context()
        given.run(variable.set, "given")
        three = futures(3)
        tasks = [asyncio.create_task(wait(*each)) for each in zip(THREE, three, strict=True)]
        variable.set("here")
        three[0].add_done_callback(tell_variable)
        three[0].add_done_callback(tell_variable, context=given)
        loop.call_soon(tell_variable)
        loop.call_soon(tell_variable, context=given)
        loop.call_soon_threadsafe(tell_variable)
        loop.call_soon_threadsafe(tell_variable, context=given)
        loop.call_later(1, tell_variable)
        loop.call_later(1, tell_variable, context=given)
        await steps(1)
        for future in three:
            future.set_result(None)
        loop.call_soon(tell_variable, three[0])
        loop.call_soon(tell_variable, three[0], context=given)
        variable.set("elsewhere")
        await asyncio.wait(tasks)
        await asyncio.sleep(2)

    expected = sorted([*THREE, *["here"] * 5, *["given"] * 5])
    assert {tuple(sorted(told)) for told in orders(program)} == {tuple(expected)}


def test_a_failing_callback_is_reported_and_the_others_run() -> None:
    async def program(told: Told) -> None:
        def fail(_: object) -> None:
            raise ValueError("failed")

        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: told.append(repr(context["exception"]))
        )
        failing, other = futures(2)
        failing.add_done_callback(fail)
        other.add_done_callback(tell(told, "other"))
        failing.set_result(None)
        other.set_result(None)
        await steps(1)

    failed = repr(ValueError("failed"))
    assert orders(program) == {(failed, "other"), ("other", failed)}


@pytest.mark.parametrize("pause", [0, 1])
def test_an_exception_in_a_callback_is_freed_without_the_garbage_collector(pause: float) -> None:
    class Failure(Exception):  # noqa: N818 -- it is one
        """Unlike a built-in exception, it supports weak references."""

    async def program(told: Told) -> None:
        async def fail() -> None:
            await asyncio.sleep(pause)
            raise Failure

        task = asyncio.create_task(fail())
        await asyncio.wait([task])
        failure = weakref.ref(task.exception())
        del task
        told.append("gone" if failure() is None else "kept")

    gc.disable()
    try:
        assert orders(program) == {("gone",)}
    finally:
        gc.enable()
