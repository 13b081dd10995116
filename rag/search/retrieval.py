"""Finding passages: reading the question, fusing scores, and a second look at the best."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rag.deadline import NO_DEADLINE, Deadline
from rag.documents import Filters
from rag.embedding.local import Vector, products
from rag.embedding.word_vectors import WordVectors, as_floats, best_matches
from rag.question.reading import Reading
from rag.question.time_and_source import Preference
from rag.store.catalog_view import CatalogView
from rag.store.chroma_follower import VectorIndex, nearest_rows
from rag.store.stored_passage import StoredPassage
from rag.text.canonical import judged
from rag.text.language import language_of_question
from rag.text.words import content_spans, content_words, index_stem, spellings, stem, stems

CANDIDATES = 100
"""Passages taken from each of the two rankings before they are fused."""
SECOND_LOOK = 20
"""Passages whose sentences are looked at."""
PREFERRED = 20
"""Passages taken from the articles that a question prefers, if they are not among the best anyway."""
BONUS = 0.15
"""What a passage's score gains by being of the source that is preferred, and again by its day; the newest
of those that are near the best gains it, older ones half, a quarter, and so on."""
NEAR_THE_BEST = 0.3
"""What the latest of may lack to the best score: a newer article about something else gains nothing."""
WIDE = 2_000
"""Passages that pass the filters, up to which all of them are compared."""
MOST_MATCHES = 6_000
"""Matches that BM25 is worked out for: about 3 ms. In a large library the commonest words of a question
are left to the second look; they would tell little, and cost the most."""

# Of so many times as many as would hold enough that pass, if they were spread evenly, most often enough do.
_MORE = 2
# One of the nearest of all costs as much as reading the vectors of so many that pass. With 80,000 passages
# of which 20,000 passed, asking Chroma for 800 took 8 ms, reading 64 ms, and Chroma's own filter 158 ms.
_READ_FOR_ONE = 4

# 0.7 × cosine + 0.3 × BM25 / its best: recall@1 0.957 on XQuAD en, where reciprocal rank fusion gives
# 0.936. Scores are fused and not ranks after Bruch, Gai and Ingber 2022 (arXiv:2210.11934).
_COSINE, _LEXICAL = 0.7, 0.3
# In a language that the model doesn't know, words tell and vectors hardly do.
_COSINE_FOREIGN = 0.1
# The second look; docs/quality.md tells what each part gives.
_BEST_SENTENCE, _COVERAGE, _PAIRS, _WORDS = 0.3, 0.2, 0.3, 1.0


@dataclass(frozen=True, slots=True)
class Question:
    """A question as retrieval sees it.

    ``language`` is that of the question, as an ISO 639-1 code, "" where that can't be told. ``frequency``
    is the number of passages that hold each stem, ``rarity`` its share of their inverse document
    frequencies (the sum is 1), ``pairs`` the neighbouring stems; ``is_known_language`` tells whether the
    embedding model knows the question's language. ``word_rows`` are the vectors of its words, (words,
    `WIDTH`), where the model gives them.
    """

    reading: Reading
    language: str
    words: tuple[str, ...]
    stems: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    frequency: Mapping[str, int]
    rarity: Mapping[str, float]
    vector: Vector
    is_known_language: bool
    word_rows: NDArray[np.float32]

    @property
    def text(self) -> str:
        """The question in words."""
        return self.reading.text


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage found, with the scores that it was ranked by.

    ``coverage`` is the share of the question's words held, weighted by rarity, ``pairs`` that of its
    neighbouring words; both from 0 to 1. ``word_cosines`` are those of
    `rag.embedding.word_vectors.best_matches`, (words of the question, 1 + sentences). ``score`` includes the
    ``bonus`` for a document that the question prefers. ``day`` is the document's day in words if it is in
    the period that is preferred.
    """

    stored: StoredPassage
    score: float
    coverage: float
    pairs: float
    sentence_cosines: NDArray[np.float32]
    word_cosines: NDArray[np.float32]
    stems: tuple[str, ...]
    held: frozenset[str]
    """The stems as a set."""
    bonus: float = 0.0
    day: str = ""

    @property
    def told(self) -> frozenset[str]:
        """The stems that the passage holds or its document's day tells."""
        return self.held.union(stems(self.day)) if self.day else self.held


def read_question(
    reading: Reading,
    vector: Vector,
    word_vectors: WordVectors,
    view: CatalogView,
    known_languages: frozenset[str] = frozenset(),
) -> Question:
    """Find out which words of a question matter, and how much.

    ``known_languages`` are those of the embedding model; empty means that they aren't known.
    """
    text = reading.text
    language = language_of_question(text)
    found = content_words(text)
    found_stems = tuple(dict.fromkeys(stem(word) for word in found))
    passages = view.counts()[1]
    frequencies = _frequencies(view, found)
    # The inverse document frequency of BM25 (Robertson and Zaragoza 2009), kept above zero.
    inverse = {
        term: math.log(1 + (passages - count + 0.5) / (count + 0.5)) for term, count in frequencies.items()
    }
    total = sum(inverse.values())
    rarity = {term: value / total for term, value in inverse.items()}
    in_order = [s for s in stems(text) if s in rarity]
    pairs = tuple(dict.fromkeys(pairwise(in_order)))
    is_known = not (language and known_languages) or language in known_languages
    return Question(
        reading,
        language,
        tuple(found),
        found_stems,
        pairs,
        frequencies,
        rarity,
        vector,
        is_known,
        as_floats(word_vectors.rows),
    )


