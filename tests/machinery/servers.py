"""Real servers, each with its own folder, until the end of the block."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
FOLDERS = ["/usr/sbin", "/usr/lib/rabbitmq/bin", *map(str, POSTGRESQL)]


class NotInstalledError(Exception):
    """A server's program is not on this machine."""


def binary(name: str) -> str:
    """The path of a program."""
    if sys.platform == "win32":
        raise NotInstalledError("the servers are tested where there are Unix sockets")
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *FOLDERS])
    if (found := shutil.which(name, path=path)) is None:
        raise NotInstalledError(f"{name} is not installed")
    return found


@contextlib.contextmanager
def running(
    *command: str,
    ready: Callable[[], bool],
    user: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[None]:
    """A process, from when it is ready until the end of the block."""
    with subprocess.Popen(  # noqa: S603 -- our own command
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=user,
        env=None if environment is None else {**os.environ, **environment},
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while not ready():
                assert process.poll() is None, f"{command[0]} has ended"
                assert time.monotonic() < deadline, f"{command[0]} does not answer"
                time.sleep(0.01)
            yield
        finally:
            process.terminate()


def answers(family: int, address: str | tuple[str, int]) -> bool:
    """Whether a connection can be opened."""
    with socket.socket(family) as attempt:
        return attempt.connect_ex(address) == 0


def accepts(path: str) -> bool:
    """Whether a server listens on the Unix socket of that path."""
    return answers(socket.AF_UNIX, path)


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """The path of its socket."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/redis"
        options = ["--port", "0", "--unixsocket", path, "--dir", folder, "--save", ""]
        with running(binary("redis-server"), *options, ready=functools.partial(accepts, path)):
            yield path


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """The folder of its socket; the user is "postgres"."""
    with tempfile.TemporaryDirectory() as folder:
        initdb, user = binary("initdb"), None
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user = "postgres"
            shutil.chown(folder, user)
        make = [initdb, "-D", f"{folder}/data", "-U", "postgres", "-A", "trust", "-N"]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL, user=user)  # noqa: S603
        settings = {"listen_addresses": "", "unix_socket_directories": folder, "fsync": "off"}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        with running(
            binary("postgres"),
            "-D",
            f"{folder}/data",
            *options,
            user=user,
            ready=lambda: (
                (Path(folder) / ".s.PGSQL.5432.lock").exists()
                and "ready" in (Path(folder) / "data/postmaster.pid").read_text(encoding="utf-8")
            ),
        ):
            yield folder


@contextlib.contextmanager
def nats() -> Iterator[str]:
    """Its address."""
    with tempfile.TemporaryDirectory() as folder:
        command = [binary("nats-server"), "-a", "127.0.0.1", "-p", "-1", "-js", "-sd", folder]
        with running(
            *command,
            "--ports_file_dir",
            folder,
            ready=lambda: any(Path(folder).glob("*.ports")),
        ):
            (ports,) = Path(folder).glob("*.ports")
            yield str(json.loads(ports.read_text(encoding="utf-8"))["nats"][0])


@contextlib.contextmanager
def mosquitto() -> Iterator[str]:
    """The path of its socket."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/mosquitto"
        config = Path(folder) / "config"
        config.write_text(f"listener 0 {path}\nallow_anonymous true\n", encoding="utf-8")
        Path(folder).chmod(0o777)  # it runs as its own user
        with running(
            binary("mosquitto"), "-c", str(config), ready=functools.partial(accepts, path)
        ):
            yield path


@contextlib.contextmanager
def rabbitmq() -> Iterator[int]:
    """Its port. It takes long to start."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as free:
        sockets = [free.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        port, distribution, epmd = (each.getsockname()[1] for each in sockets)
        free.close()
        environment = {
            "HOME": folder,
            "ERL_EPMD_PORT": str(epmd),
            "RABBITMQ_NODENAME": f"test{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": folder,
            "RABBITMQ_LOG_BASE": folder,
            "RABBITMQ_PID_FILE": f"{folder}/pid",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
        }
        (Path(folder) / "plugins").write_text("[].", encoding="utf-8")
        ready = functools.partial(answers, socket.AF_INET, ("127.0.0.1", port))
        server = "/usr/lib/rabbitmq/bin/rabbitmq-server"  # the one in PATH drops the environment
        try:
            with running(binary(server), ready=ready, environment=environment):
                yield port
        finally:
            stop = [binary("epmd"), "-port", str(epmd), "-kill"]
            subprocess.run(stop, check=False, stdout=subprocess.DEVNULL)  # noqa: S603
