"""What a reader sees in an editor: `make test-ide` queries the language servers that people use.

The tests talk to each real server over its standard input and output; jedi, which IPython, Jupyter
and Spyder use, has a Python interface. The answers are recorded in editors.md, which is part of the
reference; `make record-ide` regenerates it. The servers are installed in a separate environment,
`.venv-ide`, so this is not part of `make test`.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jedi
import pytest
from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BIN = Path(sys.executable).parent
SAMPLE = HERE / "sample.py"
TEXT = SAMPLE.read_text(encoding="utf-8")
RECORDED = HERE / "editors.md"
SERVERS = {
    "pyright": ["pyright-langserver", "--stdio"],
    "basedpyright": ["basedpyright-langserver", "--stdio"],
    "pyrefly": ["pyrefly", "lsp"],
    "ty": ["ty", "server"],
    "zuban": ["zuban", "server"],
}
OURS = re.compile(r"\b(?:Values|Round|Event)\d\b|\b(?:Failure|_U|_Untyped|_multi_await)\b")


@dataclass(frozen=True)
class Question:
    """A question about the place that `|` marks in a text that occurs once in the sample."""

    kind: str
    marked: str

    @property
    def place(self) -> tuple[int, int]:
        """Line and column, from 0."""
        before, after = self.marked.split("|")
        assert TEXT.count(before + after) == 1, self.marked
        until = TEXT[: TEXT.index(before + after) + len(before)]
        return until.count("\n"), len(until) - until.rfind("\n") - 1


HOVERS = {
    "`m`": Question("hover", "numbers.get) as |m:"),
    "`completed`": Question("hover", "|completed, failures = await"),
    "`failures`": Question("hover", "completed, |failures = await"),
    "`event`": Question("hover", "async for |event in m"),
    "`word`": Question("hover", "loud = |word.upper()"),
    "`await both.select()`": Question("hover", "|selected = await"),
    "`both.select_nowait()`": Question("hover", "|at_once = both"),
    "`await both.get_or_raise()`": Question("hover", "|values = await"),
    "what a list of sources completed": Question("hover", "|several, _ = await"),
    "what an open set completed": Question("hover", "|items, _ = await"),
    "an event of a `Group[str, bytes]` or of a queue": Question("hover", "async for |either in"),
    "`message` of that group": Question("hover", "received = |message.decode()"),
}
METHOD = Question("hover", "await m.|get()")
FUNCTION = Question("signature", "multi_await(|words.get, numbers.get) as m")
CALL = Question("signature", "await both.select(|)")
OF_A_SET = Question("completion", "await m.|get()")
OF_A_WORD = Question("completion", "loud = word.|upper()")


class Server:
    """One language server with the sample open in it."""

    def __init__(self) -> None:
        self.client = LanguageClient("test-ide", "1")
        # Requests and notifications that servers send to an editor.
        self.client.feature(lsp.WORKSPACE_CONFIGURATION)(lambda asked: [None for _ in asked.items])
        for name in (
            lsp.CLIENT_REGISTER_CAPABILITY,
            lsp.WINDOW_WORK_DONE_PROGRESS_CREATE,
            lsp.WINDOW_LOG_MESSAGE,
            lsp.WINDOW_SHOW_MESSAGE,
            lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS,
        ):
            self.client.feature(name)(lambda _: None)
        self.document = lsp.VersionedTextDocumentIdentifier(version=1, uri=SAMPLE.as_uri())

    async def start(self, command: list[str]) -> None:
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "VIRTUAL_ENV": str(BIN.parent)}
        await self.client.start_io(str(BIN / command[0]), *command[1:], cwd=ROOT, env=environment)
        markdown = [lsp.MarkupKind.Markdown]
        signatures = lsp.ClientSignatureInformationOptions(documentation_format=markdown)
        folder = lsp.WorkspaceFolder(uri=ROOT.as_uri(), name="multi-await")
        await self.client.initialize_async(
            lsp.InitializeParams(
                process_id=os.getpid(),
                root_uri=folder.uri,
                workspace_folders=[folder],
                capabilities=lsp.ClientCapabilities(
                    workspace=lsp.WorkspaceClientCapabilities(configuration=True),
                    text_document=lsp.TextDocumentClientCapabilities(
                        hover=lsp.HoverClientCapabilities(content_format=markdown),
                        signature_help=lsp.SignatureHelpClientCapabilities(
                            signature_information=signatures
                        ),
                    ),
                ),
            )
        )
        self.client.initialized(lsp.InitializedParams())
        self.client.text_document_did_open(
            lsp.DidOpenTextDocumentParams(
                lsp.TextDocumentItem(
                    uri=self.document.uri, language_id="python", version=1, text=TEXT
                )
            )
        )

    async def ask(self, question: Question) -> Any:
        line, column = question.place
        at: dict[str, Any] = {
            "text_document": lsp.TextDocumentIdentifier(self.document.uri),
            "position": lsp.Position(line, column),
        }
        if question.kind == "hover":
            return shown(await self.client.text_document_hover_async(lsp.HoverParams(**at)))
        if question.kind == "signature":
            help_ = await self.client.text_document_signature_help_async(
                lsp.SignatureHelpParams(**at)
            )
            return [(one.label, markup(one.documentation)) for one in help_.signatures]
        return await self._complete(line, column, at)

    async def _complete(self, line: int, column: int, at: dict[str, Any]) -> list[str]:
        """Complete as if the rest of the line were not written yet."""
        lines = TEXT.splitlines()
        lines[line] = lines[line][:column]
        self._change("\n".join(lines))
        context = lsp.CompletionContext(lsp.CompletionTriggerKind.TriggerCharacter, ".")
        found = await self.client.text_document_completion_async(
            lsp.CompletionParams(**at, context=context)
        )
        self._change(TEXT)
        items = found if isinstance(found, list) else found.items
        return sorted(item.label for item in items if not item.label.startswith("_"))

    def _change(self, text: str) -> None:
        self.document.version += 1
        self.client.text_document_did_change(
            lsp.DidChangeTextDocumentParams(
                self.document, [lsp.TextDocumentContentChangeWholeDocument(text)]
            )
        )

    async def stop(self) -> None:
        await self.client.shutdown_async(None)
        self.client.exit(None)
        await self.client.stop()


def markup(text: Any) -> str:
    return getattr(text, "value", text) or ""


def shown(hover: Any) -> tuple[str, str]:
    """The code of a hover on one line, and the text below it."""
    if hover is None:
        return "", ""
    _, code, text = re.split(r"```(?:python)?\n", markup(hover.contents) + "\n", maxsplit=2)
    return " ".join(code.split()), text


def asked_of_jedi(question: Question) -> Any:
    """Ask jedi; it gives no types as text, so a hover shows the class."""
    script = jedi.Script(TEXT, path=SAMPLE, project=jedi.Project(ROOT, sys_path=sys.path))
    line, column = question.place
    if question.kind == "completion":
        found = script.complete(line + 1, column)
        return sorted(one.name for one in found if not one.name.startswith("_"))
    if question.kind == "signature":
        signatures = script.get_signatures(line + 1, column)
        return [(one.to_string(), one.docstring(raw=True)) for one in signatures]
    names = script.infer(line + 1, column)
    return " or ".join(sorted({one.name for one in names})), "".join(
        one.docstring(raw=True) for one in names
    )


QUESTIONS = [*HOVERS.values(), METHOD, FUNCTION, CALL, OF_A_SET, OF_A_WORD]
Answers = dict[Question, Any]


async def all_answers(name: str) -> Answers:
    server = Server()
    await server.start(SERVERS[name])
    try:
        async with asyncio.timeout(60):
            return {question: await server.ask(question) for question in QUESTIONS}
    finally:
        await server.stop()


@pytest.fixture(scope="session")
def answers() -> dict[str, Answers]:
    async def of_servers() -> list[Answers]:
        return await asyncio.gather(*map(all_answers, SERVERS))

    of_all = dict(zip(SERVERS, asyncio.run(of_servers()), strict=True))
    return {**of_all, "jedi": {one: asked_of_jedi(one) for one in QUESTIONS}}


def code(answer: Any) -> str:
    """The type alone, as the table shows it."""
    text = str(answer[0]).removeprefix("(variable) ")
    return re.sub(r"^\w+: ", "", text).replace("multi_await._multi_await.", "")


def documented(answer: Any) -> bool:
    """Whether the docstring is shown: every docstring of the package ends in an example."""
    texts = [answer[1]] if isinstance(answer, tuple) else [text for _, text in answer]
    return bool(texts) and all("Example" in text for text in texts)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", ["completed", "failures", "event"])
def test_a_hover_shows_no_names_from_the_package(
    answers: dict[str, Answers], server: str, name: str
) -> None:
    shown_type = code(answers[server][HOVERS[f"`{name}`"]])
    assert (
        shown_type
        == {
            "completed": "tuple[str | None, int | None]",
            "failures": "tuple[BaseException | None, BaseException | None]",
            "event": "tuple[Literal[0], str] | tuple[Literal[1], int]",
        }[name]
    )


@pytest.mark.parametrize("server", SERVERS)
def test_no_hover_shows_a_private_name(answers: dict[str, Answers], server: str) -> None:
    for question in (*HOVERS.values(), METHOD):
        assert not OURS.search(code(answers[server][question])), question


@pytest.mark.parametrize("server", SERVERS)
def test_a_narrowed_value_offers_the_methods_of_str(
    answers: dict[str, Answers], server: str
) -> None:
    assert "upper" in answers[server][OF_A_WORD]


@pytest.mark.parametrize("server", [*SERVERS, "jedi"])
def test_a_set_offers_its_methods(answers: dict[str, Answers], server: str) -> None:
    assert {"select", "get", "add", "cancel", "undelivered"} <= set(answers[server][OF_A_SET])


@pytest.mark.parametrize("server", ["pyright", "basedpyright", "ty"])
@pytest.mark.parametrize("question", [METHOD, FUNCTION, CALL], ids=lambda one: one.marked)
def test_a_hover_shows_the_docstring_despite_the_overloads(
    answers: dict[str, Answers], server: str, question: Question
) -> None:
    assert documented(answers[server][question])


def test_the_recorded_answers_of_the_editors_are_current(
    answers: dict[str, Answers], pytestconfig: pytest.Config
) -> None:
    if pytestconfig.option.record:
        RECORDED.write_text(as_page(answers), encoding="utf-8")
    assert as_page(answers) == RECORDED.read_text(encoding="utf-8")


def as_page(answers: dict[str, Answers]) -> str:
    versions = [f"{name} {importlib.metadata.version(name)}" for name in answers]
    parts = [f"<!-- written by make record-ide -->\n\nAsked of {', '.join(versions)}."]
    parts += ["## Hovers", hovers(answers), "## Completions and docstrings", other(answers)]
    return "\n\n".join(parts) + "\n"


def hovers(answers: dict[str, Answers]) -> str:
    """A table in which servers that show the same share a line."""
    rows = ["| over | shows | in |", "|---|---|---|"]
    for label, question in HOVERS.items():
        by_code: dict[str, list[str]] = {}
        for name, answer in answers.items():
            by_code.setdefault(code(answer[question]), []).append(name)
        for number, (text, names) in enumerate(by_code.items()):
            cell = f"`{text}`" if text else "nothing"
            rows.append(
                f"| {'' if number else label} | {cell.replace('|', chr(92) + '|')} "
                f"| {', '.join(names)} |"
            )
    return "\n".join(rows)


def other(answers: dict[str, Answers]) -> str:
    """A table of what each server shows or not."""
    yes_or_no: dict[str, Callable[[Answers], bool]] = {
        "`m.` offers its methods": lambda answer: "select" in answer[OF_A_SET],
        "`word.` offers `upper`": lambda answer: "upper" in answer[OF_A_WORD],
        "the docstring, over `m.get`": lambda answer: documented(answer[METHOD]),
        "the docstring, at `m.select(`": lambda answer: documented(answer[CALL]),
        "the docstring, at `multi_await(`": lambda answer: documented(answer[FUNCTION]),
    }
    rows = [f"| | {' | '.join(answers)} |", f"|---|{'---|' * len(answers)}"]
    for label, is_there in yes_or_no.items():
        cells = ["yes" if is_there(answer) else "no" for answer in answers.values()]
        rows.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(rows)
