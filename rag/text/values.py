"""The values that a sentence names: amounts with their units, dates and names, and when two differ.

Rules for English. They are careful: what is rounded, a bound ("more than 20"), in another unit or
written in another way is no other value, and what can't be read is none at all.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

from rag.text.function_words import QUESTION_WORDS
from rag.text.names import names
from rag.text.units import CURRENCIES, CURRENCY_SIGNS, UNIT_SIGNS, unit_of
from rag.text.vocabulary import MONTHS, ONES, SHORT_MONTHS, TENS
from rag.text.words import fold, stem, words

_SCALES = {
    "hundred": 1e2, "thousand": 1e3, "k": 1e3, "million": 1e6, "mn": 1e6, "billion": 1e9, "bn": 1e9,
    "trillion": 1e12,
}  # fmt: skip
_LETTERS = {"k": 1e3, "m": 1e6, "b": 1e9}
"""Scales right behind an amount of money or of what is counted: "$5m", "1.2m refugees"."""
_COUNTED = r"(?:people|persons?|(?!was\b|has\b)[^\W\d_]{3,}s)\b"
_DIGITS = {word: number for number, word in enumerate(ONES, 1)}
_DIGITS |= {word: 10 * number for number, word in enumerate(TENS, 2)}
_AMOUNT = re.compile(
    rf"(?:(?<![^\s(])(?P<minus>[-−](?=[{CURRENCY_SIGNS}\d])|minus )|(?<![\w.,:/−-]))"
    rf"(?P<currency>us\$|[{CURRENCY_SIGNS}])?\s?"
    rf"(?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?|(?:{'|'.join(_DIGITS)})(?![\w-]))"
    r"(?!\w*\d|st\b|nd\b|rd\b|th\b|s\b|[,.:/]\d)"
    rf"(?:[\s-]?(?P<scale>{'|'.join(_SCALES)})\b|(?P<letter>[kmb])\b(?(currency)|(?=\s{_COUNTED})))?"
)
_AFTER = re.compile(
    r"[\s-]?(?P<percent>%|per ?cent\b)"
    rf"|(?P<words>(?:[\s-]|(?=(?:{'|'.join(UNIT_SIGNS)})\b))°?[^\W\d_]+(?:[\s-][^\W\d_]+){{0,3}})"
)
_BEFORE_UNITS = frozenset("us square american canadian turkish swiss short long degree degrees".split())
_RATE = re.compile(r"(?:/|\s(?:per|an?)\s)(h|hour|second|day)\b")
_MONTHS = {month: number for number, month in enumerate(MONTHS, 1)} | {
    short: number
    for short in SHORT_MONTHS
    for number, month in enumerate(MONTHS, 1)
    if month.startswith(short)
}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_YEAR = r"1\d{3}|20\d\d"
_DATES = re.compile(
    rf"\b(?P<iso>(?:{_YEAR})-\d\d-\d\d)\b"
    rf"|\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<month>{_MONTH})\b(?:\.?,? (?P<year>{_YEAR})\b)?"
    rf"|\b(?P<month2>{_MONTH})\b\.? (?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b(?!,\d)(?:,? (?P<year2>{_YEAR})\b)?"
    rf"|\b(?P<month3>{_MONTH})\b\.?,? (?P<year3>{_YEAR})\b"
    rf"|\b(?P<year4>{_YEAR})\b(?![,.]\d|[%-]|s\b)"
    rf"|\b(?P<month5>{'|'.join(month for month in MONTHS if month not in ('march', 'may'))})\b"
    r"|\b(?:in|since|until|of|last|this|by) (?P<month6>may|march)\b"
    rf"(?!,? (?:{_YEAR})\b)"
)
_ABOUT = re.compile(r"\b(?:about|around|roughly|some|nearly|almost|approximately|an estimated|close to)\s*$")
_OVER = re.compile(r"\b(?:more than|over|at least|above|exceeding|no fewer than|upwards of)\s*$")
_UNDER = re.compile(r"\b(?:less than|fewer than|under|up to|at most|below|as (?:much|many) as)\s*$")
_PART = re.compile(
    r"\b(?:another|additional|further|extra|other|by|of the|first|last|remaining|every|per)\s*$"
)
_MOST_DIGITS = 100
"""More are no amount of anything, and soon more than a number can be."""
_BEFORE_CHARACTERS = 40
"""Longer than any of these with its spaces."""
_MORE = re.compile(r"\s+(?:more|others?|additional|per|times|of the)\b|\s?(?:-|–|to|or|and)\s?\d")


@dataclass(frozen=True, slots=True)
class Value:
    """A value with its place in the sentence; ``text`` are its words as they stand."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Amount(Value):
    """A number of something: ``least`` to ``most`` is what it may mean, in the base unit of its ``unit``.

    ``nouns`` are the stems of the words after it; ``is_part`` tells that it may be a part or a change
    of something: "another 200", "20 to 25", "by 5 %".
    """

    number: float
    least: float
    most: float
    unit: str
    nouns: tuple[str, ...]
    is_part: bool


