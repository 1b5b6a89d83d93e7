"""The reference has every name, signature and message, and the docstring examples run."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import re
import signal
import textwrap
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import multi_await
from multi_await import Group, MultiAwait, Source, Timer, after

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "reference/api.md").read_text(encoding="utf-8")

# `.. autofunction:: name(parameters) -> result`; nested directives belong to the class before them.
DIRECTIVE = re.compile(r"^( *)\.\. (?:auto|py:)(\w+):: (\w+)(.*)$", re.MULTILINE)
CODE = re.compile(r"^Example.*::\n\n((?: .*\n|\n)+)", re.MULTILINE)


def described() -> Iterator[tuple[str, str]]:
    """The full name and the signature of everything that the page describes."""
    owner = ""
    for indent, _, name, signature in DIRECTIVE.findall(PAGE):
        if name == "multi_await" and not signature:
            continue  # currentmodule
        owner = owner if indent else name
        yield f"{owner}.{name}" if indent else name, signature


SIGNATURES = dict(described())


def look_up(name: str) -> Any:
    value: Any = multi_await
    for part in name.split("."):
        value = inspect.getattr_static(value, part)
    return value


def public_methods(cls: type) -> set[str]:
    special = {"__aiter__", "__anext__", "__contains__", "__iter__", "__len__"}
    names = {name for name in vars(cls) if not name.startswith("_") or name in special}
    return {f"{cls.__name__}.{name}" for name in names}


def test_the_page_describes_every_public_name_and_method_once() -> None:
    names = {*multi_await.__all__, *public_methods(MultiAwait), *public_methods(Source)}
    names |= public_methods(Timer) | public_methods(Group)
    assert [name for name, _ in described()] == list(SIGNATURES)
    assert set(SIGNATURES) == names


@pytest.mark.parametrize("name", [name for name, signature in SIGNATURES.items() if signature])
def test_signatures_on_the_page_have_the_parameters_of_the_code(name: str) -> None:
    shown = ast.parse(f"def _{SIGNATURES[name]}: ...").body[0]
    assert isinstance(shown, ast.FunctionDef)
    for argument in ast.walk(shown.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    value = look_up(name)
    written = inspect.signature(value.__init__ if inspect.isclass(value) else value)
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in written.parameters.values()
        if parameter.name != "self"
    ]
    text = ast.unparse(shown.args).replace("=", " = ")
    assert text == str(inspect.Signature(parameters))[1:-1].replace("=", " = ")


@pytest.mark.parametrize("name", ["PENDING", "Pending", "SourceLike", "Wake"])
def test_a_handwritten_description_of_a_type_matches_its_docstring(name: str) -> None:
    found = re.search(
        rf"^\.\. py:\w+:: {name}\n(?:   :.*\n)*\n((?:   .*\n|\n)+)", PAGE, re.MULTILINE
    )
    assert found
    assert textwrap.dedent(found[1]).strip() == docstring_in_the_source(name)


def docstring_in_the_source(name: str) -> str:
    tree = ast.parse(inspect.getsource(multi_await._source))
    for statement, following in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(statement, ast.ClassDef) and statement.name == name:
            return ast.get_docstring(statement) or ""
        if isinstance(statement, ast.AnnAssign) and ast.unparse(statement.target) == name:
            assert isinstance(following, ast.Expr)
            return inspect.cleandoc(ast.literal_eval(following.value))
    raise LookupError(name)


EXAMPLES = {
    name: textwrap.dedent(found[1])
    for name in SIGNATURES
    if name not in ("PENDING", "MultiAwait.aclose")  # these share the text of another
    and (found := CODE.search(f"{inspect.getdoc(look_up(name))}\n"))
}

# What each of them prints, given the names below.
PRINTS = {
    "multi_await": "",
    "MultiAwait": "a word hello\na number 42\n",
    "MultiAwait.select": "a word hello\n",
    "MultiAwait.select_nowait": "0 hello\n",
    "MultiAwait.__aiter__": "0 hello\n1 42\n",
    "MultiAwait.get": "",
    "MultiAwait.get_nowait": "",
    "MultiAwait.get_or_raise": "refused raised by source 0 (refused) of a MultiAwait\n",
    "MultiAwait.add": "",
    "MultiAwait.remove": "",
    "MultiAwait.pause": "",
    "MultiAwait.resume": "",
    "MultiAwait.cancel": "(0, 'hello')\n",
    "MultiAwait.failed": "source 0 failed: refused\n",
    "MultiAwait.undelivered": "(1, True)\ncame too late: the page /\n",
    "Group": "alice says hello\nalice hung up\n",
    "Group.add": "",
    "Group.remove": "",
    "Group.pause": "",
    "Group.resume": "",
    "Group.shutdown": "alice hello\n",
    "Group.failed": "alice broke\n",
    "Timer": "hello\n",
    "every": "hello\n" + 30 * "seconds: 1\n",
    "after": "hello\n",
    "once": "there is the page /\n",
    "ending": "received hello\nhung up\n",
    "catching": "",
    "each": "output: done\nerror: no room\n",
    "batched": "write ['a row']\n",
    "put": "sent 0.0\nsent 0.0\n",
    "signals": "request /\nstop at SIGTERM\n",
    "inline": "(0, 'a job')\n",
    "Source": "",
    "NothingToAwait": "every source has ended\n",
    "gather_or_abort": "",
    "wait_or_abort": "",
    "as_completed_or_abort": "the page /\nthe page /logo.png\n",
    "with_value": "",
}


@pytest.mark.in_order
@pytest.mark.parametrize("name", EXAMPLES)
async def test_docstring_examples_run(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    names = names_for(name)
    where = f"<the example of {name}>"  # angle brackets: coverage must not take it for a file
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code = compile(EXAMPLES[name], where, "exec", flags=flags, dont_inherit=True)
    with contextlib.suppress(TimeoutError):  # some never end
        async with asyncio.timeout(30.5):
            running = eval(code, names)  # noqa: S307 -- our own
            if running is not None:
                await running
    await names["m"].cancel()
    assert capsys.readouterr().out == PRINTS[name]


def test_no_docstring_example_is_left_out() -> None:
    assert set(EXAMPLES) == set(PRINTS)


def names_for(name: str) -> dict[str, Any]:
    """The names that the examples use but do not define."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.call_later(5, stop.set)
    words, numbers = filled("hello"), filled(42)
    connection = SimpleNamespace(receive=words.get)
    clients = group_for(name)
    m: Any = multi_await.multi_await(words.get, numbers.get)
    if name in ("MultiAwait.get_or_raise", "MultiAwait.failed"):
        m = multi_await.multi_await(refused, asyncio.Queue[int]().get)
    elif name == "MultiAwait.remove":
        m = multi_await.multi_await()
    elif name == "MultiAwait.resume":
        m.pause(0)
    elif name.startswith("Group."):
        m = multi_await.multi_await(clients)
    elif name == "NothingToAwait":
        m = multi_await.multi_await(after(1))
    elif name == "ending":
        loop.call_later(6, stop.set)
    elif name == "signals":
        loop.call_later(1, signal.raise_signal, signal.SIGTERM)
    return {
        **vars(multi_await),
        "Button": object,
        "Click": str,
        "INBOX": 0,
        "Iterable": Iterable,
        "Job": str,
        "Broken": str,
        "Client": str,
        "asyncio": asyncio,
        "clients": clients,
        "connect": lambda: fetch("/"),
        "connection": lines("hello") if name in ("ending", "catching") else connection,
        "dataclass": dataclass,
        "deque": deque,
        "download": lambda: fetch("/", seconds=5),
        "fetch": fetch,
        "full": True,
        "joined": filled(SimpleNamespace(name="alice", reader=lines("hello"))),
        "limit": 2,
        "m": m,
        "measure": lambda: loop.time(),
        "name": "bob" if name == "Group.add" else "alice",
        "numbers": numbers,
        "outbox": asyncio.Queue(2),
        "process": SimpleNamespace(stdout=lines("done"), stderr=lines("no room")),
        "queue": filled("a job"),
        "requests": filled("/"),
        "rows": filled("a row"),
        "signal": signal,
        "stop": stop,
        "urls": ["/", "/logo.png"],
        "websocket": lines("hello"),
        "waiting": deque(["one", "two"]),
        "words": words,
    }


