"""What speaks for a sentence being the answer, and for the collection holding one: plain numbers.

Two logistic models (`rag/quoting.py`) weigh these numbers. Each feature is one entry of a mapping,
named in `SENTENCE_FEATURES` or `ANSWER_FEATURES`; all are about 0 to 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from rag.retrieval import Candidate, Question, paired
from rag.splitting import Span
from rag.words import content_words, fold, stem, stems, words

AskedKind = Literal["date", "money", "number", "name", "reason", "thing"]

SENTENCE_FEATURES: Mapping[str, str] = {
    "cosine": "between the question and the sentence",
    "cosine_lead": "the same, less that of the best sentence in sight (0 for the best)",
    "passage_score": "the retrieval score of its passage",
    "passage_lead": "the same, less that of the best passage (0 for the best)",
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
    "best_sentence": "the best sentence's estimated log-odds, over 4",
    "next_sentence": "the second best's, over 4",
    "cosine": "the best passage's cosine",
    "sentence_cosine": "the best cosine of any sentence in sight",
    "coverage": "the best passage's share of the question's words, weighted by rarity",
    "best_coverage": "the largest such share of any passage in sight",
    "sentence_coverage": "the best sentence's share, with its title, heading and the sentence before",
    "pairs": "the best passage's share of the question's neighbouring words",
    "sentence_pairs": "the best sentence's",
    "rarest": "share of the question's two rarest words in the best passage",
    "rarest_nearby": "share of them in the best sentence with the two sentences around it",
    "names": "share of the question's names and numbers in the best passage (1 where it has none)",
    "unknown": "share of the question's words, weighted by rarity, that no passage in sight holds",
    "lead": "the best passage's score less that of the best passage of another document",
    "asked_kind": "whether the best sentence holds the kind of thing asked for (1 where none is)",
    "question_length": "the question's content words / 10, at most 1.5",
    "is_reason": "whether the question asks why or how",
    "is_date": "whether it asks for a date",
    "is_number": "whether it asks for a number or an amount of money",
    "is_name": "whether it asks for a person or place",
    "missing": "share of the question's words that the best passage lacks, each counted alike",
    "missing_nearby": "the same for the best sentence with the two sentences around it",
    "missing_loosely": "the same for words of which it doesn't even hold the first five letters",
    "any_missing": "whether the best passage lacks any word, taken as loosely",
    "name_missing": "whether the best passage lacks one of the question's names and numbers",
    "name_missing_nearby": "the same for the best sentence with the two sentences around it",
    "subject_missing": "whether these lack, loosely, the word asked about: what SPEED, how many PEOPLE",
    "last_missing": "whether these lack, loosely, the question's last content word",
    "heaviest_missing": "rarity of the rarest word missing there, over that of the question's rarest",
}

# Vectors say little about a language that the model doesn't know, so the lexical models go without.
SEMANTIC = frozenset("cosine cosine_lead sentence_cosine passage_score passage_lead lead".split())
IN_SIGHT = 8
"""Passages whose sentences are weighed."""

_DATE = re.compile(
    r"\b(?:1\d{3}|20\d\d)s?\b|\bcentur|\b(?:january|february|march|april|june|july|august|september"
    r"|october|november|december|monday|tuesday|wednesday|thursday|friday|saturday|sunday"
    r"|januar|februar|marz|mai|juni|juli|oktober|dezember|jahrhundert"
    r"|ocak|subat|mart|nisan|mayıs|mayis|haziran|temmuz|agustos|eylul|ekim|kasım|kasim|aralık|aralik)\b"
)
_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty"
    r"|hundred|thousand|million|billion|trillion|half|third|quarter|dozen|twice|percent"
    r"|zwei|drei|vier|funf|hundert|tausend|iki|uc|dort|bes|yuz|bin|milyon|milyar|yuzde)\b"
)
_NAME = re.compile(r"\b[^\W\d_a-zß-ÿ][^\W_]*(?:[ .'’-]{1,2}[^\W\d_a-zß-ÿ][^\W_]*)*")
_LABEL = re.compile(r"[^.:;]{1,60}:\s")
_ADJECTIVE = re.compile(r"^[^\W_]+(?:ish|ese|ian|can)$")
_MONEY = re.compile(r"[$€£¥₺]|\b(?:dollar|euro|pound|lira|yen|franc|cent|usd|eur)s?\b")
_SUBJECT = re.compile(
    r"\b(?:what|which|how (?:many|much)|welche\w?|wie viele?|hangi|kac)\s+"
    r"(?:(?:is|was|are|were|the|a|an|other|kind of|type of)\s+)*((?:\w+\s+){0,1}\w+)"
)
_ASKED: tuple[tuple[AskedKind, re.Pattern[str]], ...] = (
    (
        "date",
        re.compile(
            r"\bwhen\b|\b(?:what|which|whose)\s+(?:\w+\s+)?(?:year|date|day|month|decade|century|period)\b"
            r"|\bwann\b|\bwelche[mns]?\s+(?:jahr|tag|monat)|\bne zaman\b|\bhangi (?:yıl|yil|tarih|ay|gun)"
        ),
    ),
    (
        "money",
        re.compile(
            r"\bhow much\b.*\b(?:costs?|paid|pay|spen[dt]|worth|money|earn\w*|price)\b"
            r"|\b(?:what|which) (?:was |is |were )?(?:the )?(?:\w+ )?(?:cost|price|revenue|fee|salary|fine)\b"
        ),
    ),
    (
        "number",
        re.compile(
            r"\bhow (?:many|much|long|old|far|large|big|tall|high|deep|fast|often|wide|heavy)\b"
            r"|\b(?:what|which) (?:\w+ )?(?:percent\w*|number|amount|share|proportion|population|age|cost"
            r"|price)"
            r"|\bwie ?(?:viele?|lange|alt|hoch|weit|gross)\b|\bkac\b|\bne kadar\b|\byuzde kac"
        ),
    ),
    (
        "name",
        re.compile(
            r"\bwho(?:m|se)?\b|\bwhere\b"
            r"|\b(?:what|which) (?:\w+ )?(?:city|country|state|person|company|team|place|province"
            r"|organi[sz]ation)\b"
            r"|\bwer\b|\bwem\b|\bwen\b|\bwo\b|\bkim(?:dir|in|e|i|ler)?\b|\bnere\w*"
        ),
    ),
    (
        "reason",
        re.compile(r"\bwhy\b|\bhow\b|\bwarum\b|\bweshalb\b|\bwieso\b|\bwie\b|\bneden\b|\bnicin\b|\bnasil\b"),
    ),
)


@dataclass(frozen=True, slots=True)
class Weighed:
    """A sentence in sight with its features, in the order of `SENTENCE_FEATURES`."""

    candidate: Candidate
    position: int
    text: str
    stems: frozenset[str]
    features: tuple[float, ...]

    @property
    def span(self) -> Span:
        """Where the sentence stands in its document."""
        return self.candidate.stored.sentences[self.position]


@lru_cache(maxsize=256)
def asked_kind(question: str) -> AskedKind:
    """Return the kind of thing that a question asks for, as its words tell."""
    folded = fold(question)
    return next((kind for kind, pattern in _ASKED if pattern.search(folded)), "thing")


def holds_kind(kind: AskedKind, text: str, question: str) -> bool:
    """Whether a sentence holds a date, number or name that the question itself doesn't."""
    if kind == "date":
        return any(match not in fold(question) for match in _DATE.findall(fold(text)))
    if kind == "number":
        return any(match not in fold(question) for match in _NUMBER.findall(fold(text)))
    if kind == "money":
        return bool(_MONEY.search(fold(text))) and bool(_NUMBER.search(fold(text)))
    if kind == "name":
        asked = set(words(question))
        return any(not asked.issuperset(words(name)) for name in names(text))
    return True


