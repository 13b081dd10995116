"""Adding from the web: addresses pasted, and the entries of feeds to choose from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from app_pages.adding import Result, add_document, failure, one_by_one
from app_pages.wording import count, short_day
from rag import Library, Loaded, LoadError
from rag.documents import IsCancelled, ReportProgress
from rag.feeds import Entry, Feed, load_entry, load_page_or_feed
from rag.fetching import PUBLIC, Network

NO_ADDRESS = "There is no address to add; paste one that begins with https:// first."


def add_addresses(
    library: Library,
    pasted: str,
    report: ReportProgress,
    cancelled: IsCancelled | None = None,
    network: Network = PUBLIC,
) -> Iterator[Result]:
    """Add the articles at addresses, pasted with spaces or line ends between; feeds wait for a choice."""
    addresses = list(dict.fromkeys(pasted.split()))
    if not addresses:
        return iter([Result("From the web", "failed", NO_ADDRESS)])
    jobs = [(url, partial(_add_address, library, url, network)) for url in addresses]
    return one_by_one(library, jobs, report, cancelled)


def add_entries(
    library: Library,
    feed: Feed,
    entries: Sequence[Entry],
    report: ReportProgress,
    cancelled: IsCancelled | None = None,
    network: Network = PUBLIC,
) -> Iterator[Result]:
    """Add the articles of chosen entries of a feed."""
    jobs = [
        (entry.title, partial(_add_loaded, library, entry.title, feed, entry, network)) for entry in entries
    ]
    return one_by_one(library, jobs, report, cancelled)


def entry_line(index: int, entry: Entry) -> dict[str, Any]:
    """Return what the list of a feed's entries shows of one."""
    return {"id": index, "name": entry.title, "note": short_day(entry.published)}


def _add_address(
    library: Library, url: str, network: Network, report: ReportProgress, cancelled: IsCancelled | None
) -> list[Result]:
    try:
        found = load_page_or_feed(url, library.settings, network)
    except LoadError as error:
        return [failure(error.path, error)]
    if isinstance(found, Feed):
        text = f"A feed with {count(len(found.entries), 'article')}: choose from them below."
        return [Result(found.title or found.url, "asks", text, feed=found)]
    return _added(library, url, found, report, cancelled)


def _add_loaded(
    library: Library,
    name: str,
    feed: Feed,
    entry: Entry,
    network: Network,
    report: ReportProgress,
    cancelled: IsCancelled | None,
) -> list[Result]:
    try:
        found = load_entry(feed, entry, library.settings, network)
    except LoadError as error:
        return [failure(name, error)]
    return _added(library, name, found, report, cancelled)


def _added(
    library: Library, name: str, loaded: Loaded, report: ReportProgress, cancelled: IsCancelled | None
) -> list[Result]:
    results = [failure(name, error) for error in loaded.failed]
    for document in loaded.documents:
        results.extend(add_document(library, document.title or name, document, report, cancelled))
    return results
