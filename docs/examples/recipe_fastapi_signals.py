"""uvicorn under your own loop, which handles the signals and finishes every submitted job."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, assert_never

import uvicorn
from fastapi import FastAPI

from multi_await import multi_await, once, signals

jobs, uvicorn_has_the_signals = asyncio.Queue[str](), asyncio.Event()


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    uvicorn_has_the_signals.set()  # and it accepts no connection yet
    yield


app = FastAPI(lifespan=lifespan)


@app.post("/jobs/{name}", status_code=202)
async def submit(name: str) -> str:
    jobs.put_nowait(name)
    return name


class At:
    JOBS: Final = 0
    STOP: Final = 1
    SERVER: Final = 2


async def work(job: str) -> None:
    await asyncio.sleep(0.1)
    print("done:", job, flush=True)


async def main(port: int) -> None:
    server = uvicorn.Server(
        uvicorn.Config(app, port=port, access_log=False, timeout_graceful_shutdown=5)
    )
    serving = asyncio.create_task(server.serve())
    await uvicorn_has_the_signals.wait()  # only now: whichever starts last gets them
    stop = signals(signal.SIGTERM, signal.SIGINT)
    async with multi_await(jobs.get, stop, once(serving)) as m:
        async for event in m:
            match event:
                case (At.JOBS, job):
                    await work(job)
                case (At.STOP, _):
                    server.should_exit = True
                case (At.SERVER, _):  # every request has been answered
                    break
                case _:
                    assert_never(event)
        while not jobs.empty():
            await work(jobs.get_nowait())


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
