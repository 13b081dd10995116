"""What is known about a document: its title, day, language, and where files and pages say so."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache
from itertools import takewhile

from rag.documents import NewDocument
from rag.text.canonical import Part, letters, one_line
from rag.text.language import language_of

# "date" is what front matter of other programs calls it.
_FIELDS = {name: name for name in ("title", "source", "author", "published", "url", "language")}
_FIELDS["date"] = "published"
_DAY_FORMATS = (
    "%d %B %Y", "%d %b %Y", "%B %d %Y", "%b %d %Y", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d",
)  # fmt: skip
_DAY_MONTH_YEAR = re.compile(
    r"(?:[^\W\d_]+\.?,?\s+)?(\d{1,2})\.?\s+(?:de\s+)?([^\W\d_]{3,})\.?,?\s+(?:de\s+)?(\d{4})"
    r"(?:[\s,]+\d{1,2}[:.]\d\d.*)?$"
)
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?![\d-])")
_LABEL = re.compile(rf"({'|'.join(_FIELDS)})[ \t]*:[ \t]*(\S.*)", re.IGNORECASE)
# A title and its underline may stand before the labels; further down they are part of the text.
_LINES_BEFORE_LABELS = 4
# Below this the language of a text is a guess.
_WORDS_FOR_LANGUAGE = 20
# Enough to tell a language, little enough to be quick.
_CHARACTERS_READ = 5_000


def describe(document: NewDocument, fields: Mapping[str, object]) -> NewDocument:
    """Fill in what `fields` say about a document; unknown names and unusable values are passed over."""
    known = {_FIELDS[name.lower()]: value for name, value in fields.items() if name.lower() in _FIELDS}
    return replace(
        document,
        title=plain_value(known.get("title")),
        source=plain_value(known.get("source")),
        author=plain_value(known.get("author")),
        url=plain_value(known.get("url")),
        published=read_day(known.get("published")),
        language=read_language(plain_value(known.get("language"))),
    )


def plain_value(value: object) -> str:
    """Return a name or number, or a list of them, as one line; "" for anything else."""
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, (plain_value(item) for item in value if isinstance(item, str))))
    return one_line(str(value)) if isinstance(value, str | int | float | date) else ""


def text_of_markup(markup: str) -> str:
    """Return the words of a piece of HTML, as feeds and JSON-LD have in titles, on one line."""
    # Normalised first: control characters are no HTML.
    markup = one_line(markup)
    if "<" not in markup and "&" not in markup:
        return markup
    from lxml.html import fragment_fromstring

    return one_line(fragment_fromstring(markup, create_parent=True).text_content())


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


def read_language(value: str) -> str:
    """Return the ISO 639-1 code of "en", "EN" or "en-US"; "" for anything else."""
    found = re.fullmatch(r"([a-z]{2})(?:[-_].*)?", value.strip().lower())
    return found[1] if found else ""


def detect_language(text: str) -> str:
    """Return the ISO 639-1 code of a text's language, "" where it is too short to tell."""
    # A text without spaces is Chinese, Japanese or Thai, whose words can't be counted like this.
    words = max(len(text.split()), len(text) // 20)
    return language_of(text[:_CHARACTERS_READ]) if words >= _WORDS_FOR_LANGUAGE else ""


def take_labels(text: str) -> tuple[dict[str, str], str]:
    """Return what lines such as ``Source: ...`` at the head of a text say, and the text without them.

    At least two must stand together, under the title if there is one, and a blank line after them:
    a lone "Source: ..." is more often a remark.
    """
    lines = text.split("\n")
    head = lines[: _LINES_BEFORE_LABELS + 1]
    first = next((index for index, line in enumerate(head) if _LABEL.fullmatch(line)), len(lines))
    found = list(takewhile(bool, map(_LABEL.fullmatch, lines[first:])))
    after = lines[first + len(found) :]
    if not 2 <= len(found) <= len(_FIELDS) or (after and after[0].strip()):
        return {}, text
    labels = {match[1].lower(): match[2] for match in found if match}
    return labels, "\n".join(lines[:first] + after)


def take_title(title: str, parts: Sequence[Part]) -> tuple[str, list[Part]]:
    """Return the title and the parts without its repetition.

    Without a title it is the heading that begins the text, or one right after its first paragraph,
    which stays where it is.
    """
    headings = [index for index, part in enumerate(parts[:2]) if part.kind == "heading"]
    if not title and headings:
        title = one_line(parts[headings[0]].text)
        headings = headings[:1] if headings[0] == 0 else []
    repeated = next((index for index in headings if says_the_same(parts[index].text, title)), None)
    rest = [part for index, part in enumerate(parts) if index != repeated]
    # A text that is nothing but a heading keeps it.
    return title, rest if rest else list(parts)


def says_the_same(heading: str, title: str) -> bool:
    """Whether a heading is the title, but for case, punctuation and a site's name at its end."""
    heading, *titles = (_letters(text) for text in (heading, title, *_without_site(title)))
    return bool(heading) and heading in titles


def _without_site(title: str) -> list[str]:
    return [title[: match.start()] for match in re.finditer(r"\s[|–—·:»-]\s", title)]


def _letters(text: str) -> str:
    return letters(one_line(text).casefold())


def title_of_name(name: str) -> str:
    """Return a file's name as a title: "turkey-us-defence-talks.txt" -> "Turkey us defence talks"."""
    stem = re.sub(r"\.[A-Za-z0-9]{1,8}$", "", one_line(name).replace("\\", "/").rsplit("/", 1)[-1])
    words = " ".join(re.sub(r"[-_]+|(?<=\D)\.(?=\D)", " ", stem).split())
    return words[:1].upper() + words[1:]
