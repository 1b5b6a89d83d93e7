"""The directive `program`: a file of docs/examples, what it prints, and where the Run button goes.

The program and its recorded output are the files that the tests compare; the button, which
programs.js adds, runs the text of the page. This module knows nothing of how it is run.
"""

import difflib
import json
import re
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from pygments.lexers.python import PythonLexer
from pygments.token import Keyword
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata, OptionSpec
from sphinx.writers.html5 import HTML5Translator

LANGUAGES = {".py": "python", ".go": "go", ".html": "html", ".json": "json"}


def recorded(path: Path) -> Path:
    """Where the output of a program is."""
    return path.with_suffix(".out" if path.suffix == ".py" else f"{path.suffix}.out")


class Lexer(PythonLexer):
    """Python, with `match await m.select():` too: Pygments takes that `match` for a name."""

    tokens: ClassVar[dict[str, list[Any]]] = {
        **PythonLexer.tokens,
        "soft-keywords": [
            (r"\bmatch(?=[ \t]+await\b)", Keyword),
            *PythonLexer.tokens["soft-keywords"],
        ],
    }


class program(nodes.General, nodes.Element):  # noqa: N801 -- docutils names nodes so
    """A program with its output."""


class program_text(nodes.General, nodes.Element):  # noqa: N801
    """The program itself, under its name."""


class program_output(nodes.General, nodes.Element):  # noqa: N801
    """What it prints, as recorded."""


class Program(SphinxDirective):
    """`{program} go_select.py`."""

    required_arguments = 1
    option_spec: ClassVar[OptionSpec | None] = {
        "static": directives.flag,  # no Run button: it needs what a browser has not
        "folded": directives.flag,  # the page shows the part that matters already
        "output-only": directives.flag,
        "after": directives.unchanged,  # the program that this one changes: what is new is marked
    }

    def run(self) -> list[nodes.Node]:
        path = Path(self.env.srcdir, "examples", self.arguments[0])
        runs = path.suffix == ".py" and not self.options.keys() & {"static", "output-only"}
        whole = program(name=path.name, runs=runs)
        if "output-only" not in self.options:
            text = program_text(name=path.name, url=self.url(path), folded="folded" in self.options)
            block = self.block(path, LANGUAGES[path.suffix])
            if "after" in self.options:
                block["highlight_args"] = {"hl_lines": self.new_lines(path)}
            text += block
            whole += text
        if recorded(path).exists():
            output = program_output(label=self.label(path) if runs else "Output")
            output += self.block(recorded(path), "text")
            whole += output
        return [whole]

    def block(self, path: Path, language: str) -> nodes.literal_block:
        self.env.note_dependency(str(path))
        text = path.read_text(encoding="utf-8")
        block = nodes.literal_block(text, text, language=language)
        self.set_source_info(block)
        return block

    def new_lines(self, path: Path) -> list[int]:
        """The numbers of the lines, but for the docstring, that the program before has not."""
        before = path.with_name(self.options["after"])
        self.env.note_dependency(str(before))
        old, new = (file.read_text(encoding="utf-8").splitlines() for file in (before, path))
        changes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        new_ones = [range(start, end) for tag, _, _, start, end in changes if tag != "equal"]
        return [index + 1 for lines in new_ones for index in lines if index > 0]

    def label(self, path: Path) -> str:
        seconds = Path(self.env.srcdir, "examples/seconds.json")
        self.env.note_dependency(str(seconds))
        took = json.loads(seconds.read_text(encoding="utf-8")).get(path.stem)
        return f"Output, after {took} seconds" if took else "Output"

    def url(self, path: Path) -> str:
        repository = self.config.html_theme_options["source_repository"]
        return f"{repository}blob/main/docs/{path.relative_to(self.env.srcdir).as_posix()}"


def visit_program(self: HTML5Translator, node: program) -> None:
    runs = " data-runs" if node["runs"] else ""
    self.body.append(f'<div class="program" data-name="{node["name"]}"{runs}>\n')


def depart_program(self: HTML5Translator, node: program) -> None:
    self.body.append("</div>\n")


def visit_program_text(self: HTML5Translator, node: program_text) -> None:
    name = f'<a class="program-name" href="{node["url"]}">{node["name"]}</a>'
    if node["folded"]:
        self.body.append(f"<details><summary>The whole program</summary>\n{name}\n")
    else:
        self.body.append(f"<div>{name}\n")


def depart_program_text(self: HTML5Translator, node: program_text) -> None:
    self.body.append("</details>\n" if node["folded"] else "</div>\n")


def visit_program_output(self: HTML5Translator, node: program_output) -> None:
    self.body.append(f'<div class="output" data-label="{node["label"]}">\n')


def depart_program_output(self: HTML5Translator, node: program_output) -> None:
    self.body.append("</div>\n")


def expand(app: Sphinx, _: Exception | None) -> None:
    """Put programs and included files into the copies of the pages' sources, for llms-full.txt."""
    sources = Path(app.outdir, "_sources")
    program = re.compile(r"```\{program\} (\S+)\n.*?```", re.DOTALL)
    include = re.compile(r"```\{(?:literal)?include\} (\S+)\n(.*?)```", re.DOTALL)
    for page in sources.rglob("*.md.txt"):
        folder = Path(app.srcdir, page.relative_to(sources)).parent
        text = page.read_text(encoding="utf-8")
        text = include.sub(lambda found: included(folder / found[1], found[2]), text)  # noqa: B023
        text = program.sub(lambda found: plain(Path(app.srcdir, "examples", found[1])), text)
        page.write_text(text, encoding="utf-8")


def included(path: Path, options: str) -> str:
    """What a page includes of a file."""
    between = dict(re.findall(r':([a-z-]+): "?(.*?)"?$', options, re.MULTILINE))
    text = path.read_text(encoding="utf-8")
    if "start-after" in between:
        text = text.partition(between["start-after"])[2]
    if "end-before" in between:
        text = text.partition(between["end-before"])[0]
    return text.strip()


def plain(path: Path) -> str:
    """A program and its output as Markdown."""
    text = path.read_text(encoding="utf-8")
    parts = [f"{path.name}:", f"```{LANGUAGES[path.suffix]}\n{text}```"]
    if recorded(path).exists():
        output = recorded(path).read_text(encoding="utf-8")
        parts += ["Output:", f"```text\n{output}```"]
    return "\n\n".join(parts)


def setup(app: Sphinx) -> ExtensionMetadata:
    app.add_node(program, html=(visit_program, depart_program))
    app.add_node(program_text, html=(visit_program_text, depart_program_text))
    app.add_node(program_output, html=(visit_program_output, depart_program_output))
    app.add_lexer("python", Lexer)
    # In place of Sphinx's own, which is about the options of command lines.
    app.add_directive_to_domain("std", "program", Program, override=True)
    app.connect("build-finished", expand, priority=400)  # before sphinx_llms_txt reads them
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
