"""Stories: which documents tell the same, as a wire story in several papers or an updated version.

Documents that may tell the same are found by MinHash (Broder 1997): of each permutation of all hashes the
least one of a text is kept, and two texts agree in as many of them as they share of their runs of words.
A few of them together are a band, and documents that share one are compared word by word.

What a reader would call one story: the same text with another headline, dateline, lead or footer, cut
short, scanned badly, or told anew with a paragraph more and some figures changed. What shares a form and
not the facts is another story: last week's weather, another quarter's results, another match. There the
words around figures and names are the same, and the figures and names are others; in an updated version
most of them stay. A false merge hides an article behind another, so in doubt they are two stories.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from rag.documents import Document, IsCancelled, heed, short_hash
from rag.store.passages_view import Writer
from rag.text.function_words import NEGATIONS, QUESTION_WORDS
from rag.text.vocabulary import NUMBER_WORDS
from rag.text.words import fold

BANDS = 40
"""Bands of a text. With three hashes each, texts that share half of their runs meet in 99.5 %."""
_ROWS = 3
_RUN_WORDS = 4
_AT_ONCE = 4_096
"""Runs that are permuted together: 4 MB."""
LEAST_WORDS = 40
"""Of a shorter text too little is left to compare: it is the same only as a whole."""
MOST_CHARACTERS = 500_000
"""A longer text is the same only as a whole: to compare two of 5 MB took eight seconds and 0.8 GB."""
SHARED = 0.7
"""Share of the shorter text's runs of words that the other must have."""
SHARED_WITHOUT_NAMES = 0.85
"""The same where capitals don't tell names from other words, as in a text that is all in capitals."""
LEAST_LENGTH = 0.45
"""The shorter text's length over the longer one's: an article in a collection of many isn't its version."""
KEPT_NUMBERS, KEPT_NAMES = 0.75, 0.8
"""Of numbers and of names that stand between the same words, the share that must be the same."""

_MOST_IN_BAND = 50
"""Documents of a band that are looked at, the latest: thousands of reports may have one form."""
_MOST_COMPARED = 8

Numbers = NDArray[np.uint64]

# Japanese and Chinese have no spaces: each sign is a word.
_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|[\u3040-\u30ff\u3400-\u9fff]|[^\W\d_]+|(?<![.!?:])[.!?:]++(?=\s)|\n")
_PLACE = "#"
_CAPITALS = 0.5
"""Share of words with capitals from which they tell nothing, as in a text that is all in capitals."""
_NUMBER_WORDS = frozenset((*NUMBER_WORDS, *NEGATIONS)).union(
    "false half third quarter dozen first second".split()
)
"""What counts as a number, and what turns a sentence into its opposite."""


@dataclass(frozen=True)
class Told:
    """A text as it is compared: its words in order, which of them are numbers, and which are names."""

    words: tuple[str, ...]
    numbers: frozenset[str]
    names: frozenset[str]

    @cached_property
    def runs(self) -> frozenset[tuple[str, ...]]:
        """All runs of neighbouring words."""
        return frozenset(zip(*(self.words[start:] for start in range(_RUN_WORDS)), strict=False))


def told(title: str, text: str) -> Told:
    """Read what a document tells."""
    words, names, capitals = list[str](), set[str](), 0
    begins = True
    for match in _TOKEN.finditer(f"{title}\n{text}"):
        token = match[0]
        if not token[0].isalnum():
            begins = True
            continue
        word = fold(token)
        words.append(word)
        if token[0].isupper():
            capitals += 1
            if not begins and word not in _common():
                names.add(word)
        begins = False
    if capitals > _CAPITALS * len(words):
        names.clear()
    numbers = {word for word in set(words) if word[0].isdigit() or word in _NUMBER_WORDS}
    return Told(tuple(words), frozenset(numbers), frozenset(names - numbers))


def bands(text: Told) -> tuple[int, ...]:
    """Return the bands of a text, as numbers that SQLite can hold; texts that share one may tell the same."""
    if len(text.words) < _RUN_WORDS:
        return ()
    named = np.array([_number(word) for word in text.words], np.uint64)
    factors, addends = _permutations()
    runs = np.zeros(len(named) - _RUN_WORDS + 1, np.uint64)
    for start in range(_RUN_WORDS):
        # An odd factor for each place, so that the order of the words counts.
        runs = runs * factors[0] + named[start : start + len(runs)]
    runs = np.unique(_mixed(runs))
    least = np.full(len(factors), np.iinfo(np.uint64).max, np.uint64)
    for start in range(0, len(runs), _AT_ONCE):
        permuted = factors[:, None] * runs[start : start + _AT_ONCE] + addends[:, None]
        least = np.minimum(least, permuted.min(axis=1))
    return tuple(_band(place, least[place * _ROWS : (place + 1) * _ROWS].tolist()) for place in range(BANDS))


