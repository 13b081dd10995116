"""What the server gives to other names, other pages, other ports and odd askers: nothing."""

from __future__ import annotations

import json
import re
import socket

import pytest
from websockets.exceptions import InvalidStatus

from app_pages.server.guard import Names, is_open_to_others
from rag import Settings, SettingsError
from tests.helpers.app_server import Server, Tab, ask, open_socket, own

PROXY = "footnote.example.org"
PAGES = [
    ("GET", "/"),
    ("GET", "/library?c=1"),
    ("GET", "/favicon.png"),
    ("GET", "/_stcore/health"),
    ("GET", "/_stcore/host-config"),
    ("GET", "/media/1.png"),
    ("GET", "/_stcore/bidi-components/footnote/x"),
    ("PUT", "/_stcore/upload_file/1/2"),
    ("DELETE", "/_stcore/upload_file/1/2"),
    ("OPTIONS", "/_stcore/upload_file/1/2"),
]
CLOSED = [
    "/_stcore/metrics",
    "/_stcore/script-health-check",
    "/_stcore/agent/openapi.json",
    "/_stcore/agent/mcp",
    "/auth/login",
    "/oauth2callback",
    "/component/x/index.html",
]


@pytest.fixture
def server(running: Server) -> Server:
    return running


def other_names(port: int) -> list[str]:
    return [
        "evil.test",
        f"evil.test:{port}",
        f"127.0.0.1.evil.test:{port}",
        f"localhost.evil.test:{port}",
        f"evil.localhost:{port}",
        f"x.{PROXY}",
        f"localhost:{port}@evil.test",
        f"evil.test@localhost:{port}",
        f"localhost:{port}/evil.test",
        f"0.0.0.0:{port}",
        f"192.168.0.1:{port}",
        f"[::2]:{port}",
        "localhost:port",
        "",
    ]


def other_origins(port: int) -> list[str]:
    return [
        "null",
        "https://evil.test",
        f"http://evil.test:{port}",
        "http://localhost",
        f"http://localhost:{port + 1}",
        f"http://127.0.0.1:{port + 1}",
        f"http://127.0.0.1.evil.test:{port}",
        f"http://localhost:{port}@evil.test",
        f"file://127.0.0.1:{port}",
        f"https://{PROXY}:8443",
        "",
    ]


def test_no_page_answers_under_another_name(server: Server):
    for host in other_names(server.port):
        for method, path in PAGES:
            status, headers, body = ask(server, method, path, ("Host", host))
            assert status in (400, 421), (host, method, path)
            assert b"<script" not in body
            assert "set-cookie" not in headers
    ours = ("Host", f"localhost:{server.port}")
    assert ask(server, "GET", "/", ours, ("Host", "evil.test"))[0] in (400, 421)
    assert ask(server, "GET", "/")[0] in (400, 421)


@pytest.mark.parametrize(
    "host", ["localhost:{}", "LocalHost.:{}", "127.0.0.1:{}", "[::1]:{}", PROXY, f"{PROXY}:81"]
)
def test_each_page_answers_under_the_own_names(server: Server, host: str):
    host = host.format(server.port)
    assert ask(server, "GET", "/", ("Host", host))[0] == 200
    with Tab(server, host) as tab:
        assert tab.show() == []


def test_nothing_is_given_to_pages_of_another_origin(server: Server):
    for origin in other_origins(server.port):
        for method, path in PAGES:
            status, headers, _ = own(server, method, path, ("Origin", origin))
            assert status == 403, (origin, method, path)
            assert not [name for name in headers if name.startswith("access-control-")]
            assert "set-cookie" not in headers
    for site in ("cross-site", "same-site"):
        for mode, dest in (("no-cors", "script"), ("navigate", "iframe"), ("cors", "empty")):
            told = (("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", mode), ("Sec-Fetch-Dest", dest))
            assert own(server, "GET", "/", *told)[0] == 403
    link = (("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document"))
    assert own(server, "GET", "/", *link)[0] == 200


def test_no_socket_opens_for_another_origin_or_name_or_none(server: Server):
    ours = f"127.0.0.1:{server.port}"
    asked = [(ours, origin) for origin in (None, *other_origins(server.port))]
    asked += [(host, f"http://{host}") for host in ("evil.test", f"evil.test:{server.port}", "192.168.0.1")]
    asked += [(ours, f"http://localhost:{server.port}"), ("evil.test", f"http://{ours}")]
    for host, origin in asked:
        with pytest.raises(InvalidStatus) as refused:
            open_socket(server, host, origin)
        assert refused.value.response.status_code == 403, (host, origin)


def test_a_proxy_that_keeps_its_own_name_to_itself_is_understood(server: Server):
    with Tab(server, origin=f"https://{PROXY}") as tab:
        assert tab.show() == []


