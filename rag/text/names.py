"""Names in a text, as its capitals tell."""

from __future__ import annotations

import re
from functools import lru_cache

from rag.text.words import content_words, fold, stem

_SMALL = "".join(filter(str.islower, map(chr, range(0x530))))
CAPITAL = rf"[^\W\d_{_SMALL}]"
"""A pattern of a letter with which a name may begin, also one of a script without capitals."""
_NAME = re.compile(rf"\b{CAPITAL}[^\W_]*(?:[ .'’-]{{1,2}}{CAPITAL}[^\W_]*)*")
_LABEL = re.compile(r"[^.:;]{1,60}:\s")
_OPENING_SIGNS = " \t\n\"'“‘«("
_SMALL_NEXT = re.compile(r"\s+[a-z]")
# But for names that only end so.
_ADJECTIVE = re.compile(
    r"(?!(?:Vatican|Duncan|Brian|Adrian|Julian|Sebastian|Vivian)$)[^\W_]+(?:ish|ese|ian|can)$"
)


@lru_cache(maxsize=8_000)
def names(text: str) -> tuple[str, ...]:
    """Return what looks like the name of a person or place: capitals but for the first word.

    The label of a list item ("Market Access: ...") is none, nor is an adjective of nationality that
    goes with a noun ("American technology"). The first word, also of a table's cell, counts in a short
    text or before another capital.
    """
    label = _LABEL.match(text)
    body = text[label.end() :] if label else text
    is_short = len(body.split()) <= 6
    return tuple(
        match[0]
        for match in _NAME.finditer(body)
        if (is_short or " " in match[0] or not _is_opening(body, match.start()))
        and not (_ADJECTIVE.match(match[0]) and _SMALL_NEXT.match(body, match.end()))
    )


def _is_opening(body: str, start: int) -> bool:
    """Whether a word begins its text or a table's cell."""
    before = body[:start].rstrip(_OPENING_SIGNS)
    return not before or (before.endswith(" |") and body[len(before)] == " ")


def names_and_numbers(question: str) -> list[str]:
    """Return the stems of a question's names and numbers: capitals beyond its start, and digits."""
    found = [m[0] for m in re.finditer(r"[^\W_]+", question) if m.start() > 0 and not m[0][0].islower()]
    useful = set(content_words(question))
    return [stem(word) for word in found if fold(word) in useful]