def group_for(example: str) -> Group[str, Any]:
    group = Group[str, Any]()
    group.add("alice", refused if example == "Group.failed" else lambda: hello.get())
    if example == "Group.shutdown":
        group = Group[str, Any]()
        group.add("alice", multi_await.each(lines("hello")))
    hello = filled("hello")
    return group


def filled(item: Any) -> asyncio.Queue[Any]:
    queue: asyncio.Queue[Any] = asyncio.Queue()
    queue.put_nowait(item)
    return queue


async def fetch(url: str, seconds: float = 2) -> str:
    await asyncio.sleep(seconds)
    return f"the page {url}"


async def refused() -> str:
    raise ConnectionError("refused")


async def lines(line: str) -> AsyncIterator[str]:
    yield line


def test_the_errors_page_lists_every_message() -> None:
    page = " ".join((DOCS / "reference/errors.md").read_text(encoding="utf-8").split())
    for module in Path(multi_await.__file__).parent.rglob("*.py"):
        for message in messages(ast.parse(module.read_text(encoding="utf-8"))):
            assert message in page, module.name


def messages(tree: ast.Module) -> Iterator[str]:
    """Texts for people: long strings of several words that are neither docstrings nor types."""
    others = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr | ast.AnnAssign)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = " ".join(node.value.split())
            if len(text) > 20 and " " in text and id(node) not in others:
                yield text