def names(text: str) -> list[str]:
    """Return what looks like the name of a person or place: capitals but for the first word.

    The label of a list item ("Market Access: ...") is none, nor is an adjective of nationality that
    goes with a noun ("American technology"). The first word counts in a short text or before another
    capital.
    """
    label = _LABEL.match(text)
    body = text[label.end() :] if label else text
    opening = len(body) - len(body.lstrip(" \"'“‘«("))
    return [
        match[0]
        for match in _NAME.finditer(body)
        if (match.start() > opening or " " in match[0] or len(body.split()) <= 6)
        and not (_ADJECTIVE.search(match[0]) and re.match(r"\s+[a-z]", body[match.end() :]))
    ]


def weigh_sentences(question: Question, candidates: Sequence[Candidate]) -> list[Weighed]:
    """Return the quotable sentences of the best passages with their features."""
    seen = candidates[:IN_SIGHT]
    if not seen:
        return []
    best_score = max(candidate.score for candidate in seen)
    best_cosine = max(float(c.sentence_cosines.max(initial=0.0)) for c in seen)
    rows = [
        row for candidate in seen for row in _candidate_rows(question, candidate, best_score, best_cosine)
    ]
    best_coverage = max((row[3]["coverage"] for row in rows), default=0.0)
    weighed = []
    for candidate, position, text, features, held in rows:
        features["coverage_lead"] = features["coverage"] - best_coverage
        values = tuple(features[name] for name in SENTENCE_FEATURES)
        weighed.append(Weighed(candidate, position, text, held, values))
    return weighed


