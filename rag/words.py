"""Words as the index sees them: case and accents folded, stemmed.

The stems are those of FTS5's ``porter unicode61 remove_diacritics 2``, so that a word's frequency
can be asked of the index.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from Stemmer import Stemmer

_WORD = re.compile(r"[^\W_]+")

QUESTION_WORDS = frozenset(
    "what which who whom whose when where why how do does did is are was were be been being has have"
    " had can could will would shall should may might must the a an of in on at to for from by with"
    " as and or that this these those it its there their they them he she his her i you we my your"
    " our me us about many much any some name tell say said says according give please"
    " was wer wo wann wie warum welche welcher welches der die das ein eine ist sind im in den dem des"
    " von zu mit auf für und wurde wurden"
    " ne kim nerede zaman nasıl neden niçin hangi kaç ve bir bu mi mı mu mü için ile nedir kimdir"
    " nelerdir olarak olan olduğu".split()
)
"""What says that something is asked, and words too common to find anything; not part of a query."""


def fold(text: str) -> str:
    """Return `text` in lower case without accents."""
    lowered = text.lower()
    if lowered.isascii():
        return lowered
    decomposed = unicodedata.normalize("NFKD", lowered)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def words(text: str) -> list[str]:
    """Return the words of `text`, folded, in order."""
    return _WORD.findall(fold(text))


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Return the stem of a folded word (Porter 1980, the version that SQLite has)."""
    return str(_stemmer().stemWord(word))


def stems(text: str) -> list[str]:
    """Return the stems of all words of `text`, in order."""
    return [stem(word) for word in words(text)]


@lru_cache(maxsize=1)
def _folded_question_words() -> frozenset[str]:
    return frozenset(fold(word) for word in QUESTION_WORDS)


def content_words(text: str) -> list[str]:
    """Return the folded words of `text` that a search can use, in order, each once."""
    return [word for word in dict.fromkeys(words(text)) if word not in _folded_question_words()]


@lru_cache(maxsize=1)
def _stemmer() -> Stemmer:
    # A stemmer is not safe in several threads at once; the cache above it makes calls rare, and its
    # own cache is switched off because that is what is unsafe.
    return Stemmer("porter", 0)
