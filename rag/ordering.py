"""Which sentence comes first where a question wants a yes or no, or a definition.

Only the order of the sentences changes, and only where one of another form answers plainly; whether the
collection answers at all is decided before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.evidence import Weighed, lacking
from rag.finding import Found
from rag.questions import names
from rag.shapes import defined
from rag.splitting import LEANING
from rag.words import content_words, stem, stems

ENOUGH = 0.5
"""The confidence from which a question is answered."""
_SAME = 0.7
"""Share of words in common (Jaccard) from which two sentences say the same."""
_CLOSE = 2.6
"""Log-odds that the sentence that decides a yes or no may lie behind the best."""
_IN_REACH = 6.0
"""The same for a sentence in the form of a definition."""
_NAME_ELSEWHERE = 0.5
"""How much a name counts as missing from a sentence that begins with "It" and has it in title or heading."""
_NAME_AROUND = 1.5
_NAME_MISSING = 2.0
"""The same for another sentence, and for one whose title and heading lack it too."""
_LEAST_DECISIVE = 0.5
"""By how much less than the best one a sentence must lack, in words; a denial counts as half a word."""
_DENIAL = 0.5
_DENIES = re.compile(
    r"\b(?:not|never|no longer|no|none|nor|neither|without|refus\w+|reject\w+|declin\w+|den(?:y|ied|ies)"
    r"|fail(?:ed|s)?|cannot|\w+n['’]t|nicht|kein\w*|nie|niemals|değil\w*|yok\w*|hiç\w*)\b",
    re.IGNORECASE,
)


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
    """Return the sentences with the one first that decides a yes or no, or that defines."""
    first = 0
    if found.shape.kind == "yes_no":
        first = _deciding(found, judged)
    elif subject := defined(found.question.text):
        first = defining(subject, judged)
    if first == 0:
        return judged
    ranked, scores = list(judged.ranked), list(judged.scores)
    ranked.insert(0, ranked.pop(first))
    # Those that it has overtaken stay as near to the first as they were.
    scores.insert(0, scores[0])
    del scores[first + 1]
    return Judged(ranked, scores, judged.confidence)


# ---------------------------------------------------------------------------------- yes or no


def _deciding(found: Found, judged: Judged) -> int:
    """Return the place of the sentence that holds subject and predicate, and rather one that denies them."""
    lacks = {
        place: _lacked(found, weighed)
        for place, (weighed, score) in enumerate(zip(judged.ranked, judged.scores, strict=True))
        if score >= judged.scores[0] - _CLOSE
    }
    best = min(lacks, key=lambda place: (lacks[place], place))
    return best if lacks[best] <= lacks[0] - _LEAST_DECISIVE else 0


def _lacked(found: Found, weighed: Weighed) -> float:
    """Return how much of the question a sentence lacks, in words; a name counts as one."""
    # The verb stands first, and so no name does.
    question = found.question
    named = [content_words(name) for name in names(question.text)]
    in_names = {word for name in named for word in name}
    stored = weighed.candidate.stored
    around = stems(f"{stored.document.title} {stored.passage.heading}")
    amount = 0.0
    for name in named:
        wanted = [stem(word) for word in name]
        if lacking(wanted, weighed.stems):
            amount += (
                _NAME_MISSING
                if lacking(wanted, [*around, *weighed.stems])
                else _NAME_ELSEWHERE
                if LEANING.match(weighed.text)
                else _NAME_AROUND
            )
    others = [stem(word) for word in question.words if word not in in_names]
    amount += len(lacking(others, weighed.stems))
    if _DENIES.search(weighed.text) and not _DENIES.search(question.text):
        amount -= _DENIAL
    return amount


# -------------------------------------------------------------------------------- definitions


def defining(subject: str, judged: Judged) -> int:
    """Return the place of the sentence that says what something is, in its plainest form; 0 if none does."""
    forms = _forms(subject)
    found = list[tuple[int, str, int, int]]()
    best = judged.ranked[0].candidate.stored.document.id
    for place, (weighed, score) in enumerate(zip(judged.ranked, judged.scores, strict=True)):
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
    if subject.isupper() and len(subject) > 1:
        compiled.insert(1, rf"\b{_initials(subject)}(?:,? or | \(){name}\b|\b{name} \({_initials(subject)}\)")
    else:
        compiled.append(rf"\b(?:called|known as|named) (?:the |an? )?{name}\b")
    return [re.compile(pattern, 0 if subject.isupper() else re.IGNORECASE) for pattern in compiled]


def _initials(acronym: str) -> str:
    """Return the pattern of words with the initials of an acronym: "Countering America's ... Act"."""
    letters = [letter for letter in acronym if letter.isalpha()]
    return r"(?:\W+(?:\w+\W+){0,2}?)".join(rf"{letter}[\w’'-]*" for letter in letters)
