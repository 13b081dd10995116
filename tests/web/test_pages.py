"""Web addresses become documents, under the address as their key."""

from __future__ import annotations

import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import date
from io import BytesIO

import pytest

from rag import Library, LoadError, NewDocument, Settings, load_url
from tests.helpers.web_server import Web, serve
from tests.loading.test_parts import zipped

ARTICLE = (
    "The harbour bridge was opened on Tuesday after four years of work on both banks of the river. "
    "It carries two lanes for cars and a wide path for people on foot and on bicycles."
)
PAGE = f"""<html><head><title>The bridge</title></head><body><article><h1>The bridge</h1>
<p>{ARTICLE}</p><p>{ARTICLE.replace("bridge", "tunnel")}</p></article></body></html>"""


@pytest.fixture
def web() -> Iterator[Web]:
    with serve() as web:
        yield web


def load(web: Web, settings: Settings, url: str) -> NewDocument:
    (document,) = load_url(url, settings, web.network).documents
    return document


def refusal(web: Web, settings: Settings, url: str) -> str:
    with pytest.raises(LoadError) as caught:
        load_url(url, settings, web.network)
    return caught.value.reason


def test_a_page_is_an_article_with_its_address_as_key(web: Web, settings: Settings):
    found = load(web, settings, web.page("/2024/03/05/bridge", PAGE) + "#top")
    assert (found.key, found.url, found.title) == (web.url("/2024/03/05/bridge"),) * 2 + ("The bridge",)
    assert (found.source, found.published) == ("articles.test", date(2024, 3, 5))
    assert found.text.startswith(ARTICLE)


def test_after_a_redirect_the_key_is_what_was_given_and_the_url_where_it_was_found(
    web: Web, settings: Settings
):
    web.page("/new", PAGE)
    found = load(web, settings, web.status("/old", 301, "/new"))
    assert (found.key, found.url) == (web.url("/old"), web.url("/new"))


def test_the_same_address_again_is_an_update(web: Web, library: Library):
    url = web.page("/bridge", PAGE)
    library.add(load_url(url, library.settings, web.network).documents)
    web.page("/bridge", PAGE.replace("Tuesday", "Wednesday"))
    report = library.add(load_url(url, library.settings, web.network).documents)
    assert [len(report.added), len(report.updated), len(library.documents())] == [0, 1, 1]


@pytest.mark.parametrize(
    ("path", "kind", "media_type"),
    [
        ("/a", "text/plain", "text/plain"),
        ("/notes.md", "text/plain", "text/markdown"),
        ("/notes", "text/markdown; charset=utf-8", "text/markdown"),
        ("/notes.txt", "application/octet-stream", "text/plain"),
    ],
)
def test_text_and_markdown_are_read_as_such(
    web: Web, settings: Settings, path: str, kind: str, media_type: str
):
    found = load(web, settings, web.page(path, f"# Notes\n\n{ARTICLE}", kind))
    assert found.media_type == media_type
    assert ARTICLE in found.text


@pytest.mark.parametrize(
    ("kind", "head"),
    [("text/html; charset=windows-1254", ""), ("text/html", '<meta charset="windows-1254">'),
     ("text/html; charset=windows-1254", '<meta charset="utf-8">')],
)  # fmt: skip
def test_the_encoding_is_the_headers_before_the_pages(web: Web, settings: Settings, kind: str, head: str):
    page = PAGE.replace("<head>", f"<head>{head}").replace("river", "İzmir şehri")
    assert "İzmir şehri" in load(web, settings, web.page("/a", page.encode("cp1254"), kind)).text


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("image/png", "of the kind image/png, which can't be read"),
        ("video/mp4", "of the kind video/mp4"),
        ("application/rss+xml", "is a feed and no article"),
    ],
)
def test_what_is_no_article_says_what_it_is(web: Web, settings: Settings, kind: str, says: str):
    reason = refusal(web, settings, web.page("/a", b"\x89PNG", kind))
    assert reason.startswith(web.url("/a"))
    assert says in reason


@pytest.mark.parametrize("kind", ["application/zip", "application/x-zip-compressed; charset=utf-8", ""])
def test_an_archive_that_is_packed_well_is_read_whatever_encoding_its_server_names(
    web: Web, settings: Settings, kind: str
):
    archive = zipped({"bridge.txt": ARTICLE.encode() * 500, "ferry.md": b"# The ferry\n\nIt stays free."})
    loaded = load_url(web.page("/all.zip", archive, kind), settings, web.network)
    assert [document.title for document in loaded.documents] == ["Bridge", "The ferry"]
    assert loaded.failed == []


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/a", "application/json", '[{"title": "The bridge", "text": "It is open."}]'),
        ("/a", "application/x-ndjson", '{"title": "The bridge", "text": "It is open."}\n'),
        ("/a", "text/tab-separated-values", "title\ttext\nThe bridge\tIt is open.\n"),
        ("/a.csv", "application/vnd.ms-excel", "title,text\nThe bridge,It is open.\n"),
        ("/a", "application/csv; charset=windows-1254", "title,text\nThe bridge,It is open – Şile.\n"),
    ],
)
def test_tables_are_read_under_all_their_names(web: Web, settings: Settings, path: str, kind: str, body: str):
    found = load(web, settings, web.page(path, body.encode("cp1254"), kind))
    assert (found.title, found.text) == ("The bridge", "It is open – Şile." if "–" in body else "It is open.")


def test_what_its_content_tells_is_read_whatever_its_server_calls_it(web: Web, settings: Settings):
    rtf = rb"{\rtf1\ansi The bridge was opened in the spring.}"
    found = load(web, settings, web.page("/bridge", rtf, "application/x-unheard-of"))
    assert found.text == "The bridge was opened in the spring."


def test_a_row_keeps_its_own_address_and_day(web: Web, settings: Settings):
    table = (
        "title,text,link\n"
        "A,It is open.,https://www.gazette.example/2024/03/05/a\n"
        "B,It is shut.,javascript:alert(1)\n"
    )
    url = web.page("/all.csv", table, "text/csv")
    first, second = load_url(url, settings, web.network).documents
    assert (first.url, first.source) == ("https://www.gazette.example/2024/03/05/a", "gazette.example")
    assert first.published == date(2024, 3, 5)
    assert (second.url, second.source, second.published) == (url, "articles.test", None)
    assert first.key.startswith(url + "!/row:")


def test_a_page_without_an_article_is_named_by_its_address(web: Web, settings: Settings):
    url = web.page("/menu", "<html><body><ul><li>Home</li></ul></body></html>")
    assert refusal(web, settings, url).startswith(f"{url} holds no article text:")


def test_the_upload_limit_holds_for_pages_too(web: Web, settings: Settings):
    url = web.page("/a", PAGE + " " * 2_000)
    assert "is larger than 1,024 bytes" in refusal(
        web, settings.model_copy(update={"max_upload_bytes": 1024}), url
    )


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_that_lies_about_its_kind_is_not_unpacked_by_the_app(
    web: Web, settings: Settings, method: int
):
    data = BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        archive.writestr("mimetype", b"\0" * (50 * 1024**2))
    lying = data.getvalue().replace((50 * 1024**2).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    url = web.page("/a", lying, "application/octet-stream")
    tracemalloc.start()
    try:
        with pytest.raises(LoadError, match="is damaged"):
            load_url(url, settings, web.network)
        assert tracemalloc.get_traced_memory()[1] < 20 * 1024**2
    finally:
        tracemalloc.stop()
