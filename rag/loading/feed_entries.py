"""RSS and Atom feeds -> the articles that they name."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from rag.errors import LoadError
from rag.loading.metadata import text_of_markup
from rag.text.canonical import one_line

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
    """A feed with its entries."""

    url: str
    title: str
    entries: tuple[Entry, ...]


def read_feed(name: str, url: str, data: bytes, headers: Mapping[str, str]) -> Feed:
    """Return a feed with its entries in their order, their addresses as they stand in it.

    Parameters
    ----------
    name, url
        What the user calls it, and its own address.
    headers
        Those that say where it was found and what it is.

    Raises
    ------
    LoadError
        It can't be read.
    """
    # Imported here and not in every process: only the worker reads them.
    import feedparser

    try:
        # As a stream, since bytes alone would be tried as the name of a file first.
        found = feedparser.parse(io.BytesIO(data), response_headers=dict(headers))
    except MemoryError:
        raise
    # It meets any feed that was ever written, and fails in ways that it does not list.
    except Exception as error:
        raise LoadError(name, f"{name} can't be read ({type(error).__name__}).") from error
    return Feed(url, _plain(found.feed, "title"), tuple(_entries(found.entries[:_MOST_ENTRIES])))


def _entries(found: Sequence[Any]) -> Iterator[Entry]:
    for entry in found:
        yield Entry(str(entry.get("link", "")), _plain(entry, "title"), _day(entry))


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
