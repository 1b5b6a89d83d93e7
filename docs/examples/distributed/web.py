"""An HTTP server that adds each page view to a Redis stream, and answers when Redis has it.

    python web.py --port 8080 --redis redis://127.0.0.1
    curl 'http://127.0.0.1:8080/page/7?user=42'

200: Redis has the view. 503: Redis refused it or is down, and the text says why; the view may be
sent again. 400: not a request for a page by a user. Run as many of these as you like; worker.py
takes the views from there.
"""

import argparse
import asyncio
import contextlib
import functools
import re
import signal
import time
from collections.abc import AsyncIterator

from aiohttp import web
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from multi_await import multi_await, signals

PATIENCE = 8  # seconds after which a request is answered, whatever Redis does


async def page(redis: Redis, shards: int, request: web.Request) -> web.Response:
    number, user = request.match_info["number"], request.query.get("user", "")
    if not re.fullmatch("[0-9]+", number):
        raise web.HTTPBadRequest(text="which page? A number, as in /page/7?user=42\n")
    if not re.fullmatch("[0-9]{1,19}", user) or int(user) >= 2**63:  # what BIGINT holds
        raise web.HTTPBadRequest(text="which user? A number, as in /page/7?user=42\n")
    try:
        async with asyncio.timeout(PATIENCE):
            await redis.xadd(f"views:{int(user) % shards}", {"user": user, "when": time.time()})
    except (RedisError, OSError) as error:  # OSError: TimeoutError too
        reason = str(error) or "no answer"
        text = f"Redis refused this view or is unavailable: {reason}\n"
        raise web.HTTPServiceUnavailable(text=text) from error
    return web.Response(text=f"page {number} for user {user}\n")


@contextlib.asynccontextmanager
async def http_server(redis: Redis, shards: int, port: int) -> AsyncIterator[str]:
    """Serve pages; at the end accept no more, and wait for the requests in flight."""
    app = web.Application()
    app.router.add_get("/page/{number}", functools.partial(page, redis, shards))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield "http://{}:{}".format(*runner.addresses[0])
    finally:
        await runner.cleanup()


async def main(port: int, redis: str, shards: int) -> None:
    # When all connections are busy, a request waits for one: a pool that refused would make a 503
    # of it. And one try: what was refused is the client's to send again.
    pool = BlockingConnectionPool.from_url(redis, timeout=None, retry=Retry(NoBackoff(), 0))
    async with (
        Redis.from_pool(pool) as client,
        multi_await(signals(signal.SIGTERM, signal.SIGINT)) as m,
        http_server(client, shards, port) as address,
    ):
        print(f"listening on {address}", flush=True)
        await m.select()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes any that is free")
    parser.add_argument("--redis", default="redis://127.0.0.1", metavar="URL")
    parser.add_argument("--shards", type=int, default=1, metavar="N", help="streams to spread over")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(**vars(arguments())))
