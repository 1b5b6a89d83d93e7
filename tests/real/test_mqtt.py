"""Messages from an MQTT broker as a source."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiomqtt

from tests.machinery.ends import on_the_real_clock
from tests.machinery.feeds import (
    Feed,
    check_each_message_arrives_once_and_in_order,
    check_undelivered_values_are_kept,
)
from tests.machinery.tools import steps


@contextlib.asynccontextmanager
async def subscribed(path: str) -> AsyncIterator[Feed]:
    """A task that outlives the block feeds a queue."""
    news: asyncio.Queue[str] = asyncio.Queue()
    async with aiomqtt.Client(path, transport="unix") as client:
        await client.subscribe("news")

        async def listen() -> None:
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                news.put_nowait(message.payload.decode())

        async def send(message: str) -> None:
            await client.publish("news", message)

        listening = asyncio.create_task(listen())
        try:
            yield Feed(news.get, send, str, news.get, runs_ahead=False)
        finally:
            listening.cancel()
            await asyncio.wait([listening])
    await steps(5)  # it cancels tasks without waiting for them


@on_the_real_clock
async def test_each_mqtt_message_arrives_once_from_a_queue(mosquitto: str) -> None:
    async with subscribed(mosquitto) as feed:
        await check_each_message_arrives_once_and_in_order(feed)


@on_the_real_clock
async def test_an_mqtt_message_that_a_task_put_into_a_queue_is_kept(mosquitto: str) -> None:
    async with subscribed(mosquitto) as feed:
        await check_undelivered_values_are_kept(feed)
