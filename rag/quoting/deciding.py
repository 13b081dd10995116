"""Answers made of quotes: which sentences answer a question, and whether any does."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from rag.answers import NO_ANSWER, Answer, Citation, Differing, Sentence
from rag.deadline import NO_DEADLINE, Deadline, DeadlineExceeded
from rag.question.questions import AskedKind
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
from rag.reading.reader import Read
from rag.search.finding import Found
from rag.text.canonical import labelled_cells
from rag.text.splitting import LEANING
from rag.text.values import amounts
from rag.text.words import stem

WEIGHTS_PATH = Path(__file__).with_name("quoting_weights.json")
WeightsName = Literal["read", "read_by_words", "lexical"]
"""The weights for what the reader has read, where the vectors are the packaged model's and where not, and for
what is judged by words alone."""

MOST_SENTENCES = 3
MOST_WORDS = 100
"""An answer's length: further sentences join the first as long as they fit."""
MOST_SHORT_WORDS = 8
"""The longest answer that is set before its quote."""
MOST_MARKED_WORDS = 15
"""The most words that are emphasised in a quote."""
_SHORT = frozenset({"date", "money", "number", "name"})
"""What is asked for where a few words are an answer."""
_CLOSE = 2.0
"""Log-odds that a further sentence may lie behind the first."""
_CLOSE_IF_NEW = 3.0
"""The same for one that holds a word of the question which the others lack."""
RELATED = 3


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights with or without the reader, as `scripts/fit_quoting.py` fits them.

    A sentence's or an answer's log-odds are its features times these, plus a bias. An answer below
    ``threshold`` is declined.
    """

    sentence: tuple[float, ...]
    sentence_bias: float
    answer: tuple[float, ...]
    answer_bias: float
    threshold: float


@lru_cache(maxsize=3)
def weights_for(name: WeightsName) -> Weights:
    """Return the weights of one name."""
    row = json.loads(WEIGHTS_PATH.read_text("utf-8"))[name]
    return Weights(
        tuple(row["sentence"][name] for name in SENTENCE_FEATURES),
        row["sentence"]["bias"],
        tuple(row["answer"][name] for name in ANSWER_FEATURES),
        row["answer"]["bias"],
        row["threshold"],
    )


def quote(found: Found, reads: Mapping[str, Read], deadline: Deadline = NO_DEADLINE) -> Answer:
    """Answer a question with the one to three sentences that answer it best, or decline.

    Parameters
    ----------
    found
        The question and its passages.
    reads
        The passages that the reader has read, by their ids; none where the sentences are judged by words.
    deadline
        The answer is the best one until then.
    """
    judged = _judge(found, reads, deadline)
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
    kept = beside([claim.weighed for claim in claims], chosen)
    quotes = join(kept)
    citations = [cite(number, quote, found, deadline) for number, quote in enumerate(quotes, 1)]
    marked = [_marked(quote, kept) for quote in quotes]
    short = quotes[0].text[slice(*marked[0])]
    return Answer(
        found.question.text,
        tuple(map(_sentence, quotes, citations, marked)),
        differing=_differing(claims, quotes, citations),
        confidence=judged.confidence,
        has_short=not claims and _is_short(short, found.question.reading.kind),
    )


def _is_short(text: str, kind: AskedKind) -> bool:
    """Whether a few words answer by themselves: one number where one is asked for, not "9 crew and 18"."""
    is_one = kind not in ("number", "money") or len(amounts(text)) <= 1
    return kind in _SHORT and is_one and 0 < len(text.split()) <= MOST_SHORT_WORDS


def _marked(quote: Quote, chosen: Sequence[Weighed]) -> tuple[int, int]:
    """Return where the few words of a quote stand in it that answer, (0, 0) where there are none."""
    answering = next((weighed.answering for weighed in chosen if quote.holds(weighed)), None)
    if answering is None or quote.is_row:
        return 0, 0
    start, end = answering.start - quote.start, answering.end - quote.start
    return (start, end) if len(quote.text[start:end].split()) <= MOST_MARKED_WORDS else (0, 0)


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


def _judge(found: Found, reads: Mapping[str, Read], deadline: Deadline) -> Judged:
    """Rank the sentences in sight, and estimate whether they answer."""
    has_vectors = found.question.is_known_language and found.question.word_rows.size
    weights = weights_for("lexical" if not reads else "read" if has_vectors else "read_by_words")
    weighed = weigh_sentences(found.question, found.candidates, reads, deadline)
    ranked, scores = without_same(*_rank(weighed, weights))
    ranked = _with_row_asked_for(ranked)
    if not ranked:
        return Judged((), (), 0.0)
    candidates = apart_from(ranked[0], found.candidates)
    features = weigh_answer(found.question, candidates, reads, ranked, scores)
    log_odds = float(np.dot(features, weights.answer)) + weights.answer_bias
    # Half is where the decision lies, so that the figure means the same for all weights.
    return with_newest(Judged(ranked, scores, probability(log_odds - weights.threshold)))


def _with_row_asked_for(ranked: list[Weighed]) -> list[Weighed]:
    """Return the sentences, first of the rows of one table the one with most of the question's words.

    The reader hasn't learnt to read tables; what rows say differs by their words alone.
    """
    if not ranked or ranked[0].span.kind != "table_row":
        return ranked
    stored, at = ranked[0].candidate.stored, list(SENTENCE_FEATURES).index("coverage")
    rows = [w for w in ranked if w.candidate.stored is stored and w.span.kind == "table_row"]
    asked_for = max(rows, key=lambda weighed: weighed.features[at])
    return [asked_for, *(weighed for weighed in ranked if weighed is not asked_for)]


def _rank(weighed: Sequence[Weighed], weights: Weights) -> tuple[list[Weighed], list[float]]:
    if not weighed:
        return [], []
    scores = np.array([w.features for w in weighed]) @ np.array(weights.sentence) + weights.sentence_bias
    order = sorted(range(len(weighed)), key=lambda i: (-scores[i], weighed[i].candidate.stored.passage.id, i))
    return [weighed[i] for i in order], [float(scores[i]) for i in order]


def _declined(found: Found, confidence: float) -> Answer:
    return Answer(
        found.question.text,
        declined=NO_ANSWER,
        related=found.hits(RELATED),
        missing=_missing_words(found),
        confidence=confidence,
    )


def _missing_words(found: Found) -> tuple[str, ...]:
    """Return the question's words, as they were typed, that no passage in sight holds."""
    held = set[str]().union(*(candidate.held for candidate in found.candidates))
    typed = re.findall(r"[^\W_]+", found.question.text)
    lacked = set(lacking(found.question.stems, held))
    return tuple(dict.fromkeys(word for word in typed if stem(word) in lacked))


def _sentence(quote: Quote, citation: Citation, marked: tuple[int, int]) -> Sentence:
    if quote.is_row:
        return row_of(labelled_cells(quote.stored.header_of(quote.first), quote.text), citation)
    return Sentence(quote.text, "quote", (citation,), marked=marked)


def _differing(
    claims: Sequence[Claim], quotes: Sequence[Quote], citations: Sequence[Citation]
) -> tuple[Differing, ...]:
    """Return what each source says with the number of its footnote, the newest first, undated ones last."""
    dated = list[tuple[date, Differing]]()
    documents = [claim.weighed.candidate.stored.document for claim in claims]
    for claim in claims:
        for quote, citation in zip(quotes, citations, strict=True):
            if quote.holds(claim.weighed):
                published = citation.document.published or date.min
                document = claim.weighed.candidate.stored.document
                value = Differing(claim.value.text, citation.number, is_older(document, documents))
                dated.append((published, value))
                break
    dated.sort(key=lambda pair: pair[0], reverse=True)
    return tuple(differing for _, differing in dated)
