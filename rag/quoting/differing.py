"""Sources that differ: another article answers the same question with another number, date or name.

Saying that sources differ where they don't is worse than missing that they do. So both sentences must
say nearly the same, of the same thing and time, with one value each that the question can mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.deadline import Deadline
from rag.documents import Document
from rag.question.questions import beginning, counted_noun
from rag.quoting.evidence import Weighed, lacking
from rag.search.retrieval import Question
from rag.search.statements import is_same
from rag.text.function_words import NEGATIONS, QUESTION_WORDS
from rag.text.units import CURRENCIES
from rag.text.values import Amount, Day, Value, amounts, are_different, days, only, people
from rag.text.vocabulary import WEEKDAYS
from rag.text.words import fold, stem, stems, words

MOST_VALUES = 3
_CLOSE = 3.0
"""Log-odds that the other sentence may lie behind the best."""
_LEAST_LOG_ODDS = -2.0
_ALIKE = 0.4
"""Share of words in common (Jaccard), the values aside, from which two sentences are about the same."""
_MOST_OWN = 3
"""Words that the sentence with fewer of its own may have of its own."""
_MOST_YEARS = 5
_LOOKED_AT = 12

_REPORTS = r"(?:sa(?:id|ys)|told|announced|reported|estimate[sd]|confirmed|stated|wrote|added|according to)"
# Who says it and when, before or after what is said.
_REPORT = re.compile(
    rf",\s+(?:[\w'’]+ ){{1,6}}?{_REPORTS}\b[^,;.]*|,\s+{_REPORTS} [^,;.]+|\baccording to [^,;.]+"
    rf"|^(?:[\w'’]+ ){{1,6}}?(?:said|announced|reported|confirmed|stated)(?: on [^,;.]{{3,20}}?)? that\b",
    re.IGNORECASE,
)
# An apostrophe belongs to its word only: if it might be a sign between words too, 200 would take hours.
_REPORTER = re.compile(rf"[^\w'’]*+(?:[\w'’]++[^\w'’]++){{0,2}}['’]*+{_REPORTS}\b", re.IGNORECASE)
_REPORTED_BY = re.compile(r"\b(?:according to|told|sa(?:id|ys))(?: the)?\s*$", re.IGNORECASE)
# Of each group a sentence may mean one and not the others.
_CONTRASTS = tuple(
    frozenset(group.split())
    for group in (
        "north south east west northern southern eastern western upper lower left right inner outer",
        "men women male female boys girls children adults",
        "import imports export exports imported exported buy sell bought sold",
        "first second third fourth fifth sixth last next previous former earlier later",
        "urban rural domestic foreign international national",
        "minimum maximum average median mean peak record highest lowest",
        "total overall combined net gross",
        "annual annually yearly monthly month weekly week daily day quarterly quarter hourly hour",
        "began begin started start opened open ended end finished completed closed close",
        "planned plan plans originally initially initial actual actually",
        "dead killed died injured wounded missing hurt",
        "spring summer autumn winter morning afternoon evening night",
        f"denied {' '.join(NEGATIONS)}",
        "rose fell grew shrank increased decreased up down gained lost",
    )
)
_WORD = re.compile(r"[^\W_]+")
_BEFORE = re.compile(r"(?<![^\W\d_])([^\W\d_]++)(?:[ -]| of (?:the |a |an )?)$")
_BEFORE_CHARACTERS = 120
"""A word of the longest kind that is looked at, and " of the "."""
_ADDED = re.compile(
    r"\b(?:of|in|at|for|to|from|against|with|by|on|off) (?:the |a |an |its |their )?([^\W\d_]+)",
    re.IGNORECASE,
)
# What begins another statement; "for children" and "in May" after a comma belong to the one before.
_GOES_ON = re.compile(
    r",? (?:and|while|which|who|where|whereas)\b"
    r"|[,;] (?!for\b|in\b|if\b|after|before|excluding|not\b|without|but\b|except|only|when|of\b|on\b|at\b"
    r"|during|since|until|per\b|among|from|under|over)"
)
_RESTRICTING = frozenset(
    "after before if unless except only during until since per under between among without with"
    " for when".split()
)
_WHICH_PLACE = re.compile(r"\b(?:what|which) (?:\w+ )?(?:city|town|country|state|province|company|team)\b")
_WHERE = re.compile(r"\bwhere\b|\b(?:what|which) (?:\w+ )?place\b")
_ASKS_PERCENT = re.compile(
    r"\bpercent|\bper cent|\bshare\b|\bproportion\b|\b(?:inflation|unemployment|interest) rate"
)
_DIMENSIONS = (
    (re.compile(r"\bhow (?:tall|high|deep|wide|far|broad|thick)\b"), {"length"}),
    (re.compile(r"\bhow long\b"), {"length", "time"}),
    (re.compile(r"\bhow (?:old|often)\b"), {"time"}),
    (re.compile(r"\bhow heavy\b|\bweigh"), {"mass"}),
    (_ASKS_PERCENT, {"percent"}),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence in sight and the value by which it answers.

    ``said`` is what it says about the value: without it, without who reports it, and without what
    follows once the question's words are said: "... and has six stations".
    """

    weighed: Weighed
    value: Value
    said: str


