"""The built site, page by page, as a reader sees it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, ViewportSize, expect

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
DESKTOP = ViewportSize(width=1280, height=900)
# Each kind of page.
TEN = [
    "index.html",
    "search.html",
    "404.html",
    "glossary.html",
    "tutorials/first_loop.html",
    "guides/timers.html",
    "explanation/guarantees.html",
    "reference/api.html",
    "reference/cheat_sheet.html",
    "reference/performance.html",
]
TO_LOAD = 60_000  # milliseconds allowed for Python to load; it takes 3,000


def test_the_site_is_built_with_its_run_buttons() -> None:
    assert RUNS, "run `make docs` first"


@pytest.mark.parametrize("path", PAGES)
def test_every_page_fits_a_phone_and_passes_axe_in_light_and_dark(
    page: Page, site: str, path: str
) -> None:
    page.set_viewport_size(PHONE)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(site + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert inaccessible(page) == []


@pytest.mark.parametrize("path", TEN)
def test_every_page_passes_axe_on_a_desktop_in_light_and_dark(
    page: Page, site: str, path: str
) -> None:
    page.set_viewport_size(DESKTOP)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(site + path)
        assert inaccessible(page) == []


def inaccessible(page: Page) -> list[str]:
    """All findings of axe on the page, however minor."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def test_the_first_page_links_onward_within_the_site(page: Page, site: str) -> None:
    page.goto(site)
    article = page.get_by_role("main")
    article.get_by_role("link", name="guarantees").click()
    expect(page).to_have_url(f"{site}explanation/guarantees.html")
    page.go_back()
    article.get_by_role("link", name="the order").click()
    expect(page).to_have_url(f"{site}explanation/guarantees.html#promise-5")
    page.goto(site)
    away = page.locator("a[href^='https://hydrogen18.github.io/multi-await']")
    expect(away).to_have_count(0)


def test_the_cheat_sheet_fits_on_one_sheet_of_paper(page: Page, site: str) -> None:
    page.goto(f"{site}reference/cheat_sheet.html")
    for size in ("A4", "Letter"):
        assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format=size))) == 1


def test_each_step_of_the_first_loop_marks_the_lines_that_it_changes(page: Page, site: str) -> None:
    page.goto(f"{site}tutorials/first_loop.html")
    marked = [
        program(page, f"first_loop_{step}.py").locator(".hll").all_text_contents()
        for step in range(1, 6)
    ]
    assert marked[0] == []
    assert "".join(marked[3]) == (
        "from multi_await import every, multi_await\n"
        "    async with multi_await(orders.get, calls.get, closing.wait, every(1)) as m:\n"
        "                case (3, _):\n"
        '                    print("a second has passed")\n'
    )
    assert all(len(lines) <= 9 for lines in marked)


def test_a_table_that_scrolls_on_a_phone_says_so_and_takes_keyboard_focus(
    page: Page, site: str
) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"{site}guides/sources.html")
    table = page.locator(".table-wrapper").first
    expect(table).to_have_role("group")
    expect(table).to_have_accessible_name("A table that scrolls sideways")
    expect(table).to_have_attribute("tabindex", "0")
    hint = "getComputedStyle(element, '::before').content"
    assert "Scrolls sideways" in table.evaluate(f"element => {hint}")
    page.set_viewport_size(DESKTOP)
    expect(table).not_to_have_attribute("tabindex", "0")


def test_every_internal_link_leads_to_an_existing_page_and_anchor(page: Page, site: str) -> None:
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


def test_search_finds_select(page: Page, site: str) -> None:
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
def test_search_ranks_a_recipe_first(page: Page, site: str, words: str, recipe: str) -> None:
    page.goto(site)
    page.get_by_placeholder("Search").fill(words)
    page.get_by_placeholder("Search").press("Enter")
    expect(page.get_by_text("Search finished")).to_be_visible(timeout=20_000)
    first = page.locator("#search-results li a").first
    expect(first).to_have_attribute("href", re.compile(rf"recipes/{recipe}\.html"))


def test_the_reader_can_choose_dark_or_light(page: Page, site: str) -> None:
    page.goto(site)
    background = "getComputedStyle(document.body).backgroundColor"
    seen = set()
    for _ in range(3):  # the system's setting, light, dark
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


