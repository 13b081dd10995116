"""Answers of more than one fact: which list or table answers, and which of its items.

Whether the collection answers at all is decided before, in `rag/quoting/answer.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rag.documents import Block, Citation, Document, Sentence
from rag.question.shapes import DATES
from rag.quoting.evidence import Weighed, lacking
from rag.quoting.structures import Structure, structures_of
from rag.search.finding import Found
from rag.search.retrieval import Question
from rag.text.canonical import labelled_row
from rag.text.splitting import LEANING
from rag.text.words import stem, stems

MOST_ITEMS = 12
MOST_ITEM_WORDS = 200
"""A list beyond these is cut, and the answer says so."""
FEWEST_ITEMS = 3
"""So many items are quoted however long they are."""
_LEAST_COVERED = 0.5
"""Share of the question's words, weighted by rarity, that a list with what leads to it must hold."""
_LEAST_COVERED_UNNAMED = 0.65
"""The same where neither lead-in nor heading names what is asked for."""
_LEAST_LED = 0.45
"""The same for what leads to it alone, also where it doesn't name what is asked for."""
_NEARLY = 0.2
"""By how much the best single sentence may cover more of the question than the list."""
_NEARLY_NAMED = 0.35
"""The same for a list in that sentence's own article that names what is asked for."""
_ALIKE = 0.6
"""Cosine with the question from which a list's items, together with their lead-in, are about it."""
# A lead-in that begins with a small letter is taken for a part of the sentence before it.
_HIDDEN_LEAD = re.compile(r"[a-z]{4}[.!?]\s+(?=[a-z][^.!?]*:$)")
_DATE_LABELS = frozenset(
    map(stem, "date day year month when time period since from datum jahr tarih yıl".split())
)
# What a list is called in one place and its question in another.
_SAME_NOUNS = tuple(
    frozenset(map(stem, group.split()))
    for group in (
        "benefits advantages gains merits",
        "drawbacks disadvantages downsides",
        "reasons causes factors drivers conditions",
        "problems challenges issues difficulties obstacles hurdles barriers concerns",
        "measures steps actions",
        "kinds types sorts forms varieties",
        "companies firms businesses suppliers makers manufacturers",
        "results outcomes effects consequences impacts implications",
        "parts components elements",
        "tasks duties responsibilities roles",
    )
)


@dataclass(frozen=True, slots=True)
class Listed:
    """The items of a list or table that answer: the first ``shown`` of ``total``, after their lead-in."""

    sentences: tuple[Sentence, ...]
    shown: int
    total: int


def listed(found: Found, best: Weighed) -> Listed | None:
    """Return the list or the rows that answer a question, or None where no list or table does.

    ``best`` is the sentence that answers best by itself.
    """
    structure = _best_structure(found, best)
    if structure is None:
        return None
    items: Sequence[Block] = structure.items
    if structure.is_table:
        items = _fitting_rows(structure, found)
    return _as_listed(structure, items, found.question)


def _as_listed(structure: Structure, items: Sequence[Block], question: Question) -> Listed:
    items = _distinct(structure, items)
    kept = _bearable(structure, items)
    places = [*_lead_in(structure, question), *((item.start, item.end) for item in kept)]
    sentences = tuple(_sentence(structure, *place, number) for number, place in enumerate(places, 1))
    return Listed(sentences, len(kept), len(items))


# ------------------------------------------------------------------------------ which one


def _best_structure(found: Found, best: Weighed) -> Structure | None:
    """Return the list or table that suits the question best, of those that answer it."""
    cosines = {
        (c.stored.document.id, span.start): float(cosine)
        for c in found.candidates
        for span, cosine in zip(c.stored.sentences, c.sentence_cosines, strict=True)
    }
    by_itself = _covered(found.question, [*best.stems, *_context(best.candidate.stored.document)])
    chosen, most = None, 0.0
    for document in found.texts:
        for structure in found.deadline.each(structures_of(document)):
            suits = _suits(structure, found, best, by_itself, cosines)
            if suits > most:
                chosen, most = structure, suits
    return chosen