@dataclass(frozen=True, slots=True)
class Day(Value):
    """A date, or as much of it as is said."""

    year: int | None
    month: int | None
    day: int | None


@dataclass(frozen=True, slots=True)
class Name(Value):
    """A name; ``stems`` are those of its words, one for all their spellings."""

    stems: frozenset[str]


def amounts(text: str) -> list[Amount]:
    """Return the amounts in a sentence, but for what is a year or part of a date."""
    lowered = text.lower()
    if len(lowered) != len(text):
        return []
    taken = [(day.start, day.end) for day in days(text)]
    starts = [start for start, _ in taken]
    found = []
    for match in _AMOUNT.finditer(lowered):
        after = _AFTER.match(lowered, match.end())
        # The last date that begins before its end: dates stand in order and apart.
        last = bisect_left(starts, match.end()) - 1
        is_dated = last >= 0 and match.start("digits") < taken[last][1]
        if is_dated and not _is_counted(match, after):
            continue
        if amount := _amount(text, lowered, match, after):
            found.append(amount)
    return found


def days(text: str) -> list[Day]:
    """Return the dates in a sentence, each as far as it is said: "12 May 2010", "May 2010", "2010"."""
    found = []
    lowered = text.lower()
    # A few letters, as the Turkish dotted I, are two in lower case: places would be wrong after them.
    if len(lowered) != len(text):
        return []
    for match in _DATES.finditer(lowered):
        parts = {name.rstrip("23456"): value for name, value in match.groupdict().items() if value}
        if "iso" in parts:
            year, month, day = (int(part) for part in parts["iso"].split("-"))
            found.append(Day(match.start(), match.end(), match[0], year, month, day))
            continue
        start = match.start("month6") if match["month6"] else match.start()
        numbers = [int(parts[name]) if name in parts else None for name in ("year", "day")]
        month_number = _MONTHS[parts["month"]] if "month" in parts else None
        # "may" is a word too.
        if parts.get("month") == "may" and text[match.start() : match.end()].find("may") >= 0:
            continue
        found.append(Day(start, match.end(), text[start : match.end()], numbers[0], month_number, numbers[1]))
    return found


def people(text: str) -> list[Name]:
    """Return what looks like names, in order, but for days and months."""
    found, at = [], 0
    for name in names(text):
        start = text.find(name, at)
        if start < 0:
            continue
        at = start + len(name)
        while (first := name.partition(" "))[2] and fold(first[0]) in QUESTION_WORDS:
            name, start = first[2], at - len(first[2])
        stems = frozenset(stem(word) for word in words(name))
        if not any(fold(word) in _MONTHS or fold(word).endswith("day") for word in name.split()):
            found.append(Name(start, at, name, stems))
    return found


def are_different(one: Value, other: Value) -> bool:
    """Whether two values can't both be right, however they are rounded or written."""
    if isinstance(one, Amount) and isinstance(other, Amount):
        same_unit = one.unit == other.unit
        return same_unit and (one.most < other.least or other.most < one.least)
    if isinstance(one, Day) and isinstance(other, Day):
        pairs = ((one.year, other.year), (one.month, other.month), (one.day, other.day))
        return any(a is not None and b is not None and a != b for a, b in pairs)
    if isinstance(one, Name) and isinstance(other, Name):
        return not one.stems & other.stems and not _is_short_for(one.text, other.text)
    return False


