"""RSS and Atom feeds fetched: their entries, to choose from, and the articles that these lead to."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from rag.documents import Loaded
from rag.errors import LoadError
from rag.loading.formats import File
from rag.loading.process.worker import read_apart
from rag.settings import Settings
from rag.web.addresses import shown_address, web_address
from rag.web.fetching import PUBLIC, Fetched, Network
from rag.web.pages import FEEDS, fetch_within, load_url, read_fetched

# How a feed begins, whatever its server calls it. Atomic groups: it can't be made slow to match.
_START = re.compile(
    rb"(?:\xef\xbb\xbf)?(?>\s+|<\?(?>[^>]*>)|<!--(?>.*?-->)|<!DOCTYPE(?>[^>]*>))*+<(?:rss|feed|rdf:RDF)[\s>]",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One article that a feed names."""

    url: str
    title: str
    published: date | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed with its entries."""

    url: str
    title: str
    entries: tuple[Entry, ...]


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
    if fetched.media_type in FEEDS or _START.match(fetched.data[:8192]):
        return _feed(key, fetched)
    return read_fetched(key, fetched, settings)


def load_entry(feed: Feed, entry: Entry, settings: Settings, network: Network = PUBLIC) -> Loaded:
    """Read an entry's article; where its page names no publisher or day, the feed's are taken."""
    return load_url(entry.url, settings, network, source=feed.title, published=entry.published)


def _feed(key: str, fetched: Fetched) -> Feed:
    """Return a feed's entries whose address is one of the web, in its one form, and each address once."""
    name = shown_address(key)
    # Apart, as files are: a feed can be made to take its reader minutes.
    loaded = read_apart(
        File(name, fetched.data, fetched.url, len(fetched.data), fetched.charset), task="feed"
    )
    if loaded.failed:
        raise LoadError(name, f"{name} is a feed that can't be read: check the address.")
    entries, title = dict[str, Entry](), ""
    for found in loaded.documents:
        with suppress(LoadError):
            url, title = str(web_address(found.url)), found.source
            entries.setdefault(url, Entry(url, found.title or shown_address(url), found.published))
    if not entries:
        raise LoadError(name, f"{name} is a feed without articles: check the address.")
    newest_first = sorted(entries.values(), key=lambda entry: entry.published or date.min, reverse=True)
    return Feed(key, title, tuple(newest_first))
