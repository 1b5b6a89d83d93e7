"""Server-sent events with Starlette: messages, and a comment every 15 seconds."""

import asyncio
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from multi_await import every, multi_await

clients: set[asyncio.Queue[str]] = set()


async def stream() -> AsyncIterator[str]:
    news: asyncio.Queue[str] = asyncio.Queue()
    clients.add(news)
    try:
        async with multi_await(news.get, every(15, first=0)) as m:
            async for event in m:
                match event:
                    case (0, text):
                        yield f"data: {text}\n\n"
                    case (1, _):
                        yield ": still here\n\n"
    finally:
        clients.discard(news)


async def events(_: Request) -> StreamingResponse:
    return StreamingResponse(stream(), media_type="text/event-stream")


async def say(request: Request) -> Response:
    for news in clients:
        news.put_nowait((await request.body()).decode())
    return Response()


app = Starlette(routes=[Route("/events", events), Route("/say", say, methods=["POST"])])

if __name__ == "__main__":
    uvicorn.run(app, port=8000)
