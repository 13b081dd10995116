"""Copies: the same words in several articles, as a wire story in several papers, count as one source.

Texts are compared sentence by sentence, by their words. Of what differs between two sentences only a
few words at an edge are passed over, as a dateline or "the ministry said"; a number, a name or a
"not" that differs makes them different: it may be just what the articles disagree on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import combinations

from rag.deadline import Deadline
from rag.search.finding import Found
from rag.search.retrieval import Candidate
from rag.store.stored_passage import StoredPassage
from rag.text.names import names
from rag.text.words import fold

LOOKED_THROUGH = 50
"""Passages that are looked through where there are copies among the best."""
_COPIED = 0.8
"""Share of a passage's words, in sentences of one other document, from which it is a copy."""
_SHARED = 0.5
"""Share of a passage's distinct words that another document must have for a closer look."""
_LEAST_WORDS = 6
"""A shorter sentence may stand in two articles by chance."""
_KERNEL = 0.6
"""Share of a longer sentence's words that a shorter one has which stands within it."""
_WORD = re.compile(r"[^\W_]+")
_TELLING = re.compile(
    r"\d| (?:no|not|never|nor|neither|without|false|untrue|den(?:y|ies|ied)|\w+n t"
    r"|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundred"
    r"|thousand|million|billion|half|third|quarter|dozen) "
)
"""Numbers, and what turns a sentence into its opposite."""


def find_apart(find: Callable[[int], Found], limit: int) -> Found:
    """Find the best passages, with copies set apart; ``find`` returns as many as it is asked for.

    Where there are copies, more is looked through, so that they don't crowd out other articles.
    """
    found = set_apart(find(limit))
    if not found.copies or found.deadline.is_over:
        return found
    more = set_apart(find(max(limit, LOOKED_THROUGH)))
    return found if more.deadline.has_cut else replace(more, candidates=more.candidates[:limit])


def set_apart(found: Found) -> Found:
    """Move the passages whose words stand in others that were found from ``candidates`` to ``copies``.

    Of two that hold the same the better one stays, and of two of which one holds more, that one.
    """
    kept, copies = list(found.candidates), list[Candidate]()
    for candidate in found.deadline.within(_suspected(found.candidates)):
        others = [other for other in kept if other is not candidate]
        if _is_copy(candidate, others, found.deadline):
            kept = others
            copies.insert(0, candidate)
    return replace(found, candidates=tuple(kept), copies=(*copies, *found.copies))


@lru_cache(maxsize=8_000)
def plain(text: str) -> str:
    """Return the words of a text in lower case, a space on either side of each."""
    lowered = fold(text).replace("per cent", "percent").replace("%", " percent ")
    return f" {' '.join(_WORD.findall(lowered))} "


def is_same(one: str, other: str) -> bool:
    """Whether two plain sentences say the same in the same words, but for a few at an edge."""
    if one == other:
        return True
    shorter, longer = (one, other) if len(one) <= len(other) else (other, one)
    if len(shorter) < _KERNEL * len(longer) or shorter not in longer:
        return False
    before, _, after = longer.partition(shorter)
    return not _TELLING.search(f"{before} ") and not _TELLING.search(f" {after}")


def is_long_enough(key: str) -> bool:
    """Whether a plain sentence is too long to stand in two articles by chance."""
    return key.count(" ") > _LEAST_WORDS


def _suspected(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the passages that may be copies of others, the last first: quick, for nearly all are none."""
    shared = [dict[str, int]() for _ in candidates]
    for (i, one), (j, other) in combinations(enumerate(candidates), 2):
        home, away = one.stored.document.id, other.stored.document.id
        if home != away:
            words = len(one.held & other.held)
            shared[i][away] = shared[i].get(away, 0) + words
            shared[j][home] = shared[j].get(home, 0) + words
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
            sentences = [sentence for other in passages for sentence in plain_sentences(other.stored)]
            if _stands_in(mine, plain_sentences(mine), sentences):
                return True
    return False


def _stands_in(stored: StoredPassage, said: Sequence[str], sentences: Sequence[str]) -> bool:
    whole = "|".join(sentences)
    held = set(sentences)
    # Most pairs of passages share nothing: that is soon seen by their words as they stand.
    if not any(is_long_enough(key) and (key in whole or any(s in key for s in held)) for key in said):
        return False
    lacking = [
        number
        for number, key in enumerate(said)
        if key not in held and not any(is_same(key, sentence) for sentence in sentences)
    ]
    total = sum(key.count(" ") - 1 for key in said)
    lacked = sum(said[number].count(" ") - 1 for number in lacking)
    return total - lacked >= _COPIED * total and not any(
        _tells_more(stored.sentence(number), said[number], whole) for number in lacking
    )


def _tells_more(text: str, key: str, whole: str) -> bool:
    """Whether a sentence has a number or a name that isn't in the other text, or a "not"."""
    return any(f" {word} " not in whole for word in key.split() if _TELLING.search(f" {word} ")) or any(
        plain(name) not in whole for name in names(text)
    )


def plain_sentences(stored: StoredPassage) -> list[str]:
    """Return the plain sentences of a passage."""
    return [plain(stored.sentence(position)) for position in range(len(stored.sentences))]
