"""The event feed's page in Chromium, with a server that is stopped, killed and restarted."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, ViewportSize, expect

DOCS = Path(__file__).parents[1]
AXE = DOCS / "node_modules/axe-core/axe.min.js"
PHONE: ViewportSize = {"width": 360, "height": 740}


class Opens(Protocol):
    """Opens the feed as one more client, in its own browser window."""

    def __call__(self, *, paused: bool = False) -> Page:
        """If paused, its time passes only through `page.clock.fast_forward()`."""


class Server:
    """Runs event_feed.py in its own process; it keeps its port across restarts."""

    port = 0
    has_been_away = False

    def start(self) -> None:
        program = [sys.executable, str(DOCS / "examples/event_feed.py"), f"--port={self.port}"]
        self.process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)  # noqa: S603
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:")
        self.port = int(line.rpartition(":")[2])
        self.address = f"http://127.0.0.1:{self.port}/"

    def end(self, signum: signal.Signals) -> int:
        """Stop it; return its exit code."""
        self.has_been_away = True
        self.process.send_signal(signum)
        self.process.communicate(timeout=10)
        return self.process.returncode


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.start()
    yield server
    server.process.kill()
    server.process.communicate()


@pytest.fixture
def opens(browser: Browser, server: Server) -> Iterator[Opens]:
    """The pages contact no other host, and log no error except that the server is down."""
    complaints: list[str] = []
    events = server.address.replace("http", "ws") + "events"

    def said(message: ConsoleMessage) -> None:
        expected = f"WebSocket connection to '{events}' failed: "
        if not (server.has_been_away and message.text.startswith(expected)):
            complaints.append(f"{message.type}: {message.text}")

    def opens(*, paused: bool = False) -> Page:
        page = browser.new_context(viewport=PHONE).new_page()
        page.on("console", said)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked(request.url, server.address))
        page.on("websocket", lambda websocket: asked(websocket.url, events))
        if paused:
            page.clock.install(time=0)
            page.clock.pause_at(1)
        page.goto(server.address)
        expect(page.get_by_role("status")).to_have_text("live")
        return page

    def asked(url: str, expected: str) -> None:
        if url not in (expected, "data:,"):
            complaints.append(f"asks for {url}")

    yield opens
    for context in browser.contexts:
        context.close()
    assert complaints == []


def send(page: Page, message: str) -> None:
    page.get_by_label("Message to all").fill(message)
    page.get_by_label("Message to all").press("Enter")


def expect_event(page: Page, text: str | re.Pattern[str]) -> None:
    expect(page.get_by_role("log").get_by_text(text, exact=True)).to_be_visible()


def value(page: Page, name: str) -> Locator:
    """The element in which the page shows this value."""
    return page.locator(f"dt:text-is('{name}') + dd")


def lose(page: Page, server: Server) -> None:
    """Kill the server, and let the page retry until its delay is the longest."""
    server.end(signal.SIGKILL)
    for seconds in (1, 2, 4, 8):
        expect(page.get_by_role("status")).to_have_text(
            f"the connection is lost: trying again in {seconds} s"
        )
        page.clock.fast_forward(seconds * 1250)  # just as it retries


# -- while the server is there ---------------------------------------------------------------------


def test_the_page_shows_events_as_they_arrive_and_the_servers_uptime(opens: Opens) -> None:
    page = opens(paused=True)
    expect_event(page, "client 1 is here")
    up = value(page, "Server up for")
    expect(up).to_have_text(re.compile(r"^\d+ s$"))
    for _ in range(3):
        page.clock.fast_forward(4000)  # less than the silence that it tolerates
        before = up.inner_text()
        expect(up).not_to_have_text(before)  # the server has sent something since
        assert int(up.inner_text().removesuffix(" s")) > int(before.removesuffix(" s"))
    expect(page.get_by_role("log").get_by_text("silent")).to_have_count(0)


def test_a_message_sent_from_one_page_appears_unchanged_in_all(opens: Opens) -> None:
    ada, grace = opens(), opens()
    send(ada, "<b>hello</b> ¿Grace?")
    for page in (ada, grace):
        expect_event(page, "client 1: <b>hello</b> ¿Grace?")
    expect(ada.get_by_label("Message to all")).to_have_value("")
    grace.get_by_label("Message to all").fill("hello Ada")
    grace.get_by_role("button", name="Send").click()
    expect_event(ada, "client 2: hello Ada")


def test_an_empty_message_is_not_sent(opens: Opens) -> None:
    page = opens()
    send(page, "  ")
    send(page, "something")
    expect_event(page, "client 1: something")
    assert page.get_by_role("listitem").all_inner_texts()[1].endswith("client 1 is here")


def test_the_client_count_follows_as_clients_come_and_go(opens: Opens) -> None:
    ada = opens()
    expect(value(ada, "Clients")).to_have_text("1")
    grace = opens()
    for page in (ada, grace):
        expect(value(page, "Clients")).to_have_text("2")
    grace.close()
    expect(value(ada, "Clients")).to_have_text("1")
    expect_event(ada, "client 2 has left")


def test_the_page_keeps_the_newest_hundred_events(opens: Opens) -> None:
    page = opens()
    page.evaluate(
        """() => {
            const socket = new WebSocket("events");
            socket.onopen = () => {
                for (let number = 1; number <= 150; number++) socket.send(`message ${number}`);
                socket.close();
            };
        }"""
    )
    expect_event(page, "client 2 has left")
    events = page.get_by_role("listitem")
    expect(events).to_have_count(100)
    expect(events.first).to_contain_text("client 2 has left")
    expect(events.last).to_contain_text("client 2: message 52")


# -- while it is not -------------------------------------------------------------------------------


def test_after_a_crash_the_page_reconnects_by_itself_and_says_so(
    opens: Opens, server: Server
) -> None:
    page = opens()
    server.end(signal.SIGKILL)
    expect(page.get_by_role("status")).to_have_text(
        re.compile(r"the connection is lost: trying again in \d s")
    )
    expect_event(page, "the connection is lost")
    expect(value(page, "Clients")).to_have_text("?")
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    server.start()
    expect(page.get_by_role("status")).to_have_text("live")
    expect_event(page, "connected again")
    expect(value(page, "Clients")).to_have_text("1")
    send(page, "are you there?")
    expect_event(page, "client 1: are you there?")


def test_a_stopped_server_exits_cleanly_and_the_page_says_what_happened(
    opens: Opens, server: Server
) -> None:
    pages = [opens(paused=True), opens(paused=True)]
    assert server.end(signal.SIGTERM) == 0
    for page in pages:
        for seconds in (1, 2):  # a failed attempt does not change the message
            expect(page.get_by_role("status")).to_have_text(
                f"the server has stopped: trying again in {seconds} s"
            )
            page.clock.fast_forward(seconds * 1250)
        expect(page.get_by_role("status")).to_contain_text("trying again in 4 s")
    server.start()
    for page in pages:
        page.clock.fast_forward(5000)
        expect(page.get_by_role("status")).to_have_text("live")
        expect_event(page, "connected again")


@pytest.mark.parametrize(
    "tell",
    [
        pytest.param("document.getElementById('now').click()", id="the reader"),
        pytest.param("dispatchEvent(new Event('online'))", id="the network is back"),
        pytest.param("document.dispatchEvent(new Event('visibilitychange'))", id="it is seen"),
    ],
)
def test_the_page_backs_off_but_retries_at_once_when_told(
    opens: Opens, server: Server, tell: str
) -> None:
    page = opens(paused=True)
    lose(page, server)
    expect(page.get_by_role("status")).to_have_text("the connection is lost: trying again in 8 s")
    expect_event(page, "the connection is lost")  # once, although it tried four times
    server.start()
    page.evaluate(tell)
    expect(page.get_by_role("status")).to_have_text("live", timeout=3000)
    server.end(signal.SIGKILL)
    expect(page.get_by_role("status")).to_have_text("the connection is lost: trying again in 1 s")


def test_the_try_now_button_is_shown_only_while_it_is_useful(opens: Opens, server: Server) -> None:
    page = opens(paused=True)
    button = page.get_by_role("button", name="Try now")
    expect(button).to_be_hidden()
    server.end(signal.SIGKILL)
    expect(page.get_by_role("status")).to_have_text("the connection is lost: trying again in 1 s")
    button.focus()
    button.press("Enter")  # fails
    expect(page.get_by_role("status")).to_have_text("the connection is lost: trying again in 2 s")
    expect(button).to_be_focused()
    server.start()
    button.press("Enter")
    expect(page.get_by_role("status")).to_have_text("live")
    expect(button).to_be_hidden()
    expect(page.get_by_label("Message to all")).to_be_focused()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows can't make a process stand still")
def test_a_silent_server_counts_as_disconnected(opens: Opens, server: Server) -> None:
    page = opens(paused=True)
    server.process.send_signal(signal.SIGSTOP)
    server.has_been_away = True
    page.clock.fast_forward(5000)
    expect(page.get_by_role("status")).to_have_text("the server is silent: trying again in 1 s")
    page.clock.fast_forward(1250)
    page.clock.fast_forward(5000)  # it accepts connections but does not answer
    expect(page.get_by_role("status")).to_have_text("the server is silent: trying again in 2 s")
    server.process.send_signal(signal.SIGCONT)
    page.clock.fast_forward(2500)
    expect(page.get_by_role("status")).to_have_text("live")
    expect_event(page, "connected again")


# -- for everybody ---------------------------------------------------------------------------------


def test_the_page_fits_a_phone_and_is_accessible_in_light_and_dark(
    opens: Opens, server: Server
) -> None:
    page = opens()
    send(page, "long" * 50)
    expect_event(page, "client 1: " + "long" * 50)
    backgrounds: dict[str, set[str]] = {"body": set(), "input": set(), "button": set()}
    for ended in (False, True):
        if ended:
            server.end(signal.SIGTERM)
            expect(page.get_by_role("status")).to_contain_text("trying again")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
            assert serious(page) == []
            for element, seen in backgrounds.items():
                style = f"getComputedStyle(document.querySelector('{element}'))"
                seen.add(page.evaluate(f"{style}.backgroundColor"))
    assert [len(seen) for seen in backgrounds.values()] == [2, 2, 2]


def serious(page: Page) -> list[str]:
    """The findings of axe on the page that are serious or worse."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


def test_a_screen_reader_announces_new_events_and_not_the_uptime(opens: Opens) -> None:
    page = opens()
    expect(page.get_by_role("log")).to_have_attribute("aria-live", "polite")
    live = page.locator("[role=log], [role=status], [aria-live]")
    expect(live).to_have_count(2)
    expect(live.get_by_text("Server up for")).to_have_count(0)
