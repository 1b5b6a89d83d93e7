"""Redis Pub/Sub as a source: what is published while this program listens."""

import asyncio

import redis.asyncio as redis

from multi_await import after, each, multi_await


async def main(url: str = "redis://localhost") -> None:
    async with (
        redis.from_url(url, decode_responses=True) as client,
        client.pubsub(ignore_subscribe_messages=True) as subscription,
    ):
        await subscription.subscribe("news")
        await client.publish("news", "hello")  # stands in for another client
        async with multi_await(each(subscription.listen()), after(60)) as m:
            async for event in m:
                match event:
                    case (0, message):
                        print("received", message["data"])
                        await subscription.unsubscribe()
                        break
                    case (1, _):
                        print("nothing for a minute")
                        break


if __name__ == "__main__":
    asyncio.run(main())
