"""What waits on disk to be added, and how each kind of it is read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial

from rag.documents import IsCancelled
from rag.errors import LoadError
from rag.ingest.incoming import Kept
from rag.library import Library
from rag.service.adding import Read, Reads, Upload, read_text, read_upload
from rag.service.naming import count
from rag.service.web import Page, reads_of
from rag.web.feeds import Entry, Feed, load_entry, load_page_or_feed
from rag.web.fetching import Network

PASTED = "Pasted text"


def name_of(waiting: Sequence[Kept], total: int) -> str:
    """Return what to call things that were handed over together."""
    if waiting and waiting[0].kind == "entry":
        return entry_of(waiting[0])[0].title or count(total, "article")
    if waiting and waiting[0].kind == "address":
        return count(total, "address", "addresses")
    return (waiting[0].name or PASTED) if waiting and total == 1 else count(total, "file")


@contextmanager
def reading(library: Library, waiting: Sequence[Kept], network: Network) -> Iterator[list[Reads]]:
    """Give what reads each of the things that wait; they are of one kind."""
    if waiting and waiting[0].kind in ("address", "entry"):
        with reads_of([_page(library, kept, network) for kept in waiting]) as reads:
            yield reads
    else:
        yield [partial(_read, library, kept) for kept in waiting]


def in_bytes(feed: Feed, entry: Entry) -> bytes:
    """Return an entry of a feed as it is kept."""
    published = entry.published.isoformat() if entry.published else ""
    kept = {"url": entry.url, "published": published, "feed": feed.url, "source": feed.title}
    return json.dumps(kept).encode()


def entry_of(kept: Kept) -> tuple[Feed, Entry]:
    """Return a kept entry with its feed; one that can't be read has no address, and fails where that is."""
    try:
        told = json.loads(kept.read())
        published = date.fromisoformat(told["published"]) if told["published"] else None
        return Feed(told["feed"], told["source"], ()), Entry(told["url"], kept.name, published)
    except (LoadError, ValueError, KeyError, TypeError):
        return Feed("", "", ()), Entry("", kept.name)


def _page(library: Library, kept: Kept, network: Network) -> Page:
    if kept.kind == "address":
        return Page(kept.name, kept.name, partial(load_page_or_feed, kept.name, library.settings, network))
    feed, entry = entry_of(kept)
    return Page(entry.title, entry.url, partial(load_entry, feed, entry, library.settings, network))


def _read(library: Library, kept: Kept, cancelled: IsCancelled | None) -> Read:
    if kept.kind == "text":
        return read_text(kept.name, kept.read().decode(errors="replace"))
    upload = Upload(kept.name, kept.read())
    return read_upload(library, upload, library.settings.max_upload_bytes, cancelled)
