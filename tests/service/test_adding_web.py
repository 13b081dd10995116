"""Adding from the web in the app: several addresses at once, and what each of them brings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from http.server import BaseHTTPRequestHandler
from threading import Barrier

import pytest

from rag import Library, Progress
from rag.documents import IsCancelled
from rag.service import adding
from rag.service.adding import Result, one_by_one
from rag.service.web import Page, reads_of
from rag.web.feeds import Entry, Feed, load_entry, load_page_or_feed
from tests.helpers.web_server import Answer, Web, serve
from tests.web.test_pages import ARTICLE, PAGE


@pytest.fixture
def web() -> Iterator[Web]:
    with serve() as web:
        web.names |= {"quay.test": ["127.0.0.1"], "gazette.test": ["127.0.0.1"]}
        yield web


def nothing(progress: Progress) -> None: ...


def pages(web: Web, library: Library, *urls: str) -> list[Page]:
    return [Page(url, url, partial(load_page_or_feed, url, library.settings, web.network)) for url in urls]


def added(library: Library, pages: Sequence[Page], cancelled: IsCancelled | None = None) -> list[Result]:
    with reads_of(pages) as reads:
        steps = [
            (page.name, partial(adding.add, library, page.name, read))
            for page, read in zip(pages, reads, strict=True)
        ]
        return list(one_by_one(library, steps, nothing, cancelled))


def add(web: Web, library: Library, *urls: str) -> list[Result]:
    return added(library, pages(web, library, *urls))


def test_servers_are_asked_at_once_and_results_come_in_the_order_given(web: Web, library: Library):
    together = Barrier(3)
    urls = []
    for name, host in (("ferry", "quay.test"), ("bridge", "articles.test"), ("tunnel", "gazette.test")):
        web.page(f"/{name}", PAGE.replace("bridge", name))
        web.answers[f"/{name}"] = partial(when_all_are_asked, together, web.answers[f"/{name}"])
        urls.append(web.url(f"/{name}", host))
    results = add(web, library, *urls)
    assert [result.state for result in results] == ["added"] * 3
    assert [result.name for result in results] == ["The ferry", "The bridge", "The tunnel"]


def when_all_are_asked(together: Barrier, answer: Answer, request: BaseHTTPRequestHandler) -> None:
    together.wait(5)
    answer(request)


def test_one_that_fails_stands_in_its_place(web: Web, library: Library):
    web.status("/gone", 404)
    web.page("/bridge", PAGE)
    found = add(web, library, web.url("/gone"), web.url("/bridge", "quay.test"), "ftp://x")
    assert [result.state for result in found] == ["failed", "added", "failed"]
    assert (found[0].name, found[2].name) == (web.url("/gone"), "ftp://x")


def test_a_table_has_one_line_and_what_it_no_longer_holds_leaves(web: Web, library: Library):
    url = web.page("/towns.csv", "title,text\nQuay,It is open.\nFerry,It stays free.\n", "text/csv")
    [result] = add(web, library, url)
    assert (result.state, result.text) == ("added", "2 articles added, 6 words.")
    web.page("/towns.csv", "title,text\nFerry,It stays free.\n", "text/csv")
    [result] = add(web, library, url)
    assert (result.state, result.text) == ("updated", "1 unchanged, 1 removed.")
    assert [document.title for document in library.documents()] == ["Ferry"]


def test_entries_of_a_feed_are_added_in_order(web: Web, library: Library):
    web.page("/bridge", PAGE)
    web.page("/ferry", PAGE.replace("bridge", "ferry").replace(ARTICLE[:20], "The ferry was opened"))
    entries = tuple(Entry(web.url(f"/{name}"), name.title()) for name in ("ferry", "bridge"))
    feed = Feed(web.url("/feed"), "Harbour Gazette", entries)
    loads = [partial(load_entry, feed, entry, library.settings, web.network) for entry in entries]
    chosen = [Page(entry.title, entry.url, load) for entry, load in zip(entries, loads, strict=True)]
    results = added(library, chosen)
    assert [result.name for result in results] == ["The ferry", "The bridge"]
    assert {document.source for document in library.documents()} == {"Harbour Gazette"}


def test_cancelled_it_begins_nothing_further(web: Web, library: Library):
    web.page("/bridge", PAGE)
    urls = [web.url("/bridge", host) for host in ("quay.test", "articles.test")]
    assert added(library, pages(web, library, *urls), lambda: True) == []
    assert (library.documents(), web.asked) == ([], [])
