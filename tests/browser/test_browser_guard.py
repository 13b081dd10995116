"""A page of somebody else in the same browser gets nothing, and files that are too much take no memory."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app_pages.server.guard import OTHER_NAME
from app_pages.server.upload_limits import TOO_MUCH
from tests.browser.test_browser import (  # noqa: F401  # the fixtures
    CHROMIUM,
    SIGNED,
    Server,
    ask,
    browser,
    page,
    upload,
)
from tests.helpers.app_server import Tab, own

pytestmark = pytest.mark.browser

MOST_BYTES = 100_000
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


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("app"), FOOTNOTE_MAX_UPLOAD_BYTES=str(MOST_BYTES))
    server.start()
    yield server
    server.stop()
    server.log.close()


@pytest.fixture
def strict(page: Page) -> Iterator[Page]:  # noqa: F811  # the fixture
    """A page of the app that breaks none of the rules that it gives to browsers."""
    broken: list[str] = []
    page.on("console", lambda told: broken.append(told.text) if "Content Security" in told.text else None)
    page.on("requestfailed", lambda failed: broken.append(failed.url))
    yield page
    assert [one for one in broken if "/_stcore/health" not in one] == []


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
    page.wait_for_timeout(800)
    frame = page.frames[-1]
    assert frame != page.main_frame
    return str(frame.evaluate("document.body ? document.body.innerText : ''"))


def test_a_page_on_another_port_can_neither_read_nor_frame_nor_drive_the_app(
    page: Page,  # noqa: F811
    server: Server,
    other_port: int,
):
    for host in ("127.0.0.1", "localhost"):
        page.goto(f"http://{host}:{other_port}/")
        for name in ("127.0.0.1", "localhost"):
            got = page.evaluate(ATTACK, f"http://{name}:{server.port}")
            assert got.pop("seen") in ("opaque", "refused")
            assert got == REFUSED
        shown = framed(page, f"http://{host}:{server.port}/library")
        assert "Library" not in shown
        assert "Footnote" not in shown


def test_a_name_that_only_points_here_shows_one_sentence(browser: Browser, server: Server):  # noqa: F811
    rules = "--host-resolver-rules=MAP evil.test 127.0.0.1"
    rebound = browser.browser_type.launch(executable_path=CHROMIUM, args=["--no-sandbox", rules])
    other = rebound.new_page()
    other.goto(f"http://evil.test:{server.port}/")
    expect(other.locator("body")).to_have_text(OTHER_NAME)
    got = other.evaluate(ATTACK, f"http://evil.test:{server.port}")
    assert (got["read"], got["sent"], got["socket"]) == (OTHER_NAME, 421, "refused")
    rebound.close()


def test_answers_and_articles_are_shown_under_strict_rules(strict: Page):
    strict.goto("/")
    turn = ask(strict, SIGNED)
    turn.get_by_role("link", name="Open").first.click()
    expect(strict.locator(".article mark").first).to_be_visible()


def memory_bytes(server: Server) -> int:
    """Return the most memory that the server has had."""
    told = Path(f"/proc/{server.process.pid}/status").read_text()
    return 1024 * int(next(line.split()[1] for line in told.splitlines() if line.startswith("VmHWM")))


def memory_at_rest(server: Server) -> int:
    """Return it once all models are loaded."""
    before = 0
    while memory_bytes(server) > before:
        before = memory_bytes(server)
        time.sleep(2)
    return before


def form(name: str, size_bytes: int) -> bytes:
    return (
        f'--x\r\nContent-Disposition: form-data; name="f"; filename="{name}"\r\n\r\n'.encode()
        + b"ship " * (size_bytes // 5)
        + b"\r\n--x--\r\n"
    )


def text(number: int, size_bytes: int) -> bytes:
    return f"The ferry has the number {number}.\n".encode().ljust(size_bytes, b".")


def test_a_file_too_large_is_told_by_name_and_size_and_the_others_are_added(strict: Page):
    strict.goto("/library")
    results = upload(strict, ("Large.txt", b"word " * 200_000), ("Quay.txt", b"The quay has eleven cranes."))
    large = results.get_by_role("listitem").filter(has_text="Large.txt")
    expect(large).to_contain_text("The file has 977 KB; 98 KB is the most that is taken.")
    expect(results).to_contain_text("Quay.txt")
    expect(strict.get_by_test_id("stFileUploaderDropzone").locator("visible=true")).to_have_count(1)


def test_what_is_too_much_at_once_is_told_and_there_is_room_again_for_it(page: Page):  # noqa: F811
    page.goto("/library")
    names = [f"Ferry {number}.txt" for number in range(26)]
    files = [(name, text(number, 90_000)) for number, name in enumerate(names)]
    results = upload(page, *files)
    expect(results).to_contain_text(TOO_MUCH)
    expect(page.get_by_role("link", name="Ferry", exact=False).first).to_be_visible()
    again = upload(page, ("Ferry 99.txt", text(99, 90_000)))
    expect(again.get_by_role("listitem").filter(has_text="Ferry 99.txt")).to_contain_text("Added")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is told by Linux only")
def test_files_of_any_size_and_number_take_no_more_memory_than_is_allowed(server: Server):
    cookie = own(server, "GET", "/_stcore/health")[1]["set-cookie"].split(";")[0]
    host = f"127.0.0.1:{server.port}"
    with Tab(server) as tab:
        assert tab.show() == []
        path = f"/_stcore/upload_file/{tab.session}/"
        known = [("Cookie", cookie), ("X-Xsrftoken", cookie.partition("=")[2])]
        known += [("Content-Type", "multipart/form-data; boundary=x"), ("Origin", f"http://{host}")]
        before = memory_at_rest(server)
        for number in range(4):
            assert own(server, "PUT", f"{path}{number}", *known, body=form("a.txt", 60_000_000))[0] == 204
        for number in range(4, 800):
            assert own(server, "PUT", f"{path}{number}", *known, body=form("b.txt", MOST_BYTES - 1))[0] == 204
        assert memory_bytes(server) - before < 60_000_000
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)) as endless:
            endless.request("PUT", f"{path}x", iter([b"x" * 1_000]), dict([("Host", host), *known]))
            assert endless.getresponse().status == 413
        assert own(server, "PUT", f"{path}y", *known[1:], body=form("c.txt", 10))[0] == 403
