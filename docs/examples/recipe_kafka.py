"""A Kafka consumer as a source: an offset is committed once its record is done."""

import asyncio
import signal

from aiokafka import AIOKafkaConsumer

from multi_await import multi_await, signals


async def main(servers: str = "localhost:9092") -> None:
    consumer = AIOKafkaConsumer(
        "jobs", bootstrap_servers=servers, group_id="workers", enable_auto_commit=False
    )
    async with consumer, multi_await(consumer.getone, signals(signal.SIGTERM)) as m:
        async for event in m:
            match event:
                case (0, record):
                    print(record.topic, record.partition, record.offset, record.value)
                    await consumer.commit()
                case (1, signum):
                    print("stopping on", signum.name)
                    break


if __name__ == "__main__":
    asyncio.run(main())
