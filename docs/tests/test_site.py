"""The built site, page by page, as a reader meets it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from .conftest import DOCS, SITE

EXAMPLES = DOCS / "examples"
PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
RUNS = {
    page: names
    for page in PAGES
    if (names := re.findall(r'data-name="(\S+)" data-runs', (SITE / page).read_text("utf-8")))
}
AXE = DOCS / "node_modules/axe-core/axe.min.js"
PHONE = ViewportSize(width=360, height=740)
TO_LOAD = 60_000  # milliseconds that Python may take to load here; it takes 3,000


def test_the_site_is_built_with_its_run_buttons() -> None:
    assert RUNS, "run `make docs` first"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_fits_a_phone_and_is_accessible_in_light_and_dark(
    page: Page, site: str, path: str
) -> None:
    page.set_viewport_size(PHONE)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(site + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert serious(page) == []


def serious(page: Page) -> list[str]:
    """What axe finds on the page that is serious or worse."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


def test_every_link_within_the_site_leads_to_a_page_and_a_place_on_it(
    page: Page, site: str
) -> None:
    anchors: dict[str, set[str]] = {}
    links: list[tuple[str, str]] = []
    for path in PAGES:
        page.goto(site + path)
        ids = "Array.from(document.querySelectorAll('[id]'), element => element.id)"
        hrefs = "Array.from(document.querySelectorAll('a[href]'), element => element.href)"
        anchors[site + path] = set(page.evaluate(ids))
        links += [(path, href) for href in page.evaluate(hrefs)]
    broken = []
    for path, link in links:
        target, fragment = urldefrag(link)
        if not target.startswith(site):
            continue
        if target.endswith("/"):
            target += "index.html"
        if target in anchors:
            if fragment and unquote(fragment) not in anchors[target]:
                broken.append(f"{path}: no place {link}")
        elif not (SITE / target.removeprefix(site)).exists():
            broken.append(f"{path}: no page {link}")
    assert not broken


def test_the_search_finds_select(page: Page, site: str) -> None:
    page.goto(site)
    page.get_by_placeholder("Search").fill("select")
    page.get_by_placeholder("Search").press("Enter")
    expect(page.locator("#search-results li").first).to_be_visible()
    page.locator("#search-results li a").first.click()
    expect(page.locator("article")).to_contain_text("select")


@pytest.mark.parametrize(
    ("words", "recipe"),
    [
        ("debounce", "debounce"),
        ("kafka", "kafka"),
        ("worker pool", "worker_pool"),
        ("priority", "priority"),
    ],
)
def test_the_search_finds_a_recipe_first(page: Page, site: str, words: str, recipe: str) -> None:
    page.goto(site)
    page.get_by_placeholder("Search").fill(words)
    page.get_by_placeholder("Search").press("Enter")
    expect(page.get_by_text("Search finished")).to_be_visible(timeout=20_000)
    first = page.locator("#search-results li a").first
    expect(first).to_have_attribute("href", re.compile(rf"recipes/{recipe}\.html"))


def test_the_reader_may_choose_dark_or_light(page: Page, site: str) -> None:
    page.goto(site)
    background = "getComputedStyle(document.body).backgroundColor"
    seen = set()
    for _ in range(3):  # as the system has it, light, dark
        seen.add(page.evaluate(background))
        page.locator(".theme-toggle:visible").first.click()
    assert len(seen) == 2


def test_the_copy_button_copies_the_program(page: Page, site: str) -> None:
    path, (name, *_) = next(iter(RUNS.items()))
    page.goto(site + path)
    block = program(page, name).locator(".highlight-python")
    block.hover()
    block.locator("button.copybtn").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.strip() == (EXAMPLES / name).read_text("utf-8").strip()


def test_a_page_that_is_not_there_says_so_and_leads_on(browser: Browser, site: str) -> None:
    page = browser.new_page()
    page.goto(f"{site}no/such/page.html")
    expect(page.locator("article")).to_contain_text("not found", ignore_case=True)
    page.get_by_role("link", name="multi_await").first.click()
    expect(page).to_have_url(re.compile(r"/multi-await/(index\.html)?$"))
    page.close()


def program(page: Page, name: str) -> Locator:
    """A program with a Run button, in whichever tab it is."""
    found = page.locator(f'.program[data-name="{name}"][data-runs]').first
    tab = page.locator(".sd-tab-content", has=found)
    if tab.count() and not found.is_visible():
        tab.evaluate("tab => tab.previousElementSibling.click()")
    return found


def run(page: Page, name: str, *, ends: str = "Done in") -> str:
    """Press the Run button; return what the program printed."""
    program(page, name).get_by_role("button", name="Run").click()
    expect(program(page, name).get_by_role("status")).to_contain_text(ends, timeout=TO_LOAD)
    return program(page, name).locator(".output pre").text_content() or ""


@pytest.mark.parametrize("path", RUNS)
def test_every_run_button_runs_the_program_and_prints_what_is_recorded(
    page: Page, site: str, path: str
) -> None:
    page.goto(site + path)
    for name in RUNS[path]:
        source = program(page, name).locator(".highlight-python pre").text_content()
        assert source == (EXAMPLES / name).read_text("utf-8"), "other bytes than the file's"
        recorded = (EXAMPLES / name).with_suffix(".out").read_text("utf-8")
        assert run(page, name) == recorded, name


