"""A source over a file descriptor: the event loop says when there is something to read."""

import asyncio
import functools
import socket
from collections.abc import Callable

from multi_await import PENDING, Pending, Source, Wake, after, multi_await


class Readable(Source[bytes]):
    """The results of a non-blocking read; ends at the end of the input."""

    def __init__(self, fd: int, read: Callable[[], bytes]) -> None:
        self.fd = fd
        self.read = read

    def poll(self, wake: Wake) -> bytes | Pending:
        try:
            data = self.read()
        except BlockingIOError:
            asyncio.get_running_loop().add_reader(self.fd, wake)
            return PENDING
        if not data:
            self.release()
            raise StopAsyncIteration
        return data

    def release(self) -> None:  # else the loop would wake us on each pass until somebody reads
        asyncio.get_running_loop().remove_reader(self.fd)

    async def aclose(self) -> None:
        self.release()


async def main() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        loop = asyncio.get_running_loop()
        loop.call_later(1, theirs.send, b"hello")
        loop.call_later(3, theirs.send, b"world")
        loop.call_later(4, theirs.close)

        socket_data = Readable(ours.fileno(), functools.partial(ours.recv, 4096))
        async with multi_await(socket_data, after(2)) as m:
            async for event in m:
                match event:
                    case (0, data):
                        print("the socket has", data)
                    case (1, _):
                        print("two seconds have passed")
            print("both have ended")


if __name__ == "__main__":
    asyncio.run(main())
