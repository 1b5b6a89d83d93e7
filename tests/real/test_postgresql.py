"""Notifications from PostgreSQL as a source."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator

import asyncpg
import psycopg

from multi_await import each, multi_await
from tests.machinery.ends import on_the_real_clock
from tests.machinery.feeds import (
    Feed,
    check_each_message_arrives_once_and_in_order,
    check_undelivered_values_are_kept,
)

Notifies = psycopg.AsyncConnection[tuple[object, ...]]


@contextlib.asynccontextmanager
async def connected(folder: str) -> AsyncIterator[Notifies]:
    """A connection of psycopg, each of whose commands is a transaction."""
    async with await psycopg.AsyncConnection.connect(
        f"host={folder} user=postgres", autocommit=True
    ) as connection:
        yield connection


async def notify(connection: Notifies, *messages: str) -> None:
    async with connection.transaction():
        for message in messages:
            await connection.execute("SELECT pg_notify('news', %s)", [message])


@contextlib.asynccontextmanager
async def listened_to_by_asyncpg(folder: str) -> AsyncIterator[Feed]:
    """asyncpg's listener callback feeds a queue."""
    news: asyncio.Queue[str] = asyncio.Queue()

    def heard(_connection: object, _process: int, _channel: str, payload: object) -> None:
        news.put_nowait(str(payload))

    connection = await asyncpg.connect(host=folder, user="postgres")
    try:
        await connection.add_listener("news", heard)
        async with connected(folder) as sender:
            yield Feed(news.get, functools.partial(notify, sender), str, news.get, runs_ahead=False)
    finally:
        await connection.close()


@on_the_real_clock
async def test_each_notification_arrives_once_from_a_queue_fed_by_asyncpg(
    postgresql: str,
) -> None:
    async with listened_to_by_asyncpg(postgresql) as feed:
        await check_each_message_arrives_once_and_in_order(feed)


@on_the_real_clock
async def test_a_notification_that_asyncpg_put_into_a_queue_is_kept(postgresql: str) -> None:
    async with listened_to_by_asyncpg(postgresql) as feed:
        await check_undelivered_values_are_kept(feed)


@on_the_real_clock
async def test_psycopg_notifications_fetched_together_are_lost_when_the_block_ends(
    postgresql: str,
) -> None:
    async with connected(postgresql) as connection, connected(postgresql) as sender:
        await connection.execute("LISTEN news")
        async with multi_await(each(connection.notifies())) as m:
            await notify(sender, "first", "lost", "lost too")
            _, notification = await m.select()
            assert notification.payload == "first"
        assert m.undelivered == ()
        await notify(sender, "next")
        assert [each.payload async for each in connection.notifies(stop_after=1)] == ["next"]


@contextlib.asynccontextmanager
async def listened_to_by_psycopg(folder: str) -> AsyncIterator[Feed]:
    """A task that outlives the block feeds a queue."""
    news: asyncio.Queue[str] = asyncio.Queue()
    async with connected(folder) as connection, connected(folder) as sender:
        await connection.execute("LISTEN news")

        async def listen() -> None:
            async for notification in connection.notifies():
                news.put_nowait(notification.payload)

        listening = asyncio.create_task(listen())
        try:
            yield Feed(news.get, functools.partial(notify, sender), str, news.get, runs_ahead=False)
        finally:
            listening.cancel()
            await asyncio.wait([listening])


@on_the_real_clock
async def test_a_notification_that_a_task_put_into_a_queue_is_kept(postgresql: str) -> None:
    async with listened_to_by_psycopg(postgresql) as feed:
        await check_undelivered_values_are_kept(feed)
