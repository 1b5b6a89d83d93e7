"""Links to the site's own address become links within the site.

README.md and CHANGELOG.md, which are read elsewhere too, must have the whole address.
"""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata


def make_relative(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for link in doctree.findall(nodes.reference):
        page, _, place = link.get("refuri", "").partition("#")
        if not page.startswith(app.config.html_baseurl):
            continue
        target = page.removeprefix(app.config.html_baseurl).removesuffix(".html")
        if target == "" or target.endswith("/"):
            target += "index"
        link["refuri"] = app.builder.get_relative_uri(docname, target) + (place and f"#{place}")
        link["classes"] = [name for name in link["classes"] if name != "external"]


def setup(app: Sphinx) -> ExtensionMetadata:
    app.connect("doctree-resolved", make_relative)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
