"""A RabbitMQ queue as a source: a job is acknowledged once it is done."""

import asyncio

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from multi_await import after, multi_await


async def main(url: str = "amqp://guest:guest@localhost/") -> None:
    messages: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    async with await aio_pika.connect_robust(url) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=10)  # at most ten wait here
        jobs = await channel.declare_queue("jobs", auto_delete=True)
        await channel.default_exchange.publish(aio_pika.Message(b"wash"), "jobs")
        await jobs.consume(messages.put)
        async with multi_await(messages.get, after(60)) as m:
            async for event in m:
                match event:
                    case (0, message):
                        print("done:", message.body.decode())
                        await message.ack()
                        break
                    case (1, _):
                        print("nothing for a minute")
                        break


if __name__ == "__main__":
    asyncio.run(main())
