"""Fetching from a real server: what is had, what is refused, and how long it may take."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler

import pytest

from rag import LoadError, Settings, load_url
from rag.web.fetching import PUBLIC, Network, fetch
from tests.helpers.web_server import CERTIFICATE, Web, serve
from tests.web.test_pages import ARTICLE


@pytest.fixture
def web() -> Iterator[Web]:
    with serve() as web:
        yield web


def refusal(url: str, network: Network) -> str:
    with pytest.raises(LoadError) as caught:
        fetch(url, network)
    assert caught.value.reason.startswith(caught.value.path)
    return caught.value.reason.removeprefix(caught.value.path).strip()


def test_a_page_comes_with_its_kind_and_its_host_is_looked_up_once(web: Web):
    got = fetch(web.page("/a", "ü", "text/HTML; charset=UTF-8"), web.network)
    assert (got.url, got.media_type, got.charset, got.data) == (
        web.url("/a"),
        "text/html",
        "utf-8",
        "ü".encode(),
    )
    assert web.asked == [(f"articles.test:{web.port}", "/a")]
    assert web.resolved == ["articles.test"]


def test_the_public_network_does_not_reach_this_computer_however_it_is_written(web: Web):
    web.page("/a", "secret")
    for host in (
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "127.0.0.1.",
    ):
        assert "not on the public internet" in refusal(web.url("/a", host), PUBLIC)
    assert web.asked == []


def test_a_name_with_one_private_address_among_public_ones_is_refused(web: Web):
    web.names["two.test"] = ["127.0.0.1", "10.0.0.1"]
    web.page("/a", "secret")
    assert "not on the public internet" in refusal(web.url("/a", "two.test"), web.network)
    assert web.asked == []


def test_a_name_that_answers_otherwise_the_second_time_gains_nothing(web: Web):
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    network = replace(web.network, resolve=lambda host, seconds: next(answers))
    assert fetch(web.page("/a", "text"), network).data == b"text"
    assert next(answers) == ["10.0.0.1"]


def test_the_next_address_is_tried_where_one_does_not_answer(web: Web):
    web.page("/a", "text")
    network = replace(web.network, is_allowed=lambda address: address in ("127.0.0.2", "127.0.0.1"))
    web.names["articles.test"] = ["127.0.0.2", "127.0.0.1"]
    assert fetch(web.url("/a"), network).data == b"text"


@pytest.mark.parametrize(
    "target", ["http://inside.test/", "http://169.254.169.254/latest", "http://[::1]/", "http://0x0a000001/"]
)
def test_a_redirect_to_a_private_address_is_refused(web: Web, target: str):
    web.names |= {"inside.test": ["192.168.0.1"], "169.254.169.254": ["169.254.169.254"]}
    web.names |= {"::1": ["::1"], "0x0a000001": ["10.0.0.1"]}
    assert "not on the public internet" in refusal(web.status("/a", 302, target), web.network)


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "ftp://articles.test/",
        "http://me:pw@articles.test/",
        "http://[::1",
        "http://a:port/",
        *(
            "gopher://articles.test/",
            "dict://127.0.0.1:11211/",
            "ldap://articles.test/",
            "ws://articles.test/",
        ),
        *("data:text/html,secret", "javascript:alert(1)", "about:blank", "blob:http://articles.test/a"),
        *("jar:http://articles.test/a", "view-source:http://articles.test/", "unix:///run/docker.sock"),
        *(
            "http+unix://%2Frun%2Fdocker.sock/",
            "mailto:a@articles.test",
            "smb://articles.test/",
            "netdoc:///etc",
        ),
        *("https:///etc/passwd", "https:", "HTTP://ME:PW@articles.test/", "http://a\\@127.0.0.1/"),
    ],
)
def test_a_redirect_to_what_is_no_address_of_the_web_is_refused(web: Web, target: str):
    assert "no web address" in refusal(web.status("/a", 302, target), web.network)


@pytest.mark.parametrize("port", [1, 22, 25, 53, 1024])
def test_a_port_of_the_system_is_not_asked(web: Web, port: int):
    reason = refusal(web.status("/a", 302, f"http://articles.test:{port}/"), web.network)
    assert reason.startswith(f"leads to port {port}, and only those of the web are asked, 80 and 443: save")


def test_a_high_port_is_asked_only_where_the_setting_says_so(web: Web, settings: Settings):
    url, network = web.page("/a", ARTICLE, "text/plain"), replace(web.network, high_ports=False)
    with pytest.raises(
        LoadError, match=rf"leads to port {web.port}, .*: set FOOTNOTE_WEB_HIGH_PORTS=true, or save"
    ):
        load_url(url, settings, network)
    assert web.asked == []
    with_setting = settings.model_copy(update={"web_high_ports": True})
    assert load_url(url, with_setting, network).documents


def test_of_the_public_internet_only_the_ports_of_the_web_are_asked():
    one_address = replace(PUBLIC, resolve=lambda host, seconds: ["93.184.215.14"])
    assert "leads to port 8080" in refusal("http://example.org:8080/", one_address)


def test_redirects_are_followed_five_times_and_looked_up_each_time(web: Web):
    for n in range(5):
        web.status(f"/{n}", 301 + n % 2, f"/{n + 1}")
    web.page("/5", "here")
    got = fetch(web.url("/0"), web.network)
    assert (got.url, got.data) == (web.url("/5"), b"here")
    assert web.resolved == ["articles.test"] * 6
    web.status("/5", 308, "/6")
    assert refusal(web.url("/0"), web.network).startswith("redirects more than 5 times:")


def test_a_redirect_to_nowhere_says_so(web: Web):
    assert refusal(web.status("/a", 302), web.network) == "redirects to nowhere: check the address."


@pytest.mark.parametrize(
    ("status", "says"),
    [(404, "leads to no page"), (410, "leads to no page"), (403, "not shown to programs"), (401, "sign-in"),
     (429, "try again later"), (503, "a server that fails"), (418, "gave no page")],
)  # fmt: skip
def test_a_status_that_is_no_page_is_one_sentence(web: Web, status: int, says: str):
    reason = refusal(web.status("/a", status), web.network)
    assert says in reason
    assert f"HTTP {status}" in reason


def test_a_body_without_end_is_stopped_at_the_limit(web: Web):
    sent = 0

    def endless(request: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        request.send_response(200)
        request.end_headers()
        while sent < 100_000_000:
            sent += request.wfile.write(b"a" * 65_536)

    web.answers["/a"] = endless
    network = replace(web.network, max_bytes=1_000_000)
    assert refusal(web.url("/a"), network).startswith("is larger than 1,000,000 bytes")
    assert sent < 50_000_000


@pytest.mark.parametrize("layers", [1, 2])
def test_a_bomb_is_stopped_at_the_limit(web: Web, layers: int):
    bomb = b"\0" * 50_000_000
    for _ in range(layers):
        bomb = gzip.compress(bomb, mtime=0)
    url = web.page("/a", bomb, Content_Encoding=", ".join(["gzip"] * layers))
    says = "is larger than 10 MB" if layers == 1 else "in a form that was not asked for"
    assert says in refusal(url, web.network)


def test_a_compressed_page_is_unpacked(web: Web):
    url = web.page("/a", gzip.compress(b"text " * 1_000, mtime=0), Content_Encoding="gzip")
    assert fetch(url, web.network).data == b"text " * 1_000


def test_what_was_compressed_in_two_parts_is_read_wholly_and_what_follows_is_passed_over(web: Web):
    packed = gzip.compress(b"one ", mtime=0) + gzip.compress(b"two") + b"\0" * 100_000
    assert fetch(web.page("/a", packed, Content_Encoding="gzip"), web.network).data == b"one two"


def test_a_page_of_very_many_compressed_parts_is_refused_soon(web: Web):
    url = web.page("/a", gzip.compress(b"", mtime=0) * 400_000, Content_Encoding="gzip")
    began = time.thread_time()
    assert "came damaged" in refusal(url, web.network)
    assert time.thread_time() - began < 2


@pytest.mark.parametrize(
    ("data", "says"),
    [(b"no gzip at all", "came damaged"), (gzip.compress(b"text" * 99, mtime=0)[:-12], "broke off")],
)
def test_a_damaged_page_is_refused(web: Web, data: bytes, says: str):
    assert says in refusal(web.page("/a", data, Content_Encoding="gzip"), web.network)


def test_a_page_that_ends_too_soon_is_refused(web: Web):
    assert "no proper answer" in refusal(web.page("/a", "text", Content_Length="99"), web.network)


BEGINNING = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
CHUNKED = BEGINNING + b"Transfer-Encoding: chunked\r\n\r\n"
FLOODS = {
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2_000),
    "interim answers with headers": (b"", b"HTTP/1.1 103 Early Hints\r\n" + b"Link: </a>\r\n" * 50 + b"\r\n"),
    "headers": (BEGINNING, b"X-Header: a\r\n" * 5_000),
    "one long header": (BEGINNING + b"X-Header: ", b"a" * 65_536),
    "a long status": (b"HTTP/1.1 200 ", b"a" * 65_536),
    "a line without end": (b"", b"a" * 65_536),
    "chunks of one byte": (CHUNKED, b"1\r\na\r\n" * 10_000),
    "chunks with long extensions": (CHUNKED, b"1;" + b"a" * 60_000 + b"\r\na\r\n"),
    "a chunk's size without end": (CHUNKED, b"0" * 65_536),
    "trailers": (CHUNKED + b"1\r\na\r\n0\r\n", b"X-Trailer: a\r\n" * 5_000),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_little_takes_no_core_for_long(web: Web, flood: str):
    begin, part = FLOODS[flood]

    def pour(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(begin)
        while True:
            request.wfile.write(part)

    web.answers["/a"] = pour
    began = time.thread_time()
    reason = refusal(web.url("/a"), replace(web.network, timeout_seconds=20))
    assert time.thread_time() - began < 4
    assert reason.startswith(("gave no proper answer", "is larger than", "took longer than"))


def test_a_flood_of_single_bytes_under_tls_takes_no_core_for_long():
    def pour(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            request.wfile.write(b"a")

    with serve(tls=True) as web:
        web.answers["/a"] = pour
        trusting = ssl.create_default_context(cafile=str(CERTIFICATE))
        network = replace(web.network, tls=trusting, timeout_seconds=20)
        began = time.thread_time()
        assert refusal(web.url("/a", scheme="https"), network).startswith("gave no proper answer")
        assert time.thread_time() - began < 4


@pytest.mark.parametrize("say", [b"", b"\x16\x03\x01"])
def test_a_handshake_that_drips_ends_with_the_time_for_everything(say: bytes):
    def drip() -> None:
        with suppress(OSError):
            connection, _ = server.accept()
            with connection:
                for byte in say * 20:
                    connection.sendall(bytes([byte]))
                    time.sleep(0.1)
                time.sleep(3)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=drip, daemon=True).start()
        network = Network(is_allowed=lambda address: True, timeout_seconds=0.5)
        began = time.monotonic()
        reason = refusal(f"https://127.0.0.1:{server.getsockname()[1]}/", network)
        assert time.monotonic() - began < 2
    assert reason.startswith(("took longer than", "has no certificate", "can't be reached"))


@pytest.mark.parametrize("part", ["headers", "body"])
def test_a_slow_drip_ends_with_the_time_for_everything(web: Web, part: str):
    def drip(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"\r\n" if part == "body" else b""))
        for n in range(60):
            request.wfile.write(b"a" if part == "body" else b"X-%d: a\r\n" % n)
            time.sleep(0.1)

    web.answers["/a"] = drip
    start = time.monotonic()
    reason = refusal(web.url("/a"), replace(web.network, timeout_seconds=0.5))
    assert reason.startswith("took longer than 0.5 seconds:")
    assert time.monotonic() - start < 2


def test_a_resolver_that_does_not_answer_ends_with_the_time(web: Web, monkeypatch: pytest.MonkeyPatch):
    ended = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: ended.wait(10) and [])
    reason = refusal("http://example.org/", replace(PUBLIC, timeout_seconds=0.2))
    ended.set()
    assert reason.startswith("took longer than 0.2 seconds:")


def test_names_and_servers_that_are_not_there_say_what_to_do(web: Web):
    assert "there is no server named gone.test" in refusal(web.url("/", "gone.test"), web.network)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert refusal(f"http://articles.test:{port}/", web.network).startswith("can't be reached")


def test_what_is_no_web_server_gives_no_proper_answer(web: Web):
    web.answers["/a"] = lambda request: request.wfile.write(b"220 mail.test ESMTP\r\n")
    assert "no proper answer" in refusal(web.url("/a"), web.network)


def test_proxies_of_the_environment_are_not_used(web: Web, monkeypatch: pytest.MonkeyPatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch(web.page("/a", "text"), web.network).data == b"text"


def test_a_certificate_must_be_trusted_and_carry_the_hosts_name():
    trusting = ssl.create_default_context(cafile=str(CERTIFICATE))
    with serve(tls=True) as web:
        web.page("/a", "text")
        web.names["other.test"] = ["127.0.0.1"]
        url = web.url("/a", scheme="https")
        assert fetch(url, replace(web.network, tls=trusting)).data == b"text"
        assert "no certificate that can be trusted" in refusal(url, web.network)
        other = web.url("/a", "other.test", "https")
        assert "no certificate" in refusal(other, replace(web.network, tls=trusting))
