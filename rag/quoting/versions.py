"""Versions of one story in an answer: what the newest says comes first, and older ones are named as such."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag.documents import Document, newest_first
from rag.quoting.evidence import Judged, Weighed

_ALIKE = 0.5
"""Share of words in common (Jaccard) from which a sentence of another version is the same, changed."""
_REACH = 3.0
"""Log-odds that the newest version's sentence may lie behind an older one's."""
_LOOKED_AT = 12


def with_newest(judged: Judged) -> Judged:
    """Return the sentences, those of the newest version of a story in the places of an older one's."""
    looked_at = [
        place for place, score in enumerate(judged.scores[:_LOOKED_AT]) if score >= judged.scores[0] - _REACH
    ]
    ranked = list(judged.ranked)
    for place in looked_at:
        newer = [
            other
            for other in looked_at
            if other > place
            and are_versions(ranked[place], ranked[other])
            and _is_newer(_document(ranked[other]), _document(ranked[place]))
        ]
        if newer:
            best = newest_first([_document(ranked[other]) for other in newer])[0]
            other = next(other for other in newer if _document(ranked[other]).id == best.id)
            ranked[place], ranked[other] = ranked[other], ranked[place]
    return replace(judged, ranked=ranked)


def are_versions(one: Weighed, other: Weighed) -> bool:
    """Whether two sentences are the same one in two versions of a story, as it was and as it was changed."""
    mine, theirs = _document(one), _document(other)
    if not mine.story or mine.story != theirs.story or mine.id == theirs.id:
        return False
    return len(one.stems & other.stems) >= _ALIKE * len(one.stems | other.stems)


def is_older(document: Document, others: Sequence[Document]) -> bool:
    """Whether one of other documents is a version of the same story that was published on a later day."""
    day = document.published
    return any(
        day and other.published and other.published > day
        for other in others
        if document.story and other.story == document.story
    )


def _is_newer(one: Document, other: Document) -> bool:
    return newest_first([one, other])[0] is one


def _document(weighed: Weighed) -> Document:
    return weighed.candidate.stored.document
