"""Copies: the same words in several articles, as a wire story in several papers, count as one source.

Texts are compared sentence by sentence (`rag/search/statements.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations

from rag.deadline import NO_DEADLINE, Deadline
from rag.search.finding import Found
from rag.search.retrieval import Candidate
from rag.search.statements import is_same, is_telling, plain, read_statement
from rag.store.stored_passage import StoredPassage
from rag.text.names import names
from rag.text.words import words

LOOKED_THROUGH = 50
"""Passages that are looked through where there are copies among the best."""
_COPIED = 0.8
"""Share of a passage's words, in sentences of one other document, from which it is a copy."""
_SHARED = 0.5
"""Share of a passage's distinct words that another document must have for a closer look."""
_LEAST_WORDS = 6
"""A shorter sentence may stand in two articles by chance."""


def find_apart(find: Callable[[int], Found], limit: int, deadline: Deadline) -> Found:
    """Find the best passages, with copies set apart; ``find`` returns as many as it is asked for.

    Where there are copies, more is looked through, so that they don't crowd out other articles.
    """
    found = set_apart(find(limit), deadline)
    if not found.copies or deadline.is_over:
        return found
    more = set_apart(find(max(limit, LOOKED_THROUGH)), deadline)
    return found if deadline.has_cut else replace(more, candidates=more.candidates[:limit])


def set_apart(found: Found, deadline: Deadline = NO_DEADLINE) -> Found:
    """Move the passages whose words stand in others that were found from ``candidates`` to ``copies``.

    Of two that hold the same the better one stays, and of two of which one holds more, that one.
    """
    kept, copies = list(found.candidates), list[Candidate]()
    for candidate in deadline.within(_suspected(found.candidates)):
        others = [other for other in kept if other is not candidate]
        if _is_copy(candidate, others, deadline):
            kept = others
            copies.insert(0, candidate)
    return replace(found, candidates=tuple(kept), copies=(*copies, *found.copies))


def _suspected(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the passages that may be copies of others, the last first: quick, for nearly all are none."""
    shared = [dict[str, int]() for _ in candidates]
    for (i, one), (j, other) in combinations(enumerate(candidates), 2):
        home, away = one.stored.document.id, other.stored.document.id
        if home != away:
            count = len(one.held & other.held)
            shared[i][away] = shared[i].get(away, 0) + count
            shared[j][home] = shared[j].get(home, 0) + count
    return [
        candidate
        for candidate, counts in reversed(list(zip(candidates, shared, strict=True)))
        if max(counts.values(), default=0) >= _SHARED * len(candidate.held)
    ]


def _is_copy(candidate: Candidate, others: Sequence[Candidate], deadline: Deadline) -> bool:
    """Whether a passage stands in the passages of one other document."""
    mine = candidate.stored
    documents = dict[str, list[Candidate]]()
    for other in others:
        if other.stored.document.id != mine.document.id:
            documents.setdefault(other.stored.document.id, []).append(other)
    for passages in deadline.within(documents.values()):
        held = frozenset[str]().union(*(other.held for other in passages))
        if len(held & candidate.held) >= _SHARED * len(candidate.held):
            texts = [text for other in passages for text in texts_of(other.stored)]
            if _stands_in(texts_of(mine), texts):
                return True
    return False


def _stands_in(texts: Sequence[str], others: Sequence[str]) -> bool:
    """Whether nearly all of a passage's sentences stand in another text, and the rest tells no more."""
    lacking = [text for text in texts if not any(is_same(text, other) for other in others)]
    if not any(is_long_enough(text) for text in texts if text not in lacking):
        return False
    total, lacked = (sum(len(words(text)) for text in side) for side in (texts, lacking))
    return total - lacked >= _COPIED * total and not any(_tells_more(text, others) for text in lacking)


def _tells_more(text: str, others: Sequence[str]) -> bool:
    """Whether a sentence has a number, a name, a "not" or a doubt that isn't in the other text.

    Or whether it states otherwise what is stated there: "Some say that the bridge is closed".
    """
    whole = "|".join(map(plain, others))
    return (
        any(is_telling(f" {word} ") and f" {word} " not in whole for word in words(text))
        or any(plain(name) not in whole for name in names(text))
        or any(_is_close(text, other) for other in others)
    )


def _is_close(one: str, other: str) -> bool:
    """Whether of two sentences nearly all the words of one are words of the other."""
    mine, theirs = set(words(one)), set(words(other))
    least = min(len(mine), len(theirs))
    return least >= _LEAST_WORDS and len(mine & theirs) >= _COPIED * least


def is_long_enough(*texts: str) -> bool:
    """Whether what is stated is too long to stand in two articles by chance."""
    return sum(read_statement(text).words.count(" ") - 1 for text in texts) >= _LEAST_WORDS


def texts_of(stored: StoredPassage) -> list[str]:
    """Return the sentences of a passage."""
    return [stored.sentence(position) for position in range(len(stored.sentences))]