def test_the_copy_button_is_visible_on_keyboard_focus_and_on_touch(
    page: Page, browser: Browser, site: str
) -> None:
    path, (name, *_) = next(iter(RUNS.items()))
    page.goto(site + path)
    button = program(page, name).locator(".highlight-python button.copybtn")
    expect(button).to_have_css("opacity", "0")
    button.focus()
    expect(button).to_have_css("opacity", "1")
    with browser.new_context(has_touch=True, is_mobile=True) as context:
        phone = context.new_page()
        phone.goto(site + path)
        button = program(phone, name).locator(".highlight-python button.copybtn")
        expect(button).to_have_css("opacity", "1")


def test_match_and_case_are_highlighted_as_keywords(page: Page, site: str) -> None:
    page.goto(f"{site}tutorials/go_select.html")
    for word in ("match", "case"):
        shown = page.locator(".highlight-python").get_by_text(word, exact=True).first
        expect(shown).to_have_class("k")


def test_a_missing_page_says_so_and_links_onward(browser: Browser, site: str) -> None:
    page = browser.new_page()
    page.goto(f"{site}no/such/page.html")
    expect(page.locator("article")).to_contain_text("not found", ignore_case=True)
    page.get_by_role("link", name="multi_await").first.click()
    expect(page).to_have_url(re.compile(r"/multi-await/(index\.html)?$"))
    page.close()


def program(page: Page, name: str) -> Locator:
    """A program with a Run button, in whichever tab."""
    found = page.locator(f'.program[data-name="{name}"][data-runs]').first
    tab = page.locator(".sd-tab-content", has=found)
    if tab.count() and not found.is_visible():
        tab.evaluate("tab => tab.previousElementSibling.click()")
    return found


def run(page: Page, name: str, *, ends: str = "Done in") -> str:
    """Press the Run button; return the program's output."""
    program(page, name).get_by_role("button", name="Run").click()
    expect(program(page, name).get_by_role("status")).to_contain_text(ends, timeout=TO_LOAD)
    return program(page, name).locator(".output pre").text_content() or ""


@pytest.mark.parametrize("path", RUNS)
def test_every_run_button_prints_what_is_recorded_at_any_speed(
    page: Page, site: str, path: str
) -> None:
    page.goto(site + path)
    for name in RUNS[path]:
        source = program(page, name).locator(".highlight-python pre").text_content()
        assert source == (EXAMPLES / name).read_text("utf-8"), "other bytes than the file's"
        assert timeless(run(page, name)) == timeless(recorded(program(page, name))), name


def timeless(printed: str) -> str:
    """Without tenths of a second, which depend on the machine; other tests compare those."""
    return re.sub(r"\d+\.\d\b", "some", printed)


@pytest.fixture
def edited(page: Page, site: str) -> Locator:
    """A program that the reader can edit."""
    path, (name, *_) = next(iter(RUNS.items()))
    page.goto(site + path)
    program(page, name).get_by_role("button", name="Edit").click()
    return program(page, name)


def recorded(element: Locator) -> str:
    """The recorded output of the program."""
    name = element.get_attribute("data-name") or ""
    return (EXAMPLES / name).with_suffix(".out").read_text("utf-8")


def run_edited(edited: Locator, text: str, *, ends: str = "Done in") -> str:
    """Run this text instead; return its output."""
    edited.get_by_role("textbox").fill(textwrap.dedent(text))
    return run(edited.page, edited.get_attribute("data-name") or "", ends=ends)


def test_the_reader_can_edit_the_program_run_it_and_reset_it(
    edited: Locator,
) -> None:
    assert run_edited(edited, "print('mine')") == "mine\n"
    edited.get_by_role("button", name="Reset").click()
    expect(edited.locator(".output pre")).to_have_text(recorded(edited))
    expect(edited.get_by_role("textbox")).to_have_count(0)
    assert run(edited.page, edited.get_attribute("data-name") or "") == recorded(edited)


def test_a_program_that_fails_is_reported_with_only_its_own_traceback(
    edited: Locator,
) -> None:
    fails = """
        import asyncio

        async def main():
            print(1 / 0)

        asyncio.run(main())
        """
    printed = run_edited(edited, fails, ends="Failed after")
    assert re.findall(r", line (\d), in (\S+)", printed) == [("7", "<module>"), ("5", "main")]
    assert printed.endswith("ZeroDivisionError: division by zero\n")
    assert "SyntaxError" in run_edited(edited, "print(", ends="Failed after")
    assert "outside function" in run_edited(edited, "await f()", ends="Failed after")
    assert run_edited(edited, "raise SystemExit('no more')", ends="Failed after") == "no more\n"
    assert run_edited(edited, "raise SystemExit(0)") == ""


