"""An MQTT subscription as a source, with aiomqtt."""

import asyncio

import aiomqtt

from multi_await import after, each, multi_await


async def main(host: str = "localhost", port: int = 1883) -> None:
    async with aiomqtt.Client(host, port) as client:
        await client.subscribe("house/+/temperature", qos=1)
        await client.publish("house/kitchen/temperature", "21", qos=1)  # stands in for a sensor
        async with multi_await(each(client.messages), after(60)) as m:
            async for event in m:
                match event:
                    case (0, message):
                        print(message.topic, message.payload)
                        break
                    case (1, _):
                        print("nothing for a minute")
                        break


if __name__ == "__main__":
    asyncio.run(main())
