"""Answers made of quotes: which sentences answer a question, and whether any does."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np

from rag.answers import NO_ANSWER, Answer, Citation, Differing, Sentence
from rag.deadline import NO_DEADLINE, Deadline, DeadlineExceeded
from rag.documents import Hit
from rag.quoting.citing import Quote, apart_from, cite, without_same
from rag.quoting.composing import listed, row_of
from rag.quoting.differing import Claim, find_differing
from rag.quoting.evidence import (
    ANSWER_FEATURES,
    ENOUGH,
    SENTENCE_FEATURES,
    Judged,
    Weighed,
    lacking,
    probability,
    says_the_same,
    weigh_answer,
    weigh_sentences,
)
from rag.quoting.versions import are_versions, is_older, with_newest
from rag.search.finding import Found
from rag.text.canonical import labelled_cells
from rag.text.splitting import LEANING
from rag.text.words import stem

WEIGHTS_PATH = Path(__file__).with_name("quoting_weights.json")
LEXICAL = "lexical"
"""The weights for an embedding model without its own, and for languages that a model doesn't know."""

MOST_SENTENCES = 3
MOST_WORDS = 100
"""An answer's length: further sentences join the first as long as they fit."""
_CLOSE = 2.6
"""Log-odds that a further sentence may lie behind the first."""
_CLOSE_IF_NEW = 3.3
"""The same for one that holds a word of the question which the others lack."""
RELATED = 3


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of one embedding model, as `scripts/fit_quoting.py` fits them.

    A sentence's or an answer's log-odds are its features times these, plus a bias. An answer below
    ``threshold`` is declined.
    """

    sentence: tuple[float, ...]
    sentence_bias: float
    answer: tuple[float, ...]
    answer_bias: float
    threshold: float


@lru_cache(maxsize=4)
def weights_for(embedder: str) -> Weights:
    """Return the weights of an embedding model, or those that do without vectors."""
    table = json.loads(WEIGHTS_PATH.read_text("utf-8"))
    row = table.get(embedder, table[LEXICAL])
    return Weights(
        tuple(row["sentence"][name] for name in SENTENCE_FEATURES),
        row["sentence"]["bias"],
        tuple(row["answer"][name] for name in ANSWER_FEATURES),
        row["answer"]["bias"],
        row["threshold"],
    )


def quote(found: Found, embedder: str, deadline: Deadline = NO_DEADLINE) -> Answer:
    """Answer a question with the one to three sentences that answer it best, or decline.

    Parameters
    ----------
    found
        The question and its passages.
    embedder
        The embedding model's name; its weights are used if the question's language is known to it.
    deadline
        The answer is the best one until then.
    """
    weights = weights_for(embedder if found.question.is_known_language else LEXICAL)
    judged = _judge(found, weights, deadline)
    if judged.confidence < ENOUGH:
        return _declined(found, judged.confidence)
    claims: Sequence[Claim] = ()
    # Without the time for a list or for what differs there is still the best sentence.
    with suppress(DeadlineExceeded):
        if found.question.reading.several and (whole := listed(found, judged.ranked[0], deadline)):
            return Answer(
                found.question.text, whole.sentences, items=whole.items, confidence=judged.confidence
            )
        claims = find_differing(found.question, judged.ranked, judged.scores, deadline)
    return _plain_answer(found, judged, claims, deadline)


def _plain_answer(found: Found, judged: Judged, claims: Sequence[Claim], deadline: Deadline) -> Answer:
    chosen = choose(judged.ranked, judged.scores, found.question.stems)
    quotes = join(beside([claim.weighed for claim in claims], chosen))
    citations = [cite(number, quote, found, deadline) for number, quote in enumerate(quotes, 1)]
    return Answer(
        found.question.text,
        tuple(map(_sentence, quotes, citations)),
        differing=_differing(claims, quotes, citations),
        confidence=judged.confidence,
    )


def choose(ranked: Sequence[Weighed], scores: Sequence[float], asked: Sequence[str]) -> list[Weighed]:
    """Return the sentences that an answer quotes: the best, and those close behind that say more.

    One that holds a word asked for which the others lack may lie further behind: "built and electrified".
    """
    chosen = [ranked[0]]
    length = len(ranked[0].text.split())
    for weighed, score in zip(ranked[1:], scores[1:], strict=True):
        if len(chosen) == MOST_SENTENCES or score < scores[0] - _CLOSE_IF_NEW:
            break
        said = frozenset[str]().union(*(other.stems for other in chosen))
        if score < scores[0] - _CLOSE and not any(s in weighed.stems and s not in said for s in asked):
            continue
        words = len(weighed.text.split())
        is_said = any(says_the_same(weighed, other) or are_versions(weighed, other) for other in chosen)
        if length + words <= MOST_WORDS and not is_said:
            chosen.append(weighed)
            length += words
    return chosen


def beside(differing: Sequence[Weighed], chosen: Sequence[Weighed]) -> list[Weighed]:
    """Return the sentences that differ, the best among them, and those of the others that still fit."""
    if not differing:
        return list(chosen)
    kept = list(differing)
    length = sum(len(weighed.text.split()) for weighed in kept)
    for weighed in chosen:
        words = len(weighed.text.split())
        is_kept = any(weighed is other for other in kept)
        if not is_kept and len(kept) < MOST_SENTENCES and length + words <= MOST_WORDS:
            kept.append(weighed)
            length += words
    return kept


def join(chosen: Sequence[Weighed]) -> list[Quote]:
    """Return the chosen sentences as quotes that can be read on their own, in their order.

    Neighbours become one quote, and a sentence that begins with "It" or "This" brings the one before it.
    """
    quotes = list[Quote]()
    for weighed in chosen:
        stored, position = weighed.candidate.stored, weighed.position
        for number, quote in enumerate(quotes):
            # Only what follows: what was chosen first answers best, and so it comes first.
            if (
                quote.stored is stored
                and position >= quote.first
                and (grown := quote.with_sentence(position))
            ):
                quotes[number] = grown
                break
        else:
            is_before_quoted = any(q.stored is stored and q.last == position - 1 for q in quotes)
            quote = Quote(stored, position, position)
            if LEANING.match(weighed.text) and not is_before_quoted:
                quote = quote.with_sentence(position - 1) or quote
            quotes.append(quote)
    return quotes


def _judge(found: Found, weights: Weights, deadline: Deadline) -> Judged:
    """Rank the sentences in sight, and estimate whether they answer."""
    weighed = weigh_sentences(found.question, found.candidates, deadline)
    ranked, scores = without_same(*_rank(weighed, weights))
    if not ranked:
        return Judged((), (), 0.0)
    return with_newest(Judged(ranked, scores, _confidence(found, ranked, scores, weights)))


def _confidence(found: Found, ranked: Sequence[Weighed], scores: Sequence[float], weights: Weights) -> float:
    candidates = apart_from(ranked[0], found.candidates)
    features = weigh_answer(found.question, candidates, ranked, scores)
    log_odds = float(np.dot(features, weights.answer)) + weights.answer_bias
    # Half is where the decision lies, so that the figure means the same for all weights.
    return probability(log_odds - weights.threshold)


def _rank(weighed: Sequence[Weighed], weights: Weights) -> tuple[list[Weighed], list[float]]:
    if not weighed:
        return [], []
    scores = np.array([w.features for w in weighed]) @ np.array(weights.sentence) + weights.sentence_bias
    order = sorted(range(len(weighed)), key=lambda i: (-scores[i], weighed[i].candidate.stored.passage.id, i))
    return [weighed[i] for i in order], [float(scores[i]) for i in order]


def _declined(found: Found, confidence: float) -> Answer:
    related = tuple(Hit(c.stored.document, c.stored.passage, c.score) for c in found.candidates[:RELATED])
    return Answer(
        found.question.text,
        declined=NO_ANSWER,
        related=related,
        missing=_missing_words(found),
        confidence=confidence,
    )


def _missing_words(found: Found) -> tuple[str, ...]:
    """Return the question's words, as they were typed, that no passage in sight holds."""
    held = set[str]().union(*(candidate.held for candidate in found.candidates))
    typed = re.findall(r"[^\W_]+", found.question.text)
    lacked = set(lacking(found.question.stems, held))
    return tuple(dict.fromkeys(word for word in typed if stem(word) in lacked))


def _sentence(quote: Quote, citation: Citation) -> Sentence:
    if quote.is_row:
        return row_of(labelled_cells(quote.stored.header_of(quote.first), quote.text), citation)
    return Sentence(quote.text, "quote", (citation,))


def _differing(
    claims: Sequence[Claim], quotes: Sequence[Quote], citations: Sequence[Citation]
) -> tuple[Differing, ...]:
    """Return what each source says with the number of its footnote, the newest first, undated ones last."""
    dated = list[tuple[date, Differing]]()
    documents = [claim.weighed.candidate.stored.document for claim in claims]
    for claim in claims:
        stored, position = claim.weighed.candidate.stored, claim.weighed.position
        for quote, citation in zip(quotes, citations, strict=True):
            if quote.stored is stored and quote.first <= position <= quote.last:
                published = citation.document.published or date.min
                value = Differing(claim.value.text, citation.number, is_older(stored.document, documents))
                dated.append((published, value))
                break
    dated.sort(key=lambda pair: pair[0], reverse=True)
    return tuple(differing for _, differing in dated)
