"""Whether a sentence has what decides a question: a cause, a day, a place, or the subject with its verb.

Rules for English, by which only the order of sentences changes; a question that they don't know has nothing
that decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rag.question.preferences import LATEST
from rag.question.questions import asked_kind, beginning, holds_kind, lacks_person, names
from rag.quoting.evidence import Weighed, lacking
from rag.search.finding import Found
from rag.text.splitting import LEANING
from rag.text.values import Day, days
from rag.text.words import content_words, fold, stem, stems, words

_NAME_ELSEWHERE = 0.5
"""How much a name in title or heading counts as missing from a sentence that means it: "the sale"."""
_NAME_AROUND = 1.5
_NAME_MISSING = 2.0
"""The same for another sentence, and for one whose title and heading lack it too."""
_DENIAL = 0.5
"""A denial in answer to a yes or no, and a subject with its verb next to it, count as half a word."""

_DENIES = re.compile(
    r"\b(?:not|never|no longer|no|none|nor|neither|without|refus\w+|reject\w+|declin\w+|den(?:y|ied|ies)"
    r"|fail(?:ed|s)?|cannot|\w+n['’]t|nicht|kein\w*|nie|niemals|değil\w*|yok\w*|hiç\w*)\b",
    re.IGNORECASE,
)
_OPENING = 4
"""Characters that may stand before the first word of a sentence."""
_PREDICATE_WORDS = 8
"""Words behind the verb in which something else of a yes or no question may stand."""
_POSSESSIVE = re.compile(r"['’]s\b")
_NUMBERED = re.compile(r"-\d[\w-]*")
_THIS = r"\b(?:the|this|that|these|those) (?:\w+ )?"

_ASKS_FOR_CAUSE = re.compile(
    r"(?:why|what (?:caused|causes|led to|leads to|triggered|prompted|brought about|made|drove)"
    r"|what (?:was|is|were|are) the (?:\w+ )?(?:causes?|reasons?) (?:of|for|behind)|how come)\b",
    re.IGNORECASE,
)
_CAUSE_STEMS = frozenset(
    stem(word)
    for word in "cause caused causes led lead leads triggered prompted brought made drove reason come".split()
)
# The effect stands before these and the cause behind, or the other way round.
_CAUSE_BEHIND = re.compile(
    r"\b(?:because|due to|owing to|thanks to|(?:was|were|is|are|been) (?:\w+ )?(?:tied|linked|related) to"
    r"|(?:caused|triggered|prompted|driven|brought about) by|result(?:s|ed)? (?:from|of)"
    r"|in (?:response|answer) to|(?:blamed|based) on|attributed to|as a result of"
    r"|on the grounds?|so that|in order to|for fear|reason (?:is|was)|to (?:avoid|prevent))\b",
    re.IGNORECASE,
)
_CAUSE_BEFORE = re.compile(
    r"\b(?:caus(?:e|es|ed|ing)|led to|leads to|forc(?:es|ed|ing)|prompt(?:s|ed|ing)|trigger(?:s|ed|ing)"
    r"|result(?:s|ed|ing) in|made|changed|drove|(?:was|is) why|therefore|so that|meant that)\b",
    re.IGNORECASE,
)
_AT = re.compile(r"\b(?:in|on|during|at|by|since|from)(?: the year| the month of)? $", re.IGNORECASE)
_AT_A_PLACE = re.compile(
    r"\b(?:[Ii]n|[Aa]t|[Oo]n|[Nn]ear|[Oo]ff|[Aa]round|[Ff]rom|[Tt]o|[Oo]f|[Bb]etween|[Oo]ver|[Tt]hrough)"
    r" (?:the )?(?:[a-z]+ )?(?!(?:January|February|March|April|May|June|July|August|September|October"
    r"|November|December)\b)[A-ZÀ-Ž]"
)
_ORDINAL = re.compile(r"\bthe (first|second|third|fourth|fifth|sixth|last)\b", re.IGNORECASE)
_FARTHEST = re.compile(r"\bthe (last|latest|first|earliest)\b", re.IGNORECASE)
_ASKS_FOR_HOLDER = re.compile(r"who (?:is|are) (?:(?:now|currently) )?(?:the|\w+['’]s) ", re.IGNORECASE)
_ASKS_FOR_DOER = re.compile(
    r"who (?!is\b|was\b|are\b|were\b|do|did|ha[sd]|can|could|will|would|may)\w+", re.IGNORECASE
)
_PASSIVE = re.compile(r"\b(?:was|were|has been|have been|had been) ")
_PARTICIPLE = re.compile(r"(?<= )(?P<verb>\w+(?:ed|en|wn))\W*+$")

_YES_NO_VERB = re.compile(r"(?P<verb>\w+)(?:n['’]t)?\s+(?:(?:the|an?|any|there)\s+)?", re.IGNORECASE)
_FAMILIES = (
    frozenset("is are was were be been became become becomes remains".split()),
    frozenset("has have had".split()),
    frozenset("can could cannot may".split()),
    frozenset("will would shall should must".split()),
)


Decided = Literal["", "yes_no", "cause", "day_named", "day", "holder", "doer", "place", "latest"]
"""What is asked for: a yes or no, a cause, something on a day that is named, a day, who is or who did
something, a place, what is new."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a question wants a sentence to hold.

    ``named`` are the stems of each name, ``others`` those of its other words, ``when`` the days it names,
    ``participle`` what was done, as it was typed, where it asks when.
    """

    text: str
    kind: Decided
    named: tuple[tuple[str, ...], ...]
    others: tuple[str, ...]
    when: tuple[Day, ...]
    participle: str


def read_wanted(found: Found) -> Wanted:
    """Return what a question wants."""
    text = found.question.text
    said = days(text)
    when = tuple(day for day in said if _AT.search(text, 0, day.start))
    bare = _POSSESSIVE.sub(lambda match: " " * len(match[0]), text)
    for day in reversed(when):
        bare = f"{bare[: day.start]} {bare[day.end :]}"
    kind = _kind(found, when)
    named = [content_words(name) for name in _names(bare)]
    in_names = {word for name in named for word in name}
    others = [stem(word) for word in content_words(bare) if word not in in_names]
    if kind == "cause":
        others = [word for word in others if word not in _CAUSE_STEMS]
    verb = _PARTICIPLE.search(text) if kind == "day" else None
    verb = verb if verb and _PASSIVE.search(text, 0, verb.start()) else None
    return Wanted(
        text,
        kind,
        tuple(tuple(map(stem, name)) for name in named if name),
        tuple(others),
        when,
        fold(verb["verb"]) if verb else "",
    )


def _kind(found: Found, when: Sequence[Day]) -> Decided:
    text = found.question.text
    if found.shape.kind == "yes_no":
        return "yes_no"
    if found.preferring.startswith(LATEST):
        return "latest"
    if _ASKS_FOR_CAUSE.match(text):
        return "cause"
    if when:
        return "day_named"
    if asked_kind(text) == "date":
        return "day"
    if _ASKS_FOR_HOLDER.match(text):
        return "holder"
    if fold(text).startswith("where "):
        return "place"
    return "doer" if _ASKS_FOR_DOER.match(text) else ""


def decides(wanted: Wanted, weighed: Weighed) -> bool:
    """Whether a sentence holds what decides, as far as that can be told."""
    if wanted.kind == "cause":
        return _gives_cause(wanted, weighed.text)
    if wanted.kind == "day_named":
        return all(_holds_day(day, weighed) for day in wanted.when)
    if wanted.kind == "day":
        return _tells_day(wanted, weighed)
    if wanted.kind == "holder":
        return not lacking(wanted.others, weighed.stems) and not lacks_person(wanted.text, weighed.text)
    if wanted.kind == "place":
        return bool(_AT_A_PLACE.search(weighed.text))
    if wanted.kind == "doer":
        return not lacking(wanted.others[:1], weighed.stems) and holds_kind("name", weighed.text, wanted.text)
    return True


def lacked(wanted: Wanted, weighed: Weighed) -> float:
    """Return how many of the question's words a sentence lacks; a name counts as one or two."""
    held = _held(weighed)
    amount = sum(_lacked_name(name, wanted, weighed, held) for name in wanted.named)
    lacked_others = len(lacking(wanted.others, held))
    amount += lacked_others
    if wanted.kind == "yes_no":
        if 2 * lacked_others <= len(wanted.others):
            amount -= _DENIAL * _denies(wanted.text, weighed.text)
        amount -= _DENIAL * _says_of_subject(wanted.text, weighed.text)
    return amount