def find(
    view: CatalogView,
    index: VectorIndex,
    question: Question,
    limit: int,
    *,
    filters: Filters | None = None,
    complete: Callable[[StoredPassage], StoredPassage] = lambda stored: stored,
    deadline: Deadline = NO_DEADLINE,
) -> list[Candidate]:
    """Return the best passages for a question, the best first; ties go by id.

    ``complete`` adds the vectors of its words to a passage that has none. Those that there is no time for
    are left out.
    """
    if filters:
        near, lexical = _passing(view, index, question, CANDIDATES, filters)
    else:
        near = index.nearest(view, question.vector, CANDIDATES).passage_ids
        lexical = view.passages.matching(_match_query(question), CANDIDATES) if question.words else {}
    preferred = set[str]()
    preference = question.reading.preference
    for wanted in preference.within if preference else ():
        if both := _both(filters, wanted):
            more_near, more_lexical = _passing(view, index, question, PREFERRED, both)
            preferred.update(more_near, more_lexical)
            lexical = more_lexical | lexical
    fused = _fuse(view, question, [*near, *lexical, *preferred], lexical)
    best = sorted(fused, key=lambda passage: (-fused[passage], passage))
    wanted_too = [passage for passage in best if passage in preferred][:PREFERRED]
    looked_at = view.passages.read(list(dict.fromkeys([*best[: max(SECOND_LOOK, limit)], *wanted_too])))
    completed = [complete(stored) for stored in deadline.within(looked_at.values())]
    candidates = _second_look(question, completed, fused, deadline)
    if preference:
        candidates = _with_bonus(question, candidates, preference)
    candidates.sort(key=lambda c: (-c.score, c.stored.passage.id))
    return candidates[:limit]


def _passing(
    view: CatalogView, index: VectorIndex, question: Question, limit: int, filters: Filters
) -> tuple[Sequence[str], dict[str, float]]:
    """Return what `_within` does, quicker where it is worth looking for it among the nearest of all."""
    passing = view.passages.count_within(filters)
    if passing > WIDE:
        most = _MORE * limit * view.counts()[1] // passing
        if passing > _READ_FOR_ONE * most:
            near = view.passages.passing(index.nearest(view, question.vector, most).passage_ids, filters)
            # Fewer where what is asked about is not where it is looked for.
            if len(near) >= limit:
                query = _match_query(question)
                lexical = view.passages.matching(query, limit, filters, most=most) if question.words else {}
                return near, lexical
    return _within(view, question, limit, filters)


def _within(
    view: CatalogView, question: Question, limit: int, filters: Filters
) -> tuple[Sequence[str], dict[str, float]]:
    """Return the nearest passages that pass the filters, and those that match best with their BM25."""
    near = nearest_rows(view.passages.vectors_within(filters), question.vector, limit)
    return near, view.passages.matching(_match_query(question), limit, filters) if question.words else {}


def _both(filters: Filters | None, wanted: Filters) -> Filters | None:
    """Return filters that pass what both pass, None if that is nothing."""
    if not filters:
        return wanted
    sources = set(filters.sources) & set(wanted.sources) if filters.sources and wanted.sources else None
    since = max((day for day in (filters.since, wanted.since) if day), default=None)
    until = min((day for day in (filters.until, wanted.until) if day), default=None)
    if sources == set() or (since and until and since > until):
        return None
    names = sorted(sources) if sources else filters.sources or wanted.sources
    return replace(filters, sources=names, since=since, until=until)


def _with_bonus(
    question: Question, candidates: Sequence[Candidate], preference: Preference
) -> list[Candidate]:
    newness = _newness(candidates) if preference.newest else {}
    return [_preferred(question, candidate, preference, newness) for candidate in candidates]


def _preferred(
    question: Question, candidate: Candidate, preference: Preference, newness: Mapping[date, float]
) -> Candidate:
    document = candidate.stored.document
    bonus = BONUS * preference.suited(document)
    cosines, day = candidate.word_cosines, ""
    if preference.period and document.published and document.published in preference.period:
        day = f"{document.published.day} {document.published:%B %Y}"
        cosines = _with_day(question, cosines, day)
    elif document.published:
        bonus += BONUS * newness.get(document.published, 0.0)
    return replace(candidate, score=candidate.score + bonus, bonus=bonus, day=day, word_cosines=cosines)