def are_one_story(one: Told, other: Told) -> bool:
    """Whether two texts tell the same."""
    if one.words == other.words:
        return True
    shorter, longer = sorted((one, other), key=lambda text: len(text.words))
    if len(shorter.words) < max(LEAST_WORDS, LEAST_LENGTH * len(longer.words)):
        return False
    shared = SHARED if shorter.names and longer.names else SHARED_WITHOUT_NAMES
    if len(shorter.runs & longer.runs) < shared * len(shorter.runs):
        return False
    numbers, names = shorter.numbers | longer.numbers, shorter.names | longer.names
    # A figure may stand beside the name of its row, or between a day and a month that changed with it.
    return (
        _kept(shorter, longer, numbers, open_too=frozenset()) >= KEPT_NUMBERS
        and _kept(shorter, longer, numbers, open_too=names) >= KEPT_NUMBERS
        and _kept(shorter, longer, names, open_too=numbers) >= KEPT_NAMES
        # Names in headlines stand among other words with capitals, so that little is left around them.
        and _kept(shorter, longer, names, open_too=numbers, reach=1) >= KEPT_NAMES
    )


class StoryIndex(Writer):
    """Finds out which documents tell the same, in one transaction."""

    def tell(self, document: Document, cancelled: IsCancelled | None = None) -> str:
        """Note what a document tells, and return it: the story of one that tells the same, or its own.

        Raises
        ------
        Cancelled
        """
        number = self.value("SELECT number FROM documents WHERE id = ?", [document.id])
        for table in ("stories", "bands"):
            self.execute(f"DELETE FROM {table} WHERE document = ?", [number])
        story, in_bands = self._same_text(number), tuple[int, ...]()
        if len(document.text) <= MOST_CHARACTERS:
            mine = told(document.title, document.text)
            heed(cancelled)
            in_bands = bands(mine)
            story = story or self._same_story(mine, in_bands, cancelled)
        story = story or short_hash("story", document.id, document.version)
        self.insert("stories", {"document": number, "story": story})
        for band in in_bands:
            self.insert("bands", {"band": band, "document": number})
        return story

    def _same_text(self, number: int | None) -> str | None:
        return self.value(
            "SELECT s.story FROM documents d JOIN stories s ON s.document = d.number"
            " WHERE d.text_hash = (SELECT text_hash FROM documents WHERE number = ?1)"
            " AND d.number != ?1 ORDER BY d.number LIMIT 1",
            [number],
        )

    def _same_story(self, mine: Told, in_bands: Sequence[int], cancelled: IsCancelled | None) -> str | None:
        """Return the story of a document that tells the same, of those that share the most bands."""
        query = "SELECT document FROM bands WHERE band = ? ORDER BY document DESC LIMIT ?"
        shared = Counter[int]()
        for band in in_bands:
            shared.update(self.column(query, [band, _MOST_IN_BAND]))
        for number in sorted(shared, key=lambda number: (-shared[number], number))[:_MOST_COMPARED]:
            rows = self.select(
                "SELECT d.title, d.text, s.story FROM documents d JOIN stories s ON s.document = d.number"
                " WHERE d.number = ?",
                [number],
            )
            heed(cancelled)
            for title, text, story in rows:
                if are_one_story(mine, told(title, text)):
                    return str(story)
        return None


def _kept(one: Told, other: Told, telling: frozenset[str], open_too: frozenset[str], reach: int = 2) -> float:
    """Return of the words that tell something and stand between the same others the share that is the same.

    Where some aren't, one more is taken for changed: of few a change tells as much as of many.
    """
    mine, theirs = (_places(text, telling, telling | open_too, reach) for text in (one, other))
    common = mine.keys() & theirs.keys()
    same = sum(not mine[place].isdisjoint(theirs[place]) for place in common)
    return same / (len(common) + 1) if same < len(common) else 1.0


def _places(
    text: Told, telling: frozenset[str], open_words: frozenset[str], reach: int
) -> dict[tuple[str, ...], set[str]]:
    """Return what stands between which words, so many on either side, with open ones left out.

    Half of the words around must not be open, to know a place by them.
    """
    shown = [_PLACE if word in open_words else word for word in text.words]
    places = dict[tuple[str, ...], set[str]]()
    for at, word in enumerate(text.words):
        if word in telling:
            before, after = shown[max(0, at - reach) : at], shown[at + 1 : at + 1 + reach]
            if len(before) + len(after) - before.count(_PLACE) - after.count(_PLACE) >= reach:
                places.setdefault((*before, _PLACE, *after), set()).add(word)
    return places


@lru_cache(maxsize=50_000)
def _number(word: str) -> int:
    return int.from_bytes(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def _mixed(values: Numbers) -> Numbers:
    """Spread hashes over all bits, as the finaliser of SplitMix64 does (Steele, Lea and Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@cache
def _permutations() -> tuple[Numbers, Numbers]:
    """Odd factors and addends of permutations of all 64-bit hashes: x → x · factor + addend.

    They are always the same: catalogs keep what is made of them.
    """
    factors = [_number(f"factor {place}") | 1 for place in range(BANDS * _ROWS)]
    addends = [_number(f"addend {place}") for place in range(BANDS * _ROWS)]
    return np.array(factors, np.uint64), np.array(addends, np.uint64)


def _band(place: int, least: Sequence[int]) -> int:
    joined = b"".join(value.to_bytes(8) for value in (place, *least))
    return int.from_bytes(blake2b(joined, digest_size=8).digest(), signed=True)


@cache
def _common() -> frozenset[str]:
    # With a capital within a sentence these two are a month and a person.
    return frozenset(map(fold, QUESTION_WORDS)) - {"may", "will"}
