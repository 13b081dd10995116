"""Adding from the web: addresses pasted, and the entries of feeds to choose from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from rag.documents import IsCancelled, Loaded, ReportProgress
from rag.errors import LoadError
from rag.ingest.jobs import Contents
from rag.keys import INNER
from rag.library import Library
from rag.service.adding import Result, Step, add_contents, failure
from rag.service.naming import count
from rag.web.addresses import web_address
from rag.web.feeds import Entry, Feed, load_entry, load_page_or_feed
from rag.web.fetching import PUBLIC, Network
from rag.web.fetching_ahead import FetchingAhead

NO_ADDRESS = "There is no address to add; paste one that begins with https:// first."


@contextmanager
def address_jobs(library: Library, urls: Sequence[str], network: Network = PUBLIC) -> Iterator[list[Step]]:
    """Give what adds the articles at addresses, each in its turn; a feed waits for a choice."""
    tasks = [(url, partial(load_page_or_feed, url, library.settings, network)) for url in urls]
    with FetchingAhead(tasks) as ahead:
        yield [
            (url, partial(_add_address, library, url, partial(ahead.take, index)))
            for index, url in enumerate(urls)
        ]


@contextmanager
def entry_jobs(
    library: Library, chosen: Sequence[tuple[Feed, Entry]], network: Network = PUBLIC
) -> Iterator[list[Step]]:
    """Give what adds the articles of entries of feeds, each in its turn."""
    tasks = [(one.url, partial(load_entry, feed, one, library.settings, network)) for feed, one in chosen]
    with FetchingAhead(tasks) as ahead:
        yield [
            (entry.title, partial(_add_entry, library, entry, partial(ahead.take, index)))
            for index, (_, entry) in enumerate(chosen)
        ]


def _add_address(
    library: Library,
    url: str,
    fetched: Callable[[IsCancelled | None], Loaded | Feed],
    report: ReportProgress,
    cancelled: IsCancelled | None,
) -> list[Result]:
    try:
        found = fetched(cancelled)
    except LoadError as error:
        return [failure(error.path, error)]
    if isinstance(found, Feed):
        text = f"A feed with {count(len(found.entries), 'article')}: choose from them below."
        return [Result(found.title or found.url, "asks", text, feed=found)]
    return _added(library, url, url, found, report, cancelled)


def _add_entry(
    library: Library,
    entry: Entry,
    fetched: Callable[[IsCancelled | None], Loaded],
    report: ReportProgress,
    cancelled: IsCancelled | None,
) -> list[Result]:
    try:
        found = fetched(cancelled)
    except LoadError as error:
        return [failure(entry.title, error)]
    return _added(library, entry.title, entry.url, found, report, cancelled)


def _added(
    library: Library,
    name: str,
    url: str,
    loaded: Loaded,
    report: ReportProgress,
    cancelled: IsCancelled | None,
) -> list[Result]:
    failures = [failure(name, error) for error in loaded.failed]
    contents = Contents.of(loaded, address_key(url))
    if len(loaded.documents) == 1 and INNER not in loaded.documents[0].key:
        name = loaded.documents[0].title or name
        return [*failures, *add_contents(library, name, contents, report, cancelled)]
    return [*add_contents(library, name, contents, report, cancelled), *failures]


def address_key(url: str) -> str:
    """Return the key under which what is at an address comes into the library; empty for no address."""
    try:
        return str(web_address(url))
    except LoadError:
        return ""
