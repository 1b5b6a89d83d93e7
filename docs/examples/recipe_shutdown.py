"""A server that is told to stop: it accepts no new clients, answers those it has, and ends."""

import asyncio
import signal

from multi_await import multi_await, signals

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    question = await reader.readline()
    signal.raise_signal(signal.SIGTERM)  # stands in for a service manager, at the worst moment
    await asyncio.sleep(0.5)  # the work
    writer.write(question.upper())
    writer.close()


async def client(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello\n")
    print("the client got", await reader.readline())
    writer.close()


async def main(seconds: float = 10) -> None:
    connections: asyncio.Queue[Connection] = asyncio.Queue()
    server = await asyncio.start_server(lambda *c: connections.put_nowait(c), "127.0.0.1", 0)
    asking = asyncio.create_task(client(server.sockets[0].getsockname()[1]))
    async with (
        multi_await(connections.get, signals(signal.SIGTERM, signal.SIGINT), biased=True) as m,
        asyncio.timeout(None) as limit,
        asyncio.TaskGroup() as answers,  # ends when all have ended, still within the block above
    ):
        async for event in m:
            match event:
                case (0, connection):
                    answers.create_task(answer(*connection))
                case (1, signum):
                    print("stopping on", signum.name)
                    server.close()
                    limit.reschedule(asyncio.get_running_loop().time() + seconds)
                    break
    await asking


if __name__ == "__main__":
    asyncio.run(main())
