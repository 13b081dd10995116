"""The shape of a question: whether it wants a list.

Rules for English, with the commonest forms of German and Turkish. In doubt a question is a plain fact.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from rag.text.words import fold, stem

ShapeKind = Literal["fact", "list"]


@dataclass(frozen=True, slots=True)
class Shape:
    """What kind of answer a question wants.

    ``subject`` is the stem of the noun of which several are wanted ("benefit").
    """

    kind: ShapeKind
    subject: str = ""


FACT = Shape("fact")
DATES = "date"
"""The subject of "When were the talks?": the column of days or years."""

_NO_NOUNS = frozenset(
    "is was does has as this his its us yes always perhaps besides across towards times alas thus".split()
)
_VERBS = frozenset(
    "do did are were have had can could will would should must may might that who to happened".split()
)
_PLURALS = frozenset("people men women children criteria phenomena media feet species data".split())
_KINDS = frozenset("type kind sort form categori class exampl list".split())
_ASKS_FOR_SEVERAL = re.compile(
    r"(?:what|which|who) (?:are|were) (?:the |some |all |its |their )?(?P<are>.+)"
    r"|(?:what|which)(?: of the)? (?P<noun>.+)"
    r"|(?:please )?(?:name|list|enumerate|give|show|tell)(?: me| us)?(?: the| all| some| every)*(?: of the)?"
    r" (?P<name>.+)"
)
_WHEN_SEVERAL = re.compile(r"(?:when|on which days?) (?:were|are|did) (?:the |all )?(?P<noun>.+)")
_GERMAN = re.compile(
    r"(?:welche|was sind(?: die)?|(?:nenne|liste)(?:n sie)?(?: die| alle)?) (?P<noun>.+)",
    re.IGNORECASE,
)
_TURKISH = re.compile(
    r"(?<!\S)(?P<noun>\S++) (?:neler(?:dir)?|hangileri(?:dir)?)\b"
    r"|(?<!\S)[^\w\s]*+(?P<noun2>(?>\S+?l[ae]r)\S*+) (?:sırala|listele|say)\b"
    r"|^hangi (?P<noun3>\S+)",
    re.IGNORECASE,
)


def read_shape(question: str) -> Shape:
    """Return the shape of a question."""
    text = question.strip()
    return _list(text) or FACT


def _list(text: str) -> Shape | None:
    folded = fold(text)
    if match := _WHEN_SEVERAL.match(folded):
        return Shape("list", DATES) if _plural_in(match["noun"].split()[:4]) else None
    if match := _ASKS_FOR_SEVERAL.match(folded):
        noun = match["are"] or match["noun"] or match["name"]
        # "What are the": the noun may stand further on than in "which benefits".
        subject = _plural_in(noun.split()[: 4 if match["noun"] else 6])
        return Shape("list", subject) if subject else None
    if match := _GERMAN.match(text):
        noun = next((word for word in match["noun"].split()[:4] if word[0].isupper()), "")
        return Shape("list", stem(noun.strip("?,.:"))) if noun else None
    if match := _TURKISH.search(text):
        noun = match["noun"] or match["noun2"] or match["noun3"]
        return Shape("list", stem(noun))
    return None


def _plural_in(words: list[str]) -> str:
    """Return the stem of the first plural noun among some words; "types of ships" is about ships."""
    found = ""
    for position, raw in enumerate(words):
        word = raw.strip("?.,:;!\"'“”()")
        is_plural = word in _PLURALS or (
            len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "'s", "’s"))
        )
        if is_plural and word not in _NO_NOUNS:
            found = found or stem(word)
            if stem(word) not in _KINDS or words[position + 1 : position + 2] != ["of"]:
                return stem(word)
        elif word in _NO_NOUNS or word in _VERBS or not word or (word in ("of", "in", "for") and not found):
            break
    return found