def test_asyncio_run_returns_its_result_anywhere_outside_functions(
    edited: Locator,
) -> None:
    runs = """
        import asyncio

        async def double(number):
            await asyncio.sleep(0)
            return 2 * number

        first = asyncio.run(double(1))
        print(first, asyncio.run(double(asyncio.run(double(first)))))
        """
    assert run_edited(edited, runs) == "2 8\n"


def test_a_callback_that_is_already_due_runs_at_once_as_in_asyncio(edited: Locator) -> None:
    runs = """
        import asyncio

        async def main():
            loop = asyncio.get_running_loop()
            loop.call_at(loop.time() - 1, print, "late")
            await asyncio.sleep(0.1)

        asyncio.run(main())
        """
    assert run_edited(edited, runs) == "late\n"


def test_asyncio_run_inside_a_function_is_refused_with_a_message(edited: Locator) -> None:
    runs = """
        import asyncio

        async def nothing():
            pass

        def main():
            return asyncio.run(nothing())

        main()
        """
    printed = run_edited(edited, runs, ends="Failed after")
    assert "RuntimeError: asyncio.run() within a function can't run in this page" in printed
    assert "never awaited" not in printed


def test_output_is_shown_live_and_stopping_a_program_restores_the_recording(
    edited: Locator,
) -> None:
    edited.get_by_role("textbox").fill("print('begun', end='')\nwhile True: pass")
    edited.get_by_role("button", name="Run").click()
    expect(edited.locator(".output pre")).to_have_text("begun", timeout=TO_LOAD)
    edited.get_by_role("button", name="Stop").click()
    expect(edited.get_by_role("status")).to_have_text("Stopped")
    expect(edited.get_by_role("button", name="Run")).to_be_visible()
    expect(edited.locator(".output pre")).to_have_text(recorded(edited))
    expect(edited.locator(".output")).to_have_attribute("data-label", re.compile("^Output(,|$)"))


def test_endless_output_is_cut_short_and_scrolls_and_can_be_stopped(
    edited: Locator,
) -> None:
    edited.get_by_role("textbox").fill("while True: print('on and ' * 100)")
    edited.get_by_role("button", name="Run").click()
    output = edited.locator(".output pre")
    expect(output).to_contain_text("no more than 100000 characters", timeout=TO_LOAD)
    assert len(output.text_content() or "") < 101_000
    assert output.evaluate("output => output.clientHeight") < 500
    expect(output).to_have_attribute("tabindex", "0")
    edited.get_by_role("button", name="Stop").click()
    expect(edited.get_by_role("status")).to_have_text("Stopped")


def test_starting_another_run_restores_the_recording_of_the_first(page: Page, site: str) -> None:
    path, (first, second, *_) = next(item for item in RUNS.items() if len(item[1]) > 1)
    page.goto(site + path)
    program(page, first).get_by_role("button", name="Run").click()
    run(page, second)
    expect(program(page, first).get_by_role("status")).to_have_text("Stopped")
    output = program(page, first).locator(".output pre")
    assert output.text_content() == recorded(program(page, first))


def test_control_enter_runs_the_edited_program(edited: Locator) -> None:
    edited.get_by_role("textbox").fill("print('by the keyboard')")
    edited.get_by_role("textbox").press("Control+Enter")
    expect(edited.locator(".output pre")).to_have_text("by the keyboard", timeout=TO_LOAD)
    expect(edited.get_by_role("textbox")).to_have_value("print('by the keyboard')")


def test_an_edit_survives_leaving_the_page_and_is_gone_after_a_reset(
    page: Page, site: str, edited: Locator
) -> None:
    path = page.url
    edited.get_by_role("textbox").fill("print('mine')")
    page.goto(site)
    page.goto(path)
    expect(edited.get_by_role("textbox")).to_have_value("print('mine')")
    edited.get_by_role("button", name="Reset").click()
    page.reload()
    expect(edited.get_by_role("textbox")).to_have_count(0)


def test_a_program_leaves_nothing_behind_for_the_next_one(edited: Locator) -> None:
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
    assert run_edited(edited, leaves) == ""
    looks = """
        import asyncio

        async def main():
            await asyncio.sleep(0.6)
            print(task)

        asyncio.run(main())
        """
    printed = run_edited(edited, looks, ends="Failed after")
    assert "NameError" in printed
    assert "still here" not in printed