def _suits(
    structure: Structure,
    found: Found,
    best: Weighed,
    by_itself: float,
    cosines: Mapping[tuple[str, int], float],
) -> float:
    """Return how well a list or table suits the question, 0 where it doesn't answer it."""
    question, document = found.question, structure.document
    label_stems = stems(structure.labels)
    last = stems(structure.last_lead)
    lead = [*stems(structure.heading), *stems(structure.lead_text), *label_stems]
    naming = [*stems(structure.heading), *last, *label_stems]
    names_it = _names(found.shape.subject, naming)
    said = [found.shape.subject, *lead] if names_it else lead
    said_and_title = [*said, *_context(document)]
    items = [word for item in found.deadline.each(structure.items) for word in stems(structure.text_of(item))]
    covered_by_lead = _covered(question, said_and_title)
    covered = _covered(question, [*said_and_title, *items])
    is_home = best.candidate.stored.document.id == document.id
    holds_best = is_home and (structure.holds(best.span) or structure.is_led_by(best.span))
    likeness = [cosines.get((document.id, item.start), 0.0) for item in structure.items]
    items_alike = sum(likeness) / len(likeness)
    lead_alike = max(
        (cosines.get((document.id, start), 0.0) for start, _ in structure.lead[-2:]), default=0.0
    )
    is_alike = question.is_known_language and min(items_alike, lead_alike) >= _ALIKE
    answers = (names_it and (is_home or covered_by_lead >= _LEAST_COVERED)) or (
        not structure.is_table and (is_alike or (holds_best and covered_by_lead >= _LEAST_LED))
    )
    if is_home and not structure.is_table and _asks_for_one(structure, question, best, said_and_title):
        return 0.0
    nearly = _NEARLY_NAMED if names_it and is_home else _NEARLY
    least = _LEAST_COVERED if names_it else _LEAST_COVERED_UNNAMED
    if not answers or covered < max(least, by_itself - nearly):
        return 0.0
    # What stands next to it tells more than heading and title, which several lists may stand under.
    next_to_it = [*(last or stems(structure.heading)), *label_stems]
    by_neighbour = 1.5 * _covered(question, next_to_it)
    return sum(
        (names_it, by_neighbour, covered_by_lead, covered, items_alike, lead_alike / 2, holds_best / 2)
    )


def _asks_for_one(structure: Structure, question: Question, best: Weighed, said: Sequence[str]) -> bool:
    """Whether the best sentence is an item with words of the question that most others lack.

    "Which companies make missiles?" is answered by that item, and not by a list of all companies.
    """
    if not structure.holds(best.span):
        return False
    own = [word for word in lacking(question.stems, said) if word in best.stems]
    held = [stems(structure.text_of(item)) for item in structure.items]
    return any(2 * sum(word in item for item in held) < len(held) for word in own)


def _names(subject: str, held: Sequence[str]) -> bool:
    """Whether some words name what is asked for, by the same noun or one of its meaning."""
    if subject == DATES:
        return not _DATE_LABELS.isdisjoint(held)
    same = next((group for group in _SAME_NOUNS if subject in group), frozenset[str]())
    return not lacking([subject], held) or not same.isdisjoint(held)


def _covered(question: Question, held: Iterable[str]) -> float:
    """Return the share of the question's words held, taken loosely and weighted by rarity."""
    missing = set(lacking(question.stems, held))
    return sum(weight for word, weight in question.rarity.items() if word not in missing)


def _context(document: Document) -> tuple[str, ...]:
    return stems(document.title)


# ------------------------------------------------------------------------------ which items


def _fitting_rows(structure: Structure, found: Found) -> Sequence[Block]:
    """Return the rows that hold what the question names of some rows and not of all, as a year."""
    said = {found.shape.subject, *stems(structure.labels), *_context(structure.document)}
    held = [frozenset(stems(structure.text_of(row))) for row in found.deadline.each(structure.items)]
    wanted = [
        word
        for word in found.question.stems
        if word not in said and 0 < sum(word in row for row in held) < len(held)
    ]
    most = max(sum(word in row for word in wanted) for row in held)
    rows = zip(structure.items, held, strict=True)
    return [item for item, row in rows if sum(word in row for word in wanted) == most]


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
    if hidden := _HIDDEN_LEAD.search(text):
        return [(start + hidden.end(), end)]
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
        return Sentence(labelled_row(structure.labels, words), "row", (citation,))
    return Sentence(words, "quote", (citation,))
