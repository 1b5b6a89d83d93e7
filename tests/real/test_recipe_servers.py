"""The recipes that need a server, each with its own; skipped where the server is missing."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
import pytest
import recipe_sse
import uvicorn

from tests.machinery import servers
from tests.machinery.ends import on_the_real_clock
from tests.real.conftest import started
from tests.real.test_examples import EXAMPLES, ROOT

Address: TypeAlias = str | int | tuple[str, int]


@contextlib.contextmanager
def mosquitto() -> Iterator[tuple[str, int]]:
    """On a port, because the recipe's client takes no Unix socket."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address: tuple[str, int] = taken.getsockname()
    ready = functools.partial(servers.answers, socket.AF_INET, address)
    with servers.running(servers.binary("mosquitto"), "-p", str(address[1]), ready=ready):
        yield address


# How to start it, and its address in the form that the recipe takes.
SERVERS: dict[str, tuple[Callable[[], contextlib.AbstractContextManager[Address]], str]] = {
    "recipe_mqtt": (mosquitto, ""),
    "recipe_nats": (servers.nats, "{}"),
    "recipe_postgresql": (servers.postgresql, "postgresql://postgres@/postgres?host={}"),
    "recipe_rabbitmq": (servers.rabbitmq, "amqp://guest:guest@127.0.0.1:{}/"),
    "recipe_redis_pubsub": (servers.redis, "unix://{}"),
    "recipe_redis_streams": (servers.redis, "unix://{}"),
}


@pytest.mark.parametrize("recipe", SERVERS)
def test_a_recipe_prints_the_recorded_output_with_a_real_server(
    recipe: str,
    capsys: pytest.CaptureFixture[str],
    pytestconfig: pytest.Config,
) -> None:
    program = pytest.importorskip(recipe, reason="its client is not installed")
    server, form = SERVERS[recipe]
    with contextlib.contextmanager(started)(server) as address:
        arguments = address if isinstance(address, tuple) else [form.format(address)]
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
async def test_server_sent_events_reach_a_client_and_a_departed_one_is_forgotten(
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


def test_a_notebook_runs_the_pages_cells_while_its_loop_waits(tmp_path: Path) -> None:
    """In IPython, which runs cells as a notebook does."""
    pytest.importorskip("IPython", reason="IPython is not installed")
    page = (ROOT / "docs/recipes/jupyter.md").read_text("utf-8")
    definitions, _ = (EXAMPLES / "recipe_jupyter.py").read_text("utf-8").split("async def main")
    cells = [definitions, *re.findall(r"```text\n(.*?)```", page, re.DOTALL)]
    ran = subprocess.run(  # noqa: S603 -- our own arguments
        [sys.executable, "-c", NOTEBOOK, *cells],
        env={**os.environ, "IPYTHONDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ran.returncode, "received hello" in ran.stdout) == (0, True), ran.stderr