def find_differing(
    question: Question, ranked: Sequence[Weighed], scores: Sequence[float], deadline: Deadline
) -> list[Claim]:
    """Return the best sentence and those of other documents that answer with other values, or nothing.

    ``ranked`` are the sentences in sight, the best first, and ``scores`` their log-odds.
    """
    read = _reader(question)
    if read is None or not ranked or not question.is_known_language:
        return []
    best = ranked[0]
    value = read(best.text)
    if value is None:
        return []
    claims = [_claim(question, best, value)]
    for weighed, score in deadline.each(zip(ranked[1:_LOOKED_AT], scores[1:_LOOKED_AT], strict=False)):
        if len(claims) == MOST_VALUES or score < max(scores[0] - _CLOSE, _LEAST_LOG_ODDS):
            break
        if any(_document(weighed).id == _document(claim.weighed).id for claim in claims):
            continue
        other = read(weighed.text)
        if other is None or not all(are_different(claim.value, other) for claim in claims):
            continue
        found = _claim(question, weighed, other)
        if _answer_alike(question, claims[0], found):
            claims.append(found)
    return claims if len(claims) > 1 else []


def _claim(question: Question, weighed: Weighed, value: Value) -> Claim:
    text = _unreported(weighed.text)
    ends = [match.end() for match in _WORD.finditer(text) if stem(match[0]) in question.stems]
    rest = _GOES_ON.search(text, max([value.end, *ends]))
    end = rest.start() if rest else len(text)
    return Claim(weighed, value, f"{text[: value.start]}; {text[value.end : end]}")


def _reader(question: Question) -> Callable[[str], Value | None] | None:
    """Return what reads from a sentence the value that a question asks for; None if it asks for none."""
    kind, asked = question.reading.kind, fold(question.text)
    if kind == "date":
        known = days(question.text)

        def is_new_day(value: Value) -> bool:
            return not any(value.text.lower() == day.text.lower() for day in known)

        return lambda text: only(_event_days(text), is_new_day)
    if kind in ("money", "number") or (kind == "thing" and _ASKS_PERCENT.search(asked)):
        fits = _fitting(asked, is_money=kind == "money")
        return lambda text: only(list(amounts(text)), fits)
    if kind == "name" and not _WHERE.search(asked):
        return lambda text: _person(text, question.text, needs_two=not _WHICH_PLACE.search(asked))
    return None


def _fitting(asked: str, is_money: bool) -> Callable[[Value], bool]:
    """Return whether an amount may be what is asked for, by its unit or by what it counts."""
    said = {value.text.lower() for value in amounts(asked)}
    counted = counted_noun(asked)
    dimensions = set[str]()
    for pattern, names_of in _DIMENSIONS:
        if pattern.search(asked):
            dimensions |= names_of

    def fits(value: Value) -> bool:
        if not isinstance(value, Amount) or value.is_part or value.text.lower() in said:
            return False
        if is_money:
            return value.unit in CURRENCIES
        if counted and not dimensions:
            return counted in {beginning(word) for word in value.nouns[:3]}
        return value.unit in dimensions if dimensions else value.unit != "time"

    return fits


def _event_days(text: str) -> list[Value]:
    """Return the dates in a sentence but for when it was said: "..., the ministry said on 3 May"."""
    return list[Value](days(_unreported(text)))


def _unreported(text: str) -> str:
    """Return a sentence with spaces where it says who says it, and when."""
    return _REPORT.sub(lambda match: " " * len(match[0]), text)


def _person(text: str, asked: str, needs_two: bool) -> Value | None:
    """Return the one name in a sentence that the question doesn't hold."""
    known = {stem(word) for word in words(asked)}
    found = [name for name in people(text) if not name.stems <= known and not _is_reporter(text, name)]
    if len(found) != 1 or found[0].stems & known:
        return None
    return found[0] if len(found[0].text.split()) > 1 or not needs_two else None


def _is_reporter(text: str, name: Value) -> bool:
    return bool(_REPORTER.match(text[name.end :]) or _REPORTED_BY.search(text[: name.start]))


def _answer_alike(question: Question, one: Claim, other: Claim) -> bool:
    """Whether two sentences are about the same thing and time, so that one of them must be wrong."""
    asked = set(question.stems)
    held = [_place(claim) for claim in (one, other)]
    if any(lacking(question.reading.names, place) for place in held):
        return False
    lacked = [
        set(lacking(asked, place)) - _measured(claim) for claim, place in zip((one, other), held, strict=True)
    ]
    if lacked[0] ^ lacked[1] or len(lacked[0]) > 1:
        return False
    if is_same(one.weighed.text, other.weighed.text):
        return False
    mine, theirs = _frame(one), _frame(other)
    if len((mine ^ theirs) & asked) > 1:
        return False
    if (
        _other_subjects(one, other, asked)
        or _contrast(one, other)
        or not _same_time(one, other)
        or not _same_names(one, other, asked)
    ):
        return False
    if _may_recur(one.value, other.value):
        return False
    common, own = mine & theirs, min(len(mine - theirs), len(theirs - mine))
    return own <= _MOST_OWN and len(common) >= _ALIKE * len(mine | theirs)


