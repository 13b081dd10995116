"""What waits on disk to be added, and how each kind of it is added."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial

from rag.documents import IsCancelled, ReportProgress
from rag.errors import LoadError
from rag.ingest.incoming import Kept
from rag.library import Library
from rag.service.adding import Result, Step, Upload, add_text, add_upload
from rag.service.naming import count
from rag.service.web import address_jobs, entry_jobs
from rag.web.feeds import Entry, Feed
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
def jobs_of(library: Library, waiting: Sequence[Kept], network: Network) -> Iterator[list[Step]]:
    """Give what adds each of the things that wait; they are of one kind."""
    kind = waiting[0].kind if waiting else "file"
    if kind == "address":
        with address_jobs(library, [kept.name for kept in waiting], network) as jobs:
            yield jobs
    elif kind == "entry":
        with entry_jobs(library, list(map(entry_of, waiting)), network) as jobs:
            yield jobs
    else:
        add = _add_text if kind == "text" else _add_file
        yield [(kept.name or PASTED, partial(add, library, kept)) for kept in waiting]


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


def _add_file(
    library: Library, kept: Kept, report: ReportProgress, cancelled: IsCancelled | None
) -> list[Result]:
    upload = Upload(kept.name, kept.read())
    return add_upload(library, upload, library.settings.max_upload_bytes, report, cancelled)


def _add_text(
    library: Library, kept: Kept, report: ReportProgress, cancelled: IsCancelled | None
) -> list[Result]:
    return add_text(library, kept.name, kept.read().decode(errors="replace"), report, cancelled)
