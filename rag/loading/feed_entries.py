"""RSS and Atom feeds -> the articles that they name."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

from rag.documents import Loaded, NewDocument
from rag.errors import LoadError
from rag.loading.formats import File
from rag.loading.metadata import text_of_markup
from rag.text.canonical import one_line
from rag.text.days import past_day

_MOST_ENTRIES = 500
_TITLE_CHARACTERS = 300


def read_feed(file: File) -> Loaded:
    """Return a feed's entries in their order: documents with title, address and day, and no text yet.

    Their source is the feed's title, and the file's key the address that theirs may be relative to.
    """
    # Imported here and not in every process: only the worker reads them.
    import feedparser

    headers = {"content-location": file.key, "content-type": f"application/xml; charset={file.charset}"}
    try:
        # As a stream, since bytes alone would be tried as the name of a file first.
        found = feedparser.parse(io.BytesIO(file.data), response_headers=headers)
    except MemoryError:
        raise
    # It meets any feed that was ever written, and fails in ways that it does not list.
    except Exception as error:  # noqa: BLE001  # one sentence, as for any file that can't be read
        reason = f"{file.name} can't be read ({type(error).__name__})."
        return Loaded(failed=[LoadError(file.name, reason)])
    title = _plain(found.feed, "title")
    entries = [
        NewDocument("", _plain(entry, "title"), file.key, title, entry.get("link", ""), _day(entry))
        for entry in found.entries[:_MOST_ENTRIES]
    ]
    return Loaded(entries)


def _plain(holder: Any, name: str) -> str:
    """Return a text of a feed without markup."""
    text = holder.get(name, "")
    is_markup = "html" in (holder.get(f"{name}_detail") or {}).get("type", "")
    line = text_of_markup(text) if is_markup else one_line(text)
    return line if len(line) <= _TITLE_CHARACTERS else line[: _TITLE_CHARACTERS - 1] + "…"


def _day(entry: Any) -> date | None:
    moment = entry.get("published_parsed") or entry.get("updated_parsed")
    return past_day("{:04}-{:02}-{:02}".format(*moment)) if moment else None
