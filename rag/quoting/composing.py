"""Answers of more than one fact: which list or table answers, and which of its items.

Whether the collection answers at all is decided before, in `rag/quoting/deciding.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rag.answers import Citation, Items, Sentence
from rag.deadline import Deadline
from rag.documents import Block, Cell, Document
from rag.question.several import DATES
from rag.quoting.evidence import Weighed, lacking
from rag.quoting.structures import Structure, structures_of
from rag.search.finding import Found
from rag.search.retrieval import Question
from rag.text.canonical import labelled_cells
from rag.text.splitting import LEANING
from rag.text.words import stem, stems

MOST_ITEMS = 12
MOST_ITEM_WORDS = 200
"""A list beyond these is cut, and the answer says so."""
FEWEST_ITEMS = 3
"""So many items are quoted however long they are."""
_LEAST_COVERED = 0.5
"""Share of the question's words, weighted by rarity, that a list with what leads to it must hold."""
_NEARLY = 0.35
"""By how much the best single sentence may cover more of the question than the list."""
_DATE_LABELS = frozenset(
    map(stem, "date day year month when time period since from datum jahr tarih yıl".split())
)


@dataclass(frozen=True, slots=True)
class Listed:
    """The first items of a list or table that answer, after their lead-in."""

    sentences: tuple[Sentence, ...]
    items: Items


def listed(found: Found, best: Weighed, deadline: Deadline) -> Listed | None:
    """Return the list or the rows that answer a question, or None where no list or table does.

    ``best`` is the sentence that answers best by itself.
    """
    structure = _best_structure(found, best, deadline)
    if structure is None:
        return None
    items: Sequence[Block] = structure.items
    if structure.is_table:
        items = _fitting_rows(structure, found.question, deadline)
    return _as_listed(structure, items, found.question)


def _as_listed(structure: Structure, items: Sequence[Block], question: Question) -> Listed:
    items = _distinct(structure, items)
    kept = _bearable(structure, items)
    places = [*_lead_in(structure, question), *((item.start, item.end) for item in kept)]
    sentences = tuple(_sentence(structure, *place, number) for number, place in enumerate(places, 1))
    return Listed(sentences, Items(len(kept), len(items)))


# ------------------------------------------------------------------------------ which one


def _best_structure(found: Found, best: Weighed, deadline: Deadline) -> Structure | None:
    """Return the list or table that suits the question best, of those that answer it."""
    home = best.candidate.stored.document
    by_itself = _covered(found.question, [*best.stems, *_context(home)])
    least = max(_LEAST_COVERED, by_itself - _NEARLY)
    chosen, most = None, 0.0
    for document in found.texts:
        for structure in deadline.each(structures_of(document)):
            suits = _suits(structure, found.question, least, deadline, is_home=document.id == home.id)
            if suits > most:
                chosen, most = structure, suits
    return chosen


def _suits(
    structure: Structure, question: Question, least: float, deadline: Deadline, *, is_home: bool
) -> float:
    """Return how well a list or table suits the question, 0 where it doesn't answer it.

    It must be called what is asked for, and hold ``least`` of the question with what leads to it. One in
    another article than the best sentence's must be led to by as much.
    """
    next_to_it = [*stems(structure.heading), *stems(structure.lead_text), *stems(structure.labels)]
    if not _names(question.reading.several, next_to_it):
        return 0.0
    lead = [question.reading.several, *next_to_it, *_context(structure.document)]
    items = [word for item in deadline.each(structure.items) for word in stems(structure.text_of(item))]
    by_lead = _covered(question, lead)
    covered = _covered(question, [*lead, *items])
    answers = covered >= least and (is_home or by_lead >= _LEAST_COVERED)
    return by_lead + covered if answers else 0.0


def _names(subject: str, held: Sequence[str]) -> bool:
    """Whether some words name what is asked for."""
    if subject == DATES:
        return not _DATE_LABELS.isdisjoint(held)
    return not lacking([subject], held)


def _covered(question: Question, held: Iterable[str]) -> float:
    """Return the share of the question's words held, taken loosely and weighted by rarity."""
    missing = set(lacking(question.stems, held))
    return sum(weight for word, weight in question.rarity.items() if word not in missing)


def _context(document: Document) -> tuple[str, ...]:
    return stems(document.title)


# ------------------------------------------------------------------------------ which items


def _fitting_rows(structure: Structure, question: Question, deadline: Deadline) -> Sequence[Block]:
    """Return the rows that hold what the question names of some rows and not of all, as a year."""
    of_all = {question.reading.several, *stems(structure.labels), *_context(structure.document)}
    rows = [frozenset(stems(structure.text_of(row))) for row in deadline.each(structure.items)]
    telling = [
        word
        for word in question.stems
        if word not in of_all and 0 < sum(word in row for row in rows) < len(rows)
    ]
    counts = [sum(word in row for word in telling) for row in rows]
    most = max(counts)
    return [item for item, count in zip(structure.items, counts, strict=True) if count == most]


def _distinct(structure: Structure, items: Iterable[Block]) -> list[Block]:
    return list({structure.text_of(item): item for item in reversed(list(items))}.values())[::-1]


def _bearable(structure: Structure, items: Sequence[Block]) -> list[Block]:
    """Return the first items, as many as a reader takes for an answer."""
    kept, length = list[Block](), 0
    for item in items[:MOST_ITEMS]:
        length += len(structure.text_of(item).split())
        if len(kept) >= FEWEST_ITEMS and length > MOST_ITEM_WORDS:
            break
        kept.append(item)
    return kept


def _lead_in(structure: Structure, question: Question) -> list[tuple[int, int]]:
    """Return the sentence that leads to a list, with the one before it where it begins with "They"."""
    if structure.is_table or not structure.lead:
        return []
    start, end = structure.lead[-1]
    text = structure.last_lead
    # What ends otherwise may stand before the list by chance.
    if not text.endswith(":") and lacking(question.stems, stems(text)):
        return []
    if LEANING.match(text) and len(structure.lead) > 1:
        start = structure.lead[-2][0]
    return [(start, end)]


# ----------------------------------------------------------------------------- as sentences


def _sentence(structure: Structure, start: int, end: int, number: int) -> Sentence:
    document = structure.document
    words = document.text[start:end]
    row = next((item for item in structure.items if item.start == start), None)
    page = next((item.page for item in structure.items if item.start >= start), None)
    citation = Citation(
        number, replace(document, text="", blocks=()), document.version, start, end, words, page
    )
    if row and structure.is_table:
        return row_of(labelled_cells(structure.labels, words), citation)
    return Sentence(words, "quote", (citation,))


def row_of(cells: tuple[Cell, ...], citation: Citation) -> Sentence:
    """Return a row of a table as a sentence, read with its header's labels."""
    return Sentence(" · ".join(map(str, cells)), "row", (citation,), cells=cells)
