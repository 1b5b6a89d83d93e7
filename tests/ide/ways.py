"""Ways to ask which source an event comes from, and mistakes; checkers.py says how checkers react.

Never run. After `# narrows:` comes a line that shows a type, which is `str` if the checker knows
that the event comes from the words. After `# rejects:` comes a line that is correct, and after
`# reports:` one that is wrong: a checker may complain about either.
"""

from __future__ import annotations

import asyncio
import enum
from typing import Final, assert_never, reveal_type

from multi_await import MultiAwait, multi_await, put

Set = MultiAwait[str, int]
WORDS: Final = 0
NUMBERS: Final = 1


class At:
    WORDS: Final = 0
    NUMBERS: Final = 1


class Plain:
    WORDS = 0
    NUMBERS = 1


class Position(enum.IntEnum):
    WORDS = 0
    NUMBERS = 1


async def a_number_in_a_case(m: Set) -> None:
    match await m.select():
        case (0, value):
            # narrows: `case (0, value)`
            reveal_type(value)


async def a_number_compared(m: Set) -> None:
    event = await m.select()
    if event[0] == 0:
        # narrows: `if event[0] == 0`, then `event[1]`
        reveal_type(event[1])


async def unpacked_afterwards(m: Set) -> None:
    event = await m.select()
    if event[0] == 0:
        _, value = event
        # narrows: `if event[0] == 0`, then `_, value = event`
        reveal_type(value)


async def a_constant_in_a_case(m: Set) -> None:
    match await m.select():
        case (At.WORDS, value):
            # narrows: `case (At.WORDS, value)`, with `WORDS: Final = 0` in a class
            reveal_type(value)


async def a_constant_compared(m: Set) -> None:
    event = await m.select()
    if event[0] == WORDS:
        # narrows: `if event[0] == WORDS`, with `WORDS: Final = 0`
        reveal_type(event[1])


async def a_plain_attribute_in_a_case(m: Set) -> None:
    match await m.select():
        case (Plain.WORDS, value):
            # narrows: the same without `Final`: `WORDS = 0` in a class
            reveal_type(value)


async def an_enum_in_a_case(m: Set) -> None:
    match await m.select():
        case (Position.WORDS, value):
            # narrows: `case (Position.WORDS, value)`, with an `enum.IntEnum`
            reveal_type(value)


async def an_enum_compared(m: Set) -> None:
    event = await m.select()
    if event[0] == Position.WORDS:
        # narrows: `if event[0] == Position.WORDS`, with an `enum.IntEnum`
        reveal_type(event[1])


async def unpacked_at_once(m: Set) -> None:
    position, value = await m.select()
    if position == 0:
        # narrows: `position, value = await m.select()`, then `if position == 0`
        reveal_type(value)


async def every_case(m: Set) -> None:
    event = await m.select()
    match event:
        case (0, _) | (1, _):
            pass
        case _:
            # rejects: `case _: assert_never(event)` after every case
            assert_never(event)


async def every_case_with_a_name(m: Set) -> None:
    match await m.select():
        case (0, _) | (1, _):
            pass
        # rejects: `case _ as never: assert_never(never)` after every case
        case _ as never:
            assert_never(never)


async def every_case_and_a_group(m: MultiAwait[tuple[str, bytes], int]) -> None:
    event = await m.select()
    match event:
        case (0, (_key, _value)):
            pass
        case (1, _):
            pass
        case _:
            # rejects: the same, after `case (0, (key, value))` for the events of a `Group`
            assert_never(event)


async def a_case_is_missing(m: Set) -> None:
    event = await m.select()
    match event:
        case (0, _):
            pass
        case _:
            # reports: `case _: assert_never(event)` with a case missing
            assert_never(event)


async def a_case_too_many(m: Set) -> None:
    match await m.select():
        case (0, _) | (1, _):
            pass
        # reports: `case (2, _)`, of two sources
        case (2, _):
            pass


async def a_forgotten_await(m: Set) -> None:
    match m.select():
        # reports: `match m.select()` without `await`
        case (0, _):
            pass


async def one_loop_variable_for_two_sets(m: Set, other: MultiAwait[bytes]) -> None:
    async for event in m:
        print(event)
    # rejects: `async for event in other` after `async for event in m`
    async for event in other:
        print(event)


async def events_and_undelivered(m: Set) -> None:
    async for position, value in m:
        print(position, value)
    # rejects: `for position, value in m.undelivered` after `async for position, value in m`
    for position, value in m.undelivered:
        print(position, value)


async def mistakes(m: Set, words: asyncio.Queue[str], queues: list[asyncio.Queue[str]]) -> None:
    # reports: `multi_await(words.get())`
    print(multi_await(words.get()))
    # reports: `multi_await(words)`
    print(multi_await(words))
    # reports: `multi_await(3)`
    print(multi_await(3))
    # reports: `multi_await(*queues)`, the queues instead of their `get`
    print(multi_await(*queues))
    # reports: `add` or `remove` on a set that was built with sources
    print(m.add(words.get))
    # reports: `m.pause(2)`, of two sources
    m.pause(2)
    # reports: `(one, two, three), _ = await m.get()`, of two sources
    (_, _, _), _ = await m.get()
    # reports: `put(words, lambda: 3)`
    print(put(words, lambda: 3))
