"""The smallest program for each fault that the zoo has found."""

from __future__ import annotations

import asyncio
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from multi_await import (
    PENDING,
    Group,
    Pending,
    Source,
    Wake,
    batched,
    each,
    ending,
    multi_await,
    once,
)
from tests.conftest import Reported
from tests.machinery import zoo
from tests.machinery.tools import steps


class Closes(Source[Any]):
    """Records that it was closed."""

    closed = False

    def poll(self, wake: Wake) -> Any:
        return PENDING

    async def aclose(self) -> Any:
        self.closed = True


class Named(Closes):
    """Raises what it was made of when asked for its name, and when polled."""

    def __init__(self, kind: type[BaseException]) -> None:
        self.kind = kind

    def poll(self, wake: Wake) -> Any:
        raise ValueError("its failure")

    def __repr__(self) -> str:
        raise self.kind


async def test_a_repr_that_raises_a_base_exception_leaves_no_source_open(
    reported: Reported,
) -> None:
    source, beside = Named(zoo.Fault), Closes()
    async with multi_await(source, beside) as m:
        with pytest.raises(ValueError, match="its failure"):
            await m.select()
    assert source.closed
    assert beside.closed


async def test_an_interrupt_while_reporting_a_kept_failure_leaves_no_source_open() -> None:
    source, failing = Named(KeyboardInterrupt), zoo.Polled(lambda: raise_(ValueError("first")))
    m = multi_await(failing, source)
    with pytest.raises(ValueError, match="first"):
        await m.get_or_raise()
    with pytest.raises(KeyboardInterrupt):
        await m.cancel()
    assert source.closed


def raise_(failure: BaseException) -> Any:
    raise failure


async def test_leftover_values_are_found_even_if_their_length_cannot_be_read() -> None:
    class Left:
        def __iter__(self) -> Iterator[int]:
            return iter([1, 2])

        def __len__(self) -> int:
            raise ValueError("I don't count")

    async with multi_await(zoo.Polled(lambda: PENDING, Left())) as m:
        assert m.select_nowait() is None
    assert m.undelivered == ((0, 1), (0, 2))


async def test_a_key_whose_hash_changes_does_not_break_its_group() -> None:
    group = Group[Any, int]()
    group.add(zoo.FickleHash(), zoo.Polled(lambda: raise_(StopAsyncIteration())))
    async with multi_await(group) as m:
        assert m.select_nowait() is None
        await steps(1)
        group.add("another", zoo.Polled(lambda: 1))
        assert list(group) == ["another"]
        assert await m.select() == (0, ("another", 1))


async def test_a_source_refused_by_a_group_for_its_key_can_be_passed_again() -> None:
    async def value() -> int:
        return 1

    group, first, second = Group[Any, int](), once(value()), once(value())
    group.add(zoo.KEYS["NoEquality"](), first)
    with pytest.raises(zoo.Refused):
        group.add(zoo.KEYS["NoEquality"](), second)
    group.add("key", second)
    with pytest.raises(ValueError, match="there is a source under the key 'key'"):
        group.add("key", once(value()))
    async with multi_await(group) as m:
        completed, _ = await m.get()
        assert completed is not None
        await m.get()


async def test_a_key_error_raised_by_a_key_is_not_mistaken_for_a_missing_key() -> None:
    group, key = Group[Any, int](), zoo.HashedOnce()
    group.add(key, asyncio.Queue[int]().get)
    with pytest.raises(KeyError) as raised:
        group.pause(key)
    assert raised.value.args == ()
    async with multi_await(group):
        pass


async def test_a_failure_at_an_iterators_end_is_reported_unchanged(reported: Reported) -> None:
    class Items:
        closed = False

        def __aiter__(self) -> Items:
            return self

        async def __anext__(self) -> int:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise failure from None
            return 0

        async def aclose(self) -> None:
            self.closed = True

    class Makes:
        def __aiter__(self) -> Items:
            return items

    failure, items = zoo.breed(zoo.CaughtError)["NoReading"](), Items()
    async with multi_await(each(Makes())) as m:
        assert m.select_nowait() is None
        await steps(1)
    assert [report["exception"] is failure for report in reported] == [True]
    assert items.closed


