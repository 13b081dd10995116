"""What a question says about where to look: a time, a source, "the latest".

It is a preference and no filter: passages of such articles count more. English with the commonest forms
of German and Turkish. A cheap pattern finds what may be such words, and only then they are read.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from rag.documents import Document, Filters, Origin
from rag.periods import Period
from rag.text.days import read_day
from rag.text.names import CAPITAL
from rag.text.vocabulary import GERMAN_MONTHS, MONTHS, SHORT_MONTHS, TURKISH_MONTHS
from rag.text.words import content_words, fold

LATEST = "the latest articles"
MOST_WITHIN = 1_500
"""Passages gone through for the nearest; where more are preferred, enough of them are near anyway."""
NEWEST = 50
"""Articles among which the latest ones are looked for by themselves."""

_MONTH = f"(?:{'|'.join((*MONTHS, *SHORT_MONTHS, *GERMAN_MONTHS, *TURKISH_MONTHS))})"
_YEAR = r"(?:1[5-9]|20)\d\d"
_NTH = r"\d{1,2}(?:st|nd|rd|th|\.)?"
_DAY = (
    rf"(?:\d{{4}}-\d\d-\d\d|\d{{1,2}}\.\d{{1,2}}\.\d{{4}}|{_NTH} (?:of )?{_MONTH}\.?,? {_YEAR}"
    rf"|{_MONTH}\.? {_NTH},? {_YEAR})"
)
_MONTH_OF_YEAR = rf"{_MONTH}\.?,? (?:of )?{_YEAR}"
_POINT = rf"(?:{_DAY}|{_MONTH_OF_YEAR}|{_YEAR})(?![\w-])"
_NUMBER = (
    "(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|ein(?:em|er)?|zwei|drei|vier|fünf|\\d{1,3})"
)
_UNIT = "(?:days?|weeks?|months?|years?)"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_TIME = _pattern(
    rf"\b(?:{_YEAR}|{_MONTH}\b|\d\d?\.\d\d?\.\d{{4}}|yesterday|today"
    rf"|(?:last|past|previous|this) (?:{_UNIT}|{_NUMBER} )|{_UNIT} ago"
    r"|gestern|heute|(?:letzte|diese)[nrms]? (?:woche|monat|jahr)|vor \w+ (?:tag|woche|monat|jahr)"
    r"|dün\b|bugün|(?:geçen|bu) (?:hafta|ay|yıl)\b)"
)
_LATEST = _pattern(
    r"(?<!at )(?<!at the )\b(?:the )?(?:latest|newest|most recent(?:ly)?)\b(?: news)?(?: (?:on|about)\b)?"
    r"|\b(?:recently|currently)\b"
    r"|\b(?:(?:der|die|das) )?(?:neueste|jüngste)[nrsm]?\b|\bzuletzt\b|\ben (?:son|yeni)\b"
)
_SOURCE = _pattern(
    r"\b(?:according to|report|article|stor(?:y|ies)\b|publish|writ|wrote\b|sa(?:y|id)|claim|print|coverage"
    r"|laut\b|zufolge|bericht|schreibt|göre\b)"
)
_RANGE = _pattern(
    rf"\b(?:between (?P<since>{_POINT}) and|from (?P<since2>{_POINT}) (?:to|until|till)"
    rf"|zwischen (?P<since3>{_POINT}) und|von (?P<since4>{_POINT}) bis) (?P<until>{_POINT})"
)
_OPEN = _pattern(rf"\b(?P<side>since|after|before|until|till|seit|nach|vor|bis) (?:the )?(?P<point>{_POINT})")
_WITHIN = _pattern(
    rf"\b(?:in|on|during|from|im|am|vom)(?: the)?(?: year| jahr)? (?P<point>{_POINT})"
    rf"|(?P<point2>(?:{_DAY}|{_MONTH_OF_YEAR})(?![\w-]))"
    rf"|(?P<point3>{_YEAR})(?: yılında|['’][td][ea]\b)"
)
# Without a year a month is only one behind such a word and with a capital: "may" and "march" are verbs.
_MONTH_ALONE = re.compile(
    rf"\b(?P<side>[Ii]n|[Dd]uring|[Ss]ince|[Ii]m|[Ss]eit) (?P<point>(?=[A-ZŞ])(?i:{_MONTH}))\b"
    r"(?!\.?,? (?:of )?\d)"
)
_LAST_SO_MANY = _pattern(
    rf"\b(?:(?:in|over|during|within) )?(?:the )?(?:last|past|previous) (?P<point>{_NUMBER} {_UNIT})\b"
)
_RELATIVE = _pattern(
    rf"\b(?P<point>yesterday|today|gestern|heute|dün|bugün|{_NUMBER} {_UNIT} ago"
    r"|(?:last|past|previous|this) (?:week|month|year)"
    r"|(?:letzte|diese)[nrms]? (?:woche|monat|jahr)|(?:geçen|bu) (?:hafta|ay|yıl)"
    rf"|vor {_NUMBER} (?:tag|woche|monat|jahr)(?:en?)?)\b(?:['’]s)?"
)

_THE = r"(?:the |der |dem |die |den |das )?"
_BEFORE_SOURCE = _pattern(rf"(?:\baccording to|\blaut) {_THE}$")
_BEFORE_SOURCE_TOO = _pattern(
    r"\b(?:report|article|stor(?:y|ies)|publish|writ|wrote|sa(?:y|id)|claim|print|coverage|bericht)\w*"
    rf"(?: \w+){{0,2}}? (?:in|by|from|of|on) {_THE}$"
)
_AFTER_SOURCE = _pattern(
    r"(?:['’]s?)? (?:report|article|story|coverage|account)\w*\b|(?:['’]\w{1,4})? göre\b| zufolge\b"
)
_SAYS = _pattern(
    r" (?:say|says|said|write|writes|wrote|report|reports|reported|claim\w*|schreibt|berichtet)\b"
)
_LONGEST_NAME = 6
_reading = threading.Lock()


@dataclass(frozen=True, slots=True)
class Preference:
    """Articles that a question would rather be answered from.

    ``text`` is the question without the words that only say where to look ("according to the Age", "last
    month"). A time that texts hold too ("October 2023") stays in it. ``newest`` is the day since which
    there are about `NEWEST` articles, where the latest are wanted. ``within`` are filters that such articles
    pass, to find passages that would not be among the best otherwise.
    """

    text: str
    sources: frozenset[str] = frozenset()
    source_name: str = ""
    period: Period | None = None
    newest: date | None = None
    within: tuple[Filters, ...] = ()

    def __str__(self) -> str:
        """Return it in words: "articles of The Age from October 2023"."""
        parts = [LATEST if self.newest else "articles"]
        if self.source_name:
            parts.append(f"of {self.source_name}")
        if self.period:
            is_closed = self.period.since and self.period.until
            parts.append(f"from {self.period}" if is_closed else str(self.period))
        return " ".join(parts)

    def suited(self, document: Document) -> int:
        """How much of what is preferred a document is: one for its source, one for its day."""
        is_from = bool(self.period and document.published and document.published in self.period)
        return is_from + (document.source in self.sources)


def may_prefer(question: str) -> bool:
    """Whether it is worth while to read a question for what it prefers: about 0.02 ms."""
    return bool(_TIME.search(question) or _LATEST.search(question) or _SOURCE.search(question))


def get_ready() -> None:
    """Load what the first question that names a time would otherwise wait for, about 0.3 s."""
    _read("last month", date.today())


def read_preference(question: str, origins: Sequence[Origin], today: date) -> Preference | None:
    """Return what a question prefers of the articles that there are; None for nothing.

    Parameters
    ----------
    question
        On one line.
    origins
        What the library has.
    today
        The day that "last month" counts from.
    """
    named = _named_source(question, tuple({o.source for o in origins if o.source}))
    of_source = [o for o in origins if not named or o.source in named.sources]
    days = sorted({o.published for o in of_source if o.published})
    timed = _named_time(question, today)
    # A time that no article of the source is from may still be one that others are from.
    if timed and not any(day in timed.period for day in days):
        all_days = {o.published for o in origins if o.published}
        timed = timed if any(day in timed.period for day in all_days) else None
    latest = _LATEST.search(question) if len(days) > 1 and not timed else None
    if not (named or timed or latest):
        return None
    cuts = [part.cut for part in (named, timed) if part and part.cut]
    sources = named.sources if named else frozenset[str]()
    period = timed.period if timed else None
    newest = days[-min(NEWEST, len(days))] if latest else None
    return Preference(
        _without(question, [*cuts, *([latest.span()] if latest else [])]),
        sources,
        named.name if named else "",
        period,
        newest,
        _within_filters(origins, sources, period or Period(since=newest)),
    )


def _within_filters(
    origins: Sequence[Origin], sources: frozenset[str], period: Period
) -> tuple[Filters, ...]:
    """Return filters for the articles of both source and period, where there are none for those of either."""
    names = sorted(sources)
    both = Filters(names, period.since, period.until)
    tried = [both] if _passages(origins, both) else [Filters(names), Filters((), period.since, period.until)]
    return tuple(filters for filters in tried if 0 < _passages(origins, filters) <= MOST_WITHIN)


def _passages(origins: Sequence[Origin], filters: Filters) -> int:
    period = Period(filters.since, filters.until)
    return sum(
        origin.passages
        for origin in origins
        if (not filters.sources or origin.source in filters.sources)
        and (period == Period() or (origin.published is not None and origin.published in period))
    )


@dataclass(frozen=True, slots=True)
class _Named:
    sources: frozenset[str]
    name: str
    cut: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class _Timed:
    period: Period
    cut: tuple[int, int] | None


def _without(question: str, cuts: Sequence[tuple[int, int]]) -> str:
    text = question
    for start, end in sorted(cuts, reverse=True):
        text = f"{text[:start].rstrip(' ,')} {text[end:].lstrip(' ,')}"
    text = re.sub(r" ([?.!])", r"\1", " ".join(text.split())).strip(" ,")
    return text if content_words(text) else question


# ---------------------------------------------------------------------------------- sources


def _named_source(question: str, sources: tuple[str, ...]) -> _Named | None:
    if not sources or not _SOURCE.search(question):
        return None
    names = _names(sources)
    tokens = list(re.finditer(r"[^\W_]+", question))
    is_lower = question[1:].islower()
    for size in range(min(_LONGEST_NAME, len(tokens)), 0, -1):
        for first, last in zip(tokens, tokens[size - 1 :], strict=False):
            start, end = first.start(), last.end()
            found = names.get(_key(question[start:end]))
            if found and (is_lower or not question[start].islower()):
                named = _Named(found, min(found), None)
                before, after = question[:start], question[end:]
                is_part = re.match(rf" (?:of|for) {CAPITAL}", after)  # "in the Age of Reason"
                cue = None if is_part else _BEFORE_SOURCE.search(before) or _BEFORE_SOURCE_TOO.search(before)
                if cue:
                    return _Named(found, min(found), (cue.start(), end))
                if cue := _AFTER_SOURCE.match(after):
                    return _Named(found, min(found), (_with_article(before), end + cue.end()))
                # Who says something may be what the question is about: its name stays.
                if _SAYS.match(after):
                    return named
    return None


def _with_article(before: str) -> int:
    article = re.search(rf"{_THE}$", before, re.IGNORECASE)
    return article.start() if article else len(before)


@lru_cache(maxsize=8)
def _names(sources: tuple[str, ...]) -> Mapping[str, frozenset[str]]:
    """Return which sources a name may mean: "The Age", "age" and the "theage" of "theage.com.au"."""
    names: dict[str, frozenset[str]] = {}
    for source in sources:
        site = re.fullmatch(r"(?:https?://)?(?:www\.)?([\w-]+)(?:\.\w{2,6}){1,2}/?", source.strip())
        keys = {_key(source), *({_key(site[1]), _key(site[1].removeprefix("the"))} if site else ())}
        for key in keys - {""}:
            names[key] = names.get(key, frozenset()) | {source}
    return names


def _key(name: str) -> str:
    found = re.findall(r"[^\W_]+", fold(name))
    return " ".join(found[1:] if len(found) > 1 and found[0] == "the" else found)


# ---------------------------------------------------------------------------------- times


def _named_time(question: str, today: date) -> _Timed | None:
    if not _TIME.search(question):
        return None
    for read in (_range, _open, _within, _month_alone, _last_so_many, _relative):
        if timed := read(question, today):
            return timed
    return None


def _range(question: str, today: date) -> _Timed | None:
    if not (match := _RANGE.search(question)):
        return None
    since = next(filter(None, (match[name] for name in ("since", "since2", "since3", "since4"))))
    first, last = _period(since, today), _period(match["until"], today)
    is_right = first and last and first.since and last.until and first.since <= last.until
    return _Timed(Period(first.since, last.until), None) if is_right and first and last else None


def _open(question: str, today: date) -> _Timed | None:
    match = _OPEN.search(question)
    point = _period(match["point"], today) if match else None
    if not match or not point or not point.since or not point.until:
        return None
    one_day = date.resolution
    period = {
        "since": Period(since=point.since),
        "seit": Period(since=point.since),
        "after": Period(since=point.until + one_day),
        "nach": Period(since=point.until + one_day),
        "before": Period(until=point.since - one_day),
        "vor": Period(until=point.since - one_day),
    }.get(match["side"].lower(), Period(until=point.until))
    return _Timed(period, None)


def _within(question: str, today: date) -> _Timed | None:
    match = _WITHIN.search(question)
    point = _period(match["point"] or match["point2"] or match["point3"], today) if match else None
    return _Timed(point, None) if point else None


def _month_alone(question: str, today: date) -> _Timed | None:
    match = _MONTH_ALONE.search(question)
    point = _period(match["point"], today) if match else None
    if not match or not point:
        return None
    is_open = match["side"].lower() in ("since", "seit")
    return _Timed(Period(since=point.since) if is_open else point, None)


def _last_so_many(question: str, today: date) -> _Timed | None:
    match = _LAST_SO_MANY.search(question)
    read = _read(f"{match['point']} ago", today) if match else None
    return _Timed(Period(since=read[0]), match.span()) if match and read else None


def _relative(question: str, today: date) -> _Timed | None:
    match = _RELATIVE.search(question)
    words = re.sub(r"^(?:past|previous)\b", "last", match["point"].lower()) if match else ""
    point = _period(words, today) if match else None
    return _Timed(point, match.span()) if match and point else None


def _period(words: str, today: date) -> Period | None:
    if re.fullmatch(_YEAR, words):
        return Period.around(date(int(words), 1, 1), "year")
    if day := read_day(words.replace(" of ", " ")):
        return Period(day, day)
    found = _read(words, today)
    return Period.around(found[0], found[1]) if found else None


def _read(words: str, today: date) -> tuple[date, Any] | None:
    """Return the day and the unit of words such as "last month", "Ekim 2023", "vor drei Tagen"."""
    # A parser remembers what it met last, and is not safe in several threads at once.
    with _reading:
        found = _parser(today).get_date_data(words)
    return (found.date_obj.date(), found.period) if found.date_obj else None


@lru_cache(maxsize=2)
def _parser(today: date) -> Any:
    # Imported here since it takes a while, and few questions name a time.
    from dateparser.date import DateDataParser

    settings = {
        "RELATIVE_BASE": datetime(today.year, today.month, today.day),
        "PREFER_DATES_FROM": "past",
        "PREFER_DAY_OF_MONTH": "first",
    }
    return DateDataParser(languages=["en", "de", "tr"], settings=settings)
