"""Which English words mean the same, nearly the same, or the opposite.

The table is made of WordNet 3.0 (Fellbaum 1998, "WordNet: An Electronic Lexical Database", MIT Press) by
`scripts/make_meanings.py`; its licence stands at the head of the file. A word has several senses, so that
two words can be both alike and opposed; then they are taken for alike.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Literal, NamedTuple

from rag.text.vocabulary import NUMBER_WORDS, RANKS
from rag.text.words import stem

MEANINGS_PATH = Path(__file__).with_name("word_meanings.txt.gz")

Relation = Literal["same", "near", "opposite", "none"]

# To WordNet "million" is opposed to "twentieth", as cardinal numbers are to ordinal ones.
_NUMERALS = frozenset(map(stem, (*NUMBER_WORDS, *RANKS[2:])))

NEGATING = ("un", "in", "im", "ir", "il", "dis", "non", "mis", "anti", "de")
"""Prefixes that turn a word into its opposite, if what is left is a word."""


@dataclass(frozen=True, slots=True)
class _Senses:
    """Of one word: its senses, the ones above them, and those opposed, each by number."""

    own: frozenset[int]
    above: frozenset[int]
    opposed: frozenset[int]


_NONE = _Senses(frozenset(), frozenset(), frozenset())


@lru_cache(maxsize=100_000)
def relation(one: str, other: str) -> Relation:
    """Return how the meanings of two words are related, given as `rag.text.words.stem` gives them.

    "near" is what has the same sense above it ("lorry" and "car"), or is above the other.
    """
    if one == other:
        return "same"
    if is_negated(one, other) or is_negated(other, one):
        return "opposite"
    a, b = senses(one), senses(other)
    if a.own & b.own:
        return "same"
    if (a.opposed & b.own or b.opposed & a.own) and not {one, other} & _NUMERALS:
        return "opposite"
    if a.own & b.above or b.own & a.above or a.above & b.above:
        return "near"
    return "none"


def is_negated(one: str, other: str) -> bool:
    """Whether one stem is the other with a prefix that negates: "unlik" and "like"."""
    if len(one) < 5 or not one.startswith(NEGATING):
        return False
    rest = next((one[len(p) :] for p in NEGATING if one.startswith(p) and len(one) - len(p) > 2), "")
    return len(rest) > 2 and rest[: max(4, len(rest) - 2)] == other[: max(4, len(rest) - 2)]


@lru_cache(maxsize=50_000)
def senses(word: str) -> _Senses:
    """Return what the table knows of a stem; nothing where it doesn't know it."""
    table = _table()
    own = table.senses.get(word)
    if own is None:
        return _NONE
    above, opposed = set[int](), set[int]()
    for number in own:
        ups, downs = table.links[number].split("|")
        above.update(int(n) for n in ups.split())
        opposed.update(int(n) for n in downs.split())
    return _Senses(own, frozenset(above), frozenset(opposed))


def is_known(word: str) -> bool:
    """Whether the table has a word: names and words of other languages are not there."""
    return word in _table().senses


def may_be_verb(word: str) -> bool:
    """Whether a stem is one of a verb, which most short nouns are too: "call", "ferry"."""
    table = _table()
    return any(number >= table.first_verb for number in table.senses.get(word, ()))


def is_only_verb(word: str) -> bool:
    """Whether a stem is one of a verb and of nothing else: "explain", and not "call" or "open"."""
    table = _table()
    numbers = table.senses.get(word)
    return numbers is not None and min(numbers) >= table.first_verb


def is_irregular(word: str) -> bool:
    """Whether a folded word is an irregular form of a verb: "rose", "told", and not "rise"."""
    return word in _table().irregular


class _Table(NamedTuple):
    """The senses of each stem by number, of each sense the others that it is linked with, and the verbs."""

    senses: dict[str, frozenset[int]]
    links: list[str]
    first_verb: int
    irregular: frozenset[str]


@cache
def _table() -> _Table:
    lines = iter(gzip.decompress(MEANINGS_PATH.read_bytes()).decode().splitlines())
    links = [line for line in takewhile(bool, lines) if not line.startswith("#")]
    senses = {}
    for line in takewhile(bool, lines):
        word, *numbers = line.split()
        senses[word] = frozenset(int(number) for number in numbers)
    return _Table(senses, links, int(next(lines)), frozenset(next(lines).split()))
