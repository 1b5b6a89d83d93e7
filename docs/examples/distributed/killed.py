"""The server of the batching tutorial is killed: what it had answered but not written is lost."""

import asyncio
import contextlib
import signal
import sqlite3
import sys
import tempfile
from asyncio.subprocess import PIPE
from pathlib import Path

import aiohttp

SERVER = Path(__file__).parents[1] / "last_active.py"


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        database = Path(directory, "last_active.db")
        server = await asyncio.create_subprocess_exec(
            sys.executable, SERVER, "--period=60", f"--database={database}", stdout=PIPE
        )
        assert server.stdout is not None  # noqa: S101 -- it is a pipe
        address = (await server.stdout.readline()).decode().split()[-1]

        answered = 0
        async with aiohttp.ClientSession(address) as session:
            for user in range(100):
                async with session.get("/page/1", params={"user": user}) as response:
                    answered += response.status == 200
        server.send_signal(signal.SIGKILL)
        await server.communicate()

        with contextlib.closing(sqlite3.connect(database)) as connection:
            (written,) = connection.execute("SELECT count(*) FROM user_last_active").fetchone()
    print(f"views answered: {answered}, written: {written}")


if __name__ == "__main__":
    asyncio.run(main())
