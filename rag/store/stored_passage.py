"""Passages and documents as the catalog keeps them, and the passages that have just been read."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np

from rag.documents import Document, Passage
from rag.embedding.local import Vector, Vectors
from rag.embedding.word_vectors import NO_WORDS, WordVectors, unpack
from rag.text.canonical import judged
from rag.text.splitting import Span

_DOCUMENT_FIELDS = (
    *("id", "version", "key", "title", "source", "url", "published", "author", "language", "media_type"),
    *("added", "characters", "words", "passages"),
)
DOCUMENT_COLUMNS = (
    ", ".join(f"d.{name}" for name in _DOCUMENT_FIELDS)
    + ", (SELECT s.story FROM stories s WHERE s.document = d.number)"
)
"""What `document_of` takes, of ``documents d``."""
_JUDGED_CHARACTERS = 10_000
"""Several times as much as passages have; one that is longer is hardly made of words."""
_MOST_KEPT = 500
"""Passages kept between questions: about 8 MB."""


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage with all that finding and quoting need.

    ``sentence_vectors`` is float32, (len(sentences), dimensions); ``header`` belongs to the rows at
    the start of a passage in which a table goes on.
    """

    passage: Passage
    document: Document
    header: str
    sentences: tuple[Span, ...]
    vector: Vector
    sentence_vectors: Vectors
    words: WordVectors = NO_WORDS

    @property
    def judged_text(self) -> str:
        """Its text as far as it is looked at to judge it."""
        return judged(self.passage.text, _JUDGED_CHARACTERS)

    def judged_sentence(self, position: int) -> str:
        """Return a sentence as far as it is looked at to judge it."""
        return judged(self.sentence(position))

    def sentence(self, position: int, last: int | None = None) -> str:
        """Return the words of a sentence, or as they stand from it to another one, `last`."""
        span, until = self.sentences[position], self.sentences[position if last is None else last]
        offset = self.passage.start
        return self.passage.text[span.start - offset : until.end - offset]

    def header_of(self, position: int) -> str:
        """Return the header of the table's row that is this sentence, "" where there is none."""
        for place in range(position - 1, -1, -1):
            span = self.sentences[place]
            if span.kind == "table_header":
                return self.sentence(place)
            if span.kind != "table_row":
                break
        return self.header


class PassageCache:
    """The passages read last, as they were at one change of the catalog.

    Reading those of a question again takes half a millisecond. Several threads may use one cache.
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._change = 0
        self._held = dict[str, StoredPassage]()

    def held(self, change: int) -> dict[str, StoredPassage]:
        """Return what is held of the moment at which this was the catalog's last change, by id."""
        with self._mutex:
            return dict(self._held) if change == self._change else {}

    def hold(self, change: int, passages: Mapping[str, StoredPassage]) -> None:
        """Keep passages: none of an earlier moment, and those of a later one instead of the others."""
        with self._mutex:
            if change < self._change:
                return
            if change > self._change:
                self._change, self._held = change, {}
            self._held.update(passages)
            for name in list(self._held)[:-_MOST_KEPT]:
                del self._held[name]


def document_of(row: Sequence[Any]) -> Document:
    """Return the document of a row of `DOCUMENT_COLUMNS`, without text and blocks."""
    *values, story = row
    held = dict(zip(_DOCUMENT_FIELDS, values, strict=True))
    held["published"] = date.fromisoformat(held["published"]) if held["published"] else None
    held["added"] = datetime.fromisoformat(held["added"])
    return Document(**held, story=story or "")


def stored_passage_of(row: Sequence[Any]) -> StoredPassage:
    """Return a passage with what belongs to it, of a row as `PassagesView.read` selects it."""
    identity, start, end, heading, page, header, text, vector, spans, sentence_vectors, words = row[:11]
    document, whole = document_of(row[11:]), np.frombuffer(vector, np.float32)
    sentences = tuple(Span(*span) for span in json.loads(spans))
    return StoredPassage(
        Passage(identity, document.id, start, end, text, heading, page),
        document,
        header,
        sentences,
        whole,
        # None where they are still to be made (`rag/store/models.py`).
        halves(sentence_vectors or bytes(2 * len(whole) * len(sentences)), len(whole)),
        unpack(words, len(sentences)) or NO_WORDS,
    )


def halves(blob: bytes, dimensions: int) -> Vectors:
    """Return vectors that are kept as float16."""
    return np.frombuffer(blob, np.float16).reshape(-1, dimensions).astype(np.float32)
