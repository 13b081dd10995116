"""RSS and Atom feeds: their entries, to choose from, and the articles that these lead to."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from rag.documents import Loaded, NewDocument
from rag.errors import LoadError
from rag.loading.metadata import text_of_markup
from rag.loading.process.worker import read_apart
from rag.settings import Settings
from rag.text.canonical import one_line
from rag.web.addresses import shown_address, web_address
from rag.web.fetching import PUBLIC, Fetched, Network
from rag.web.pages import FEEDS, fetch_within, load_url, read_fetched

# How a feed begins, whatever its server calls it. Atomic groups: it can't be made slow to match.
_START = re.compile(
    rb"(?:\xef\xbb\xbf)?(?>\s+|<\?(?>[^>]*>)|<!--(?>.*?-->)|<!DOCTYPE(?>[^>]*>))*+<(?:rss|feed|rdf:RDF)[\s>]",
    re.IGNORECASE | re.DOTALL,
)
_MOST_ENTRIES = 500
_TITLE_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Entry:
    """One article that a feed names."""

    url: str
    title: str
    published: date | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed with its entries, the newest first, those without a day last."""

    url: str
    title: str
    entries: tuple[Entry, ...]


def load_feed(url: str, settings: Settings, network: Network = PUBLIC) -> Feed:
    """Read the feed at an address.

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
    told = {"content-location": fetched.url, "content-type": fetched.media_type}
    if fetched.charset:
        told["content-type"] += f"; charset={fetched.charset}"
    name = shown_address(key)
    # Apart, as files are: a feed can be made to take its reader minutes.
    loaded = read_apart(name, fetched.data, key, len(fetched.data), told=told)
    if loaded.failed:
        raise LoadError(name, f"{name} is a feed that can't be read: check the address.")
    if not loaded.documents:
        raise LoadError(name, f"{name} is a feed without articles: check the address.")
    entries = (Entry(one.url, one.title, one.published) for one in loaded.documents)
    return Feed(key, loaded.documents[0].source, tuple(entries))


def read_feed(name: str, data: bytes, told: Mapping[str, str]) -> Loaded:
    """Return the entries of a feed, as documents that have no text yet; their source is the feed's title.

    Parameters
    ----------
    told
        The headers that say where it was found and what it is.
    """
    # Imported here and not in every process: only the worker reads them.
    import feedparser

    try:
        # As a stream, since bytes alone would be tried as the name of a file first.
        found = feedparser.parse(io.BytesIO(data), response_headers=dict(told))
    except MemoryError:
        raise
    # It meets any feed that was ever written, and fails in ways that it does not list.
    except Exception as error:  # noqa: BLE001  # one sentence, as for any that can't be read
        return Loaded(failed=[LoadError(name, f"{name} can't be read ({type(error).__name__}).")])
    title = _plain(found.feed, "title")
    return Loaded(
        [
            NewDocument("", title=entry.title, source=title, url=entry.url, published=entry.published)
            for entry in _entries(found.entries[:_MOST_ENTRIES])
        ]
    )


def _entries(found: Sequence[Any]) -> list[Entry]:
    entries = dict[str, Entry]()
    for one in found:
        try:
            url = str(web_address(one.get("link", "")))
        except LoadError:
            continue
        entries.setdefault(url, Entry(url, _plain(one, "title") or shown_address(url), _day(one)))
    return sorted(entries.values(), key=lambda entry: entry.published or date.min, reverse=True)


def _plain(holder: Any, name: str) -> str:
    """Return a text of a feed without markup."""
    text = holder.get(name, "")
    is_markup = "html" in (holder.get(f"{name}_detail") or {}).get("type", "")
    line = text_of_markup(text) if is_markup else one_line(text)
    return line if len(line) <= _TITLE_CHARACTERS else line[: _TITLE_CHARACTERS - 1] + "…"


def _day(entry: Any) -> date | None:
    moment = entry.get("published_parsed") or entry.get("updated_parsed")
    try:
        day = date(*moment[:3]) if moment else None
    except (TypeError, ValueError):
        return None
    return day if day and day <= date.today() else None
