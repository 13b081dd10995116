"""Finding for an answer: the question read in all its parts, and the passages for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from rag.catalog import Catalog
from rag.catalog_view import CatalogView
from rag.documents import Document, Filters
from rag.embeddings import Embedder
from rag.preferences import Preference, may_prefer, read_preference
from rag.retrieval import Candidate, Question, find, read_question
from rag.shapes import FACT, Shape, read_shape
from rag.stored_passage import StoredPassage
from rag.text import one_line
from rag.vectors import VectorIndex

_READ_WHOLE = 3
"""Documents, those of the best passages, in which a list is looked for."""


@dataclass(frozen=True, slots=True)
class Found:
    """A question as it was read, and its best passages.

    ``preferring`` and ``limited_to`` say in words which articles counted more and which alone were searched.
    ``texts`` are the documents of the best passages with their texts where a list may be asked for, the best
    first; ``sides`` is what was found for each side of a comparison by itself. ``copies`` are passages whose
    words stand in ``candidates`` (`rag/copies.py`).
    """

    question: Question
    candidates: tuple[Candidate, ...]
    preferring: str = ""
    limited_to: str = ""
    shape: Shape = FACT
    texts: tuple[Document, ...] = ()
    sides: tuple[Found, ...] = ()
    copies: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds passages in a catalog.

    ``complete`` adds the vectors of its words to a passage that has none.
    """

    catalog: Catalog
    index: VectorIndex
    embedder: Embedder
    complete: Callable[[StoredPassage], StoredPassage]

    def find(self, question: str, limit: int, filters: Filters | None, *, prefer: bool) -> Found:
        """Find passages as `Library.find` says."""
        # In the form that the texts have: an accent typed as a mark of its own would part a word.
        question = one_line(question)
        preference = self._preference(question, filters) if prefer and may_prefer(question) else None
        text = preference.text if preference else question
        shape = read_shape(text)
        embedded = [self.embedder.embed_question_words(asked) for asked in (text, *_sides(shape))]
        with self.catalog.reading() as view:
            read = read_question(text, *embedded[0], view, self.embedder.languages)
            # A side of a comparison is in the language of the whole question.
            parts = [
                replace(read_question(asked, *vectors, view), is_known_language=read.is_known_language)
                for asked, vectors in zip(_sides(shape), embedded[1:], strict=True)
            ]
            candidates, *sides = (
                tuple(find(view, self.index, part, limit, filters, preference, self.complete))
                for part in (read, *parts)
            )
            return Found(
                read,
                candidates,
                str(preference or ""),
                filters.in_words(view.titles(filters.document_ids)) if filters else "",
                shape,
                _texts(view, candidates) if shape.kind in ("list", "comparison") else (),
                tuple(Found(part, found) for part, found in zip(parts, sides, strict=True)),
            )

    def _preference(self, question: str, filters: Filters | None) -> Preference | None:
        with self.catalog.reading() as view:
            origins = view.origins(filters)
        return read_preference(question, origins, date.today())


def _sides(shape: Shape) -> list[str]:
    return [side.question for side in shape.sides]


def _texts(view: CatalogView, candidates: Sequence[Candidate]) -> tuple[Document, ...]:
    ids = dict.fromkeys(candidate.stored.document.id for candidate in candidates)
    return tuple(view.document(name) for name in list(ids)[:_READ_WHOLE])
