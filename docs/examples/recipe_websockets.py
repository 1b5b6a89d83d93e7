"""Both directions of a WebSocket in one loop: what comes in, and what goes out."""

import asyncio

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from multi_await import each, ending, multi_await


async def chat(url: str, outbox: asyncio.Queue[str]) -> None:
    async with connect(url) as socket, multi_await(ending(each(socket), None), outbox.get) as m:
        async for event in m:
            match event:
                case (0, message) if message is not None:
                    print("received", message)
                    outbox.put_nowait("bye")
                case (0, _):
                    print("the server has hung up")
                    break
                case (1, line):
                    print("send", line)
                    await socket.send(line)


async def greet(socket: ServerConnection) -> None:
    await socket.send("who is there?")
    print("the server got", await socket.recv())


async def main() -> None:
    async with serve(greet, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        await chat(f"ws://127.0.0.1:{port}", asyncio.Queue())


if __name__ == "__main__":
    asyncio.run(main())
