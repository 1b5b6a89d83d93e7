"""Messages from a Redis server as a source, and which of them are lost."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import redis
import redis.asyncio
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from multi_await import each, inline, multi_await
from tests.machinery.ends import on_the_real_clock
from tests.machinery.feeds import (
    Feed,
    check_each_message_arrives_once_and_in_order,
    check_undelivered_values_are_kept,
)
from tests.machinery.tools import steps


@pytest.fixture
def other(redis_server: str) -> Iterator[redis.Redis]:
    """A client of the emptied Redis server; it blocks the event loop while it works."""
    with redis.Redis(unix_socket_path=redis_server, decode_responses=True) as client:
        client.flushall()
        yield client


def connected(path: str, **options: Any) -> redis.asyncio.Redis:
    retry = Retry(NoBackoff(), 3)
    return redis.asyncio.Redis(unix_socket_path=path, decode_responses=True, retry=retry, **options)


@contextlib.asynccontextmanager
async def subscribed(path: str) -> AsyncIterator[tuple[PubSub, redis.asyncio.Redis]]:
    """A subscription to the channel "news", and a client that publishes."""
    async with (
        connected(path) as client,
        client.pubsub(ignore_subscribe_messages=True) as subscription,
    ):
        await subscription.subscribe("news")
        # subscribe() awaits no answer: what another connection publishes could overtake it.
        await subscription.get_message(timeout=5)
        assert await client.pubsub_numsub("news") == [("news", 1)]
        yield subscription, client


@contextlib.asynccontextmanager
async def fed(path: str) -> AsyncIterator[Feed]:
    async with subscribed(path) as (subscription, client):
        yield Feed(
            each(subscription.listen()),
            functools.partial(client.publish, "news"),
            lambda message: str(message["data"]),
            functools.partial(subscription.get_message, timeout=5),
        )


@on_the_real_clock
async def test_each_redis_message_arrives_once_and_in_order(redis_server: str) -> None:
    async with fed(redis_server) as feed:
        await check_each_message_arrives_once_and_in_order(feed)


@on_the_real_clock
async def test_an_undelivered_redis_message_is_kept(redis_server: str) -> None:
    async with fed(redis_server) as feed:
        await check_undelivered_values_are_kept(feed)


@on_the_real_clock
async def test_a_redis_listener_ends_when_it_is_unsubscribed_from_everything(
    redis_server: str,
) -> None:
    async with (
        subscribed(redis_server) as (subscription, client),
        multi_await(each(subscription.listen())) as m,
    ):
        await client.publish("news", "the last message")
        assert (await m.select())[1]["data"] == "the last message"
        assert m.select_nowait() is None
        await subscription.unsubscribe()
        assert [message async for _, message in m] == []


@on_the_real_clock
async def test_a_redis_listener_survives_a_broken_connection_but_misses_messages(
    redis_server: str, other: redis.Redis
) -> None:
    async with (
        subscribed(redis_server) as (subscription, client),
        multi_await(each(subscription.listen())) as m,
    ):
        await client.publish("news", "before")
        assert (await m.select())[1]["data"] == "before"
        assert m.select_nowait() is None
        other.client_kill_filter(_type="pubsub")
        assert other.publish("news", "missed") == 0
        reconnected = asyncio.create_task(m.select())
        await until(lambda: other.pubsub_numsub("news") == [("news", 1)])
        await client.publish("news", "after")
        assert (await reconnected)[1]["data"] == "after"


async def until(true: Callable[[], bool]) -> None:
    """Ask the server until this is true."""
    while not true():  # noqa: ASYNC110 -- the server tells nobody
        await asyncio.sleep(0.001)


def blocked(other: redis.Redis) -> int:
    """How many clients are blocked in the server."""
    return int(other.info("clients")["blocked_clients"])


async def cancel(call: Awaitable[Any], other: redis.Redis, send: Callable[[], object]) -> None:
    """Cancel a waiting call after the server has answered, but before the loop reads the answer."""
    task = asyncio.ensure_future(call)
    await until(lambda: blocked(other) == 1)
    await steps(10)  # redis sends inside wait_for(), which swallows a cancellation in Python 3.11
    send()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@on_the_real_clock
async def test_an_item_that_arrives_as_a_blpop_is_cancelled_is_lost(
    redis_server: str, other: redis.Redis
) -> None:
    async with connected(redis_server) as client:
        await cancel(client.blpop(["jobs"]), other, lambda: other.rpush("jobs", "lost"))
        assert other.llen("jobs") == 0


@on_the_real_clock
async def test_an_item_that_arrives_after_a_cancelled_blpop_stays_in_the_list(
    redis_server: str, other: redis.Redis
) -> None:
    async with connected(redis_server) as client:
        async with multi_await(functools.partial(client.blpop, ["jobs"])) as m:
            assert m.select_nowait() is None
            await until(lambda: blocked(other) == 1)
        await until(lambda: blocked(other) == 0)  # the client closes the connection
        other.rpush("jobs", "kept")
        assert other.lrange("jobs", 0, -1) == ["kept"]


@on_the_real_clock
async def test_an_item_that_arrives_as_a_blmove_is_cancelled_is_in_the_other_list(
    redis_server: str, other: redis.Redis
) -> None:
    async with connected(redis_server) as client:
        call = client.blmove("jobs", "taken", 0)
        await cancel(call, other, lambda: other.rpush("jobs", "kept"))
        assert other.lrange("taken", 0, -1) == ["kept"]


@on_the_real_clock
async def test_an_entry_that_arrives_as_an_xreadgroup_is_cancelled_can_be_claimed(
    redis_server: str, other: redis.Redis
) -> None:
    other.xgroup_create("jobs", "workers", mkstream=True)
    async with connected(redis_server) as client:
        call = client.xreadgroup("workers", "first", {"jobs": ">"}, count=1, block=0)
        await cancel(call, other, lambda: other.xadd("jobs", {"job": "kept"}))
        claimed: Any = await client.xautoclaim("jobs", "workers", "second", min_idle_time=0)
        assert [fields for _, fields in claimed[1]] == [{"job": "kept"}]


@on_the_real_clock
async def test_an_xreadgroup_that_blocks_longer_than_the_socket_timeout_fails(
    redis_server: str, other: redis.Redis
) -> None:
    other.xgroup_create("jobs", "workers", mkstream=True)
    async with connected(redis_server, socket_timeout=0.05) as client:
        read = functools.partial(client.xreadgroup, "workers", "first", {"jobs": ">"}, block=0)
        async with multi_await(read) as m:
            with pytest.raises(redis.TimeoutError):
                await m.select()


@on_the_real_clock
async def test_a_redis_timeout_cancels_the_caller_if_polled_inline(redis_server: str) -> None:
    async with (
        subscribed(redis_server) as (subscription, _),
        multi_await(inline(functools.partial(subscription.get_message, timeout=0.001))) as m,
    ):
        with pytest.raises(asyncio.CancelledError):
            await m.select()
