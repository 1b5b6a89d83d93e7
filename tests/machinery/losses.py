"""What blocks that end at random times lose of what real servers send: `make losses`.

Each way to wait gets a number of messages at random times, while one block after another waits for
them and ends at a random time. A message is lost if it was neither delivered nor in `undelivered`,
and does not reach a later block. RabbitMQ takes long to start, so this is not a test.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import platform
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.metadata import version
from typing import Any

import aio_pika
import aiomqtt
import asyncpg
import nats
import psycopg
import redis.asyncio

from multi_await import SourceLike, each, multi_await
from tests.machinery import servers

MESSAGES = 400
BURST = 4  # messages that are sent without a pause
# How to make a source for a block, how to send, and what to do with a value.
Way = tuple[
    Callable[[], SourceLike[Any]],
    Callable[[str], Awaitable[object]],
    Callable[[Any], Awaitable[object]] | None,
]


async def lost(way: Way) -> tuple[int, int]:
    """How many messages were lost, and how many blocks there were."""
    source, send, done = way
    chance = random.Random(1)  # noqa: S311 -- not for secrets

    async def send_all() -> None:
        for number in range(MESSAGES):
            await send(str(number))
            if number % BURST == BURST - 1:
                await asyncio.sleep(chance.uniform(0, 0.004))

    sending = asyncio.create_task(send_all())
    received = blocks = 0
    more = True
    while more:
        patience = chance.uniform(0, 0.004) if not sending.done() else 2
        blocks += 1
        values = []
        async with multi_await(source()) as m:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    async for _, value in m:
                        values.append(value)
        values += [value for _, value in m.undelivered]
        for value in values:
            received += 1
            if done is not None:
                await done(value)
        more = patience < 2 or bool(values)
    await sending
    return MESSAGES - received, blocks


@contextlib.asynccontextmanager
async def fed_by(messages: Callable[[], Any]) -> AsyncIterator[asyncio.Queue[Any]]:
    """A queue that a task outliving the blocks fills with the messages."""
    queue: asyncio.Queue[Any] = asyncio.Queue()

    async def listen() -> None:
        async for message in messages():
            queue.put_nowait(message)

    task = asyncio.create_task(listen())
    try:
        yield queue
    finally:
        task.cancel()
        await asyncio.wait([task])


async def redis_ways() -> AsyncIterator[tuple[str, Way]]:
    with servers.redis() as path:
        async with (
            redis.asyncio.Redis(unix_socket_path=path) as client,
            redis.asyncio.Redis(unix_socket_path=path) as sender,
        ):
            push = functools.partial(sender.rpush, "jobs")
            yield (
                "redis: client.blpop",
                (lambda: functools.partial(client.blpop, ["jobs"]), push, None),
            )
            await sender.delete("jobs")
            await sender.xgroup_create("stream", "workers", mkstream=True)
            read = functools.partial(
                client.xreadgroup, "workers", "me", {"stream": ">"}, count=1, block=0
            )

            async def add(text: str) -> None:
                await sender.xadd("stream", {"text": text})

            async def acknowledge(value: Any) -> None:
                ((_, ((entry, _),)),) = value
                await sender.xack("stream", "workers", entry)

            yield "redis: client.xreadgroup", (lambda: read, add, acknowledge)
            pending: Any = await sender.xpending("stream", "workers")
            print(f"{'':12}  (of these, {pending['pending']} are pending, and can be claimed)")
            async with client.pubsub(ignore_subscribe_messages=True) as subscription:
                await subscription.subscribe("news")
                await subscription.get_message(timeout=5)
                publish = functools.partial(sender.publish, "news")
                yield (
                    "redis: each(pubsub.listen())",
                    (
                        lambda: each(subscription.listen()),
                        publish,
                        None,
                    ),
                )


async def postgresql_ways() -> AsyncIterator[tuple[str, Way]]:
    with servers.postgresql() as folder:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        listener = await asyncpg.connect(host=folder, user="postgres")
        sender = await asyncpg.connect(host=folder, user="postgres")
        send = functools.partial(sender.execute, "SELECT pg_notify('news', $1)")
        await listener.add_listener("news", lambda *call: queue.put_nowait(call[3]))
        yield "asyncpg: queue.get, fed by add_listener", (lambda: queue.get, send, None)
        await listener.close()
        async with await psycopg.AsyncConnection.connect(
            f"host={folder} user=postgres", autocommit=True
        ) as connection:
            await connection.execute("LISTEN news")
            yield (
                "psycopg: each(connection.notifies())",
                (
                    lambda: each(connection.notifies()),
                    send,
                    None,
                ),
            )
            async with fed_by(connection.notifies) as fed:
                yield "psycopg: queue.get, fed by a task", (lambda: fed.get, send, None)
        await sender.close()


async def nats_ways() -> AsyncIterator[tuple[str, Way]]:
    with servers.nats() as address:
        client = await nats.connect(address)

        async def send(subject: str, text: str) -> None:
            await client.publish(subject, text.encode())
            await client.flush()

        news = await client.subscribe("news")
        yield (
            "nats: subscription.next_msg",
            (
                lambda: functools.partial(news.next_msg, timeout=None),
                functools.partial(send, "news"),
                None,
            ),
        )
        queue: asyncio.Queue[Any] = asyncio.Queue()
        await client.subscribe("queue", cb=queue.put)
        yield (
            "nats: queue.get, fed by subscribe(cb=queue.put)",
            (
                lambda: queue.get,
                functools.partial(send, "queue"),
                None,
            ),
        )
        stream = client.jetstream()
        await stream.add_stream(name="jobs", subjects=["jobs"])
        worker = await stream.pull_subscribe("jobs", "worker")

        async def acknowledge(messages: list[Any]) -> None:
            for message in messages:
                await message.ack()

        yield (
            "nats: JetStream's subscription.fetch(1)",
            (
                lambda: functools.partial(worker.fetch, 1, timeout=5),
                functools.partial(send, "jobs"),
                acknowledge,
            ),
        )
        await client.close()


async def mqtt_ways() -> AsyncIterator[tuple[str, Way]]:
    with servers.mosquitto() as path:
        async with (
            aiomqtt.Client(path, transport="unix") as client,
            aiomqtt.Client(path, transport="unix") as sender,
        ):
            send = functools.partial(sender.publish, "news")
            await client.subscribe("news")
            yield "aiomqtt: each(client.messages)", (lambda: each(client.messages), send, None)
            async with fed_by(lambda: client.messages) as fed:
                yield "aiomqtt: queue.get, fed by a task", (lambda: fed.get, send, None)


async def rabbitmq_ways() -> AsyncIterator[tuple[str, Way]]:
    with servers.rabbitmq() as port:
        async with await connect_to_rabbitmq(port) as connection:
            channel = await connection.channel()
            jobs = await channel.declare_queue("jobs", exclusive=True)

            async def send(text: str) -> None:
                await channel.default_exchange.publish(aio_pika.Message(text.encode()), "jobs")

            async def acknowledge(message: Any) -> None:
                await message.ack()

            queue: asyncio.Queue[Any] = asyncio.Queue()
            await jobs.consume(queue.put)
            yield (
                "aio-pika: queue.get, fed by consume(queue.put)",
                (
                    lambda: queue.get,
                    send,
                    acknowledge,
                ),
            )


async def connect_to_rabbitmq(port: int) -> Any:
    """Retry: its port answers before it accepts logins."""
    while True:
        try:
            return await aio_pika.connect(port=port, host="127.0.0.1")
        except (OSError, aio_pika.exceptions.AMQPError):
            await asyncio.sleep(0.1)


async def main() -> None:
    packages = ["redis", "asyncpg", "psycopg", "nats-py", "aiomqtt", "aio-pika"]
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {sys.platform};", end=" ")
    print(", ".join(f"{package} {version(package)}" for package in packages))
    print(f"lost of {MESSAGES} messages, and the blocks that ended meanwhile:")
    for ways in (redis_ways, postgresql_ways, nats_ways, mqtt_ways, rabbitmq_ways):
        try:
            async for name, way in ways():
                count_lost, blocks = await lost(way)
                print(f"{count_lost:4} {blocks:5}  {name}", flush=True)
        except servers.NotInstalledError as missing:
            print(missing)


if __name__ == "__main__":
    asyncio.run(main())
