"""Feeds: their entries in order, and the articles behind them with the feed's name and day."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from datetime import date
from functools import partial

import pytest

import rag.cli.commands
from rag import Library, LoadError, Settings
from rag.web.feeds import Entry, Feed, load_entry, load_feed, load_page_or_feed
from rag.web.pages import load_url
from tests.helpers.web_server import Web, serve
from tests.web.test_pages import PAGE

RSS = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0"><channel><title>Harbour &amp; Gazette</title><link>{base}/</link>
<item><title>The old bridge</title><link>{base}/old</link><pubDate>Mon, 04 Mar 2024 10:00:00 GMT</pubDate></item>
<item><title>&lt;b&gt;The new&lt;/b&gt; bridge &amp;amp; more</title><link>/new</link>
<pubDate>Tue, 05 Mar 2024 10:00:00 +0100</pubDate></item>
<item><title>No day</title><link>{base}/undated</link></item>
<item><title>A script</title><link>javascript:alert(1)</link></item>
<item><title>Twice</title><link>{base}/old#again</link></item>
</channel></rss>"""
ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Harbour Gazette</title>
<entry><title type="html">&lt;i&gt;Bridges&lt;/i&gt;</title><link rel="alternate" href="/new"/>
<updated>2024-03-05T10:00:00Z</updated></entry></feed>"""


@pytest.fixture
def web() -> Iterator[Web]:
    with serve() as web:
        web.page("/feed", RSS.format(base=web.url("")), "application/rss+xml")
        yield web


def test_entries_come_newest_first_each_once_and_only_those_of_the_web(web: Web, settings: Settings):
    feed = load_feed(web.url("/feed"), settings, web.network)
    assert feed == Feed(
        web.url("/feed"),
        "Harbour & Gazette",
        (
            Entry(web.url("/new"), "The new bridge & more", date(2024, 3, 5)),
            Entry(web.url("/old"), "The old bridge", date(2024, 3, 4)),
            Entry(web.url("/undated"), "No day"),
        ),
    )


@pytest.mark.parametrize("kind", ["application/atom+xml", "text/xml; charset=utf-8", "text/html"])
def test_atom_is_read_whatever_its_server_calls_it(web: Web, settings: Settings, kind: str):
    feed = load_page_or_feed(web.page("/atom", ATOM, kind), settings, web.network)
    assert isinstance(feed, Feed)
    assert feed.entries == (Entry(web.url("/new"), "Bridges", date(2024, 3, 5)),)


def test_an_article_takes_publisher_and_day_from_the_feed_where_its_page_has_none(
    web: Web, settings: Settings
):
    web.page("/new", PAGE)
    feed = load_feed(web.url("/feed"), settings, web.network)
    (found,) = load_entry(feed, feed.entries[0], settings, web.network).documents
    assert (found.key, found.source, found.published) == (
        web.url("/new"),
        "Harbour & Gazette",
        date(2024, 3, 5),
    )


def test_the_pages_own_publisher_and_day_come_first(web: Web, settings: Settings):
    own = (
        '<head><meta property="og:site_name" content="The Quay">'
        '<meta property="article:published_time" content="2023-01-02">'
    )
    web.page("/new", PAGE.replace("<head>", own))
    feed = load_feed(web.url("/feed"), settings, web.network)
    (found,) = load_entry(feed, feed.entries[0], settings, web.network).documents
    assert (found.source, found.published) == ("The Quay", date(2023, 1, 2))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (PAGE, "is a page and no feed"),
        ("<rss><channel><title>x</title></channel></rss>", "a feed without articles"),
    ],
)
def test_what_is_no_feed_with_articles_says_so(web: Web, settings: Settings, body: str, says: str):
    with pytest.raises(LoadError, match=says):
        load_feed(web.page("/none", body), settings, web.network)


def test_a_feed_that_breaks_the_parser_is_one_sentence(web: Web, settings: Settings):
    broken = b'<?xml version="1.0" encoding="\xff"?><rss><channel><title>x</title></channel></rss>'
    with pytest.raises(LoadError, match="is a feed that can't be read: check the address"):
        load_feed(web.page("/broken", broken, "application/rss+xml"), settings, web.network)


def test_entities_are_not_expanded_nor_files_read(web: Web, settings: Settings):
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f"""<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY l0 "ha">{laughs}
    <!ENTITY passwords SYSTEM "file:///etc/passwd">]><rss version="2.0"><channel><title>&l11;&passwords;</title>
    <item><title>A &l11;</title><link>{web.url("/a")}</link></item></channel></rss>"""
    start = time.monotonic()
    feed = load_feed(web.page("/bomb", bomb, "application/rss+xml"), settings, web.network)
    assert time.monotonic() - start < 5
    assert "root" not in feed.title
    assert len(feed.title + feed.entries[0].title) < 1_000


def test_a_feed_of_many_entries_is_read_outside_of_the_app_and_its_first_are_shown(
    web: Web, settings: Settings
):
    items = "".join(
        f"<item><title>{'W' * 1_000 if n == 0 else n}</title><link>{web.url(f'/{n}')}</link></item>"
        for n in range(5_000)
    )
    url = web.page("/many", f'<rss version="2.0"><channel><title>Harbour</title>{items}</channel></rss>')
    tracemalloc.start()
    try:
        feed = load_feed(url, settings, web.network)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (feed.title, len(feed.entries)) == ("Harbour", 500)
    assert feed.entries[0] == Entry(web.url("/0"), "W" * 299 + "…")
    assert peak_bytes < 4 * 1024**2


def test_the_command_line_adds_the_latest_of_a_feed_and_addresses(
    web: Web, library: Library, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    web.page("/new", PAGE)
    web.page("/direct", PAGE.replace("bridge", "ferry"))
    monkeypatch.setenv("FOOTNOTE_DATA_DIR", str(library.settings.data_dir))
    monkeypatch.setattr("rag.web.pages.load_url", partial(load_url, network=web.network))
    monkeypatch.setattr("rag.web.feeds.load_feed", partial(load_feed, network=web.network))
    monkeypatch.setattr("rag.web.feeds.load_entry", partial(load_entry, network=web.network))
    arguments = ["add", web.url("/direct"), web.url("/gone"), "--feed", web.url("/feed"), "--latest", "1"]
    web.status("/gone", 404)
    assert rag.cli.commands.main(arguments) == 1
    printed = capsys.readouterr()
    assert [line.split()[0] for line in printed.out.splitlines()] == ["added", "added"]
    assert f"{web.url('/gone')} leads to no page (HTTP 404)" in printed.err
    assert {one.key for one in library.documents()} == {web.url("/direct"), web.url("/new")}


def test_add_without_anything_is_wrong_usage(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        rag.cli.commands.main(["add"])
    assert caught.value.code == 2
    assert "add needs a PATH" in capsys.readouterr().err
