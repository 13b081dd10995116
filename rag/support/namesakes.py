"""One name for another that shares its words: the World Health Organization for the World Health Assembly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from rag.support.alignment import SAME, Alignment
from rag.support.claims import Line, Word

_JOINING = frozenset(("of", "of the", "for", "for the"))


@dataclass(frozen=True, slots=True)
class Namesake:
    """A name as the passages say it, and one that begins with the same word and ends with another."""

    said: str
    claimed: str


def namesakes(alignment: Alignment, known: frozenset[str]) -> Iterator[Namesake]:
    """Yield the names of a claim that end otherwise than one of the stretch does.

    ``known`` are the stems of all passages: a name whose last word stands anywhere in them is none.
    """
    nearness = {id(match.word): match.nearness for match in alignment.matches}
    theirs = [name for line in alignment.window for name in _names(line)]
    for mine in _names(alignment.claim):
        head = mine.words[-1]
        if head.stem in known or nearness[id(head)] >= SAME:
            continue
        said = next((name for name in theirs if _are_alike(name, mine)), None)
        if said:
            yield Namesake(said.text, mine.text)


@dataclass(frozen=True, slots=True)
class _Name:
    text: str
    words: tuple[Word, ...]


def _are_alike(said: _Name, claimed: _Name) -> bool:
    """Whether names begin with the same word, and the claimed one hasn't all of the other."""
    stems = {word.stem for word in claimed.words}
    return said.words[0].stem == claimed.words[0].stem and said.words[-1].stem not in stems


def _names(line: Line) -> Iterator[_Name]:
    """Yield the names of two words and more."""
    words = [word for word in line.content if word.kind == "name"]
    name = words[:1]
    for one, other in [*pairwise(words), (None, None)]:
        between = line.text[one.end : other.start] if one and other else ""
        if other and (between == " " or between.strip() in _JOINING):
            name.append(other)
            continue
        if len(name) > 1:
            yield _Name(line.text[name[0].start : name[-1].end], tuple(name))
        name = [other] if other else []
