"""Finding for an answer: the question read in all its parts, and the passages for each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from rag.deadline import NO_DEADLINE, Deadline
from rag.documents import Document, Filters
from rag.embedding.local import Embedder, Vector
from rag.embedding.word_vectors import NO_WORDS, WordVectors
from rag.errors import EmbeddingError
from rag.question.reading import read
from rag.question.time_and_source import Preference, may_prefer, read_preference
from rag.search.retrieval import Candidate, Question, find, read_question
from rag.store.catalog import Catalog
from rag.store.catalog_view import CatalogView
from rag.store.chroma_follower import VectorIndex
from rag.store.models import check_fits, held_dimensions, is_embedded
from rag.store.stored_passage import StoredPassage
from rag.text.canonical import one_line

BY_WORDS = "Searched by words alone. {}"
NOT_YET = "Since the embedding model was changed, not all articles are embedded anew yet."
_READ_WHOLE = 3
"""Documents, those of the best passages, in which a list is looked for."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """A question as it was read, and its best passages.

    ``limited_to`` says in words which articles alone were searched. ``texts`` are the documents of the best
    passages with their texts, the best first, where several things are asked for. ``copies`` are passages
    whose words stand in ``candidates`` (`rag/search/copies.py`). ``remark`` says why only words counted, if
    so. ``deadline`` is that of all that is made of it.
    """

    question: Question
    candidates: tuple[Candidate, ...]
    limited_to: str = ""
    texts: tuple[Document, ...] = ()
    copies: tuple[Candidate, ...] = ()
    remark: str = ""
    deadline: Deadline = field(default=NO_DEADLINE, compare=False)


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds passages in a catalog.

    ``complete`` adds the vectors of its words to a passage that has none.
    """

    catalog: Catalog
    index: VectorIndex
    embedder: Embedder
    complete: Callable[[StoredPassage], StoredPassage]

    def find(
        self, question: str, limit: int, filters: Filters | None, deadline: Deadline, *, prefer: bool
    ) -> Found:
        """Find passages as `Library.find` says."""
        # In the form that the texts have: an accent typed as a mark of its own would part a word.
        question = one_line(question)
        preference = self._preference(question, filters) if prefer and may_prefer(question) else None
        reading = read(question, preference)
        with deadline.paused():
            embedded, trouble = self._embedded(reading.text)
        with self.catalog.reading() as view:
            trouble = trouble or self._misfit(view, embedded[0])
            if trouble:
                embedded = np.zeros(held_dimensions(view), np.float32), NO_WORDS
            asked = read_question(reading, *embedded, view, self.embedder.languages)
            # Without vectors it is as for a question in a language that the model doesn't know: words tell.
            asked = replace(asked, is_known_language=asked.is_known_language and not trouble)
            complete = _as_it_is if trouble else self.complete
            candidates = tuple(
                find(view, self.index, asked, limit, filters=filters, complete=complete, deadline=deadline)
            )
            return Found(
                asked,
                candidates,
                filters.in_words(view.titles(filters.document_ids)) if filters else "",
                _texts(view, candidates) if reading.several else (),
                remark=BY_WORDS.format(trouble) if trouble else "",
                deadline=deadline,
            )

    def _embedded(self, text: str) -> tuple[tuple[Vector, WordVectors], str]:
        """Return the vectors of a text, or why there are none, which is no reason not to find by words."""
        nothing = np.zeros(0, np.float32), NO_WORDS
        with self.catalog.reading() as view:
            if not is_embedded(view, self.embedder.name):
                return nothing, NOT_YET
        try:
            return self.embedder.embed_question_words(text), ""
        except EmbeddingError as error:
            log.warning("A question is answered by words alone: %s", error)
            return nothing, str(error)

    def _misfit(self, view: CatalogView, vector: Vector) -> str:
        """Return why a vector can't be compared with those that are held at this moment, if it can't."""
        if not is_embedded(view, self.embedder.name):
            return NOT_YET
        try:
            check_fits(view, self.embedder.name, len(vector))
        except EmbeddingError as error:
            return str(error)
        return ""

    def _preference(self, question: str, filters: Filters | None) -> Preference | None:
        with self.catalog.reading() as view:
            origins = view.origins(filters)
        return read_preference(question, origins, date.today())


def _as_it_is(stored: StoredPassage) -> StoredPassage:
    return stored


def _texts(view: CatalogView, candidates: Sequence[Candidate]) -> tuple[Document, ...]:
    ids = dict.fromkeys(candidate.stored.document.id for candidate in candidates)
    return tuple(view.document(name) for name in list(ids)[:_READ_WHOLE])
