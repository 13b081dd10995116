"""What speaks for a sentence being the answer, and for the collection holding one: plain numbers.

Two logistic models (`rag/quoting/deciding.py`) weigh these numbers. Each feature is one entry of a mapping,
named in `SENTENCE_FEATURES` or `ANSWER_FEATURES`. Those of the reader (`rag/reading/reader.py`) are log-odds
over 4, all others about 0 to 1.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rag.deadline import NO_DEADLINE, Deadline
from rag.question.questions import (
    beginning,
    head_word,
    holds_kind,
    lacks_count,
    lacks_measure,
    lacks_person,
)
from rag.reading.reader import AnswerSpan, Read
from rag.search.retrieval import Candidate, Question, covered, paired
from rag.text.canonical import judged
from rag.text.splitting import Span
from rag.text.words import stems, words

SENTENCE_FEATURES: Mapping[str, str] = {
    "span": "the reader's log-odds of its best words",
    "span_lead": "the same, less those of the best sentence in sight (0 for the best)",
    "answerable": "the reader's log-odds that its passage answers",
    "passage_lead": "the retrieval score of its passage, less that of the best passage (0 for the best)",
    "coverage": "share of the question's words in the sentence, weighted by rarity",
    "coverage_lead": "the same, less the best sentence's (0 for the best)",
    "context_coverage": "the same share, with title, heading and the sentence before",
    "pairs": "share of the question's neighbouring words near each other in the sentence",
    "rarest": "whether it holds the rarest of the question's words that its passage holds",
    "asked_kind": "whether it holds what is asked for (a date, a number, a name), not said in the question",
    "lacks_kind": "whether a date, number or name is asked for and it holds none",
    "length": "words / 40, at most 1.5",
    "new_words": "share of its words that the question doesn't hold",
    "is_row": "whether it is a row of a table",
    "is_item": "whether it is an item of a list",
    "is_question": "whether it ends with a question mark",
}

ANSWER_FEATURES: Mapping[str, str] = {
    "next_sentence": "the second best sentence's estimated log-odds, over 4",
    "best_span": "the reader's log-odds of the best sentence's words",
    "best_answerable": "the reader's log-odds that its passage answers",
    "next_passage": "the sum of both for the best other passage",
    "sentence_cosine": "the best cosine of any sentence in sight",
    "lead": "the best passage's score less the next one's",
    "best_coverage": "the largest share of the question's words in any passage, weighted by rarity",
    "names": "share of the question's names and numbers in the best passage (1 where it has none)",
    "missing": "share of the question's words that the place lacks",
    "two_missing": "whether it lacks two or more",
    "number_missing": "whether it lacks a number of the question, as a year",
    "head_missing": "whether the best sentence lacks the noun asked for: who is the MINISTER",
    "article_lacks": "whether all passages in sight of the article lack a word of the question",
    "lacks_kind": "whether a date, number or name is asked for and the best sentence holds none",
    "none_has_kind": "whether none of the best three sentences holds one",
    "lacks_measure": "whether the place has no unit for what is asked: how TALL, how OLD",
    "lacks_count": "whether how many of something is asked and the place has no number near it",
    "lacks_money": "whether an amount of money is asked for and the place holds none",
    "lacks_person": "whether who is the ... is asked and the place has no person's name",
    "matches": "mean cosine of the question's words with the nearest words of the best passage",
    "worst_match": "the lowest of these cosines",
    "next_worst_match": "the second lowest",
    "place_matches": "mean cosine of the question's words with the nearest words of the place",
    "worst_place_match": "the lowest of these cosines",
    "next_worst_place_match": "the second lowest",
    "sentence_matches": "mean cosine of the question's words with the nearest words of the best sentence",
    "worst_sentence_match": "the lowest of these cosines",
    "next_worst_sentence_match": "the second lowest",
}
# The place is the best sentence with the two around it, title and heading; for an item of a list, with
# what the list follows. That words are missing is
# taken loosely: their first five letters are enough.

READERS = frozenset("span span_lead answerable passage_lead best_span best_answerable next_passage".split())
"""What counts only with the reader; what it says is 0 of what it hasn't read."""
SEMANTIC = frozenset(
    "sentence_cosine lead matches worst_match next_worst_match place_matches worst_place_match"
    " next_worst_place_match sentence_matches worst_sentence_match next_worst_sentence_match".split()
)
"""What counts only with the packaged model's vectors, which say little about another language."""
_LEAST = -3.0
"""Below it the reader's log-odds over 4 tell no more."""
IN_SIGHT = 8
"""Passages whose sentences are weighed."""
ENOUGH = 0.5
"""The confidence from which a question is answered."""
_SAME = 0.7
"""Share of words in common (Jaccard) from which two sentences say the same."""
_CLOSING = "\"'”’»)]"
_END_MARKS = (".", "!", "?", "…", "。", "！", "？", "؟", "۔", "।")
_STUB_WORDS = 8
"""A paragraph without an end mark and shorter than this is a caption or a heading."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A sentence in sight with its features, in the order of `SENTENCE_FEATURES`.

    ``text`` is as much of it as is looked at to judge it (`rag.text.canonical.judged`), ``answering`` the
    words in it that answer best, None where the reader hasn't read it.
    """

    candidate: Candidate
    position: int
    text: str
    stems: frozenset[str]
    features: tuple[float, ...]
    answering: AnswerSpan | None = None

    @property
    def span(self) -> Span:
        """Where the sentence stands in its document."""
        return self.candidate.stored.sentences[self.position]

    @property
    def answering_words(self) -> tuple[str, ...]:
        """The words in it that answer best, in small letters; none where the reader hasn't read it."""
        if self.answering is None:
            return ()
        offset, text = self.candidate.stored.passage.start, self.candidate.stored.passage.text
        return tuple(words(text[self.answering.start - offset : self.answering.end - offset]))


