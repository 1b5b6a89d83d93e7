"""Go's test/chan/perm.go: receive-only, send-only and bidirectional channels.

Go has three types of channel for them. Here `queue.get` is the receiving end, `queue.put` is the
sending end, and the queue itself is both.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal, assert_type

from multi_await import MultiAwait, Source, SourceLike, multi_await, put

Channel = asyncio.Queue[int]
ReceiveOnly = Callable[[], Awaitable[int]]
SendOnly = Callable[[int], Awaitable[None]]


def both_ends_of_a_channel_can_be_passed_on(c: Channel) -> tuple[ReceiveOnly, SendOnly]:
    return c.get, c.put


def an_end_is_neither_a_channel_nor_the_other_end(cr: ReceiveOnly, cs: SendOnly) -> None:
    c: Channel
    c = cr  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    c = cs  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    cr = cs  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    cs = cr  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(c)


def a_channel_is_not_an_end(c: Channel) -> None:
    cr: ReceiveOnly = c  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    cs: SendOnly = c  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(cr, cs)


async def a_channel_can_be_sent_to_and_received_from(c: Channel) -> None:
    async with multi_await(put(c, lambda: 0), c.get) as m:
        assert_type(m, MultiAwait[int, int])
        assert_type(await m.select(), tuple[Literal[0], int] | tuple[Literal[1], int])


async def a_receive_only_end_can_only_be_received_from(cr: ReceiveOnly) -> None:
    put(cr, lambda: 0)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    async with multi_await(cr) as m:
        async for _, x in m:
            assert_type(x, int)


async def a_send_only_end_can_only_be_sent_to(cs: SendOnly) -> None:
    await cs(0)
    multi_await(cs)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]


def a_send_case_is_a_source_of_the_sent_items_and_not_a_channel(c: Channel) -> None:
    sends = put(c, lambda: 0)
    assert_type(sends, Source[int])
    put(sends, lambda: 0)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def a_receive_only_end_cannot_be_closed(cr: ReceiveOnly) -> None:
    cr.shutdown()  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]


def receiving_is_covariant_and_sending_is_contravariant(
    c: Channel, flags: asyncio.Queue[bool]
) -> SourceLike[int]:
    put(c, lambda: True)
    put(flags, lambda: 0)  # type: ignore[arg-type,return-value]  # pyright: ignore[reportArgumentType]
    return flags.get
