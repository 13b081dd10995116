"""The article page: the words that a footnote quotes, where they stand."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app_pages.article import reading
from app_pages.component import show
from app_pages.engine import engine
from app_pages.links import article_link, conversation_link
from app_pages.wording import file_name, origin, page_word, title
from rag import Citation, Document, DocumentNotFound, Turn
from rag.service import told_left_out


def page() -> None:
    """Show the article that the address names, with the places of its conversation."""
    shared = engine()
    document_id = st.query_params.get("d", "")
    conversation_id = st.query_params.get("c", "")
    turns = list(shared.conversations.turns(conversation_id)) if conversation_id else []
    if turns:
        st.session_state["conversation"] = conversation_id
    citations = reading.cited(turns, document_id)
    back = conversation_link(conversation_id) if turns else ""
    try:
        document = shared.library.document(document_id)
    except DocumentNotFound:
        show("article", key="article-gone", **_gone(citations, back))
        return
    st.set_page_config(page_title=f"{title(document)} · Footnote")
    data = _article(document, conversation_id, citations)
    show("article", key=f"article-{document_id}-{st.query_params.get('s', '')}", **data, back=back)


def _article(
    document: Document, conversation_id: str, citations: list[tuple[Turn, Citation]]
) -> dict[str, Any]:
    target = reading.resolve(document, st.query_params.get("v", ""), st.query_params.get("s", ""), citations)
    places = reading.places(document, citations, target.span)
    return {
        **_heading(document),
        "note": target.note or told_left_out(document),
        "quotes": [{"quote": target.lost_quote}] if target.lost_quote else [],
        "blocks": reading.blocks(document, places),
        "page_word": page_word(document),
        "places": [
            {
                "id": place.id,
                "number": place.number,
                "question": place.question,
                "href": article_link(document.id, document.version, place.span, conversation_id),
            }
            for place in places
        ],
        "groups": _groups(places),
        "current": next((place.id for place in places if place.span == target.span), None),
        "share": article_link(document.id, document.version, target.span),
    }


def _groups(places: list[reading.Place]) -> list[dict[str, Any]]:
    """Return the numbered places question by question, in the order they were asked."""
    numbered = sorted((p for p in places if p.number), key=lambda p: (p.turn, p.number))
    groups: dict[int, dict[str, Any]] = {}
    for place in numbered:
        group = groups.setdefault(place.turn, {"question": place.question, "places": []})
        group["places"].append({"id": place.id, "number": place.number})
    return list(groups.values())


def _heading(document: Document) -> dict[str, Any]:
    return {
        "title": title(document),
        "origin": origin(document),
        "file": file_name(document),
        "url": reading.web_address(document.url),
    }


def _gone(citations: list[tuple[Turn, Citation]], back: str) -> dict[str, Any]:
    """Return the page of an article that the library doesn't hold: what a conversation still quotes of it."""
    empty = {"blocks": [], "places": [], "groups": [], "current": None, "share": "", "back": back}
    if not citations:
        unknown = {"title": "No article here", "origin": [], "file": "", "url": "", "quotes": []}
        return {**empty, **unknown, "note": reading.UNKNOWN}
    quotes = [
        {"quote": citation.quote, "number": citation.number, "question": turn.question}
        for turn, citation in citations
        if citation.quote
    ]
    return {
        **empty,
        **_heading(citations[0][1].document),
        "quotes": quotes,
        "note": reading.NOT_HELD_QUOTED if quotes else reading.NOT_HELD_BLANK,
    }
