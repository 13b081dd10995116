"""What is known about a document: its title, day, language, and where files and pages say so."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import takewhile

from rag.documents import NewDocument
from rag.text.canonical import Part, letters, one_line, plain_value
from rag.text.days import read_day
from rag.text.language import language_of

# "date" is what front matter of other programs calls it.
_FIELDS = {name: name for name in ("title", "source", "author", "published", "url", "language")}
_FIELDS["date"] = "published"
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


def text_of_markup(markup: str) -> str:
    """Return the words of a piece of HTML, as feeds and JSON-LD have in titles, on one line."""
    # Normalised first: control characters are no HTML.
    markup = one_line(markup)
    if "<" not in markup and "&" not in markup:
        return markup
    from lxml.html import fragment_fromstring

    return one_line(fragment_fromstring(markup, create_parent=True).text_content())


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
