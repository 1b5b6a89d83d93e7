"""A NATS subscription as a source: the callback is the `put` of a queue."""

import asyncio

import nats
from nats.aio.msg import Msg

from multi_await import after, multi_await


async def main(url: str = "nats://localhost") -> None:
    messages: asyncio.Queue[Msg] = asyncio.Queue()
    client = await nats.connect(url)
    await client.subscribe("news.*", cb=messages.put)
    await client.publish("news.weather", b"rain")  # stands in for another client
    async with multi_await(messages.get, after(60)) as m:
        async for event in m:
            match event:
                case (0, message):
                    print(message.subject, message.data.decode())
                    break
                case (1, _):
                    print("nothing for a minute")
                    break
    await client.drain()


if __name__ == "__main__":
    asyncio.run(main())
