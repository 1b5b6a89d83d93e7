"""A column without a heading gets one for those who have a table read out to them."""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata


def name_columns(_: Sphinx, doctree: nodes.document) -> None:
    for head in doctree.findall(nodes.thead):
        for entry in head.findall(nodes.entry):
            if not entry.astext().strip():
                name = nodes.inline("", "Name", classes=["visually-hidden"])
                entry[:] = [nodes.paragraph("", "", name)]


def setup(app: Sphinx) -> ExtensionMetadata:
    app.connect("doctree-read", name_columns)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