@dataclass(frozen=True, slots=True)
class Judged:
    """The sentences in sight, the best first, with their log-odds.

    ``confidence`` is the estimated probability that the best ones answer the question.
    """

    ranked: Sequence[Weighed]
    scores: Sequence[float]
    confidence: float


def weigh_sentences(
    question: Question,
    candidates: Sequence[Candidate],
    reads: Mapping[str, Read],
    deadline: Deadline = NO_DEADLINE,
) -> list[Weighed]:
    """Return the quotable sentences of the best passages with their features, as far as there is time.

    ``reads`` are the passages as the reader has read them, by their ids: where it has read some, the
    sentences are those of these.
    """
    seen = [c for c in candidates[:IN_SIGHT] if not reads or c.stored.passage.id in reads]
    rows = [
        row
        for candidate in seen
        for row in deadline.within(
            _candidate_rows(question, candidate, reads.get(candidate.stored.passage.id))
        )
    ]
    best_coverage = max((features["coverage"] for _, features in rows), default=0.0)
    best_score = max((sentence.candidate.score for sentence, _ in rows), default=0.0)
    best_span = max((features["span"] for _, features in rows), default=0.0)
    weighed = []
    for sentence, features in rows:
        features["coverage_lead"] = features["coverage"] - best_coverage
        # The bonus of a preferred article counts here: that its sentences answer it doesn't tell.
        features["passage_lead"] = sentence.candidate.score - best_score
        features["span_lead"] = max(_LEAST, features["span"] - best_span)
        weighed.append(replace(sentence, features=tuple(features[name] for name in SENTENCE_FEATURES)))
    return weighed


def _candidate_rows(
    question: Question, candidate: Candidate, read: Read | None
) -> Iterator[tuple[Weighed, dict[str, float]]]:
    stored = candidate.stored
    context = frozenset(stems(f"{judged(stored.document.title)} {judged(stored.passage.heading)}"))
    shared = (stem for stem in question.stems if stem in candidate.held)
    rarest = max(shared, key=question.rarity.__getitem__, default=None)
    kind = question.reading.kind
    before: frozenset[str] = frozenset()
    lead_in = before
    header = frozenset(stems(judged(stored.header)))
    for position, span in enumerate(stored.sentences):
        text = stored.judged_sentence(position)
        in_order = stems(text)
        held = frozenset(in_order)
        if span.kind == "table_header":
            header, before = held, held
            continue
        if span.kind == "table_row":
            before = header
        elif span.kind == "list_item":
            before = lead_in
        else:
            lead_in = held
        if len(held) < 2 or _is_stub(span, text):
            before = held
            continue
        has_kind = holds_kind(kind, text, question.text)
        answering = read.spans[position] if read else None
        features = {
            "span": _log_odds(answering.score) if answering else _LEAST if read else 0.0,
            "answerable": _log_odds(read.answerable) if read else 0.0,
            "coverage": covered(question, held),
            "context_coverage": covered(question, held | context | before),
            "pairs": paired(question, in_order, held),
            "rarest": float(rarest in held),
            "asked_kind": float(has_kind and kind not in ("reason", "thing")),
            "lacks_kind": float(not has_kind),
            "length": min(1.5, len(text.split()) / 40),
            "new_words": 1 - len(held.intersection(question.stems)) / len(held),
            "is_row": float(span.kind == "table_row"),
            "is_item": float(span.kind == "list_item"),
            "is_question": float(text.endswith("?")),
        }
        yield Weighed(candidate, position, text, held, (), answering), features
        before = held


def _is_stub(span: Span, text: str) -> bool:
    """Whether a paragraph only leads to what follows: "These are:", or a caption."""
    if span.kind != "paragraph" or text.rstrip(_CLOSING).endswith(_END_MARKS):
        return False
    return text.endswith(":") or len(text.split()) < _STUB_WORDS


