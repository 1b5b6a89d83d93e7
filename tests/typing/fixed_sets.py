"""A set built with sources is typed by position."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Literal, assert_never, assert_type

from multi_await import MultiAwait, NothingToAwait, Source, inline, multi_await

Words = asyncio.Queue[str]
Numbers = asyncio.Queue[int]
Failure = BaseException | None


async def two(words: Words, numbers: Numbers) -> None:
    async with multi_await(words.get, numbers.get) as m:
        assert_type(m, MultiAwait[str, int])
        completed, failures = await m.get()
        assert_type(completed, tuple[str | None, int | None])
        assert_type(failures, tuple[Failure, Failure])
        assert_type(m.get_nowait(), tuple[tuple[str | None, int | None], tuple[Failure, Failure]])
        assert_type(await m.get_or_raise(), tuple[str | None, int | None])
        assert_type(await m.select(), tuple[Literal[0], str] | tuple[Literal[1], int])
        assert_type(m.select_nowait(), tuple[Literal[0], str] | tuple[Literal[1], int] | None)
        assert_type(await anext(m), tuple[Literal[0], str] | tuple[Literal[1], int])
        async for event in m:
            assert_type(event, tuple[Literal[0], str] | tuple[Literal[1], int])


async def match_narrows_an_event(words: Words, numbers: Numbers) -> str | int:
    async with multi_await(words.get, numbers.get) as m:
        event = await m.select()
        match event:
            case (0, word):
                assert_type(word, str)
                return word
            case (1, number):
                assert_type(number, int)
                return number
            case _:
                assert_never(event)


async def a_missing_case_is_found(words: Words, numbers: Numbers) -> None:
    async with multi_await(words.get, numbers.get) as m:
        event = await m.select()
        match event:
            case (0, _):
                pass
            case _:
                assert_never(event)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def the_class(words: Words, numbers: Numbers) -> None:
    assert_type(MultiAwait(words.get), MultiAwait[str])
    assert_type(MultiAwait(words.get, numbers.get), MultiAwait[str, int])
    annotated: MultiAwait[str, int] = MultiAwait(words.get, numbers.get)
    assert_type(await annotated.get_or_raise(), tuple[str | None, int | None])


async def one(words: Words) -> None:
    async with multi_await(words.get) as m:
        assert_type(m, MultiAwait[str])
        assert_type(await m.get(), tuple[tuple[str | None], tuple[Failure]])
        assert_type(await m.select(), tuple[Literal[0], str])


async def eight(a: Words, b: Numbers) -> None:
    async with multi_await(a.get, b.get, a.get, b.get, a.get, b.get, a.get, b.get) as m:
        assert_type(m, MultiAwait[str, int, str, int, str, int, str, int])
        completed = await m.get_or_raise()
        assert_type(completed[0], str | None)
        assert_type(completed[7], int | None)
        event = await m.select()
        if event[0] == 7:
            assert_type(event, tuple[Literal[7], int])


async def nine_sources_and_lists_have_a_single_type(a: Words, queues: list[Words]) -> None:
    get = a.get
    nine = multi_await(get, get, get, get, get, get, get, get, get)
    assert_type(nine, MultiAwait[*tuple[str, ...]])
    async with multi_await(*[queue.get for queue in queues]) as m:
        assert_type(m, MultiAwait[*tuple[str, ...]])
        completed, failures = await m.get()
        assert_type(completed, tuple[str | None, ...])
        assert_type(failures, tuple[Failure, ...])
        assert_type(await m.get_or_raise(), tuple[str | None, ...])
        assert_type(await m.select(), tuple[int, str])
        assert_type(m.select_nowait(), tuple[int, str] | None)
        async for position, value in m:
            assert_type(position, int)
            assert_type(value, str)


async def all_kinds_of_source(
    event: asyncio.Event,
    lock: asyncio.Lock,
    reader: asyncio.StreamReader,
    source: Source[bytes],
    numbers: AsyncIterator[int],
) -> None:
    async def own() -> float:
        return 1.0

    def task() -> asyncio.Task[str]:
        return asyncio.create_task(asyncio.sleep(1, "done"))

    def awaitable() -> Awaitable[complex]:
        raise NotImplementedError

    assert_type(multi_await(event.wait, own), MultiAwait[Literal[True], float])
    assert_type(multi_await(lock.acquire, reader.readline), MultiAwait[Literal[True], bytes])
    assert_type(multi_await(source, task), MultiAwait[bytes, str])
    assert_type(multi_await(awaitable, inline(own)), MultiAwait[complex, float])
    assert_type(multi_await(numbers.__anext__), MultiAwait[int])
    assert_type(multi_await(lambda: asyncio.sleep(1, "tick")), MultiAwait[str])


async def a_source_of_any_gives_any(unknown: Callable[[], Awaitable[Any]]) -> None:
    async with multi_await(unknown) as m:
        completed, failures = await m.get()
        value, failure = completed[0], failures[0]
        assert_type(await m.select(), Any)  # pyright: ignore[reportAssertTypeFailure]
    async with multi_await(unknown, unknown) as m2:
        (_value, _other), (_failure, _none) = await m2.get()
        match await m2.select():
            case (0, value) | (1, value):
                print(value, failure)


async def mistakes(words: Words, m: MultiAwait[str]) -> None:
    m.add(words.get)  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    multi_await(words)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    multi_await(3)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    (_, one), _ = await m.get()  # type: ignore[misc]  # pyright: ignore[reportAssignmentType]
    assert one is None
    try:
        await m.select()
    except NothingToAwait as error:
        assert_type(error, NothingToAwait)
