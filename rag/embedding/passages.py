"""What a passage gives the embedding model, and what names the vectors that it gets for it."""

from __future__ import annotations

from collections.abc import Sequence

from rag.documents import short_hash
from rag.text.splitting import Piece


def embedded_text(title: str, text: str, piece: Piece) -> tuple[str, list[tuple[int, int]]]:
    """Return what is embedded of a passage, title and headings first, and where its sentences lie in it."""
    context = "\n".join(filter(None, [title, piece.heading, piece.header]))
    offset = len(context) + 1 - piece.start
    spans = [(span.start + offset, span.end + offset) for span in piece.sentences]
    return f"{context}\n{text[piece.start : piece.end]}", spans


def passage_fingerprint(embedder: str, text: str, spans: Sequence[tuple[int, int]]) -> str:
    """Return what names the vectors of a passage: equal ones are embedded once."""
    return short_hash("passage", embedder, text, repr(list(spans)))