def weigh_answer(
    question: Question,
    candidates: Sequence[Candidate],
    reads: Mapping[str, Read],
    ranked: Sequence[Weighed],
    scores: Sequence[float],
) -> tuple[float, ...]:
    """Return the features that tell whether the collection answers, in order of `ANSWER_FEATURES`.

    ``ranked`` are the sentences in sight, the best first, and ``scores`` their log-odds.
    """
    best = ranked[0]
    home = best.candidate
    seen = candidates[:IN_SIGHT]
    place = _place(best)
    missing = lacking(question.stems, stems(place))
    kind = question.reading.kind
    kind_held = [holds_kind(kind, weighed.text, question.text) for weighed in ranked[:3]]
    # "F-16s" asks for the 16 that a text has.
    numbers = [word.removesuffix("s") for word in words(question.text) if word[0].isdigit()]
    cosines = home.word_cosines
    in_place = cosines[:, [0, *(1 + position for position in _around(best))]] if cosines.size else cosines
    in_sentence = cosines[:, [1 + best.position]] if cosines.size else cosines
    by_reader = dict(zip(SENTENCE_FEATURES, best.features, strict=True))
    others = [reads[c.stored.passage.id] for c in seen if c is not home and c.stored.passage.id in reads]
    features = {
        "next_sentence": scores[1] / 4 if len(scores) > 1 else -2.0,
        "best_span": by_reader["span"],
        "best_answerable": by_reader["answerable"],
        "next_passage": max(
            (_log_odds(o.best + o.answerable) for o in others), default=_LEAST if reads else 0.0
        ),
        "sentence_cosine": max(float(c.sentence_cosines.max(initial=0.0)) for c in seen),
        "lead": home.score
        - home.bonus
        - max((c.score - c.bonus for c in seen if c is not home), default=0.0),
        "best_coverage": max(c.coverage for c in seen),
        "names": _held_share(question.reading.names, home.told),
        "missing": len(missing) / max(1, len(question.stems)),
        "two_missing": len(missing) > 1,
        "number_missing": not {word.removesuffix("s") for word in words(place)}.issuperset(numbers),
        "head_missing": bool(lacking([head_word(question.text)], best.stems)),
        "article_lacks": bool(lacking(question.stems, _article_stems(home, candidates))),
        "lacks_kind": not kind_held[0],
        "none_has_kind": not any(kind_held),
        "lacks_measure": lacks_measure(question.text, place),
        "lacks_count": lacks_count(question.text, place),
        "lacks_money": kind == "money" and not holds_kind(kind, place, question.text),
        "lacks_person": lacks_person(question.text, place),
    }
    for part, seen_in in (("", cosines), ("place_", in_place), ("sentence_", in_sentence)):
        mean, worst, next_worst = _worst_matches(seen_in)
        features[f"{part}matches"] = mean
        features[f"worst_{part}match"] = worst
        features[f"next_worst_{part}match"] = next_worst
    return tuple(float(features[name]) for name in ANSWER_FEATURES)


def says_the_same(one: Weighed, other: Weighed) -> bool:
    """Whether two sentences have most of their words in common, or answer with the same ones."""
    mine, theirs = set(one.answering_words), set(other.answering_words)
    if mine and theirs and (mine <= theirs or theirs <= mine):
        return True
    union = len(one.stems | other.stems)
    return bool(union) and len(one.stems & other.stems) / union >= _SAME


def lacking(wanted: Iterable[str], held: Iterable[str]) -> list[str]:
    """Return the stems that are not held, taken loosely."""
    beginnings = {beginning(word) for word in held}
    return [word for word in wanted if word and beginning(word) not in beginnings]


def _held_share(wanted: Collection[str], held: Collection[str]) -> float:
    return sum(word in held for word in wanted) / len(wanted) if wanted else 1.0


def _place(best: Weighed) -> str:
    """Return the best sentence with the two around it, its title and heading, and a row's header."""
    stored = best.candidate.stored
    header = stored.header_of(best.position) if best.span.kind == "table_row" else ""
    above = (stored.document.title, stored.passage.heading, best.candidate.day, header)
    return "\n".join([*map(judged, above), *map(stored.judged_sentence, _around(best))])


def _around(best: Weighed) -> list[int]:
    """Return the positions of the best sentence and the two around it, and of what its list follows."""
    spans = best.candidate.stored.sentences
    around = list(range(max(0, best.position - 1), min(len(spans), best.position + 2)))
    if best.span.kind != "list_item":
        return around
    before = (n for n in range(best.position - 1, -1, -1) if spans[n].kind != "list_item")
    return [*(n for n in before if n not in around)][:1] + around


def _worst_matches(cosines: NDArray[np.float32]) -> tuple[float, float, float]:
    """Return mean, lowest and second lowest of each word's best match; zeros where there are no words."""
    if not cosines.size:
        return 0.0, 0.0, 0.0
    best = np.sort(cosines.max(axis=1))
    return float(best.mean()), float(best[0]), float(best[min(1, len(best) - 1)])


def _article_stems(home: Candidate, candidates: Sequence[Candidate]) -> set[str]:
    mine = home.stored.document.id
    return set[str]().union(*(c.told for c in candidates if c.stored.document.id == mine))


def _log_odds(value: float) -> float:
    return max(_LEAST, value / 4)


def probability(value: float) -> float:
    """Return the probability that log-odds stand for."""
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, value))))
