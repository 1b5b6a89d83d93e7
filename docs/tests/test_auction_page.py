"""The auction's page in Chromium, with a server in its own process."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

DOCS = Path(__file__).parents[1]
AXE = DOCS / "node_modules/axe-core/axe.min.js"


class Server:
    """Runs auction_server.py; it keeps its port across restarts."""

    def __init__(self, database: Path) -> None:
        self.database = database
        self.port = 0

    def start(self) -> None:
        program = DOCS / "examples/auction_server.py"
        options = f"--port={self.port}", f"--database={self.database}", "--period=0.5"
        self.process = subprocess.Popen(  # noqa: S603 -- our own arguments
            [sys.executable, program, *options], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().rpartition(":")[2])
        self.address = f"http://127.0.0.1:{self.port}/"

    def stop(self) -> int:
        """Stop it; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=20)
        return self.process.returncode


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "auction.db")
    server.start()
    yield server
    server.process.kill()
    server.process.communicate()


@pytest.fixture
def ada(browser: Browser, server: Server) -> Iterator[Page]:
    yield from visit(browser, server, "Ada")


@pytest.fixture
def grace(browser: Browser, server: Server) -> Iterator[Page]:
    yield from visit(browser, server, "Grace")


def visit(browser: Browser, server: Server, name: str) -> Iterator[Page]:
    """Open the page; it must contact no other host and log no error."""
    with browser.new_context(viewport={"width": 360, "height": 740}) as context:
        page = context.new_page()
        complaints: list[str] = []
        hosts = (server.address, server.address.replace("http", "ws"), "data:,")

        def asked(url: str) -> None:
            if not url.startswith(hosts):
                complaints.append(f"asks for {url}")

        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked(request.url))
        page.on("websocket", lambda websocket: asked(websocket.url))
        page.goto(f"{server.address}?name={name}")
        expect(page.get_by_role("status")).to_have_text("live")
        yield page
        assert complaints == []


def bid(page: Page, amount: str) -> None:
    page.get_by_label("Your bid").fill(amount)
    page.get_by_label("Your bid").press("Enter")


def expect_event(page: Page, text: str) -> None:
    expect(page.get_by_role("log").get_by_text(text, exact=True)).to_be_visible()


def value(page: Page, name: str) -> Locator:
    return page.locator(f"dt:text-is('{name}') + dd")


def test_a_bid_in_one_window_is_in_the_other_at_once_and_the_lot_is_sold(
    ada: Page, grace: Page
) -> None:
    bid(ada, "120")
    for page in (ada, grace):
        expect_event(page, "Ada bids 120")
    bid(grace, "7")
    expect_event(grace, "7 is too low")
    for page in (ada, grace):
        expect_event(page, "sold at 120 to Ada")
    bid(grace, "8")
    for page in (ada, grace):
        expect_event(page, "Grace bids 8")
        expect(value(page, "Lot")).to_have_text("2")
        expect(value(page, "Highest bid")).to_have_text("8")
        expect(value(page, "By")).to_have_text("Grace")
        expect(value(page, "Here")).to_have_text("2")


def test_closing_a_window_counts_as_leaving(ada: Page, grace: Page) -> None:
    expect_event(ada, "Grace is here")
    grace.context.close()
    expect_event(ada, "Grace has left")
    expect(value(ada, "Here")).to_have_text("1")


def test_after_a_restart_the_page_is_live_again_and_the_auction_continues(
    ada: Page, server: Server
) -> None:
    bid(ada, "5")
    expect_event(ada, "Ada bids 5")
    assert server.stop() == 0
    expect(ada.get_by_role("status")).to_have_text("the auction has closed")
    expect(ada.get_by_role("button", name="Bid")).to_be_disabled()
    server.start()
    expect(ada.get_by_role("status")).to_have_text("live")
    expect(value(ada, "Lot")).to_have_text("2")


def test_a_name_is_shown_as_text_and_never_as_markup(browser: Browser, server: Server) -> None:
    for page in visit(browser, server, "<img src=x onerror=throw>"):
        expect_event(page, "<img src=x onerror=throw> is here")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_on_the_page(ada: Page, scheme: str) -> None:
    ada.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    bid(ada, "120")
    expect_event(ada, "Ada bids 120")
    ada.add_script_tag(path=AXE)
    result = ada.evaluate("axe.run()")
    assert [fault["id"] for fault in result["violations"]] == []
