"""Whether a written sentence is borne by the passages that it cites.

A first measure: the share of its content words that they hold, and all of its numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.splitting import split_sentences
from rag.words import content_words, stem, stems

_ENOUGH = 0.7
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True)
class Support:
    """Whether passages bear a claim, how surely (0 to 1), and why or why not in one sentence."""

    supported: bool
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Bearing:
    """The place that bears a claim: a stretch of the passage with this number, from 0."""

    passage: int
    start: int
    end: int


def check_support(claim: str, passages: Sequence[str]) -> Support:
    """Return whether the passages bear a claim."""
    text = " ".join(passages)
    wanted = [stem(word) for word in content_words(claim)]
    held = set(stems(text))
    missing = [word for word in wanted if word not in held]
    score = 1 - len(missing) / len(wanted) if wanted else 0.0
    numbers = set(_NUMBER.findall(text))
    wrong = [number for number in _NUMBER.findall(claim) if number not in numbers]
    if wrong:
        return Support(False, 0.0, f"The passages don't say {wrong[0]}.")
    if score < _ENOUGH:
        return Support(False, score, f"The passages lack most of: {', '.join(missing[:5])}.")
    return Support(True, score, "The passages hold its words.")


def bearing(claim: str, passages: Sequence[str]) -> tuple[Bearing, ...]:
    """Return the places that bear a claim, the best first; nothing where no word of it is held."""
    wanted = {stem(word) for word in content_words(claim)}
    found = list[tuple[float, Bearing]]()
    for number, passage in enumerate(passages):
        for start, end in split_sentences(passage):
            shared = len(wanted.intersection(stems(passage[start:end])))
            if shared:
                found.append((-shared / len(wanted), Bearing(number, start, end)))
    found.sort(key=lambda pair: pair[0])
    return tuple(place for _, place in found[:1])
