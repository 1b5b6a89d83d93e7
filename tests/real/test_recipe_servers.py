"""The recipes that need a server, each with a server of its own; skipped where there is none."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import recipe_sse
import uvicorn

from tests.machinery.ends import on_the_real_clock
from tests.real.test_examples import EXAMPLES, ROOT

TO_START = 60  # seconds; RabbitMQ, the slowest, takes ten


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def needed(binary: str, *folders: str) -> str:
    """Where a server's binary is."""
    path = os.pathsep.join([*folders, os.environ["PATH"], "/usr/sbin"])
    return shutil.which(binary, path=path) or pytest.skip(f"{binary} is not installed")


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for a Unix socket in it, and open to another user."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o777)
        yield Path(name)


@contextlib.contextmanager
def running(
    *command: str,
    folder: Path,
    port: int,
    ready: Callable[[int], bool] = listens,
    environment: dict[str, str] | None = None,
) -> Iterator[None]:
    """A server, from when it is ready until the end of the block."""
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 -- our own arguments
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + TO_START
            while not ready(port):
                assert process.poll() is None, log.read_text("utf-8")
                assert time.monotonic() < deadline, log.read_text("utf-8")
                time.sleep(0.05)
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)
            with contextlib.suppress(ProcessLookupError):  # all of them have ended
                os.killpg(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def redis(folder: Path) -> Iterator[str]:
    port = free_port()
    binary = needed("redis-server")
    command = [binary, "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
    with running(*command, port=port, folder=folder):
        yield f"redis://127.0.0.1:{port}"


@contextlib.contextmanager
def nats(folder: Path) -> Iterator[str]:
    port = free_port()
    binary = needed("nats-server")
    with running(binary, "--addr", "127.0.0.1", "--port", str(port), port=port, folder=folder):
        yield f"nats://127.0.0.1:{port}"


@contextlib.contextmanager
def mosquitto(folder: Path) -> Iterator[tuple[str, int]]:
    port = free_port()
    with running(needed("mosquitto"), "-p", str(port), port=port, folder=folder):
        yield "127.0.0.1", port


@contextlib.contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    binaries = [str(path) for path in Path("/usr/lib/postgresql").glob("*/bin")]
    initdb, postgres = needed("initdb", *binaries), needed("postgres", *binaries)
    as_user: list[str] = []
    if getpass.getuser() == "root":  # as whom PostgreSQL does not run
        as_user = [needed("runuser"), "-u", "postgres", "--"]
    data, port = str(folder / "data"), free_port()
    init = [*as_user, initdb, "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"]
    subprocess.run(init, cwd=folder, check=True, capture_output=True)  # noqa: S603 -- our own
    serve = [*as_user, postgres, "-D", data, "-p", str(port), "-k", str(folder)]
    is_ready = [needed("pg_isready", *binaries), "-h", "127.0.0.1", "-p", str(port)]

    def ready(_: int) -> bool:
        return not subprocess.run(is_ready, check=False, capture_output=True).returncode  # noqa: S603

    with running(*serve, port=port, folder=folder, ready=ready):
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"


@contextlib.contextmanager
def rabbitmq(folder: Path) -> Iterator[str]:
    """With an epmd of its own, which would go on as a daemon otherwise.

    The wrapper of the same name in PATH becomes another user, in a session of its own.
    """
    binary = needed("rabbitmq-server", "/usr/lib/rabbitmq/bin")
    port, epmd_port = free_port(), str(free_port())
    environment = {
        "HOME": str(folder),
        "ERL_EPMD_PORT": epmd_port,
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_MNESIA_BASE": str(folder),
        "RABBITMQ_NODENAME": "recipe@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-start_epmd false",
    }
    epmd = running(needed("epmd"), "-port", epmd_port, port=int(epmd_port), folder=folder)
    with epmd, running(binary, port=port, folder=folder, environment=environment):
        yield f"amqp://guest:guest@127.0.0.1:{port}/"


SERVERS: dict[str, Callable[[Path], contextlib.AbstractContextManager[str | tuple[str, int]]]] = {
    "recipe_mqtt": mosquitto,
    "recipe_nats": nats,
    "recipe_postgresql": postgresql,
    "recipe_rabbitmq": rabbitmq,
    "recipe_redis_pubsub": redis,
    "recipe_redis_streams": redis,
}


@pytest.mark.parametrize("recipe", SERVERS)
def test_a_recipe_prints_with_a_real_server_what_is_recorded(
    recipe: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    pytestconfig: pytest.Config,
) -> None:
    program = pytest.importorskip(recipe, reason="its client is not installed")
    with SERVERS[recipe](folder) as address:
        arguments = [address] if isinstance(address, str) else address
        asyncio.run(asyncio.wait_for(program.main(*arguments), 30))
    printed = capsys.readouterr().out
    output = EXAMPLES / f"{recipe}.out"
    if pytestconfig.option.record:
        output.write_text(printed, encoding="utf-8")
    assert printed == output.read_text(encoding="utf-8")


def fastapi_app() -> Any:
    fastapi = pytest.importorskip("fastapi", reason="FastAPI is not installed")
    app = fastapi.FastAPI()
    app.get("/events")(recipe_sse.events)
    app.post("/say")(recipe_sse.say)
    return app


@pytest.mark.parametrize("make_app", [lambda: recipe_sse.app, fastapi_app])
@on_the_real_clock
async def test_server_sent_events_reach_a_client_and_one_that_left_is_forgotten(
    make_app: Callable[[], Any],
) -> None:
    server = uvicorn.Server(uvicorn.Config(make_app(), log_level="error"))
    listening = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    serving = asyncio.create_task(server.serve([listening]))
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{address}/events") as response:
            assert response.content_type == "text/event-stream"
            assert await response.content.readline() == b": still here\n"
            await session.post(f"{address}/say", data="hello")
            assert await response.content.readline() == b"\n"
            assert await response.content.readline() == b"data: hello\n"
        while recipe_sse.clients:  # noqa: ASYNC110 -- the program has no event for it
            await asyncio.sleep(0.01)
    server.should_exit = True
    await serving


NOTEBOOK = """
import asyncio, sys
from IPython.core.interactiveshell import InteractiveShell

async def main():
    shell = InteractiveShell.instance()
    for cell in sys.argv[1:]:
        ran = await shell.run_cell_async(cell, transformed_cell=shell.transform_cell(cell))
        ran.raise_error()

asyncio.run(main())
"""


def test_a_notebook_runs_the_cells_of_the_page_while_its_loop_waits(folder: Path) -> None:
    """In IPython, whose cells are those of a notebook."""
    pytest.importorskip("IPython", reason="IPython is not installed")
    page = (ROOT / "docs/recipes/jupyter.md").read_text("utf-8")
    definitions, _ = (EXAMPLES / "recipe_jupyter.py").read_text("utf-8").split("async def main")
    cells = [definitions, *re.findall(r"```text\n(.*?)```", page, re.DOTALL)]
    ran = subprocess.run(  # noqa: S603 -- our own arguments
        [sys.executable, "-c", NOTEBOOK, *cells],
        env={**os.environ, "IPYTHONDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ran.returncode, "received hello" in ran.stdout) == (0, True), ran.stderr
