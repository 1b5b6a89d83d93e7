"""Receive the results of a multiprocessing process through a pipe."""

import asyncio
import multiprocessing
from multiprocessing.connection import Connection

from multi_await import ending, every, multi_await


def compute(pipe: Connection) -> None:  # this runs in the process
    for number in (10, 20, 30):
        pipe.send(sum(range(number * 100_000)))
    pipe.close()


async def main() -> None:
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    process = spawn.Process(target=compute, args=(theirs,))
    process.start()
    theirs.close()  # or the pipe would not end when the process ends

    async def receive() -> int:
        try:
            return int(await asyncio.to_thread(ours.recv))
        except EOFError:
            raise StopAsyncIteration from None  # the process has ended: so has the source

    async with multi_await(ending(receive, None), every(60)) as m:
        async for event in m:
            match event:
                case (0, result) if result is not None:
                    print("result", result)
                case (0, _):
                    break
    process.join()
    print("exit code", process.exitcode)


if __name__ == "__main__":
    asyncio.run(main())
