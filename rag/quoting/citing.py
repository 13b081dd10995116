"""Sources: the citation of a quote, and the same words in other articles, which count as one source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from rag.answers import Citation
from rag.deadline import NO_DEADLINE, Deadline
from rag.documents import Document
from rag.quoting.evidence import Weighed
from rag.search.copies import is_long_enough, texts_of
from rag.search.finding import Found
from rag.search.retrieval import Candidate
from rag.search.statements import is_same, read_statement
from rag.store.stored_passage import StoredPassage

MOST_JOINED_WORDS = 66
"""Neighbouring sentences are quoted as one stretch up to this length."""


@dataclass(frozen=True, slots=True)
class Quote:
    """Neighbouring sentences of a passage as they stand together, from ``first`` to ``last``."""

    stored: StoredPassage
    first: int
    last: int

    @property
    def start(self) -> int:
        """Where it starts in its document's text."""
        return self.stored.sentences[self.first].start

    @property
    def end(self) -> int:
        """Where it ends in its document's text."""
        return self.stored.sentences[self.last].end

    @property
    def text(self) -> str:
        """Its words."""
        return self.stored.sentence(self.first, self.last)

    @property
    def is_row(self) -> bool:
        """Whether it is a row of a table."""
        return self.stored.sentences[self.first].kind == "table_row"

    @property
    def is_one_paragraph(self) -> bool:
        """Whether its sentences stand in one paragraph."""
        kinds = {span.kind for span in self.stored.sentences[self.first : self.last + 1]}
        return kinds == {"paragraph"} and "\n" not in self.text

    def holds(self, weighed: Weighed) -> bool:
        """Whether it holds a sentence."""
        return weighed.candidate.stored is self.stored and self.first <= weighed.position <= self.last

    def with_sentence(self, position: int) -> Quote | None:
        """Return it with a sentence that it holds or that is next to it in its paragraph, if not too long."""
        if self.first <= position <= self.last:
            return self
        if position not in (self.first - 1, self.last + 1) or position < 0:
            return None
        grown = Quote(self.stored, min(self.first, position), max(self.last, position))
        fits = len(grown.text.split()) <= MOST_JOINED_WORDS
        return grown if fits and grown.is_one_paragraph else None


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


def cite(number: int, quote: Quote, found: Found, deadline: Deadline = NO_DEADLINE) -> Citation:
    """Return the citation of a quote, with the places of the same words elsewhere.

    The footnote goes to the article that was published first among those with exactly these words:
    the others took them from it, as far as one can know. Ties go to the longest text, then by id.
    A row of a table stays with its own table, whose header it is read with.
    """
    citation = _citation(number, quote)
    # The same row may stand in two tables that are no copies of one another.
    others = found.copies if quote.is_row else (*found.candidates, *found.copies)
    citations = {citation.document.id: citation}
    for other in deadline.within(others):
        document_id = other.stored.document.id
        if document_id not in citations and (same := _same_words(quote, other.stored)):
            citations[document_id] = _citation(number, same)
    ordered = sorted(citations.values(), key=lambda citation: _seniority(citation.document))
    if not quote.is_row:
        citation = next(senior for senior in ordered if senior.quote == quote.text)
    return replace(citation, copies=tuple(copy for copy in ordered if copy is not citation))


def _same_words(quote: Quote, other: StoredPassage) -> Quote | None:
    """Return the same words as another passage has them, if it does."""
    sentences = texts_of(quote.stored)[quote.first : quote.last + 1]
    if not is_long_enough(*sentences):
        return None
    others = texts_of(other)
    for first in range(len(others) - len(sentences) + 1):
        if all(map(is_same, sentences, others[first : first + len(sentences)])):
            return Quote(other, first, first + len(sentences) - 1)
    return None


def _citation(number: int, quote: Quote) -> Citation:
    document, page = quote.stored.document, quote.stored.passage.page
    return Citation(number, document, document.version, quote.start, quote.end, quote.text, page)


def _seniority(document: Document) -> tuple[object, ...]:
    published = document.published
    return (published is None, published or date.max, -document.characters, document.id)