def test_an_upload_is_taken_from_the_own_page_only(server: Server):
    cookie = own(server, "GET", "/_stcore/health")[1]["set-cookie"].split(";")[0]
    token = cookie.partition("=")[2]
    part = 'Content-Disposition: form-data; name="f"; filename="ship.txt"\r\nContent-Type: text/plain'
    body = f"--x\r\n{part}\r\n\r\nThe ship.\r\n--x--\r\n".encode()
    ours = f"http://127.0.0.1:{server.port}"
    with Tab(server) as tab:
        tab.show()
        path = f"/_stcore/upload_file/{tab.session}/1"
        kind = ("Content-Type", "multipart/form-data; boundary=x")
        known = (kind, ("Cookie", cookie), ("X-Xsrftoken", token))
        for origin in other_origins(server.port):
            assert own(server, "PUT", path, *known, ("Origin", origin), body=body)[0] == 403
        assert own(server, "PUT", path, kind, ("Origin", ours), body=body)[0] == 403
        assert own(server, "PUT", path, *known, ("Origin", ours), body=body)[0] == 204


@pytest.mark.parametrize("path", CLOSED)
def test_doors_that_the_pages_do_not_need_are_closed(server: Server, path: str):
    for method in ("GET", "POST"):
        status, _, body = own(server, method, path)
        assert (status, body) == (404, b"There is nothing here.")


def test_no_site_may_send_the_app_messages(server: Server):
    assert json.loads(own(server, "GET", "/_stcore/host-config")[2])["allowedOrigins"] == []


def test_every_answer_tells_browsers_to_be_strict(server: Server):
    host = ("Host", f"127.0.0.1:{server.port}")
    asked = [("GET", "/", host), ("GET", "/static/none.js", host), ("GET", "/_stcore/metrics", host)]
    asked += [("GET", "/_stcore/health", host), ("GET", "/%2e%2e/etc/passwd", host), ("PUT", "/", host)]
    asked += [("GET", "/", ("Host", "evil.test"))]
    for method, path, name in asked:
        headers = ask(server, method, path, name)[1]
        policy = dict(part.partition(" ")[::2] for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        assert not re.search("unsafe|http|[*]", policy["script-src"])
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("address", "is_open"),
    [
        ("127.0.0.1", False),
        ("localhost", False),
        ("::1", False),
        ("127.0.0.5", False),
        ("0.0.0.0", True),
        ("::", True),
        ("", True),
        (None, True),
        ("192.168.0.7", True),
        ("mybox", True),
    ],
)
def test_an_address_is_open_to_others_unless_it_is_the_computer_itself(address: str | None, is_open: bool):
    assert is_open_to_others(address) is is_open


def test_an_open_server_answers_at_the_address_that_was_reached_and_under_its_own_name():
    names = Names.of(["Box.example.org:8443"], "0.0.0.0")
    at = "192.168.0.7"
    own = socket.gethostname()
    for host in (f"{at}:8501", "localhost:8501", f"{own}:8501", "box.example.org:8443", "BOX.example.org"):
        assert names.has(host, at), host
    for host in ("192.168.0.8:8501", "evil.test", "0.0.0.0:8501", ""):
        assert not names.has(host, at), host
    assert not Names.of([], "127.0.0.1").has(f"{at}:8501", at)
    assert names.are_one("https://box.example.org:8443", "127.0.0.1:8501")
    assert not names.are_one("https://box.example.org", "127.0.0.1:8501")


def lines(server: Server, page: str = "") -> list[str]:
    """Return the lines of text on a page."""
    with Tab(server) as tab:
        tab.show()
        tab.views.clear()
        tab.show(page)
        return [view["text"] for view in tab.views if view["view"] == "line"]


def test_a_server_that_is_open_to_the_network_says_so_on_each_page(
    server: Server, tmp_path_factory: pytest.TempPathFactory
):
    is_open = Server(tmp_path_factory.mktemp("open"), options=["--server.address", "0.0.0.0"])
    is_open.start()
    try:
        for page in ("", "library", "quality", "article"):
            assert lines(is_open, page)[0] == (
                "Open to the network: whoever reaches this page sees, asks, adds and deletes everything."
            )
            assert "Open to the network" not in " ".join(lines(server, page))
        assert ask(is_open, "GET", "/", ("Host", "evil.test"))[0] == 421
    finally:
        is_open.stop()
        is_open.log.close()


def test_hosts_are_names_and_nothing_else():
    assert Settings.from_env({"FOOTNOTE_HOSTS": "A.example.org, b:8443 [::1]:80"}).hosts == (
        "a.example.org",
        "b:8443",
        "[::1]:80",
    )
    for value in ("https://a.example.org", "a/b", "*", "a@b"):
        with pytest.raises(SettingsError, match="FOOTNOTE_HOSTS can't be used"):
            Settings.from_env({"FOOTNOTE_HOSTS": value})
