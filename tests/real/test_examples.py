"""Every program in the docs runs, and prints the output recorded beside it."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs/examples"
# Threads, processes and sockets don't know the virtual clock: these run as users run them.
ON_THE_REAL_CLOCK = {
    "recipe_processes",
    "recipe_shutdown",
    "recipe_subprocess",
    "recipe_threads",
    "recipe_websockets",
}
# These have their own tests.
REAL = {
    "auction_house",
    "auction_load",
    "auction_server",
    "auction_server_plain",
    "event_feed",
    "last_active",
    "last_active_demo",
    "recipe_fastapi",
    "recipe_fastapi_signals",
    "recipe_mqtt",
    "recipe_nats",
    "recipe_postgresql",
    "recipe_rabbitmq",
    "recipe_redis_pubsub",
    "recipe_redis_streams",
    "recipe_sse",
    "test_a_loop",
    "virtual_clock",
}
NEVER_RUN = {"recipe_kafka"}  # it needs a server that is not here
RECORDED = sorted(
    {path.stem for path in EXAMPLES.glob("*.out") if path.stem.isidentifier()}
    - ON_THE_REAL_CLOCK
    - REAL
)
SECONDS = EXAMPLES / "seconds.json"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.in_order
@pytest.mark.parametrize("example", RECORDED)
async def test_an_example_prints_the_recorded_output_in_the_recorded_time(
    example: str, capsys: pytest.CaptureFixture[str], pytestconfig: pytest.Config
) -> None:
    if example == "from_frequenz":
        pytest.importorskip("frequenz.channels", reason="frequenz-channels is not installed")
    await importlib.import_module(example).main()
    printed = capsys.readouterr().out
    seconds = round(asyncio.get_running_loop().time(), 1)
    output = EXAMPLES / f"{example}.out"
    recorded: dict[str, float] = json.loads(SECONDS.read_text(encoding="utf-8"))
    if pytestconfig.option.record:
        output.write_text(printed, encoding="utf-8")
        recorded[example] = seconds
        SECONDS.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    assert printed == output.read_text(encoding="utf-8")
    assert seconds == recorded.get(example)


@pytest.mark.skipif(sys.platform in ("emscripten", "win32"), reason="no processes, or no signals")
@pytest.mark.parametrize("example", sorted(ON_THE_REAL_CLOCK))
def test_an_example_on_the_real_clock_prints_the_recorded_output_and_no_warning(
    example: str, pytestconfig: pytest.Config
) -> None:
    command = [sys.executable, "-W", "always::ResourceWarning", str(EXAMPLES / f"{example}.py")]
    # In debug mode, asyncio complains about a slow machine.
    environment = {**os.environ, "PYTHONDEVMODE": "", "PYTHONASYNCIODEBUG": ""}
    ran = subprocess.run(  # noqa: S603 -- our own
        command, env=environment, capture_output=True, text=True, timeout=60
    )
    output = EXAMPLES / f"{example}.out"
    if pytestconfig.option.record:
        output.write_text(ran.stdout, encoding="utf-8")
    assert (ran.stdout, ran.stderr) == (output.read_text(encoding="utf-8"), "")


def test_times_are_recorded_for_exactly_the_recorded_examples() -> None:
    assert json.loads(SECONDS.read_text(encoding="utf-8")).keys() == set(RECORDED)


async def test_go_select_takes_two_seconds_in_total_as_in_go() -> None:
    await importlib.import_module("go_select").main()
    assert asyncio.get_running_loop().time() == 2


def test_every_example_is_recorded_or_has_its_own_tests() -> None:
    tested = {*RECORDED, *ON_THE_REAL_CLOCK, *REAL, *NEVER_RUN}
    assert {path.stem for path in EXAMPLES.glob("*.py")} == tested


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_program_in_a_page_is_part_of_an_example(page: Path) -> None:
    examples = [
        re.sub(r"^ +", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for path in EXAMPLES.rglob("*.py")
    ]
    for program in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        flat = re.sub(r"^ +", "", textwrap.dedent(program), flags=re.MULTILINE)
        assert any(flat in example for example in examples), program
