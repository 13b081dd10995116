"""What a server, a page, a message or a feed calls its encoding: only those of the web are believed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from rag import LoadError, Settings, load_bytes, load_url
from rag.loading.decoding import encoding_of_the_web
from rag.web.feeds import load_feed
from tests.helpers.web_server import Web, serve
from tests.web.test_feeds import ATOM
from tests.web.test_pages import ARTICLE, PAGE

LABELS = {
    "utf-8": "utf-8 utf8 ",
    "cp866": "866 cp866 csibm866 ibm866",
    "iso8859-2": "iso-8859-2 iso8859-2 iso_8859-2 l2 latin2",
    "iso8859-7": "greek iso-8859-7 iso_8859-7",
    "iso8859-15": "iso-8859-15 iso8859-15 l9",
    "koi8-r": "koi8-r koi8_r",
    "koi8-u": "koi8-u",
    "mac-roman": "macintosh x-mac-roman",
    "mac-cyrillic": "x-mac-cyrillic",
    "cp874": "windows-874 iso-8859-11 tis-620",
    "cp1250": "cp1250 windows-1250 x-cp1250",
    "cp1252": "ascii us-ascii cp1252 iso-8859-1 iso8859-1 l1 latin1 windows-1252 x-cp1252",
    "cp1254": "cp1254 iso-8859-9 latin5 windows-1254",
    "gb18030": "gb18030 gbk gb2312 chinese x-gbk",
    "big5hkscs": "big5 big5-hkscs csbig5",
    "euc_jp": "euc-jp x-euc-jp",
    "iso2022_jp": "iso-2022-jp csiso2022jp",
    "cp932": "shift_jis shift-jis sjis x-sjis ms932 windows-31j",
    "cp949": "euc-kr ks_c_5601-1987 korean windows-949 ksc5601",
    "utf-16-le": "utf-16 utf-16le",
    "utf-16-be": "utf-16be",
}
ODD = (
    *(
        "punycode",
        "idna",
        "utf-7",
        "unicode_escape",
        "raw_unicode_escape",
        "undefined",
        "utf-32",
        "hz",
        "johab",
    ),
    *(
        "hex",
        "base64",
        "zlib",
        "bz2",
        "rot13",
        "uu",
        "quopri",
        "cp037",
        "mbcs",
        "no-such",
        "a" * 30,
        "..",
        "x-",
    ),
)
SLOW = b"9" * 2_000_000
SECONDS = 20.0
"""What is slow took an hour, and a worker for it 30 seconds."""


@pytest.fixture
def web() -> Iterator[Web]:
    with serve() as web:
        yield web


@pytest.mark.parametrize(("name", "labels"), LABELS.items())
def test_the_labels_of_the_web_are_known(name: str, labels: str):
    assert {label: encoding_of_the_web(label) for label in labels.split()} == dict.fromkeys(
        labels.split(), name
    )
    assert encoding_of_the_web(f" {labels.split()[0].upper()}\n") == name


@pytest.mark.parametrize("label", [*ODD, "", "\0", "ü", "a" * 100_000])
def test_no_other_is(label: str):
    assert encoding_of_the_web(label) == ""


@pytest.mark.parametrize("charset", ODD)
def test_a_page_in_an_odd_encoding_is_read_as_if_none_was_told(web: Web, settings: Settings, charset: str):
    page = PAGE.replace("<head>", f'<head><meta charset="{charset}">').replace("river", "İzmir şehri")
    [found] = load_url(web.page("/a", page, f"text/html; charset={charset}"), settings, web.network).documents
    assert "İzmir şehri" in found.text


@pytest.mark.parametrize("kind", ["text/html", "text/plain", "application/json"])
@pytest.mark.parametrize("told", ["charset=punycode", "charset*=punycode''{}", 'charset="idna"'])
def test_no_name_of_an_encoding_keeps_a_page_from_being_read_soon(
    web: Web, settings: Settings, kind: str, told: str
):
    url = web.page("/a", b"text,title\n-" + SLOW, f"{kind}; {told.format('9' * 40_000)}")
    assert_soon(lambda: load_url(url, settings, web.network))


def test_the_app_leaves_decoding_to_the_worker(web: Web, settings: Settings):
    text = ("名前と住所。 " * 400 + "\n\n") * 300
    url = web.page("/a", text.encode("shift_jis"), "text/plain; charset=shift_jis")
    load_url(web.page("/b", ARTICLE, "text/plain; charset=utf-8"), settings, web.network)
    began = time.process_time()
    [found] = load_url(url, settings, web.network).documents
    assert "名前と住所。" in found.text
    assert time.process_time() - began < 1.5


@pytest.mark.parametrize(
    "message",
    [
        b"Subject: A\r\nContent-Type: text/plain; charset=punycode\r\n\r\n" + SLOW,
        b"Subject: =?punycode?q?" + SLOW + b"?=\r\n\r\n" + ARTICLE.encode(),
        b"Subject: A\r\nContent-Type: text/plain; charset*=punycode''" + SLOW + b"\r\n\r\n" + ARTICLE.encode(),
        b'Subject: A\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename*=punycode\'\''
        + SLOW + b"\r\n\r\n" + ARTICLE.encode(),
    ],
)  # fmt: skip
def test_no_encoding_of_a_message_keeps_it_from_being_read_soon(message: bytes):
    head = b"From: a@b.example\r\nTo: c@d.example\r\nDate: Tue, 05 Mar 2024 10:00:00 GMT\r\n"
    assert_soon(lambda: load_bytes("a.eml", head + message, "key"))


@pytest.mark.parametrize("place", ["header", "declaration"])
def test_no_encoding_of_a_feed_keeps_it_from_being_read_soon(web: Web, settings: Settings, place: str):
    declared = ATOM.replace('"1.0"', '"1.0" encoding="punycode"') if place == "declaration" else ATOM
    told = "application/atom+xml" + ("; charset=punycode" if place == "header" else "")
    url = web.page("/feed", declared.encode() + b"<!---->-" + SLOW, told)
    assert_soon(lambda: load_feed(url, settings, web.network))


def assert_soon(read: Callable[[], object]) -> None:
    began = time.monotonic()
    with suppress(LoadError):  # that it can't be read is said in time too
        read()
    assert time.monotonic() - began < SECONDS


@pytest.mark.parametrize(
    ("charset", "kept"), [("windows-1252", "“naïve”"), ("iso-8859-9", "şehir"), ("", "naïve")]
)
def test_a_message_is_read_in_the_encoding_that_it_names(charset: str, kept: str):
    told = f"; charset={charset}" if charset else ""
    text = f"The harbour is {kept} and open.".encode(
        {"iso-8859-9": "cp1254"}.get(charset, charset or "utf-8")
    )
    head = f"From: a@b.example\r\nTo: c@d.example\r\nSubject: A\r\nContent-Type: text/plain{told}\r\n\r\n"
    [found] = load_bytes("a.eml", head.encode() + text, "key").documents
    assert kept in found.text
