"""An article with marked places, as the browser is given it.

The browser counts characters in another way than Python does (UTF-16 units), so no offsets are sent:
each block is cut here into pieces of text that are marked or not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from app_pages.links import Span, find_once, locate, parse_span
from rag import Block, Citation, Document, Turn

CHANGED_FOUND = (
    "The article has changed since it was quoted; the same words are highlighted where they stand now."
)
CHANGED_LOST = "The article has changed since it was quoted, and these words are not in it any more:"
CHANGED_BLANK = (
    "The article has changed since it was quoted, and the quote was removed with the earlier text."
)
CHANGED_UNKNOWN = "The article has changed since this link was made, so the place it names can't be shown."
NO_PLACE = "This link names no place in the article, so nothing is highlighted."
NOT_HELD_QUOTED = "This article is no longer in the library; this is what the conversation quoted from it."
NOT_HELD_BLANK = (
    "This article is no longer in the library, and what the conversation quoted from it was removed with it."
)
UNKNOWN = "There is no article at this address: it was removed, or the link is not complete."


@dataclass(frozen=True)
class Place:
    """Words marked in an article; ``number`` is 0 for a place that no question of the conversation cites."""

    id: int
    span: Span
    number: int = 0
    turn: int = 0
    question: str = ""


@dataclass(frozen=True)
class Target:
    """What a link to an article names: where it is now, and what to say about it."""

    span: Span | None
    note: str = ""
    lost_quote: str = ""


def cited(turns: Sequence[Turn], document_id: str) -> list[tuple[Turn, Citation]]:
    """Return what a conversation cites from a document, question by question; a copy counts too."""
    return [
        (turn, place)
        for turn in turns
        for citation in turn.answer.citations
        for place in (citation, *citation.copies)
        if place.document.id == document_id
    ]


def resolve(
    document: Document, version: str, span_text: str, citations: Sequence[tuple[Turn, Citation]]
) -> Target:
    """Find the place that a link names in the document as it is now."""
    if not version and not span_text:
        return Target(None)
    span = parse_span(span_text)
    if span is None or not version:
        return Target(None, NO_PLACE)
    if version == document.version:
        return Target(span) if span.end <= len(document.text) else Target(None, NO_PLACE)
    quotes = [c.quote for _, c in citations if c.version == version and Span(c.start, c.end) == span]
    if not any(quotes):
        return Target(None, CHANGED_BLANK if quotes else CHANGED_UNKNOWN)
    quote = next(filter(None, quotes))
    found = find_once(document.text, quote)
    return Target(found, CHANGED_FOUND) if found else Target(None, CHANGED_LOST, quote)


def places(
    document: Document, citations: Sequence[tuple[Turn, Citation]], target: Span | None
) -> list[Place]:
    """Return all places to mark, in the order of the text; the target is among them."""
    found = []
    for turn, citation in citations:
        span = locate(citation, document.text, document.version)
        if span:
            found.append((span, citation.number, turn.number, turn.question))
    if target and target not in [span for span, *_ in found]:
        found.append((target, 0, 0, ""))
    found.sort(key=lambda place: (place[0].start, place[0].end, place[2], place[1]))
    return [Place(index, *place) for index, place in enumerate(found)]


def blocks(document: Document, marked: Sequence[Place]) -> list[dict[str, Any]]:
    """Return the document's blocks with their text cut at the edges of the places."""
    shown = []
    for block in _without_gaps(document):
        cells = _cells(document.text, block)
        shown.append(
            {
                "kind": block.kind,
                "level": block.level,
                "page": block.page,
                "cells": [_pieces(document.text, cell, marked) for cell in cells],
            }
        )
    return shown


def web_address(url: str) -> str:
    """Return an address that may be opened, of the web only; nothing for any other."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ""
    return url.strip() if parts.scheme in ("http", "https") and parts.netloc else ""


def _without_gaps(document: Document) -> list[Block]:
    """Add a paragraph for any text that stands between blocks, so that nothing is left out."""
    whole, at = [], 0
    for block in [*document.blocks, Block("paragraph", len(document.text), len(document.text))]:
        if document.text[at : block.start].strip():
            whole.append(Block("paragraph", at, block.start))
        if block.start < block.end:
            whole.append(block)
        at = max(at, block.end)
    return whole


def _cells(text: str, block: Block) -> list[Span]:
    if not block.kind.startswith("table"):
        return [Span(block.start, block.end)]
    edges = [block.start]
    for match in re.finditer(re.escape(" | "), text[block.start : block.end]):
        edges += [block.start + match.start(), block.start + match.end()]
    edges.append(block.end)
    return [Span(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _pieces(text: str, cell: Span, marked: Sequence[Place]) -> list[dict[str, Any]]:
    here = [place for place in marked if place.span.start < cell.end and place.span.end > cell.start]
    edges = {cell.start, cell.end}
    for place in here:
        edges |= {max(place.span.start, cell.start), min(place.span.end, cell.end)}
    ordered = sorted(edges)
    return [
        {
            "text": text[start:end],
            "places": [p.id for p in here if p.span.start <= start and end <= p.span.end],
            "ends": [p.id for p in here if p.span.end == end],
        }
        for start, end in pairwise(ordered)
    ]
