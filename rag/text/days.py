"""Reading a day: ISO dates, numbers, and words as "12 October 2023" or "12 Ekim 2023"."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache

from rag.text.canonical import plain_value

_DAY_FORMATS = (
    "%d %B %Y", "%d %b %Y", "%B %d %Y", "%b %d %Y", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d",
)  # fmt: skip
_DAY_MONTH_YEAR = re.compile(
    r"(?:[^\W\d_]+\.?,?\s+)?(\d{1,2})\.?\s+(?:de\s+)?([^\W\d_]{3,})\.?,?\s+(?:de\s+)?(\d{4})"
    r"(?:[\s,]+\d{1,2}[:.]\d\d.*)?$"
)
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?![\d-])")


def read_day(value: object, *, in_words: bool = True) -> date | None:
    """Return the day that `value` names: a date, an ISO string, or words as "12 October 2023".

    None where it names no day, or may name two ("03/04/2023"). Without ``in_words`` other languages than
    English aren't tried, which takes hundredths of a second where there is no day.
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = plain_value(value)
    if not any(map(str.isdigit, text)):
        return None
    return _iso_day(text) or _written_day(text) or (_day_in_words(text) if in_words else None)


def past_day(value: object) -> date | None:
    """Return the day that `value` names, as `read_day` does, unless it is still to come."""
    day = read_day(value)
    return day if day and day <= date.today() else None


def _iso_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10]) if _ISO_DAY.match(text) else None
    except ValueError:
        return None


def _written_day(text: str) -> date | None:
    # "October 12th, 2023" -> "October 12 2023"
    text = " ".join(re.sub(r"(\d)(?:st|nd|rd|th)\b", r"\1", text).replace(",", " ").split())
    for form in _DAY_FORMATS:
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    return None


def _day_in_words(text: str) -> date | None:
    """Read a day in other languages: "12 Ekim 2023", "Perşembe, 12 Ekim 2023 14:30"."""
    # It needs a day's number and a month's name; "October 2023" would only be searched for in vain.
    if not re.search(r"\b\d{1,2}\b", text) or not re.search(r"[^\W\d_]{3}", text) or len(text) > 60:
        return None
    # In the usual order only the month's name is looked up: a table may have a day in each row.
    if found := _DAY_MONTH_YEAR.match(text):
        month = _month(found[2].casefold())
        try:
            return date(int(found[3]), month, int(found[1])) if month else None
        except ValueError:
            return None
    return _parsed(text)


@lru_cache(maxsize=1024)
def _month(name: str) -> int | None:
    day = _parsed(f"1 {name} 2000")
    return day.month if day else None


@lru_cache(maxsize=1024)
def _parsed(text: str) -> date | None:
    # Imported here since it takes half a second and few documents need it.
    from dateparser import parse

    # All three parts must be there, else it fills them in from today.
    found = parse(text, settings={"REQUIRE_PARTS": ["day", "month", "year"], "PARSERS": ["absolute-time"]})
    return found.date() if found else None