def _names(text: str) -> list[str]:
    """Return the names of a question, each with the number that belongs to it: "F-16"."""
    found, at = [], 0
    for name in names(text):
        start = text.find(name, at)
        at = start + len(name)
        number = _NUMBERED.match(text, at)
        found.append(text[start : number.end() if number else at])
    return found


def _held(weighed: Weighed) -> frozenset[str]:
    """Return the stems of a sentence, of a table's row with those of its header."""
    if weighed.span.kind != "table_row":
        return weighed.stems
    return weighed.stems.union(stems(weighed.candidate.stored.header_of(weighed.position)))


def _lacked_name(name: Sequence[str], wanted: Wanted, weighed: Weighed, held: Iterable[str]) -> float:
    if not lacking(name, held):
        return 0.0
    stored = weighed.candidate.stored
    around = stems(f"{stored.document.title} {stored.passage.heading}")
    if lacking(name, [*around, *held]):
        return _NAME_MISSING
    means_it = (
        weighed.span.kind == "table_row"
        or LEANING.match(weighed.text)
        or any(re.search(_THIS + re.escape(word[:5]), fold(weighed.text)) for word in wanted.others)
    )
    return _NAME_ELSEWHERE if means_it else _NAME_AROUND


# ---------------------------------------------------------------------------------- yes or no


