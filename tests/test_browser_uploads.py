"""Files that are too large, or too many at once: they take no memory, and each gets its sentence."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from app_server import Tab, own
from playwright.sync_api import Page, expect
from test_browser import Server, browser, page, upload  # noqa: F401  # the fixtures

from app_pages.uploads import TOO_MUCH

pytestmark = pytest.mark.browser

MOST_BYTES = 100_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("app"), FOOTNOTE_MAX_UPLOAD_BYTES=str(MOST_BYTES))
    server.start()
    yield server
    server.stop()
    server.log.close()


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


def test_a_file_too_large_is_told_by_name_and_size_and_the_others_are_added(page: Page):  # noqa: F811
    page.goto("/library")
    results = upload(page, ("Large.txt", b"word " * 200_000), ("Quay.txt", b"The quay has eleven cranes."))
    large = results.get_by_role("listitem").filter(has_text="Large.txt")
    expect(large).to_contain_text("The file has 977 KB; 98 KB is the most that is taken.")
    expect(results).to_contain_text("Quay.txt")
    expect(page.get_by_test_id("stFileUploaderDropzone").locator("visible=true")).to_have_count(1)


def test_what_is_too_much_at_once_is_told_and_there_is_room_again_for_it(page: Page):  # noqa: F811
    page.goto("/library")
    names = [f"Ferry {number}.txt" for number in range(26)]
    files = [(name, text(number, 90_000)) for number, name in enumerate(names)]
    results = upload(page, *files)
    expect(results).to_contain_text(TOO_MUCH)
    expect(page.get_by_role("link", name="Ferry", exact=False).first).to_be_visible()
    again = upload(page, ("Ferry 99.txt", text(99, 90_000)))
    expect(again.get_by_role("listitem").filter(has_text="Ferry 99.txt")).to_contain_text("Added")


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
