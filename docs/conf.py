"""How the site is built: `make docs`."""

import functools
import importlib.metadata
import inspect
import sys
import typing
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

HERE = Path(__file__).parent
LIVE = (
    HERE / "_build/live"
)  # Python for the Run buttons, put there by make; without it there are none

sys.path.insert(0, str(HERE / "_ext"))

project = "multi_await"
author = "the multi_await contributors"
project_copyright = f"2020-2026, {author}"
release = importlib.metadata.version("multi-await")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_llms_txt",
    "sphinx_sitemap",
    "sphinxext.opengraph",
    "notfound.extension",
    "own_links",
    "programs",
    "tables",
    "tested",
]
exclude_patterns = ["_build", "_templates", "node_modules", "inventories", "tests"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # reference/api.md has the signatures: one each, not every overload
default_role = "py:obj"  # a single backtick in a docstring: a link if it names something, else code
nitpick_ignore = [
    ("py:class", "K"),  # type variables, which have no page
    ("py:class", "T"),
    ("py:class", "V"),
    ("py:exc", "asyncio.QueueShutDown"),  # of 3.13; the names of the inventory are those of 3.11
]
nitpick_ignore_regex = [("py:obj", ".*")]  # single backticks that name nothing, such as `m.get()`
intersphinx_mapping = {
    "python": ("https://docs.python.org/3.11", str(HERE / "inventories/python-3.11.inv"))
}

html_theme = "furo"
html_title = "multi_await"
html_baseurl = "https://hydrogen18.github.io/multi-await/"
html_favicon = html_logo = "_static/icon.svg"
html_static_path = ["_static"]
templates_path = ["_templates"]
html_css_files = ["site.css"]
html_js_files: list[str | tuple[str, dict[str, str]]] = [("site.js", {"type": "module"})]
html_show_sourcelink = False  # but the sources are there: llms-full.txt is made from them
html_theme_options = {
    "source_repository": "https://github.com/hydrogen18/multi-await/",
    "source_branch": "main",
    "source_directory": "docs/",
}
if LIVE.exists():
    html_extra_path = [str(LIVE)]
    size = sum(path.stat().st_size for path in LIVE.glob("_live/*") if path.suffix != ".mjs")
    html_js_files.append(("programs.js", {"type": "module", "data-python-bytes": str(size)}))

copybutton_exclude = ".linenos, .gp"
notfound_urls_prefix = "/multi-await/"
ogp_social_cards = {"enable": False}
ogp_site_name = "multi_await"
ogp_description_length = 200
sitemap_url_scheme = "{link}"


def where_it_is_written(_: Sphinx, module: str, name: str) -> str | None:
    """The private module of a public name, which says that it is of `multi_await`."""
    for candidate in sorted(sys.modules):
        if candidate.startswith(f"{module}._") and (
            name in ModuleAnalyzer.for_module(candidate).find_tags()
        ):
            return candidate
    return None


def mark_coroutines(_: Sphinx, page: nodes.document) -> None:
    """Show `async` where only the overloads of a method say so, as those of `select` do."""
    for signature in page.findall(addnodes.desc_signature):
        method: typing.Any = functools.reduce(
            lambda value, name: getattr(value, name, None),
            signature.get("fullname", "").split("."),
            sys.modules.get(signature.get("module", "")),
        )
        overloads = typing.get_overloads(method) if callable(method) else ()
        if any(map(inspect.iscoroutinefunction, overloads)):
            words = addnodes.desc_sig_keyword("", "async"), addnodes.desc_sig_space()
            signature.insert(0, addnodes.desc_annotation("", "", *words))


def setup(app: Sphinx) -> None:
    """Let viewcode find what it links to, and autodoc what is a coroutine."""
    app.connect("viewcode-follow-imported", where_it_is_written)
    app.connect("doctree-read", mark_coroutines)
