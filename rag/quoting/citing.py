"""Sources: the citation of a quote, and the same words in other articles, which count as one source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from rag.answers import Citation
from rag.documents import Document
from rag.quoting.evidence import Weighed
from rag.search.copies import is_long_enough, texts_of
from rag.search.finding import Found
from rag.search.retrieval import Candidate
from rag.search.statements import is_same, read_statement
from rag.store.stored_passage import StoredPassage


def without_same(ranked: Sequence[Weighed], scores: Sequence[float]) -> tuple[list[Weighed], list[float]]:
    """Leave out sentences whose words a better one in another document has."""
    kept = list[int]()
    better = dict[str, list[Weighed]]()
    for number, weighed in enumerate(ranked):
        rivals = better.setdefault(read_statement(weighed.text).words, [])
        home = weighed.candidate.stored.document.id
        is_repeated = (
            is_long_enough(weighed.text)
            and weighed.span.kind != "table_row"
            and any(
                is_same(weighed.text, rival.text)
                for rival in rivals
                if rival.candidate.stored.document.id != home
            )
        )
        if not is_repeated:
            kept.append(number)
            rivals.append(weighed)
    return [ranked[number] for number in kept], [scores[number] for number in kept]


def apart_from(best: Weighed, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the passages but for those of other documents that hold the best sentence's words too."""
    home = best.candidate
    may_be_copied = is_long_enough(best.text)
    return [
        candidate
        for candidate in candidates
        if candidate is home
        or candidate.stored.document.id == home.stored.document.id
        or not (may_be_copied and any(is_same(best.text, text) for text in texts_of(candidate.stored)))
    ]


def cite(number: int, stored: StoredPassage, first: int, last: int, found: Found) -> Citation:
    """Return the citation of neighbouring sentences, with the places of the same words elsewhere.

    The footnote goes to the article that was published first among those with exactly these words:
    the others took them from it, as far as one can know. Ties go to the longest text, then by id.
    A row of a table stays with its own table, whose header it is read with.
    """
    is_row = stored.sentences[first].kind == "table_row"
    citation = _citation(number, stored, first, last)
    # The same row may stand in two tables that are no copies of one another.
    others = found.copies if is_row else (*found.candidates, *found.copies)
    places = {citation.document.id: citation}
    for other in found.deadline.within(others):
        if other.stored.document.id not in places and (
            place := _same_words(stored, first, last, other.stored)
        ):
            places[other.stored.document.id] = _citation(number, other.stored, *place)
    ordered = sorted(places.values(), key=lambda place: _seniority(place.document))
    if not is_row:
        citation = next(place for place in ordered if place.quote == citation.quote)
    return replace(citation, copies=tuple(place for place in ordered if place is not citation))


def _same_words(stored: StoredPassage, first: int, last: int, other: StoredPassage) -> tuple[int, int] | None:
    """Return the first and last of the other passage's sentences that have the same words."""
    wanted = texts_of(stored)[first : last + 1]
    if not is_long_enough(*wanted):
        return None
    said = texts_of(other)
    for start in range(len(said) - len(wanted) + 1):
        if all(map(is_same, wanted, said[start : start + len(wanted)])):
            return start, start + len(wanted) - 1
    return None


def _citation(number: int, stored: StoredPassage, first: int, last: int) -> Citation:
    start, end = stored.sentences[first].start, stored.sentences[last].end
    return Citation(
        number=number,
        document=stored.document,
        version=stored.document.version,
        start=start,
        end=end,
        quote=stored.sentence(first, last),
        page=stored.passage.page,
    )


def _seniority(document: Document) -> tuple[object, ...]:
    published = document.published
    return (published is None, published or date.max, -document.characters, document.id)
