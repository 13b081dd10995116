"""What a question asks for, as its words tell, and whether a text holds such a thing.

Rules for English, with the commonest forms of German and Turkish; where they know nothing they find
nothing missing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from rag.text.function_words import PHRASE_ENDS
from rag.text.names import CAPITAL, names
from rag.text.units import MONEY, written
from rag.text.vocabulary import GERMAN_MONTHS, MONTHS, NUMBER_WORDS, TURKISH_MONTHS, WEEKDAYS
from rag.text.words import content_words, fold, stem, stems, words

AskedKind = Literal["date", "money", "number", "name", "reason", "thing"]

_QUESTION_WORD = re.compile(
    r"\b(?:wh(?:o|om|ose|ere|en|y|at|ich)|how"
    r"|wann|we[rmn]|wo|wie|warum|weshalb|wieso|welche\w*"
    r"|ne|kim\w*|nere\w*|kac|hangi|nasil|neden|nicin|yuzde)\b"
)
_ASKED: tuple[tuple[AskedKind, re.Pattern[str]], ...] = (
    (
        "date",
        re.compile(
            r"\bwhen\b|\b(?:what|which|whose)\s+(?:\w+\s+)?(?:year|date|day|month|decade|century|period)\b"
            r"|\bwann\b|\bwelche[mns]?\s+(?:jahr|tag|monat)|\bne zaman\b|\bhangi (?:yıl|yil|tarih|ay|gun)"
        ),
    ),
    (
        "money",
        re.compile(
            r"\bhow much\b.{0,300}\b(?:costs?|paid|pay|spen[dt]|worth|money|earn\w*|price)\b"
            r"|\b(?:what|which) (?:was |is |were )?(?:the )?(?:\w+ )?(?:cost|price|revenue|fee|salary|fine)\b"
        ),
    ),
    (
        "number",
        re.compile(
            r"\bhow (?:many|much|long|old|far|large|big|tall|high|deep|fast|often|wide|heavy)\b"
            r"|\b(?:what|which) (?:\w+ )?(?:percent\w*|number|amount|share|proportion|population|age|cost"
            r"|price)"
            r"|\bwie ?(?:viele?|lange|alt|hoch|weit|gross)\b|\bkac\b|\bne kadar\b|\byuzde kac"
        ),
    ),
    (
        "name",
        re.compile(
            r"\bwho(?:m|se)?\b|\bwhere\b"
            r"|\b(?:what|which) (?:\w+ )?(?:city|country|state|person|company|team|place|province"
            r"|organi[sz]ation)\b"
            r"|\bwer\b|\bwem\b|\bwen\b|\bwo\b|\bkim(?:dir|in|e|i|ler)?\b|\bnere\w*"
        ),
    ),
    (
        "reason",
        re.compile(r"\bwhy\b|\bhow\b|\bwarum\b|\bweshalb\b|\bwieso\b|\bwie\b|\bneden\b|\bnicin\b|\bnasil\b"),
    ),
)

_MONTHS = [fold(month) for month in (*MONTHS, *GERMAN_MONTHS, *TURKISH_MONTHS) if month != "may"]
_MONTHS += [month.replace("ı", "i") for month in _MONTHS if "ı" in month]
_DATE = re.compile(
    r"\b(?:1\d{3}|20\d\d)s?\b|\bcentur|\bago\b"
    rf"|\b(?:in may|\d may|may \d|jahrhundert|{'|'.join((*_MONTHS, *WEEKDAYS))})\b"
)
_NUMBER_WORDS = "|".join((*NUMBER_WORDS, "half", "third", "quarter", "dozen"))
_NUMBER = re.compile(
    rf"\d|\b(?:{_NUMBER_WORDS}|twice|percent"
    r"|zwei|drei|vier|funf|hundert|tausend|iki|uc|dort|bes|yuz|bin|milyon|milyar|yuzde)\b"
)
_MONEY = re.compile(MONEY)
# Names of people have two words at least; "who is the ...?" asks for one.
_PERSON = re.compile(rf"\b{CAPITAL}[\w’'-]{{0,60}}+(?:\.? (?:{CAPITAL}[\w’'-]*|de|van|von|bin|al|of))+")
_ASKS_FOR_PERSON = re.compile(r"\bwho (?:is|was) (?:the|\w+['’]s)\b")

# What is measured, and what of it a text that tells the measure must hold.
_MEASURES = (
    (re.compile(r"\bhow (?:tall|high|deep|wide|far)\b"), re.compile(written("length"))),
    (re.compile(r"\bhow long\b"), re.compile(written("length", "time"))),
    (re.compile(r"\bhow old\b"), re.compile(r"\byears?\b|\bage[d ]|\bborn\b|\bold\b")),
    (re.compile(r"\bhow fast\b"), re.compile(rf"{written('speed')}|per (?:hour|second)")),
    (re.compile(r"\bhow heavy\b|\bweigh\b"), re.compile(rf"{written('mass')}|\bpounds?\b")),
)
_COUNTED = re.compile(
    rf"\bhow many ((?:[\w-]+ ){{0,2}}?[\w-]+?)(?= (?:{PHRASE_ENDS}|died|used|work|live[sd]?)\b|\?|$)"
)
_COUNT = re.compile(rf"\d.*|(?:{_NUMBER_WORDS}|several|no)s?")
# Fewer words than `PHRASE_ENDS` end it: with those fewer of XQuAD's questions were answered.
_HEAD = re.compile(
    r"\b(?:who|what|which|how \w+) (?:is|was|are|were) (?:the |a |an )?((?:[\w’'-]+ ){0,5}?[\w’'-]+?)"
    r"(?= (?:of|in|at|for|from|on|to|by|that|who|which|when|used|called)\b|\?|$)"
)


@lru_cache(maxsize=256)
def asked_kind(question: str) -> AskedKind:
    """Return the kind of thing that a question asks for."""
    folded = fold(question)
    # The first question word tells; later ones open a clause: "How old was he when he won?"
    first = _QUESTION_WORD.search(folded)
    if not first:
        return "thing"
    return next((kind for kind, pattern in _ASKED if pattern.match(folded, first.start())), "thing")


def holds_kind(kind: AskedKind, text: str, question: str) -> bool:
    """Whether a text holds a date, number or name that the question itself doesn't."""
    if kind == "money":
        folded = fold(text)
        return bool(_MONEY.search(folded)) and bool(_NUMBER.search(folded))
    if kind in ("date", "number"):
        asked = fold(question)
        pattern = _DATE if kind == "date" else _NUMBER
        return any(match[0] not in asked for match in pattern.finditer(fold(text)))
    if kind == "name":
        said = set(words(question))
        return any(not said.issuperset(words(name)) for name in names(text))
    return True