async def test_an_iterator_with_every_attribute_is_closed_at_the_end() -> None:
    class Items:
        closed = False

        def __aiter__(self) -> Proxy:
            return Proxy()

    class Proxy:
        def __aiter__(self) -> Proxy:
            return self

        async def __anext__(self) -> int:
            return 1

        async def aclose(self) -> None:
            Items.closed = True

        def __getattr__(self, name: str) -> str:
            return f"remote {name}"

    async with multi_await(each(Items())) as m:
        assert await m.select() == (0, 1)
    assert Items.closed


async def test_a_source_with_every_attribute_does_not_seem_already_used() -> None:
    class Proxy(Source[int]):
        def poll(self, wake: Wake) -> int:
            return 1

        def __getattr__(self, name: str) -> str:
            return f"remote {name}"

    async with multi_await(Proxy()) as m:
        assert await m.select() == (0, 1)


async def test_a_proxy_for_queue_get_is_called_and_not_unwrapped() -> None:
    class Traced:
        calls = 0

        def __init__(self, method: Any) -> None:
            self.method = method

        def __getattr__(self, name: str) -> Any:
            return getattr(self.method, name)

        def __call__(self) -> Awaitable[Any]:
            Traced.calls += 1
            return self.method()  # type: ignore[no-any-return]  # a proxy knows no types

    queue = asyncio.Queue[int]()
    queue.put_nowait(1)
    async with multi_await(Traced(queue.get)) as m:
        assert await m.select() == (0, 1)
    assert Traced.calls == 1


async def test_a_method_whose_function_has_no_hash_is_a_function_source() -> None:
    class Called:
        __hash__ = None  # type: ignore[assignment]  # what this test is about

        async def __call__(self, owner: object) -> int:
            return 1

    async with multi_await(types.MethodType(Called(), object())) as m:
        assert await m.select() == (0, 1)


class BothFail(Source[int]):
    """Its start fails, and so does its end."""

    def start(self) -> None:
        raise ValueError("at the start")

    def poll(self, wake: Wake) -> Pending:
        return PENDING

    async def aclose(self) -> None:
        raise OSError("at the end")


async def test_a_failing_start_and_a_failing_end_are_both_reported(reported: Reported) -> None:
    async with multi_await(ending(BothFail(), None)):
        pass
    (report,) = reported
    assert str(report["exception"]) == "at the end"
    assert str(report["exception"].__cause__) == "at the start"


async def test_a_kept_failure_of_a_batch_is_reported_even_if_its_queue_fails_at_the_end(
    reported: Reported,
) -> None:
    class Fails(asyncio.Queue[int]):
        async def get(self) -> int:
            try:
                return await super().get()
            except asyncio.CancelledError:
                raise OSError("at the end") from None

        def get_nowait(self) -> int:
            if (item := super().get_nowait()) == 2:
                raise ValueError("after a first item")
            return item

    queue = Fails()
    queue.put_nowait(1)
    queue.put_nowait(2)
    async with multi_await(batched(queue, 2)) as m:
        assert await m.select() == (0, [1])
        source: Any = m._queue.slots[0]
        assert source.source._first.poll(source) is PENDING  # its next item, requested ahead
        await steps(1)
    (report,) = reported
    assert str(report["exception"]) == "at the end"
    assert str(report["exception"].__cause__) == "after a first item"


class Interrupted:
    """Is interrupted when asked for an attribute."""

    def __getattribute__(self, name: str) -> Any:
        raise KeyboardInterrupt

    async def __call__(self) -> int:
        return 1

    async def __aiter__(self) -> AsyncIterator[int]:
        yield 1


@pytest.mark.parametrize("use", [multi_await, once, each])
async def test_an_interrupt_while_inspecting_an_argument_is_raised(
    use: Callable[[Any], object],
) -> None:
    with pytest.raises(KeyboardInterrupt):
        use(Interrupted())
