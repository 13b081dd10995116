"""RSS and Atom feeds fetched: their entries, to choose from, and the articles that these lead to."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import date

from rag.documents import Loaded
from rag.errors import LoadError
from rag.loading.feed_entries import Entry, Feed
from rag.loading.process.worker import read_feed_apart
from rag.settings import Settings
from rag.web.addresses import shown_address, web_address
from rag.web.fetching import PUBLIC, Fetched, Network
from rag.web.pages import FEEDS, fetch_within, load_url, read_fetched

__all__ = ["Entry", "Feed", "load_entry", "load_feed", "load_page_or_feed"]

# How a feed begins, whatever its server calls it. Atomic groups: it can't be made slow to match.
_START = re.compile(
    rb"(?:\xef\xbb\xbf)?(?>\s+|<\?(?>[^>]*>)|<!--(?>.*?-->)|<!DOCTYPE(?>[^>]*>))*+<(?:rss|feed|rdf:RDF)[\s>]",
    re.IGNORECASE | re.DOTALL,
)


def load_feed(url: str, settings: Settings, network: Network = PUBLIC) -> Feed:
    """Read the feed at an address: its entries, the newest first, those without a day last.

    Raises
    ------
    LoadError
        It can't be had, or is no feed with entries.
    """
    feed = load_page_or_feed(url, settings, network)
    if isinstance(feed, Loaded):
        name = shown_address(url)
        raise LoadError(name, f"{name} is a page and no feed: add it without --feed.")
    return feed


def load_page_or_feed(url: str, settings: Settings, network: Network = PUBLIC) -> Loaded | Feed:
    """Read what is at an address, as `load_url` does where it is no feed."""
    key = str(web_address(url))
    fetched = fetch_within(key, settings, network)
    return _feed(key, fetched) if _is_feed(fetched) else read_fetched(key, fetched, settings)


def load_entry(feed: Feed, entry: Entry, settings: Settings, network: Network = PUBLIC) -> Loaded:
    """Read an entry's article; where its page names no publisher or day, the feed's are taken."""
    return load_url(entry.url, settings, network, source=feed.title, published=entry.published)


def _is_feed(fetched: Fetched) -> bool:
    return fetched.media_type in FEEDS or _START.match(fetched.data[:8192]) is not None


def _feed(key: str, fetched: Fetched) -> Feed:
    headers = {"content-location": fetched.url, "content-type": fetched.media_type}
    if fetched.charset:
        headers["content-type"] += f"; charset={fetched.charset}"
    name = shown_address(key)
    try:
        # Apart, as files are: a feed can be made to take its reader minutes.
        feed = read_feed_apart(name, key, fetched.data, headers)
    except LoadError as error:
        raise LoadError(name, f"{name} is a feed that can't be read: check the address.") from error
    entries = _of_the_web(feed.entries)
    if not entries:
        raise LoadError(name, f"{name} is a feed without articles: check the address.")
    newest_first = sorted(entries, key=lambda entry: entry.published or date.min, reverse=True)
    return replace(feed, entries=tuple(newest_first))


def _of_the_web(entries: Iterable[Entry]) -> Collection[Entry]:
    """Return the entries whose address is one of the web, in its one form, and each address once."""
    kept = dict[str, Entry]()
    for entry in entries:
        with suppress(LoadError):
            url = str(web_address(entry.url))
            kept.setdefault(url, replace(entry, url=url, title=entry.title or shown_address(url)))
    return kept.values()