def lacks_measure(question: str, text: str) -> bool:
    """Whether "how tall", "how old" and the like is asked and a text has no unit for it."""
    asked, folded = fold(question), fold(text)
    return any(asks.search(asked) and not holds.search(folded) for asks, holds in _MEASURES)


def lacks_count(question: str, text: str) -> bool:
    """Whether "how many ships" is asked and a text has no number near its ships."""
    counted = counted_noun(question)
    if not counted:
        return False
    held = stems(text)
    return not any(
        beginning(held[i]) == counted and any(_COUNT.fullmatch(near) for near in held[max(0, i - 4) : i + 3])
        for i in range(len(held))
    )


def counted_noun(question: str) -> str:
    """Return the first letters of what is counted, the "ship" of "how many ships"; "" where nothing is."""
    match = _COUNTED.search(fold(question))
    return beginning(stem(match[1].split()[-1])) if match else ""


def lacks_person(question: str, text: str) -> bool:
    """Whether "who is the ...?" is asked and a text has no person's name but for those in the question."""
    if not _ASKS_FOR_PERSON.search(fold(question)):
        return False
    asked = set(words(question))
    return all(asked.intersection(words(name)) for name in _PERSON.findall(text))


def head_word(question: str) -> str:
    """Return the stem of the noun that is asked for: the "minister" of "Who is the defence minister?"."""
    match = _HEAD.search(fold(question))
    found = content_words(match[1]) if match else []
    return stem(found[-1]) if found else ""


def beginning(word: str) -> str:
    """Return the first five letters of a stem: "appli" stands for apply, applied and application."""
    return word[:5]
