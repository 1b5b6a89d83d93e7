"""What `each`, `once`, `ending` and `catching` do on rare paths."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import traceback
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from multi_await import PENDING, Pending, Source, Wake, catching, each, ending, multi_await, once
from tests.conftest import Reported
from tests.machinery.tools import steps


class Fails(Source[int]):
    """Fails to start."""

    def start(self) -> None:
        raise OSError("no server")

    def poll(self, wake: Wake) -> Pending:
        return PENDING

    async def aclose(self) -> list[int]:
        return [7]


async def test_an_undelivered_failed_start_of_an_inner_source_is_reported(
    reported: Reported,
) -> None:
    async with multi_await(ending(Fails(), "end")) as m:
        pass
    assert m.undelivered == ((0, 7),)
    assert [str(report["exception"]) for report in reported] == ["no server"]


async def test_ending_passes_release_on() -> None:
    class Released(Source[int]):
        count = 0

        def poll(self, wake: Wake) -> Pending:
            asyncio.get_running_loop().call_soon(wake)
            return PENDING

        def release(self) -> None:
            self.count += 1

    source = Released()
    async with multi_await(ending(source, None)) as m:
        assert m.select_nowait() is None
        await steps(2)
        assert source.count == 1


class FailsToRelease(Source[int]):
    def poll(self, wake: Wake) -> Pending:
        asyncio.get_running_loop().call_soon(wake)
        return PENDING

    def release(self) -> None:
        raise OSError("no server")


async def test_catching_gives_a_failure_to_release_as_a_value() -> None:
    async with multi_await(catching(FailsToRelease(), str)) as m:
        assert m.select_nowait() is None
        await steps(2)
        assert m.select_nowait() == (0, "no server")
        assert m.select_nowait() is None
        await steps(2)
    assert m.undelivered == ((0, "no server"),)


async def test_a_failure_to_release_while_another_is_undelivered_reaches_the_set() -> None:
    inner = FailsToRelease()
    outer = ending(inner, None)
    async with multi_await(outer) as m:
        assert m.select_nowait() is None
        await steps(2)
        with pytest.raises(OSError, match="no server"):
            outer.release()
        with pytest.raises(OSError, match="no server"):
            m.select_nowait()


async def test_an_interrupt_in_release_passes_an_adapter() -> None:
    class Interrupted(Source[int]):
        def poll(self, wake: Wake) -> Pending:
            return PENDING

        def release(self) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        catching(Interrupted(), str).release()


@pytest.mark.parametrize(
    ("mistake", "instead"),
    [
        (concurrent.futures.Future(), "pass once"),
        (each, "call it"),
        (None, "not None"),
    ],
)
def test_once_says_what_to_pass_instead(mistake: Any, instead: str) -> None:
    with pytest.raises(TypeError, match=instead):
        once(mistake)


async def test_once_with_an_async_iterable_suggests_each() -> None:
    async def items() -> AsyncIterator[int]:
        yield 1

    mistake: Any = items()
    with pytest.raises(TypeError, match=r"wrap it in each\(\.\.\.\)"):
        once(mistake)


class Countdown:
    """An iterator that is not a generator: it has no athrow."""

    def __init__(self, closes: BaseException | None = None) -> None:
        self.left = 2
        self.closes = closes

    def __aiter__(self) -> Countdown:
        return self

    async def __anext__(self) -> int:
        self.left -= 1
        if self.left < 0:
            raise StopAsyncIteration
        return self.left


class Made:
    """An iterable whose iterator is made by each()."""

    def __init__(self, closes: BaseException) -> None:
        self.closes = closes

    def __aiter__(self) -> Any:
        return FailingEnd(self.closes)


class FailingEnd(Countdown):
    async def __anext__(self) -> int:
        await asyncio.sleep(0)
        raise ValueError("bad row")

    async def aclose(self) -> None:
        assert self.closes is not None
        raise self.closes


async def test_a_failed_iteration_and_its_failed_close_are_both_reported(
    reported: Reported,
) -> None:
    async with multi_await(each(Made(OSError("can't close")))) as m:
        assert m.select_nowait() is None
        await steps(4)
    (report,) = reported
    assert str(report["exception"]) == "can't close"
    assert str(report["exception"].__cause__) == "bad row"


async def test_an_iterator_without_athrow_can_be_cancelled_while_its_item_waits() -> None:
    tasks = list[asyncio.Task[Any] | None]()

    class Remembers(Countdown):
        async def __anext__(self) -> int:
            tasks.append(asyncio.current_task())
            return await super().__anext__()

    async with multi_await(each(Remembers())) as m:
        assert m.select_nowait() in (None, (0, 1))
        await steps(3)
        assert tasks[0] is not None
        tasks[0].cancel()
        await steps(3)
        events = list[Any]()
        while len(events) < 2 and (event := await m.get())[0] != (None,):
            events.append(event)
        assert [type(failure) for _, (failure,) in [event]] == [asyncio.CancelledError]


async def test_a_caught_failure_keeps_no_frame_of_the_package_alive() -> None:
    async def fails() -> int:
        raise ValueError("failed")

    async with multi_await(catching(fails, lambda failure: failure)) as m:
        (failure,), _ = await m.get()
    assert isinstance(failure, ValueError)
    frames = [frame for frame, _ in traceback.walk_tb(failure.__traceback__)]
    assert frames[-1].f_code.co_name == "fails"
    assert not [each for each in frames if each.f_globals["__package__"] == "multi_await"]


@pytest.mark.parametrize("adapter", [lambda s: ending(s, None), lambda s: catching(s, repr)])
async def test_a_raised_failed_start_is_freed_without_the_garbage_collector(
    adapter: Callable[[Any], Source[Any]],
) -> None:
    class Failure(BaseException):
        """Unlike a built-in exception, it supports weak references; not caught."""

    class FailsWith(Fails):
        def start(self) -> None:
            raise Failure

    gc.disable()
    try:
        async with multi_await(adapter(FailsWith())) as m:
            gone = list[weakref.ref[Failure]]()
            try:
                await m.select()
            except Failure as failure:
                gone.append(weakref.ref(failure))
            assert gone.pop()() is None
    finally:
        gc.enable()
    assert m.undelivered == ((0, 7),)


async def test_an_adapter_shows_its_inner_source() -> None:
    queue = asyncio.Queue[int]()
    m = multi_await(ending(queue.get, None), catching(ending(queue.get, None), str))
    assert repr(m) == (
        "<MultiAwait 0 ending(Queue.get) ready, 1 catching(ending(Queue.get)) ready>"
    )
    await m.cancel()
