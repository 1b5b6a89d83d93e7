"""The role `test`: a link to the test of that name, which must be there.

A name may end in `*`: then the link goes to the first of the tests whose names begin so.
"""

import functools
import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole
from sphinx.util.typing import ExtensionMetadata

ROOT = Path(__file__).parents[2]


@functools.cache
def tests() -> dict[str, str]:
    """Each test's name, and where it is: file and line."""
    return {
        found[1]: f"{path.relative_to(ROOT).as_posix()}#L{number}"
        for path in sorted(ROOT.glob("tests/**/*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (found := re.match(r"(?:async )?def (test_\w+)", line))
    }


class Test(SphinxRole):
    """`` {test}`test_name` ``."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        prefix = self.text.removesuffix("*")
        exact = prefix == self.text
        places = [
            place
            for name, place in tests().items()
            if (name == prefix if exact else name.startswith(prefix))
        ]
        literal = nodes.literal(self.rawtext, self.text)
        if not places:
            message = self.inliner.reporter.warning(f"no test has the name {self.text}")
            return [literal], [message]
        repository = self.config.html_theme_options["source_repository"]
        reference = nodes.reference(
            self.rawtext, "", literal, refuri=f"{repository}blob/main/{places[0]}"
        )
        return [reference], []


def setup(app: Sphinx) -> ExtensionMetadata:
    app.add_role("test", Test())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
