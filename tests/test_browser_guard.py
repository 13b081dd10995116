"""A page of somebody else in the same browser: it gets nothing, and the app works behind what refuses it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Page, expect
from test_browser import (  # noqa: F401  # the fixtures
    CHROMIUM,
    SIGNED,
    Server,
    ask,
    browser,
    page,
    server,
    upload,
)

from app_pages.guard import OTHER_NAME

pytestmark = pytest.mark.browser

ATTACK = """async (app) => {
    const gets = async (what) => { try { return await what(); } catch (error) { return "refused"; } };
    const socket = (url) => new Promise((resolve) => {
        const opened = new WebSocket(url, ["streamlit"]);
        opened.onopen = () => resolve("open");
        opened.onerror = () => resolve("refused");
    });
    const script = (url) => new Promise((resolve) => {
        const made = Object.assign(document.createElement("script"), { src: url });
        made.onload = () => resolve("loaded");
        made.onerror = () => resolve("refused");
        document.head.append(made);
    });
    return {
        read: await gets(async () => (await fetch(`${app}/_stcore/health`)).text()),
        seen: await gets(async () => (await fetch(`${app}/`, { mode: "no-cors" })).type),
        sent: await gets(async () => (await fetch(`${app}/_stcore/upload_file/1/2`, { method: "PUT" })).status),
        socket: await gets(() => socket(app.replace("http", "ws") + "/_stcore/stream")),
        script: await gets(() => script(`${app}/_stcore/health`)),
    };
}"""
REFUSED = {"read": "refused", "sent": "refused", "socket": "refused", "script": "refused"}


@pytest.fixture
def other_port() -> Iterator[int]:
    """A page of somebody else on another port of this computer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>Other</title>")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        yield other.server_port
        other.shutdown()


def framed(page: Page, app: str) -> str:  # noqa: F811  # the fixture
    """Return what of the app is seen in a frame of this page."""
    page.evaluate(
        "app => document.body.append(Object.assign(document.createElement('iframe'), {src: app}))", app
    )
    page.wait_for_timeout(2_000)
    frame = page.frames[-1]
    assert frame != page.main_frame
    return str(frame.evaluate("document.body ? document.body.innerText : ''"))


def test_a_page_on_another_port_can_neither_read_nor_frame_nor_drive_the_app(
    page: Page,  # noqa: F811
    server: Server,  # noqa: F811
    other_port: int,
):
    for host in ("127.0.0.1", "localhost"):
        page.goto(f"http://{host}:{other_port}/")
        for name in ("127.0.0.1", "localhost"):
            got = page.evaluate(ATTACK, f"http://{name}:{server.port}")
            assert got.pop("seen") in ("opaque", "refused")
            assert got == REFUSED
            shown = framed(page, f"http://{name}:{server.port}/library")
            assert "Library" not in shown
            assert "Footnote answers" not in shown


def test_a_name_that_only_points_here_shows_one_sentence(browser: Browser, server: Server):  # noqa: F811
    rules = "--host-resolver-rules=MAP evil.test 127.0.0.1"
    rebound = browser.browser_type.launch(executable_path=CHROMIUM, args=["--no-sandbox", rules])
    other = rebound.new_page()
    other.goto(f"http://evil.test:{server.port}/")
    expect(other.locator("body")).to_have_text(OTHER_NAME)
    got = other.evaluate(ATTACK, f"http://evil.test:{server.port}")
    assert (got["read"], got["sent"], got["socket"]) == (OTHER_NAME, 421, "refused")
    rebound.close()


def test_the_app_breaks_none_of_its_own_rules(page: Page, server: Server):  # noqa: F811
    broken: list[str] = []
    page.on("console", lambda told: broken.append(told.text) if "Content Security" in told.text else None)
    page.on("requestfailed", lambda failed: broken.append(failed.url))
    page.goto("/")
    turn = ask(page, SIGNED)
    turn.get_by_role("link", name="Open").first.click()
    expect(page.locator(".article mark").first).to_be_visible()
    page.goto("/library")
    upload(page, ("Quay.txt", b"The quay of Marnow has eleven cranes."))
    assert [one for one in broken if "/_stcore/health" not in one] == []
