"""Whether a question asks for several things, and for which: "Which benefits does the bridge bring?".

Rules for English, with the commonest forms of German and Turkish. In doubt it asks for one fact.
"""

from __future__ import annotations

import re

from rag.text.function_words import AUXILIARIES
from rag.text.words import fold, stem

DATES = "date"
"""What "When were the talks?" asks for: the column of days or years."""

_NO_NOUNS = frozenset(AUXILIARIES).union(
    "as this his its us yes always perhaps besides across towards times alas thus"
    " that who to happened".split()
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


def asked_for_several(question: str) -> str:
    """Return the stem of the noun of which several are asked for ("benefit"), "" where it is one fact."""
    text = question.strip()
    folded = fold(text)
    if match := _WHEN_SEVERAL.match(folded):
        return DATES if _plural_in(match["noun"].split()[:4]) else ""
    if match := _ASKS_FOR_SEVERAL.match(folded):
        noun = match["are"] or match["noun"] or match["name"]
        # "What are the": the noun may stand further on than in "which benefits".
        return _plural_in(noun.split()[: 4 if match["noun"] else 6])
    if match := _GERMAN.match(text):
        noun = next((word for word in match["noun"].split()[:4] if word[0].isupper()), "")
        return stem(noun.strip("?,.:"))
    if match := _TURKISH.search(text):
        return stem(match["noun"] or match["noun2"] or match["noun3"])
    return ""


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
        elif word in _NO_NOUNS or not word or (word in ("of", "in", "for") and not found):
            break
    return found
