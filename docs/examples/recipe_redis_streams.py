"""Redis Streams as a source: a job is acknowledged once it is done."""

import asyncio
import contextlib
from typing import Any

import redis.asyncio as redis

from multi_await import multi_await


async def main(url: str = "redis://localhost") -> None:
    stop = asyncio.Event()
    async with redis.from_url(url, decode_responses=True) as client:
        with contextlib.suppress(redis.ResponseError):  # the group is there already
            await client.xgroup_create("jobs", "workers", id="0", mkstream=True)
        for name in ("wash", "cook", "stop"):  # stands in for another client
            await client.xadd("jobs", {"name": name})

        async def read() -> list[tuple[str, dict[str, str]]]:
            """At most ten new entries; none after a second without any."""
            streams: Any = await client.xreadgroup(
                "workers", "me", {"jobs": ">"}, count=10, block=1000
            )
            return [entry for _, entries in streams for entry in entries]

        async with multi_await(read, stop.wait) as m:
            async for event in m:
                match event:
                    case (0, entries):
                        for entry, job in entries:
                            print("done:", job["name"])
                            await client.xack("jobs", "workers", entry)
                            if job["name"] == "stop":
                                stop.set()
                    case (1, _):
                        break


if __name__ == "__main__":
    asyncio.run(main())
