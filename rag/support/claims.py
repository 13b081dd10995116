"""Reading a claim and the passages that it cites: their sentences and words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice, pairwise

from rag.embedding.word_pieces import rarity
from rag.support.meanings import is_known
from rag.text.canonical import judged
from rag.text.function_words import FUNCTION_WORDS
from rag.text.splitting import split_sentences
from rag.text.values import Value, amounts, days
from rag.text.vocabulary import MONTHS, ONES, TENS
from rag.text.words import fold, stem

MOST_CHARACTERS, MOST_LINES = 200_000, 1_000
"""Characters and sentences of all passages together; what lies beyond is not read."""

_MOST_WORDS, _MOST_VALUES = 200, 20
"""Of a sentence: words are compared with words, and values with values."""

_WORD = re.compile(r"\d+(?:[.,]\d+)*(?:['’]?[^\W\d_]+)?|[^\W_]+(?:['’.][^\W_]+)*")
_CONTRACTED = re.compile(r"n't$|'(?:ll|re|ve|d|m)$")
_MARKER = re.compile(r"\s?\[\d{1,3}\](?:\[\d{1,3}\])*")
_NUMBER = re.compile(r"\d")
_MAY_HAVE_VALUES = re.compile(rf"\d|\b(?:{'|'.join((*ONES[1:], *TENS, *MONTHS))})\b", re.IGNORECASE)
_LINE = re.compile(r"\n+")
_CLAUSE = re.compile(r"[;:]|,? (?:and|but|while|whereas|although|because|which|who|as well as)\b|,")
_OPEN_END = re.compile(r"[\w,;(\-–]$")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text with its place; ``kind`` is "number", "name", "word" or "function"."""

    text: str
    folded: str
    stem: str
    kind: str
    start: int
    end: int

    @property
    def weight(self) -> float:
        """How much a sentence depends on it."""
        return _WEIGHTS[self.kind] * (1.0 if self.kind == "number" else rarity(self.folded))


_WEIGHTS = {"number": 1.3, "name": 1.3, "word": 1.0, "function": 0.0}


@dataclass(frozen=True)
class Line:
    """A sentence; ``start`` and ``end`` tell where it stands in its text, ``passage`` in which one.

    ``text`` is as much of it as is looked at to judge it (`rag.text.canonical.judged`).
    """

    text: str
    passage: int
    start: int
    end: int

    @property
    def is_whole(self) -> bool:
        """Whether all of it is looked at."""
        is_cut = len(self.text) < self.end - self.start
        return not is_cut and len(self.words) < _MOST_WORDS and len(self.values) < _MOST_VALUES

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """Its words in order, but for those beyond what any sentence has."""
        return tuple(islice(_words(self.text), _MOST_WORDS))

    @cached_property
    def content(self) -> tuple[Word, ...]:
        """Its words but for those of function."""
        return tuple(word for word in self.words if word.kind != "function")

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems of all its words."""
        return frozenset(word.stem for word in self.words)

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """Its amounts and dates, but for those beyond what any sentence has."""
        if not _MAY_HAVE_VALUES.search(self.text):
            return ()
        return (*amounts(self.text)[:_MOST_VALUES], *days(self.text)[:_MOST_VALUES])

    @cached_property
    def beginnings(self) -> frozenset[str]:
        """The first five letters of its stems: "appli" of apply and application."""
        return frozenset(word.stem[:5] for word in self.words if len(word.stem) > 4)


def read_claim(text: str) -> list[Line]:
    """Return the sentences of a claim, without the markers of its footnotes."""
    plain = _MARKER.sub("", text).strip()
    return [Line(judged(plain[s:e]), 0, s, e) for s, e in split_sentences(plain)]


def read_passages(passages: Sequence[str]) -> list[Line]:
    """Return the sentences of all passages, in order."""
    lines, left = list[Line](), MOST_CHARACTERS
    for number, passage in enumerate(passages):
        text = passage[:left]
        left -= len(text)
        for start, end in _paragraphs(text):
            spans = split_sentences(text[start:end])
            for first, last in ((start + s, start + e) for s, e in spans):
                if len(lines) < MOST_LINES and any(map(str.isalnum, said := judged(text[first:last]))):
                    lines.append(Line(said, number, first, last))
    return lines


def _paragraphs(text: str) -> list[tuple[int, int]]:
    """Cut at the ends of lines, but for those within a sentence."""
    cuts = [0]
    for match in _LINE.finditer(text):
        wraps = len(match[0]) == 1 and _OPEN_END.search(
            text[max(0, match.start() - 3) : match.start()].rstrip()
        )
        following = text[match.end() : match.end() + 3].lstrip()
        if not (wraps and following[:1].islower()):
            cuts.append(match.end())
    cuts.append(len(text))
    return [(start, end) for start, end in pairwise(cuts) if text[start:end].strip()]


def _words(text: str) -> Iterator[Word]:
    for place, match in enumerate(_WORD.finditer(text)):
        folded, stemmed, kind = _reading(match[0])
        if kind == "name" and place == 0 and is_known(stemmed) and match[0][1:].islower():
            kind = "word"
        yield Word(match[0], folded, stemmed, kind, match.start(), match.end())


@lru_cache(maxsize=100_000)
def _reading(word: str) -> tuple[str, str, str]:
    plain = word.replace("’", "'")
    folded = fold(plain)
    if _CONTRACTED.search(folded):
        return folded, stem(folded), "function"
    # "Smith's", and "1952'de" in Turkish.
    if "'" in folded and len(folded.partition("'")[0]) > 1:
        folded = folded.partition("'")[0]
    folded = folded.replace("'", "")
    if "." in folded and not _NUMBER.search(folded):
        folded = folded.replace(".", "")
    if folded in FUNCTION_WORDS or (len(folded) == 1 and not folded.isdigit()):
        return folded, stem(folded), "function"
    if _NUMBER.search(folded):
        digits = re.sub(r",(?=\d{3}\b)", "", folded)
        return digits, digits, "number"
    return folded, stem(folded), "name" if not word[0].islower() else "word"


def clauses(line: Line) -> list[list[Word]]:
    """Cut a sentence's content words at commas and conjunctions; short ends go with what stands before."""
    cuts = [0, *(m.start() for m in _CLAUSE.finditer(line.text)), len(line.text)]
    parts: list[list[Word]] = []
    for start, end in pairwise(cuts):
        part = [word for word in line.content if start <= word.start < end]
        if parts and (len(part) < 3 or len(parts[-1]) < 3):
            parts[-1].extend(part)
        elif part:
            parts.append(part)
    return parts