def bears(said: Value, claimed: Value) -> bool:
    """Whether one value, as a source says it, bears another as it is claimed.

    1,204,000 bears "about 1.2 million"; "on 5 May" bears "5 May 2018", whose year may stand elsewhere.
    """
    if isinstance(said, Amount) and isinstance(claimed, Amount):
        if claimed.unit != said.unit and claimed.unit and said.unit:
            return False
        if claimed.least <= said.number <= claimed.most or claimed.number == said.number:
            return True
        return said.least < said.most < float("inf") and said.least <= claimed.number <= said.most
    if isinstance(said, Day) and isinstance(claimed, Day):
        return not are_different(said, claimed) and shared_parts(said, claimed) > 0
    return False


def shared_parts(one: Day, other: Day) -> int:
    """Return how many of year, month and day two dates have in common."""
    pairs = ((one.year, other.year), (one.month, other.month), (one.day, other.day))
    return sum(a is not None and a == b for a, b in pairs)


def only(found: list[Value], matches: Callable[[Value], bool]) -> Value | None:
    """Return the one value that matches; nothing where two are different, or there is none."""
    matching = [value for value in found if matches(value)]
    if not matching or any(are_different(matching[0], value) for value in matching[1:]):
        return None
    return max(matching, key=lambda value: (len(value.text), -value.start))


def _is_short_for(one: str, other: str) -> bool:
    initials = ["".join(word[0] for word in name.split()) for name in (one, other)]
    return one.replace(".", "") == initials[1] or other.replace(".", "") == initials[0]


def _is_counted(match: re.Match[str], after: re.Match[str] | None) -> bool:
    """Whether what looks like a year counts something: "1200 ships"."""
    if match["currency"] or match["scale"]:
        return True
    first = after["words"].split()[0] if after and after["words"] else ""
    return first in UNIT_SIGNS or bool(re.fullmatch(_COUNTED, first))


def _amount(text: str, lowered: str, match: re.Match[str], after: re.Match[str] | None) -> Amount | None:
    written = match["digits"].replace(",", "")
    if len(written) > _MOST_DIGITS:
        return None
    number = float(_DIGITS.get(written, 0) or written)
    scale = _SCALES.get(match["scale"] or "", 1.0) * _LETTERS.get(match["letter"] or "", 1.0)
    step = _step(written, number, scale)
    unit, factor, end = _unit(match, after)
    before = lowered[max(0, match.start() - _BEFORE_CHARACTERS) : match.start()]
    value, slack = number * scale * (-1 if match["minus"] else 1), step / 2
    if _ABOUT.search(before):
        slack = max(slack, abs(value) * 0.1)
    least = value - slack if not _UNDER.search(before) else min(0.0, math.copysign(math.inf, value))
    most = value + slack if not _OVER.search(before) else float("inf")
    nouns = tuple(stem(word) for word in (after["words"] or "").split()) if after else ()
    is_part = bool(_PART.search(before) or (unit != "percent" and _MORE.match(lowered, end)))
    start = next(match.start(part) for part in ("minus", "currency", "digits") if match[part])
    amounts_to = (value * factor, least * factor, most * factor)
    return Amount(start, end, text[start:end], *amounts_to, unit, nouns, is_part)


def _step(written: str, number: float, scale: float) -> float:
    """Return how finely a number is said: 1.2 million to 0.1 million, 310,000 to ten thousand."""
    if scale > 1:
        return scale * 10.0 ** -len(written.partition(".")[2])
    zeros = len(written) - len(written.rstrip("0")) if "." not in written and written.isdigit() else 0
    if "." in written:
        return 10.0 ** -len(written.partition(".")[2]) if len(written.partition(".")[2]) < 2 else 0.0
    return min(10.0**zeros, 0.1 * number) if zeros > 1 else 0.0


def _unit(match: re.Match[str], after: re.Match[str] | None) -> tuple[str, float, int]:
    """Return the unit, its measure in the base unit, and where the amount ends with it."""
    text, at = match.string, match.end()
    if match["currency"]:
        return CURRENCIES[match["currency"]], 1.0, at
    if not after:
        return "", 1.0, at
    if after["percent"]:
        return "percent", 1.0, after.end()
    for place, word in enumerate(after["words"].replace("-", " ").split()[:3]):
        at = text.index(word, at) + len(word)
        found = unit_of(word)
        if found and (not place or len(word) > 2):
            unit, size = found
            if "square" in after["words"]:
                return f"square {unit}", size**2, at
            if (rate := _RATE.match(text, at)) and unit == "length" and (time := unit_of(rate[1])):
                return "speed", size / time[1], rate.end()
            return unit, size, at
        if word not in _BEFORE_UNITS:
            break
    return "", 1.0, match.end()