def test_python_loads_on_hover_and_shows_its_progress(page: Page, site: str) -> None:
    path, (name, *_) = next(iter(RUNS.items()))
    held: list[Route] = []
    page.context.route("**/pyodide.asm.wasm", lambda route: held.append(route))
    page.goto(site + path)
    with page.expect_request("**/pyodide.asm.wasm"):
        program(page, name).get_by_role("button", name="Run").hover()
    program(page, name).get_by_role("button", name="Run").click()
    expect(program(page, name).get_by_role("status")).to_have_text("Loading Python")
    expect(program(page, name).get_by_role("progressbar")).to_be_visible()
    expect(program(page, name)).to_contain_text(re.compile(r"2\.\d of 12\.\d MB"))
    held[0].continue_()
    expect(program(page, name).get_by_role("status")).to_contain_text("Done in", timeout=TO_LOAD)
    expect(program(page, name).get_by_role("progressbar")).to_be_hidden()


@pytest.mark.parametrize("what", ["*", "pyodide.asm.wasm", "python_stdlib.zip"])
def test_if_python_does_not_load_the_page_says_so_and_keeps_the_recorded_output(
    browser: Browser, site: str, what: str
) -> None:
    path, (name, *_) = next(iter(RUNS.items()))
    with browser.new_context() as context:
        page = context.new_page()
        context.route(f"**/_live/{what}", lambda route: route.abort())
        page.goto(site + path)
        printed = run(page, name, ends="could not be loaded")
        assert printed == recorded(program(page, name))


@pytest.mark.parametrize("body", ["not WebAssembly", None])
def test_if_python_is_missing_or_corrupt_the_page_says_so(
    browser: Browser, site: str, body: str | None
) -> None:
    path, (name, *_) = next(iter(RUNS.items()))
    with browser.new_context() as context:
        page = context.new_page()
        answer = {"status": 404} if body is None else {"body": body}
        context.route("**/pyodide.asm.wasm", lambda route: route.fulfill(**answer))
        page.goto(site + path)
        run(page, name, ends="could not be loaded")


def test_if_python_never_arrives_the_page_gives_up_and_says_what_to_do(
    page: Page, site: str
) -> None:
    path, (name, *_) = next(iter(RUNS.items()))
    page.context.route("**/pyodide.asm.wasm", lambda _: None)
    page.clock.install()
    page.goto(site + path)
    program(page, name).get_by_role("button", name="Run").click()
    expect(program(page, name)).to_contain_text(re.compile(r"2\.\d of 12\.\d MB"))
    page.clock.fast_forward(61_000)
    expect(program(page, name).get_by_role("status")).to_contain_text("nothing came for 60 seconds")
    expect(program(page, name).get_by_role("button", name="Run")).to_be_visible()


def test_without_javascript_a_page_shows_the_recorded_output_and_no_button(
    browser: Browser, site: str
) -> None:
    path, (name, *_) = next(iter(RUNS.items()))
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(site + path)
        output = program(page, name).locator(".output pre")
        assert output.text_content() == recorded(program(page, name))
        expect(page.get_by_role("button", name="Run")).to_have_count(0)


def test_a_site_built_without_python_has_no_run_buttons(tmp_path: Path) -> None:
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


def test_every_page_has_metadata_for_other_sites_and_machines() -> None:
    sitemap = (SITE / "sitemap.xml").read_text("utf-8")
    summary = (SITE / "llms.txt").read_text("utf-8")
    whole = (SITE / "llms-full.txt").read_text("utf-8")
    text = (EXAMPLES / "go_select.py").read_text("utf-8")
    assert re.sub(r"\n+", "\n", text) in re.sub(r"\n+", "\n", whole)
    assert "{program}" not in whole
    assert "include}" not in whole
    assert "## What you get" in whole, "what the first page has of README.md"
    for source in sorted((SITE / "_sources").rglob("*.md.txt")):
        path = source.relative_to(SITE / "_sources").as_posix().removesuffix(".md.txt")
        html = (SITE / f"{path}.html").read_text("utf-8")
        assert '<meta property="og:title"' in html, path
        assert '<meta property="og:description"' in html, path
        assert f"/{path}.html</loc>" in sitemap, path
        assert f"_sources/{path}.md.txt)" in summary, path


def test_the_served_files_of_pyodide_are_the_pinned_ones() -> None:
    wanted = json.loads((DOCS / "package.json").read_text("utf-8"))["dependencies"]["pyodide"]
    lock = json.loads((DOCS / "package-lock.json").read_text("utf-8"))["packages"]
    assert lock["node_modules/pyodide"]["version"] == wanted
    assert lock["node_modules/pyodide"]["integrity"].startswith("sha512-")
    for served in (SITE / "_live").glob("p*"):
        assert served.read_bytes() == (DOCS / "node_modules/pyodide" / served.name).read_bytes()