def _with_day(question: Question, cosines: NDArray[np.float32], day: str) -> NDArray[np.float32]:
    """Return the words' cosines with those of the day as if it stood in the title."""
    spans = content_spans(question.text)
    if len(spans) != len(cosines):  # a word that the model has no token for
        return cosines
    told = {*stems(day), *stems("since before after until between")}
    said = [stem(question.text[start:end]) in told for start, end in spans]
    with_day = cosines.copy()
    with_day[said, 0] = 1.0
    return with_day


def _newness(candidates: Sequence[Candidate]) -> dict[date, float]:
    """Return 1 for the newest day of the candidates near the best, and halves of that for older ones."""
    enough = max((candidate.score for candidate in candidates), default=0.0) - NEAR_THE_BEST
    days = {
        candidate.stored.document.published
        for candidate in candidates
        if candidate.stored.document.published and candidate.score >= enough
    }
    return {day: 0.5**place for place, day in enumerate(sorted(days, reverse=True))}


def _frequencies(view: CatalogView, words: Sequence[str]) -> dict[str, int]:
    """Return how many passages hold each stem, in whatever spelling."""
    terms = {word: [index_stem(spelling) for spelling in spellings(word)] for word in words}
    counts = view.passages.frequencies([term for spelled in terms.values() for term in spelled])
    return {stem(word): sum(counts[term] for term in spelled) for word, spelled in terms.items()}


def _match_query(question: Question) -> str:
    """Return the FTS5 query for a question's words, the rarest first, as far as `MOST_MATCHES` allows."""
    chosen, matches = list[str](), 0
    for word in sorted(question.words, key=lambda word: (question.frequency[stem(word)], word)):
        matches += question.frequency[stem(word)]
        if chosen and matches > MOST_MATCHES:
            break
        chosen.extend(spellings(word))
    return " OR ".join(f'"{word}"' for word in chosen)


def _fuse(
    view: CatalogView, question: Question, passage_ids: Sequence[str], lexical: Mapping[str, float]
) -> dict[str, float]:
    """Return the fused score of each passage that is still held."""
    rows = view.passages.vectors_of(list(dict.fromkeys(passage_ids)))
    if not rows.ids:
        return {}
    cosines = products(rows.matrix, question.vector)
    best = max(lexical.values(), default=1.0)
    cosine_weight = _COSINE if question.is_known_language else _COSINE_FOREIGN
    return {
        passage: cosine_weight * cosine + _LEXICAL * (lexical.get(passage, 0.0) / best)
        for passage, cosine in zip(rows.ids, cosines.tolist(), strict=True)
    }


def _second_look(
    question: Question,
    passages: Sequence[StoredPassage],
    fused: Mapping[str, float],
    deadline: Deadline,
) -> list[Candidate]:
    """Return the passages with their scores, in their order; ``fused`` is what `_fuse` returns."""
    matches = best_matches(question.word_rows, [stored.words for stored in passages])
    return [
        _scored(question, stored, word_cosines, fused[stored.passage.id])
        for stored, word_cosines in deadline.within(zip(passages, matches, strict=True))
    ]


def _scored(
    question: Question, stored: StoredPassage, word_cosines: NDArray[np.float32], score: float
) -> Candidate:
    above = (stored.document.title, stored.passage.heading, stored.header)
    text_stems = stems("\n".join([*map(judged, above), stored.judged_text]))
    held = frozenset(text_stems)
    coverage = covered(question, held)
    pairs = paired(question, text_stems, held)
    sentence_cosines = products(stored.sentence_vectors, question.vector)
    if question.is_known_language:
        score += _BEST_SENTENCE * float(sentence_cosines.max(initial=0.0))
        score += _WORDS * matched(word_cosines)
    score += _COVERAGE * coverage + _PAIRS * pairs
    return Candidate(stored, score, coverage, pairs, sentence_cosines, word_cosines, text_stems, held)


def matched(word_cosines: NDArray[np.float32]) -> float:
    """Return the mean of each word's best match, 0 where there are no words."""
    return float(word_cosines.max(axis=1).mean()) if word_cosines.size else 0.0


def covered(question: Question, held: AbstractSet[str]) -> float:
    """Return the share of the question's words held, weighted by their rarity."""
    return sum(weight for word, weight in question.rarity.items() if word in held)


def paired(question: Question, text_stems: Sequence[str], held: AbstractSet[str]) -> float:
    """Return the share of the question's neighbouring words that are near each other in a text."""
    if not question.pairs:
        return 0.0
    near = sum(
        first in held and follower in held and _are_near(first, follower, text_stems)
        for first, follower in question.pairs
    )
    return near / len(question.pairs)


def _are_near(first: str, follower: str, text_stems: Sequence[str]) -> bool:
    """Whether one stem is followed by another, with at most one between them."""
    return any(
        word == first and follower in text_stems[position + 1 : position + 3]
        for position, word in enumerate(text_stems)
    )