def _candidate_rows(
    question: Question, candidate: Candidate, best_score: float, best_cosine: float
) -> list[tuple[Candidate, int, str, dict[str, float], frozenset[str]]]:
    stored, rows = candidate.stored, []
    offset = stored.passage.start
    context = frozenset(stems(f"{stored.document.title} {stored.passage.heading}"))
    passage_stems = set(candidate.stems)
    rarest = max(
        (s for s in question.stems if s in passage_stems), key=lambda s: question.rarity[s], default=None
    )
    kind = asked_kind(question.text)
    before: frozenset[str] = frozenset()
    header = frozenset(stems(stored.header))
    for position, span in enumerate(stored.sentences):
        text = stored.passage.text[span.start - offset : span.end - offset]
        in_order = stems(text)
        held = frozenset(in_order)
        if span.kind == "table_header":
            header, before = held, held
            continue
        if span.kind == "table_row":
            before = header
        if len(held) < 2 or (span.kind == "paragraph" and text.endswith(":")):
            before = held
            continue
        has_kind = holds_kind(kind, text, question.text)
        cosine = float(candidate.sentence_cosines[position])
        features = {
            "cosine": cosine,
            "cosine_lead": cosine - best_cosine,
            "passage_score": candidate.score / 2,
            "passage_lead": candidate.score - best_score,
            "coverage": share(question, held),
            "context_coverage": share(question, held | context | before),
            "pairs": paired(question, in_order),
            "rarest": float(rarest in held),
            "asked_kind": float(has_kind and kind not in ("reason", "thing")),
            "lacks_kind": float(not has_kind),
            "length": min(1.5, len(text.split()) / 40),
            "new_words": 1 - len(held.intersection(question.stems)) / len(held),
            "is_row": float(span.kind == "table_row"),
            "is_item": float(span.kind == "list_item"),
            "is_question": float(text.endswith("?")),
        }
        rows.append((candidate, position, text, features, held))
        before = held
    return rows


def share(question: Question, held: frozenset[str] | set[str]) -> float:
    """Return the share of the question's words held, weighted by rarity."""
    total = sum(question.rarity.values())
    return sum(w for word, w in question.rarity.items() if word in held) / total if total else 0.0


