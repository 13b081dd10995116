"""Which sentence comes first: the one that decides what is asked, or that defines it.

Only the order of the sentences changes, and only where one close behind the best has what the best lacks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from rag.deadline import Deadline
from rag.question.questions import holds_kind
from rag.question.shapes import defined
from rag.quoting.deciding import Decided, Wanted, decides, farthest, lacked, latest_day, read_wanted
from rag.quoting.evidence import Weighed
from rag.search.finding import Found
from rag.text.splitting import LEANING
from rag.text.words import words

ENOUGH = 0.5
"""The confidence from which a question is answered."""
_SAME = 0.7
"""Share of words in common (Jaccard) from which two sentences say the same."""
_REACH: Mapping[Decided, float] = {
    "yes_no": 2.6,
    "cause": 2.6,
    "day_named": 2.6,
    "day": 3.0,
    "holder": 2.6,
    "doer": 1.0,
    "place": 1.0,
    "latest": 1.0,
}
"""Log-odds that the sentence that decides may lie behind the best, by what is asked for."""
_MORE_DECISIVE: Mapping[Decided, float] = {
    "yes_no": 0.5,
    "cause": -0.5,
    "day_named": -1.0,
    "day": -0.5,
    "holder": 0.0,
    "doer": 0.0,
    "place": -0.5,
}
"""By how much less than the best one it must lack, in words; below zero by how much more it may lack."""
_LONGEST_ACRONYM = 8
"""Letters: with each more, the words that it may stand for are three times as many."""
_IN_REACH = 6.0
"""The same log-odds for a sentence in the form of a definition."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The sentences in sight, the best first, with their log-odds.

    ``confidence`` is the estimated probability that the best ones answer the question.
    """

    ranked: Sequence[Weighed]
    scores: Sequence[float]
    confidence: float


def says_the_same(one: Weighed, other: Weighed) -> bool:
    """Whether two sentences have most of their words in common."""
    union = len(one.stems | other.stems)
    return bool(union) and len(one.stems & other.stems) / union >= _SAME


def put_first(found: Found, judged: Judged) -> Judged:
    """Return the sentences with the one first that decides what is asked, or that defines."""
    subject = defined(found.question.text) if found.shape.kind != "yes_no" else ""
    first = defining(subject, judged, found.deadline) if subject else 0
    if first == 0:
        first = _deciding(found, judged)
    if first == 0:
        return judged
    moved = [first]
    if found.shape.kind != "yes_no" and (following := _told_next(found, judged, first)):
        moved.append(following)
    return _moved(judged, moved)


def _moved(judged: Judged, first: Sequence[int]) -> Judged:
    """Return the sentences with some first; those overtaken stay as near to the first as they were."""
    others = [place for place in range(len(judged.ranked)) if place not in first]
    scores = [judged.scores[0]] * len(first) + [judged.scores[place] for place in others]
    return Judged([judged.ranked[place] for place in (*first, *others)], scores, judged.confidence)


def _told_next(found: Found, judged: Judged, first: int) -> int:
    """Return the place of the sentence after one if only it tells the day that is asked for, else 0."""
    wanted, weighed = read_wanted(found), judged.ranked[first]
    if wanted.kind != "day" or holds_kind("date", weighed.text, wanted.text):
        return 0
    stored, position = weighed.candidate.stored, weighed.position + 1
    places = (
        place
        for place, other in enumerate(judged.ranked)
        if other.candidate.stored is stored and other.position == position
    )
    return next(places, 0)


def _deciding(found: Found, judged: Judged) -> int:
    """Return the place of the sentence that decides what is asked, 0 if none does more clearly."""
    wanted = read_wanted(found)
    if not wanted.kind:
        return 0
    if wanted.kind == "holder":
        return _newest(wanted, judged, found.deadline)
    if wanted.kind == "latest":
        return _of_day(judged, found.deadline)
    word, direction = farthest(wanted.text) if wanted.kind == "day" else ("", 0)
    if direction and word in words(judged.ranked[0].text):
        return _of_day(judged, found.deadline, word, direction)
    if wanted.kind != "yes_no" and decides(wanted, judged.ranked[0]):
        return 0
    near = [
        (lacked(wanted, weighed), place)
        for place, (weighed, score) in enumerate(
            found.deadline.each(zip(judged.ranked, judged.scores, strict=True))
        )
        if score >= judged.scores[0] - _REACH[wanted.kind] and (place == 0 or decides(wanted, weighed))
    ]
    least, best = min(near[1:], default=near[0])
    return best if least <= near[0][0] - _MORE_DECISIVE[wanted.kind] else 0


def _of_day(judged: Judged, deadline: Deadline, word: str = "", direction: int = 1) -> int:
    """Return the place of the sentence that tells of the latest day, of those as good as the best.

    It has a ``word``; a ``direction`` of -1 means the earliest day.
    """
    told = {
        place: [direction * part for part in day]
        for place, (weighed, score) in enumerate(
            deadline.each(zip(judged.ranked, judged.scores, strict=True))
        )
        if score >= judged.scores[0] - _REACH["latest"]
        and (not word or word in words(weighed.text))
        and (day := latest_day(weighed))
    }
    return max(told, key=lambda place: (told[place], -place), default=0)


def _newest(wanted: Wanted, judged: Judged, deadline: Deadline) -> int:
    """Return the place of the sentence in the newest article that names who is something."""
    best = judged.ranked[0]
    if not best.candidate.stored.document.published or not decides(wanted, best):
        return 0
    published = {
        place: weighed.candidate.stored.document.published or date.min
        for place, (weighed, score) in enumerate(
            deadline.each(zip(judged.ranked, judged.scores, strict=True))
        )
        if score >= judged.scores[0] - _REACH["holder"] and decides(wanted, weighed)
    }
    return max(published, key=lambda place: (published[place], -place))


# -------------------------------------------------------------------------------- definitions


def defining(subject: str, judged: Judged, deadline: Deadline) -> int:
    """Return the place of the sentence that says what something is, in its plainest form; 0 if none does."""
    forms = _forms(subject)
    found = list[tuple[int, str, int, int]]()
    best = judged.ranked[0].candidate.stored.document.id
    for place, (weighed, score) in enumerate(deadline.each(zip(judged.ranked, judged.scores, strict=True))):
        if score < judged.scores[0] - _IN_REACH or weighed.text.endswith("?"):
            continue
        rank = next((rank for rank, form in enumerate(forms) if form.search(weighed.text)), None)
        if rank is None or (rank > 0 and LEANING.match(weighed.text)):
            continue
        document = weighed.candidate.stored.document.id
        # Of the same form the first in its article, rather in the best sentence's own.
        found.append((rank, "" if document == best else document, weighed.span.start, place))
    return min(found)[-1] if found else 0


def _forms(subject: str) -> list[re.Pattern[str]]:
    """Return the forms of a sentence that defines, the plainest first."""
    name = r"[\s-]+".join(map(re.escape, subject.split()))
    if name[-1:].isalpha() and not subject.isupper():
        name += "s?"
    begins = (
        rf"^[\"'“‘„]?(?i:the |an? |der |die |das |eine? )?{name}(?: (?-i:[A-Z])[\w-]*)?[\"'”’“]?"
        r"(?: \([^)]{1,60}\))?"
    )
    aside = r"(?:, [^,.]{1,80}(?:, [^,.]{1,40})?,)?"
    verb = r"(?:is|are|was|were|ist|sind|war|waren)"
    compiled = [
        rf"\b{name}\b[^.]{{0,20}} (?:stands? for|means|refers? to|is short for"
        rf"|is an? (?:abbreviation|acronym)|bedeutet|steht für)\b",
        rf"{begins}{aside} {verb} (?:(?:still|also|now) )?(?:an?|the|one of|any|eine?r?|der|die|das)\b",
        rf"{begins}, (?:an?|the|eine?|der|die|das|also known|short for|founded|maker) ",
        rf"{begins} {verb} (?!not\b|\w+(?:ed|ing|ly|en|t)\b)\w",
        rf"{begins}.*(?:d[ıiuü]r|t[ıiuü]r)\.$",
    ]
    if subject.isupper() and 1 < len(subject) <= _LONGEST_ACRONYM:
        compiled.insert(1, rf"\b{_initials(subject)}(?:,? or | \(){name}\b|\b{name} \({_initials(subject)}\)")
    else:
        compiled.append(rf"\b(?:called|known as|named) (?:the |an? )?{name}\b")
    return [re.compile(pattern, 0 if subject.isupper() else re.IGNORECASE) for pattern in compiled]


def _initials(acronym: str) -> str:
    """Return the pattern of words with the initials of an acronym: "Countering America's ... Act"."""
    letters = [letter for letter in acronym if letter.isalpha()]
    return r"(?:\W++(?:\w++\W++){0,2}?)".join(rf"{letter}[\w’']*+" for letter in letters)
