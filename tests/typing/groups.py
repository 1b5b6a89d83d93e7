"""A group: the key and the value of each event, by the group's own types."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, assert_never, assert_type, final

from multi_await import Group, MultiAwait, catching, each, ending, every, multi_await


@dataclass(frozen=True)
class Client:
    name: str


@final
@dataclass
class Broken:
    failure: Exception


class At:
    CLIENTS: Final = 0
    JOINED: Final = 1
    TICK: Final = 2


async def lines() -> AsyncIterator[str]:
    yield "hello"


async def auction(joined: asyncio.Queue[Client]) -> None:
    clients = Group[Client, str | Broken | None]()
    assert_type(
        multi_await(clients, joined.get, every(1)),
        MultiAwait[tuple[Client, str | Broken | None], Client, int],
    )
    async with multi_await(clients, joined.get, every(1)) as m:
        async for event in m:
            match event:
                case (At.CLIENTS, client_and_message):
                    client, message = client_and_message
                    assert_type(client, Client)
                    heard(client, message)
                case (At.JOINED, client):
                    assert_type(client, Client)
                    clients.add(client, ending(catching(each(lines()), Broken), None))
                case (At.TICK, count):
                    assert_type(count, int)
                case _:
                    assert_never(event)
        assert_type(clients.failed, Client | None)


def heard(client: Client, message: str | Broken | None) -> None:
    match message:
        case None:
            print(client.name, "hung up")
        case Broken(failure):
            assert_type(failure, Exception)
        case line:
            assert_type(line, str)


async def unpacked() -> None:
    clients = Group[Client, str | Broken | None]()
    async with multi_await(clients) as m:
        position, (client, message) = await m.select()
        print(position)
        assert_type(client, Client)
        assert_type(message, str | Broken | None)


async def matched_at_once(clients: Group[Client, str | Broken | None]) -> None:
    """In one pattern; pyrefly and zuban then still see the earlier type of `line`."""
    async with multi_await(clients) as m:
        match await m.select():
            case (0, (client, None)):
                assert_type(client, Client)
            case (0, (client, Broken(failure))):
                assert_type(failure, Exception)
            case (0, (client, line)):
                assert_type(client, Client)
                print(line)


async def members() -> None:
    group = Group[int, str]()
    group.add(1, asyncio.Queue[str]().get)
    group.add("a", asyncio.Queue[str]().get)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    group.add(2, asyncio.Queue[int]().get)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert_type(await group.remove(1), tuple[str, ...])
    assert_type(list(group), list[int])
    assert_type(len(group), int)
    assert_type(1 in group, bool)
    outer = Group[str, tuple[int, str]](biased=True)
    outer.add("inner", group)
    assert_type(multi_await(outer), MultiAwait[tuple[str, tuple[int, str]]])
