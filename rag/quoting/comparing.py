"""Comparisons: the best sentence for each side, and the sides that nothing was found about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rag.question.shapes import Side
from rag.quoting.evidence import ENOUGH, Judged, Weighed, lacking, says_the_same
from rag.search.finding import Found
from rag.text.words import content_words, stem, stems

_CLOSE = 2.6
"""Log-odds that a sentence that names both sides may lie behind the best."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The sentences to quote, one that names both sides first, and the sides without any."""

    chosen: tuple[Weighed, ...]
    not_found: tuple[str, ...]
    confidence: float


def compare(found: Found, whole: Judged, judged: Sequence[Judged]) -> Compared | None:
    """Return what is said about each side, or None where the question is better taken as a whole.

    ``judged`` are the sentences found for each side of ``found`` by itself.
    """
    sides = found.shape.sides
    confidence = max([whole.confidence, *(side.confidence for side in judged)])
    if confidence < ENOUGH:
        return None
    both = _names_all(whole, sides)
    chosen, not_found = [both] if both else [], list[str]()
    named = 0
    tables = _tables(sides, judged)
    for side, own, searched in zip(sides, judged, found.sides, strict=True):
        fitting = [w for w in found.deadline.each(own.ranked) if _is_about(side, w)]
        # A row beside a row compares better than beside a sentence.
        best = next((w for w in fitting if _table(w) in tables), fitting[0] if fitting else None)
        if best:
            named += 1
            if not any(_is_same(best, other) for other in chosen):
                chosen.append(best)
        elif any(_holds(side, candidate.held) for candidate in searched.candidates):
            # It is somewhere, and which sentence tells of it isn't clear.
            return None
        else:
            not_found.append(side.about)
    return Compared(tuple(chosen), tuple(not_found), confidence) if named else None


def _tables(sides: Sequence[Side], judged: Sequence[Judged]) -> set[str]:
    """Return the articles in whose tables every side has a row, if a row is one side's best."""
    rows = [
        [_table(w) for w in own.ranked if _is_about(side, w)] for side, own in zip(sides, judged, strict=True)
    ]
    if not any(row and row[0] for row in rows):
        return set()
    return set.intersection(*map(set, rows)) - {""}


def _table(weighed: Weighed) -> str:
    """Return the article of a sentence that is a row of a table, else ""."""
    return weighed.candidate.stored.document.id if weighed.span.kind == "table_row" else ""


def _names_all(whole: Judged, sides: Sequence[Side]) -> Weighed | None:
    return next(
        (
            weighed
            for weighed, score in zip(whole.ranked, whole.scores, strict=True)
            if score >= whole.scores[0] - _CLOSE
            and all(_is_about(side, weighed) for side in sides)
            and not lacking([word for side in sides for word in _wanted(side.name)], weighed.stems)
        ),
        None,
    )


def _is_about(side: Side, weighed: Weighed) -> bool:
    """Whether a sentence, or the article that it stands in, names a side and most of what is asked of it."""
    document = weighed.candidate.stored.document
    source = stems(f"{document.title} {document.source} {document.author}")
    name, rest = _wanted(side.name), _wanted(side.rest)
    if not name:
        return False
    names_it = not lacking(name, weighed.stems) or bool(rest and not lacking(name, source))
    around = [*weighed.stems, *source, *stems(weighed.candidate.stored.passage.heading)]
    return names_it and 2 * len(lacking(rest, around)) <= len(rest)


def _holds(side: Side, held: Iterable[str]) -> bool:
    return not lacking([*_wanted(side.name), *_wanted(side.rest)], held)


def _wanted(text: str) -> list[str]:
    return [stem(word) for word in content_words(text)]


def _is_same(one: Weighed, other: Weighed) -> bool:
    return one.text == other.text or says_the_same(one, other)
