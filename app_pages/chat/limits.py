"""What the next questions of a conversation are limited to: chosen by the question box, kept in the address.

The address is the truth, so a reload and a shared link search what they show. The session remembers it for
the way back from an article or another page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import streamlit as st

from app_pages.events import Event
from app_pages.wording import day, title
from rag import Document, Filters, FootnoteError

MOST_ARTICLES = 1_000
"""Articles to choose from, the newest; the list goes to the browser as a whole."""
_NAMES = ("source", "since", "until", "article")


def limits(conversation_id: str) -> Filters:
    """Return what the address limits the search to, or what this session last chose in the conversation."""
    given = st.query_params
    if any(name in given for name in _NAMES):
        filters = _filters(
            given.get_all("source"), given.get("since"), given.get("until"), given.get_all("article")
        )
        _kept()[conversation_id] = filters
        return filters
    filters = _kept().get(conversation_id, Filters())
    _put_in_address(filters)
    return filters


def limit(conversation_id: str, filters: Filters) -> None:
    """Limit the next questions of a conversation."""
    _kept()[conversation_id] = filters
    _put_in_address(filters)


def move_limits(old: str, new: str) -> None:
    """Give a conversation that has just begun what was chosen before its first question."""
    if old != new and old in _kept():
        _kept()[new] = _kept().pop(old)


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


def _kept() -> dict[str, Filters]:
    kept: dict[str, Filters] = st.session_state.setdefault("limits", {})
    return kept


def _put_in_address(filters: Filters) -> None:
    values: dict[str, list[str]] = {
        "source": list(filters.sources),
        "since": [filters.since.isoformat()] if filters.since else [],
        "until": [filters.until.isoformat()] if filters.until else [],
        "article": list(filters.document_ids),
    }
    for name, value in values.items():
        if st.query_params.get_all(name) != value:
            st.query_params[name] = value
            if not value:
                st.query_params.pop(name, None)


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