def _denies(question: str, text: str) -> bool:
    return bool(_DENIES.search(text)) and not _DENIES.search(question)


def _says_of_subject(question: str, text: str) -> float:
    """Return 1 if a sentence has the question's subject and its verb next to each other: "Turkey is".

    2 if something else of the question follows ("is a NATO member"), and 0 otherwise.
    """
    match = _YES_NO_VERB.match(question)
    if not match:
        return 0.0
    useful = [stem(word) for word in content_words(question[match.end() :])]
    first = fold(match["verb"])
    subject, predicate = _subject(question[match.end() :], useful)
    family = next((family for family in _FAMILIES if first in family), None)
    in_order = words(text)
    for place, word in enumerate(in_order):
        if not subject or stem(word) != subject:
            continue
        near = in_order[place + 1 : place + 4]
        if family and family.intersection(near[:2]):
            said = {stem(follower) for follower in in_order[place + 2 : place + 2 + _PREDICATE_WORDS]}
            return 1.0 if said.isdisjoint(useful) else 2.0
        if not family and predicate and any(beginning(stem(w)) == beginning(predicate) for w in near):
            return 1.0
    return 0.0


def _subject(rest: str, useful: Sequence[str]) -> tuple[str, str]:
    """Return the last word of the subject that a question begins with, and the word after it."""
    found = names(f"x {rest}")
    name = content_words(found[0]) if found and rest.startswith(found[0]) else []
    if name and (number := _NUMBERED.match(rest, len(found[0]))):
        name = content_words(rest[: number.end()])
    subject = stem(name[-1]) if name else next(iter(useful), "")
    after = useful[useful.index(subject) + 1 :] if subject in useful else []
    return subject, next(iter(after), "")


# ------------------------------------------------------------------------------ cause and day


def _gives_cause(wanted: Wanted, text: str) -> bool:
    """Whether a sentence gives a cause, and of what is asked about rather than its effects."""
    effect = wanted.others or [word for name in wanted.named for word in name]

    def holds_effect(part: str) -> bool:
        return 2 * len(lacking(effect, stems(part))) <= len(effect)

    for match in _CAUSE_BEHIND.finditer(text):
        before = text[: match.start()]
        # "Because of ..., the canal was closed."
        if holds_effect(before) or LEANING.match(text) or (len(before) < _OPENING and holds_effect(text)):
            return True
    return any(holds_effect(text[match.end() :]) for match in _CAUSE_BEFORE.finditer(text))


def _holds_day(day: Day, weighed: Weighed) -> bool:
    """Whether a sentence, or the day of an article that was preferred for it, holds a day asked about."""
    return bool(weighed.candidate.day) or any(_is_within(other, day) for other in days(weighed.text))


def latest_day(weighed: Weighed) -> tuple[int, int, int] | None:
    """Return year, month and day of the latest day that a sentence names, zero for what isn't said.

    None where it names none; days to come are none.
    """
    published = weighed.candidate.stored.document.published
    told = [(day.year, day.month or 0, day.day or 0) for day in days(weighed.text) if day.year]
    if published:
        told = [day for day in told if day <= (published.year, published.month, published.day)]
    return max(told, default=None)


def farthest(asked: str) -> tuple[str, int]:
    """Return the "last" of "when was the last ...?" with 1, "first" with -1, and 0 for another question."""
    match = _FARTHEST.search(asked)
    return (fold(match[1]), 1 if fold(match[1]) in ("last", "latest") else -1) if match else ("", 0)


def _is_within(one: Day, other: Day) -> bool:
    pairs = ((one.year, other.year), (one.month, other.month), (one.day, other.day))
    return all(wanted is None or held == wanted for held, wanted in pairs)


def _tells_day(wanted: Wanted, weighed: Weighed) -> bool:
    """Whether a sentence or the one after it has a day, and what was done in the form of the question."""
    following = next_text(weighed)
    has_day = holds_kind("date", weighed.text, wanted.text) or (
        bool(following) and holds_kind("date", following, wanted.text)
    )
    verb = wanted.participle
    is_other_form = (
        bool(verb) and verb not in words(weighed.text) and not lacking([stem(verb)], weighed.stems)
    )
    held = words(weighed.text)
    is_another = any(fold(match[1]) not in held for match in _ORDINAL.finditer(wanted.text))
    return has_day and not is_other_form and not is_another


def next_text(weighed: Weighed) -> str:
    """Return the sentence after one in its paragraph, "" where there is none."""
    stored, place = weighed.candidate.stored, weighed.position + 1
    if place >= len(stored.sentences) or weighed.span.kind != "paragraph":
        return ""
    span, offset = stored.sentences[place], stored.passage.start
    between = stored.passage.text[weighed.span.end - offset : span.start - offset]
    if span.kind != "paragraph" or "\n\n" in between:
        return ""
    return stored.judged_sentence(place)