@pytest.fixture
def edited(page: Page, site: str) -> Locator:
    """A program whose text may be edited."""
    path, (name, *_) = next(iter(RUNS.items()))
    page.goto(site + path)
    program(page, name).get_by_role("button", name="Edit").click()
    return program(page, name)


def test_the_reader_may_edit_the_program_run_it_again_and_take_the_edit_back(
    page: Page, edited: Locator
) -> None:
    name = edited.get_attribute("data-name") or ""
    edited.get_by_role("textbox").fill("print('mine')")
    assert run(page, name) == "mine\n"
    edited.get_by_role("textbox").fill("print(1 / 0)")
    assert "ZeroDivisionError" in run(page, name)
    assert "programs_run" not in run(page, name), "a frame of ours in the traceback"
    edited.get_by_role("button", name="Reset").click()
    assert run(page, name) == (EXAMPLES / name).with_suffix(".out").read_text("utf-8")


def test_output_is_shown_as_it_comes_and_a_program_can_be_stopped(edited: Locator) -> None:
    edited.get_by_role("textbox").fill("print('begun', end='')\nwhile True: pass")
    edited.get_by_role("button", name="Run").click()
    expect(edited.locator(".output pre")).to_have_text("begun", timeout=TO_LOAD)
    edited.get_by_role("button", name="Stop").click()
    expect(edited.get_by_role("status")).to_have_text("Stopped")
    expect(edited.get_by_role("button", name="Run")).to_be_visible()


def test_a_program_leaves_nothing_to_the_next(page: Page, edited: Locator) -> None:
    name = edited.get_attribute("data-name") or ""
    leaves = """
        import asyncio, builtins

        async def forever():
            await asyncio.sleep(0.3)
            print("still here")

        async def main():
            global task
            task = asyncio.create_task(forever())

        asyncio.run(main())
        """
    edited.get_by_role("textbox").fill(re.sub(r"^ {8}", "", leaves, flags=re.MULTILINE))
    assert run(page, name) == ""
    looks = "import asyncio\nasync def main():\n    await asyncio.sleep(0.6)\n    print(task)\n"
    edited.get_by_role("textbox").fill(f"{looks}\nasyncio.run(main())\n")
    printed = run(page, name)
    assert "NameError" in printed
    assert "still here" not in printed


def test_a_page_whose_python_does_not_load_says_so_and_keeps_the_recorded_output(
    browser: Browser, site: str
) -> None:
    path, (name, *_) = next(iter(RUNS.items()))
    with browser.new_context() as context:
        page = context.new_page()
        context.route("**/_live/*", lambda route: route.abort())
        page.goto(site + path)
        recorded = (EXAMPLES / name).with_suffix(".out").read_text("utf-8")
        assert run(page, name, ends="could not be loaded") == recorded


def test_without_javascript_a_page_shows_the_recorded_output_and_no_button(
    browser: Browser, site: str
) -> None:
    path, (name, *_) = next(iter(RUNS.items()))
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(site + path)
        recorded = (EXAMPLES / name).with_suffix(".out").read_text("utf-8")
        assert program(page, name).locator(".output pre").text_content() == recorded
        expect(page.get_by_role("button", name="Run")).to_have_count(0)


def test_a_site_that_is_built_without_python_has_no_buttons(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for name in ("conf.py", "_ext", "_static", "examples", "inventories"):
        (docs / name).symlink_to(DOCS / name)
    (docs / "index.md").write_text("# A page\n\n```{program} go_select.py\n```\n", "utf-8")
    build = [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(docs), str(tmp_path / "html")]
    subprocess.run(build, check=True, timeout=120)  # noqa: S603 -- our own arguments
    html = (tmp_path / "html/index.html").read_text("utf-8")
    assert 'data-name="go_select.py"' in html
    assert "programs.js" not in html


def test_every_page_tells_other_sites_and_machines_what_it_is() -> None:
    sitemap = (SITE / "sitemap.xml").read_text("utf-8")
    summary = (SITE / "llms.txt").read_text("utf-8")
    whole = (SITE / "llms-full.txt").read_text("utf-8")
    text = (EXAMPLES / "go_select.py").read_text("utf-8")
    assert re.sub(r"\n+", "\n", text) in re.sub(r"\n+", "\n", whole)
    for source in sorted((SITE / "_sources").rglob("*.md.txt")):
        path = source.relative_to(SITE / "_sources").as_posix().removesuffix(".md.txt")
        html = (SITE / f"{path}.html").read_text("utf-8")
        assert '<meta property="og:title"' in html, path
        assert '<meta property="og:description"' in html, path
        assert f"/{path}.html</loc>" in sitemap, path
        assert f"_sources/{path}.md.txt)" in summary, path


def test_what_is_served_of_pyodide_is_what_is_pinned() -> None:
    wanted = json.loads((DOCS / "package.json").read_text("utf-8"))["dependencies"]["pyodide"]
    lock = json.loads((DOCS / "package-lock.json").read_text("utf-8"))["packages"]
    assert lock["node_modules/pyodide"]["version"] == wanted
    assert lock["node_modules/pyodide"]["integrity"].startswith("sha512-")
    for served in (SITE / "_live").glob("p*"):
        assert served.read_bytes() == (DOCS / "node_modules/pyodide" / served.name).read_bytes()
