"""What the next questions of a conversation are limited to, chosen by the question box."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from app_pages.chat.chosen import choose, chosen
from app_pages.events import Event
from app_pages.wording import day, title
from rag import Document, Filters, FootnoteError

MOST_ARTICLES = 1_000
"""Articles to choose from, the newest; the list goes to the browser as a whole."""
_NAMES = ("source", "since", "until", "article")


def limits(conversation_id: str) -> Filters:
    """Return what the search is limited to in a conversation."""
    values = chosen(conversation_id, *_NAMES)
    since, until = (next(iter(values[name]), None) for name in ("since", "until"))
    return _filters(values["source"], since, until, values["article"])


def limit(conversation_id: str, filters: Filters) -> None:
    """Limit the next questions of a conversation."""
    since, until = ([day.isoformat()] if day else [] for day in (filters.since, filters.until))
    values = (list(filters.sources), since, until, list(filters.document_ids))
    choose(conversation_id, dict(zip(_NAMES, values, strict=True)))


def limits_view(filters: Filters, documents: Mapping[str, Document]) -> dict[str, Any]:
    """Return what the search is limited to, with what it can be limited to, for the view "options"."""
    counted = Counter(document.source for document in documents.values() if document.source)
    newest = list(documents.values())[:MOST_ARTICLES]
    return {
        "only": filters.in_words({one.id: title(one) for one in documents.values()}),
        "sources": [
            {"id": name, "name": name, "note": str(number)} for name, number in sorted(counted.items())
        ],
        "articles": [{"id": one.id, "name": title(one), "note": day(one.published)} for one in newest],
        "more": max(0, len(documents) - MOST_ARTICLES),
        "chosen": {
            "sources": list(filters.sources),
            "since": filters.since.isoformat() if filters.since else "",
            "until": filters.until.isoformat() if filters.until else "",
            "articles": list(filters.document_ids),
        },
    }


def limits_chosen(event: Event) -> Filters:
    """Return what was chosen in the panel."""
    return _filters(event.texts("sources"), event.text("since"), event.text("until"), event.texts("articles"))


def _filters(
    sources: Iterable[str], since: str | None, until: str | None, articles: Iterable[str]
) -> Filters:
    """Return filters from an address or a form; what can't be read in an address limits nothing."""
    try:
        return Filters(list(sources), _day(since), _day(until), list(articles))
    except FootnoteError:  # the days are exchanged
        return Filters(list(sources), _day(until), _day(since), list(articles))


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None
