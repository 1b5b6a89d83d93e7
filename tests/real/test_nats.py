"""Messages from a NATS server as a source."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator

import nats
import nats.js.api
from nats.aio.msg import Msg

from multi_await import multi_await
from tests.machinery.ends import on_the_real_clock
from tests.machinery.feeds import (
    Feed,
    check_each_message_arrives_once_and_in_order,
    check_undelivered_values_are_kept,
)


@contextlib.asynccontextmanager
async def subscribed(address: str) -> AsyncIterator[Feed]:
    """The subscription's callback feeds a queue."""
    news: asyncio.Queue[Msg] = asyncio.Queue()
    client = await nats.connect(address)
    try:
        await client.subscribe("news", cb=news.put)
        await client.flush()  # the server knows about it

        async def send(message: str) -> None:
            await client.publish("news", message.encode())

        yield Feed(news.get, send, lambda message: message.data.decode(), news.get, False)
    finally:
        await client.close()


@on_the_real_clock
async def test_each_nats_message_arrives_once_from_a_queue(nats_server: str) -> None:
    async with subscribed(nats_server) as feed:
        await check_each_message_arrives_once_and_in_order(feed)


@on_the_real_clock
async def test_a_nats_message_that_was_put_into_a_queue_is_kept(nats_server: str) -> None:
    async with subscribed(nats_server) as feed:
        await check_undelivered_values_are_kept(feed)


@on_the_real_clock
async def test_an_unacknowledged_jetstream_message_is_redelivered(nats_server: str) -> None:
    client = await nats.connect(nats_server)
    try:
        stream = client.jetstream()
        await stream.add_stream(name="jobs", subjects=["jobs"])
        worker = await stream.pull_subscribe(
            "jobs", "worker", config=nats.js.api.ConsumerConfig(ack_wait=0.05)
        )
        await stream.publish("jobs", b"kept")
        await worker.fetch(1, timeout=5)
        async with multi_await(functools.partial(worker.fetch, 1, timeout=5)) as m:
            _, (message,) = await m.select()
        assert message.data == b"kept"
        await message.ack()
    finally:
        await client.close()
