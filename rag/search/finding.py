"""Finding for an answer: the question read in all its parts, and the passages for each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from rag.deadline import Deadline
from rag.documents import Document, Filters, Hit
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

NOT_YET = "Since the embedding model was changed, not all articles are embedded anew yet."
_READ_WHOLE = 3
"""Documents, those of the best passages, in which a list is looked for."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """A question as it was read, and its best passages.

    ``texts`` are the documents of the best passages with their texts, the best first, where several things
    are asked for. ``copies`` are passages whose words stand in ``candidates`` (`rag/search/copies.py`).
    ``failure`` is why there were no vectors to find by, so that only words counted.
    """

    question: Question
    candidates: tuple[Candidate, ...]
    texts: tuple[Document, ...] = ()
    copies: tuple[Candidate, ...] = ()
    failure: EmbeddingError | None = None

    def hits(self, limit: int) -> tuple[Hit, ...]:
        """Return the first passages."""
        return tuple(Hit(c.stored.document, c.stored.passage, c.score) for c in self.candidates[:limit])


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
        failure = None
        try:
            with deadline.paused():
                embedded = self._embedded(reading.text)
        except EmbeddingError as error:
            log.warning("A question is answered by words alone: %s", error)
            failure = error
        with self.catalog.reading() as view:
            failure = failure or self._misfit(view, embedded[0])
            if failure:
                embedded = np.zeros(held_dimensions(view), np.float32), NO_WORDS
            asked = read_question(reading, *embedded, view, self.embedder.languages)
            # Without vectors it is as for a question in a language that the model doesn't know: words tell.
            asked = replace(asked, is_known_language=asked.is_known_language and not failure)
            complete = _as_it_is if failure else self.complete
            candidates = tuple(
                find(view, self.index, asked, limit, filters=filters, complete=complete, deadline=deadline)
            )
            texts = _texts(view, candidates) if reading.several else ()
            return Found(asked, candidates, texts, failure=failure)

    def _embedded(self, text: str) -> tuple[Vector, WordVectors]:
        """Return the vectors of a text and of its words.

        Raises
        ------
        EmbeddingError
            The model gives none, or there are none yet to compare them with: words are found all the same.
        """
        with self.catalog.reading() as view:
            self._check_embedded(view)
        return self.embedder.embed_question_words(text)

    def _misfit(self, view: CatalogView, vector: Vector) -> EmbeddingError | None:
        """Return why a vector can't be compared with those that are held at this moment, if it can't."""
        try:
            self._check_embedded(view)
            check_fits(view, self.embedder.name, len(vector))
        except EmbeddingError as error:
            return error
        return None

    def _check_embedded(self, view: CatalogView) -> None:
        if not is_embedded(view, self.embedder.name):
            raise EmbeddingError(NOT_YET)

    def _preference(self, question: str, filters: Filters | None) -> Preference | None:
        with self.catalog.reading() as view:
            origins = view.origins(filters)
        return read_preference(question, origins, date.today())


def _as_it_is(stored: StoredPassage) -> StoredPassage:
    return stored


def _texts(view: CatalogView, candidates: Sequence[Candidate]) -> tuple[Document, ...]:
    ids = dict.fromkeys(candidate.stored.document.id for candidate in candidates)
    return tuple(view.document(name) for name in list(ids)[:_READ_WHOLE])
