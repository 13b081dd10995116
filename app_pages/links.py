"""Places in articles: the links that name them, and where they are in the text as it is now."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from rag import Block, Citation

_SPAN = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")
_CONTEXT_CHARACTERS = 160


@dataclass(frozen=True)
class Span:
    """Characters of a text, start included, end excluded."""

    start: int
    end: int


def article_link(
    document_id: str, version: str = "", span: Span | None = None, conversation_id: str = ""
) -> str:
    """Return the address of an article, of a place in it, and of the conversation to go back to."""
    parameters = {"d": document_id}
    if version and span:
        parameters |= {"v": version, "s": f"{span.start}-{span.end}"}
    if conversation_id:
        parameters["c"] = conversation_id
    return f"/article?{urlencode(parameters)}"


def citation_link(citation: Citation, conversation_id: str = "") -> str:
    """Return the address of a citation's words."""
    span = Span(citation.start, citation.end)
    return article_link(citation.document.id, citation.version, span, conversation_id)


def conversation_link(conversation_id: str) -> str:
    """Return the address of a conversation, or of a new one."""
    return f"/?{urlencode({'c': conversation_id})}" if conversation_id else "/"


def parse_span(text: str) -> Span | None:
    """Read "10-25" from a link; None for what is no span."""
    match = _SPAN.fullmatch(text)
    if not match:
        return None
    span = Span(int(match[1]), int(match[2]))
    return span if span.start < span.end else None


def find_once(text: str, quote: str) -> Span | None:
    """Return where a quote stands, if it stands there exactly once."""
    start = text.find(quote) if quote else -1
    if start < 0 or text.find(quote, start + 1) >= 0:
        return None
    return Span(start, start + len(quote))


def locate(citation: Citation, text: str, version: str) -> Span | None:
    """Return where a citation's words are in this version of its document, if that is certain."""
    if citation.version == version:
        return Span(citation.start, citation.end)
    return find_once(text, citation.quote)


def context(text: str, blocks: Sequence[Block], span: Span) -> tuple[str, str]:
    """Return a sentence or two before and after a span, within its paragraph.

    A table row and a heading stand for themselves and get none.
    """
    block = blocks[max(0, bisect_right([b.start for b in blocks], span.start) - 1)] if blocks else None
    if block is None or block.kind not in ("paragraph", "list_item") or span.end > block.end:
        return "", ""
    return _tail(text[block.start : span.start]), _head(text[span.end : block.end])


def _tail(text: str) -> str:
    if len(text) <= _CONTEXT_CHARACTERS:
        return text
    sentence = re.search(r"(?<=[.!?] )\S", text[-_CONTEXT_CHARACTERS:])
    cut = text[-_CONTEXT_CHARACTERS:]
    return "… " + (cut[sentence.start() :] if sentence else cut[cut.find(" ") + 1 :])


def _head(text: str) -> str:
    if len(text) <= _CONTEXT_CHARACTERS:
        return text
    cut = text[:_CONTEXT_CHARACTERS]
    ends = [match.end() for match in re.finditer(r"[.!?](?= )", cut)]
    return (cut[: ends[-1]] if ends else cut[: cut.rfind(" ")]) + " …"
