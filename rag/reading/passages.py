"""Reading the passages that were found for a question, and ordering them by what the reader makes of them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from rag.deadline import NO_DEADLINE, Deadline
from rag.errors import EmbeddingError
from rag.reading.reader import LANGUAGES, Read, shipped_reader
from rag.search.finding import Found
from rag.search.retrieval import Candidate

DEPTH = 30
"""Passages that are read to order them."""
_ANSWERABLE, _SPAN = 0.25, 0.03
"""What the reader's log-odds that a passage answers, and those of its best words, add to its score.

They are of a logistic model of all three, fitted on `scripts/reading` (docs/quality.md).
"""

log = logging.getLogger(__name__)


def read_passages(found: Found, limit: int, deadline: Deadline = NO_DEADLINE) -> Mapping[str, Read]:
    """Return the best passages as they were read, by their ids, as far as there is time.

    There are none where the reader doesn't know the question's language or can't be opened.
    """
    question = found.question
    if question.language and question.language not in LANGUAGES:
        return {}
    try:
        return shipped_reader().read(question.text, [c.stored for c in found.candidates[:limit]], deadline)
    except EmbeddingError as error:
        log.warning("Passages aren't read: %s", error)
        return {}


def reranked(found: Found) -> Found:
    """Return what was found with the first `DEPTH` passages in order of the reader's judgement."""
    reads = read_passages(found, DEPTH)

    def score(candidate: Candidate) -> float:
        read = reads.get(candidate.stored.passage.id)
        return candidate.score + (_ANSWERABLE * read.answerable + _SPAN * read.best if read else 0.0)

    ordered = sorted(found.candidates, key=lambda c: (-score(c), c.stored.passage.id))
    return replace(found, candidates=tuple(ordered))
