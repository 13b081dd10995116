"""Words as the index sees them: case and accents folded, stemmed.

The stems are those of FTS5's ``porter unicode61 remove_diacritics 2``, so that a word's frequency
can be asked of the index, but for a few names that have two spellings.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from Stemmer import Stemmer

from rag.text.function_words import QUESTION_WORDS

_WORD = re.compile(r"[^\W_]+")
_LONGEST = 100
"""Characters of a word; the packaged model knows none that is longer."""

_SPELLINGS = {
    spelling: tuple(group.split())
    for group in (
        "turkey turkiye",
        "kyiv kiev",
        "kharkiv kharkov",
        "odesa odessa",
        "myanmar burma",
        "eswatini swaziland",
        "beijing peking",
        "mumbai bombay",
        "kolkata calcutta",
        "yangon rangoon",
    )
    for spelling in group.split()
}
"""Names that are written in two ways since a state or a city changed its own; the first is the newer."""


def fold(text: str) -> str:
    """Return `text` in lower case, its Latin letters without accents."""
    lowered = text.lower()
    if lowered.isascii():
        return lowered
    # As the index does it: "й" and "ί" are letters of their own, and "ς" is "σ".
    marked = re.sub("([a-z])[\u0300-\u036f]+", r"\1", unicodedata.normalize("NFD", lowered))
    return unicodedata.normalize("NFC", marked).replace("ς", "σ")


def words(text: str) -> list[str]:
    """Return the words of `text`, folded, in order."""
    return [fold(word) for word in _WORD.findall(text)]


def spellings(word: str) -> tuple[str, ...]:
    """Return the spellings under which a word may stand in a text: "Turkey" and "turkiye"."""
    return _SPELLINGS.get(fold(word), (word,))


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Return the stem of a word, one for all its spellings."""
    newest = _SPELLINGS.get(fold(word), (word,))[0]
    return index_stem(newest)


@lru_cache(maxsize=50_000)
def index_stem(word: str) -> str:
    """Return the stem under which the index has a word (Porter 1980, the version that SQLite has)."""
    # SQLite stems bytes, and leaves alone what has one or two of them or more than 64.
    folded = fold(word).encode()
    if not 2 < len(folded) <= 64:
        return folded.decode()
    stemmed: str = _stemmer().stemWord(folded.decode("latin-1"))
    return stemmed.encode("latin-1").decode()


@lru_cache(maxsize=8_000)
def stems(text: str) -> tuple[str, ...]:
    """Return the stems of all words of `text`, in order."""
    # Word by word, and not folding the whole text first, so that each word is folded once and kept.
    return tuple(stem(word) for word in _WORD.findall(text))


@lru_cache(maxsize=1)
def _folded_question_words() -> frozenset[str]:
    return frozenset(fold(word) for word in QUESTION_WORDS)


def content_words(text: str) -> list[str]:
    """Return the folded words of `text` that a search can use, in order, each once."""
    return [word for word in dict.fromkeys(words(text)) if word not in _folded_question_words()]


def content_spans(text: str) -> list[tuple[int, int]]:
    """Return where the words of `text` stand that a search can use, each time they occur.

    What is far too long to be one, as a part of an encoded picture, is none.
    """
    return [
        match.span()
        for match in _WORD.finditer(text)
        if match.end() - match.start() <= _LONGEST and fold(match[0]) not in _folded_question_words()
    ]


@lru_cache(maxsize=1)
def _stemmer() -> Stemmer:
    # A stemmer is not safe in several threads at once; the cache above it makes calls rare, and its
    # own cache is switched off because that is what is unsafe.
    return Stemmer("porter", 0)