def _may_recur(one: Value, other: Value) -> bool:
    """Whether two dates are so far apart that it may have happened twice."""
    if not (isinstance(one, Day) and isinstance(other, Day) and one.year and other.year):
        return False
    return abs(one.year - other.year) > _MOST_YEARS


def _measured(claim: Claim) -> set[str]:
    """Return the stems of a question that a value answers by its unit, which may be a sign."""
    is_percent = isinstance(claim.value, Amount) and claim.value.unit == "percent"
    return {stem(word) for word in ("percent", "percentage")} if is_percent else set()


def _place(claim: Claim) -> set[str]:
    """Return the stems of a sentence with its title and heading."""
    stored = claim.weighed.candidate.stored
    return set(claim.weighed.stems) | set(stems(f"{stored.document.title} {stored.passage.heading}"))


def _frame(claim: Claim) -> set[str]:
    """Return the stems of what a sentence says about its value, without the value and who reports it."""
    said = [word for word in words(claim.said) if word not in _passed_over() and not word.isdigit()]
    return {stem(word) for word in said}


@lru_cache(maxsize=1)
def _passed_over() -> frozenset[str]:
    more = (
        "now then also about around some more than over at least nearly almost up into out but after before"
        " while during its people percent"
    )
    return frozenset((*map(fold, QUESTION_WORDS), *WEEKDAYS, *more.split()))


def _other_subjects(one: Claim, other: Claim, asked: set[str]) -> bool:
    """Whether a common noun goes with another word in each: "glass factory" and "paper factory".

    What is asked for may go with a word in one sentence only, and is narrowed by it: "deputy mayor",
    "a part of the river".
    """
    mine, theirs = _narrowed(one), _narrowed(other)
    known = (_place(one) & _place(other)) | asked
    if isinstance(one.value, Amount) and any(_added(claim) - known for claim in (one, other)):
        return True
    for noun in mine.keys() & theirs.keys():
        own = [set(words_before[noun]) - known for words_before in (mine, theirs)]
        if (own[0] and own[1]) or (noun in asked and (own[0] or own[1])):
            return True
    return False


def _added(claim: Claim) -> set[str]:
    """Return the stems of what a preposition adds to a statement: "in intensive care", "by train"."""
    added = (fold(match[1]) for match in _ADDED.finditer(claim.said))
    return {stem(word) for word in added if word not in _passed_over()}


def _narrowed(claim: Claim) -> dict[str, set[str]]:
    """Return the stems of a sentence with those that stand right before each: the "paper" of its factory."""
    narrowed = dict[str, set[str]]()
    text = claim.said
    for match in _WORD.finditer(text):
        before = narrowed.setdefault(stem(match[0]), set())
        left = _BEFORE.search(text[max(0, match.start() - _BEFORE_CHARACTERS) : match.start()])
        word = fold(left[1]) if left else ""
        if word and word not in _passed_over() and not word.endswith("ly"):
            before.add(stem(word))
    return narrowed


def _contrast(one: Claim, other: Claim) -> bool:
    mine, theirs = (set(words(claim.said)) for claim in (one, other))
    weekdays = [said.intersection(WEEKDAYS) for said in (mine, theirs)]
    if all(weekdays) and weekdays[0] != weekdays[1]:
        return True
    return any(group & mine != group & theirs for group in (*_CONTRASTS, _RESTRICTING))


def _same_time(one: Claim, other: Claim) -> bool:
    """Whether neither sentence tells of a time that the other doesn't, but for its own day."""
    if isinstance(one.value, Day):
        return True
    mine, theirs = (_event_days(claim.weighed.text) for claim in (one, other))
    if mine and theirs:
        return not any(are_different(a, b) for a in mine for b in theirs)
    for claim, days_said in ((one, mine), (other, theirs)):
        published = _document(claim.weighed).published
        if any(
            isinstance(day, Day) and day.year and not (published and day.year == published.year)
            for day in days_said
        ):
            return False
    return True


def _same_names(one: Claim, other: Claim, asked: set[str]) -> bool:
    """Whether not each sentence is about somebody or something by name that the other doesn't name."""

    def own(claim: Claim, against: Claim) -> bool:
        text, known = claim.weighed.text, _place(against) | asked
        return any(
            not name.stems <= known and not _is_reporter(text, name)
            for name in people(text)
            if name.start != claim.value.start
        )

    return not (own(one, other) and own(other, one))


def _document(weighed: Weighed) -> Document:
    return weighed.candidate.stored.document