def weigh_answer(
    question: Question, candidates: Sequence[Candidate], ranked: Sequence[Weighed], scores: Sequence[float]
) -> tuple[float, ...]:
    """Return the features that tell whether the collection answers, in order of `ANSWER_FEATURES`.

    ``ranked`` are the sentences in sight, the best first, and ``scores`` their log-odds.
    """
    best = ranked[0]
    home = best.candidate
    seen = candidates[:IN_SIGHT]
    held = set(home.stems)
    nearby = _neighbourhood(best)
    kind = asked_kind(question.text)
    loose = [word[:5] for word in question.stems]
    anywhere = set().union(*(c.stems for c in seen))
    rarest = sorted(question.stems, key=lambda s: (-question.rarity[s], s))[:2]
    named = names_and_numbers(question.text)
    other = max((c.score for c in seen if c.stored.document.id != home.stored.document.id), default=0.0)
    features = {
        "best_sentence": scores[0] / 4,
        "next_sentence": scores[1] / 4 if len(scores) > 1 else -2.0,
        "cosine": home.cosine,
        "sentence_cosine": max(float(c.sentence_cosines.max(initial=0.0)) for c in seen),
        "coverage": share(question, held),
        "best_coverage": max(c.coverage for c in seen),
        "sentence_coverage": best.features[list(SENTENCE_FEATURES).index("context_coverage")],
        "pairs": home.pairs,
        "sentence_pairs": best.features[list(SENTENCE_FEATURES).index("pairs")],
        "rarest": _held_share(rarest, held),
        "rarest_nearby": _held_share(rarest, nearby),
        "names": _held_share(named, held),
        "unknown": 1 - share(question, anywhere),
        "lead": home.score - other,
        "asked_kind": 1 - best.features[list(SENTENCE_FEATURES).index("lacks_kind")],
        "question_length": min(1.5, len(question.stems) / 10),
        "is_reason": float(kind == "reason"),
        "is_date": float(kind == "date"),
        "is_number": float(kind in ("number", "money")),
        "is_name": float(kind == "name"),
        "missing": 1 - _held_share(question.stems, held),
        "missing_nearby": 1 - _held_share(question.stems, nearby),
        "missing_loosely": 1 - _held_share(loose, _beginnings(nearby)),
        "any_missing": float(_held_share(loose, _beginnings(held)) < 1),
        "name_missing": float(_held_share(named, held) < 1),
        "name_missing_nearby": float(_held_share(named, nearby) < 1),
        "subject_missing": 1 - _held_share(_beginnings(subject_word(question.text)), _beginnings(nearby)),
        "last_missing": 1 - _held_share(loose[-1:], _beginnings(nearby)),
        "heaviest_missing": max((question.rarity[s] for s in question.stems if s not in nearby), default=0.0)
        / max(question.rarity.values(), default=1.0),
    }
    return tuple(features[name] for name in ANSWER_FEATURES)


def names_and_numbers(question: str) -> list[str]:
    """Return the stems of a question's names and numbers: capitals beyond its start, and digits."""
    found = [m[0] for m in re.finditer(r"[^\W_]+", question) if m.start() > 0 and not m[0][0].islower()]
    useful = set(content_words(question))
    return [stem(fold(word)) for word in found if fold(word) in useful]


def subject_word(question: str) -> list[str]:
    """Return the stem of the word that says what is asked for: "What SPEED", "How many PEOPLE"."""
    match = _SUBJECT.search(fold(question))
    return [stem(word) for word in content_words(match[1])][:1] if match else []


def _beginnings(held: Iterable[str]) -> set[str]:
    """Return the first five letters of stems: "appli" stands for apply, applied and application."""
    return {word[:5] for word in held}


def _held_share(wanted: Collection[str], held: set[str] | frozenset[str]) -> float:
    return sum(word in held for word in wanted) / len(wanted) if wanted else 1.0


def _neighbourhood(best: Weighed) -> frozenset[str]:
    stored = best.candidate.stored
    around = stored.sentences[max(0, best.position - 1) : best.position + 2]
    offset = stored.passage.start
    text = " ".join(stored.passage.text[s.start - offset : s.end - offset] for s in around)
    return frozenset(stems(f"{stored.document.title} {stored.passage.heading} {text}"))


def log_odds(features: Sequence[Sequence[float]], weights: Sequence[float], bias: float) -> np.ndarray:
    """Return the log-odds of each row of features."""
    return np.asarray(features, np.float64) @ np.asarray(weights, np.float64) + bias


def probability(value: float) -> float:
    """Return the probability that log-odds stand for."""
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, value))))
