"""Which sentences of the passages bear a sentence of a claim, and what in them stands for its words.

A sentence is compared with the stretch of neighbouring sentences that holds most of its words. Words match
that are the same, mean the same, or are alike.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rag.embedding.word_pieces import likenesses
from rag.support.claims import Line, Word
from rag.support.meanings import relation
from rag.text.values import bears

WINDOW_LINES = 6
WINDOW_WORDS = 60
"""A stretch has two sentences, or as many up to six as have so many words: talk has short ones."""
SAME = 0.9
"""From this nearness on two words are the same, but for their endings."""
UNLIKE = 0.35
"""Below this nearness one word is nothing like the other."""


@dataclass(frozen=True, slots=True)
class Match:
    """What stands for a word of a claim: a word of the stretch, and how near it is (1 is the same).

    ``anywhere`` is the nearness of the nearest word in all passages. ``opposite`` is a word of the stretch
    that means the opposite.
    """

    word: Word
    other: Word | None
    nearness: float
    anywhere: float
    opposite: Word | None


@dataclass(frozen=True, slots=True)
class Edit:
    """Words of a claim that stand where the sentence has others; either may be none."""

    mine: tuple[Word, ...]
    theirs: tuple[Word, ...]


@dataclass(frozen=True)
class Alignment:
    """A sentence of a claim and the stretch that bears it best.

    ``held`` tells which of the claim's content words each sentence of the passages has, bool
    (sentences, words). ``anchors`` are the longest run of words in the same order, as pairs of positions
    among the content words of both. ``nearest`` is the single sentence that holds most of it, ``edits`` are
    where it differs from that word by word, and ``closeness`` is 1 for a copy.
    """

    claim: Line
    window: tuple[Line, ...]
    others: tuple[Word, ...]
    matches: tuple[Match, ...]
    held: NDArray[np.bool_]
    anchors: tuple[tuple[int, int], ...]
    nearest: Line | None
    edits: tuple[Edit, ...]
    closeness: float

    @property
    def order(self) -> float:
        """The share of the words held that stand in the same order."""
        places = {other.stem for other in self.others}
        there = sum(word.stem in places for word in self.claim.content)
        return len(self.anchors) / there if there else 1.0


def align(claim: Line, lines: Sequence[Line]) -> Alignment:
    """Find the stretch that bears a sentence best, and what in it stands for each of its words."""
    content = claim.content
    held = np.array([[_holds(line, word) for word in content] for line in lines], bool)
    held = held.reshape(len(lines), len(content))
    _hold_values(claim, lines, held)
    weights = np.array([word.weight for word in content])
    first, last = _best_window(lines, held, weights)
    window = tuple(lines[first:last])
    others = tuple(word for line in window for word in line.content)
    matches = _match(content, others, _elsewhere(lines, held, weights))
    in_window: list[bool] = np.any(held[first:last], axis=0).tolist()
    matches = tuple(
        replace(m, nearness=1.0, anywhere=1.0) if is_held and m.nearness < SAME else m
        for m, is_held in zip(matches, in_window, strict=True)
    )
    nearest = lines[int(np.argmax(held @ weights))] if held.any() else None
    differences, closeness = edits(claim, nearest) if nearest else ([], 0.0)
    anchors = _anchors(content, others)
    return Alignment(claim, window, others, matches, held, anchors, nearest, tuple(differences), closeness)


def _holds(line: Line, word: Word) -> bool:
    """Whether a sentence has a word, or one that begins with the same five letters."""
    return word.stem in line.stems or (
        word.kind != "number" and len(word.stem) > 4 and word.stem[:5] in line.beginnings
    )


def _hold_values(claim: Line, lines: Sequence[Line], held: NDArray[np.bool_]) -> None:
    """Let the words of an amount or a date be held where the same value is written in another way."""
    for value in claim.values:
        inside = [i for i, w in enumerate(claim.content) if value.start <= w.start and w.end <= value.end]
        rows = np.flatnonzero(~held[:, inside].all(axis=1)).tolist() if inside else []
        for row in rows[:_MOST_VALUES]:
            if any(bears(said, value) for said in lines[row].values):
                held[row, inside] = True


_MOST_VALUES = 400
"""Sentences whose numbers are read."""


def _best_window(
    lines: Sequence[Line], held: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[int, int]:
    """Return the first and one past the last sentence of the stretch that holds most of a claim."""
    best, place = 0.0, (0, 0)
    alone = held @ weights
    most = np.convolve(np.append(alone, [0.0] * WINDOW_LINES), np.ones(WINDOW_LINES))[WINDOW_LINES - 1 :]
    likeliest = np.argsort(-alone, kind="stable")[:_MOST_BEGINNINGS]
    for first in np.sort(likeliest[alone[likeliest] > 0]).tolist():
        if min(most[first], weights.sum()) < best:
            continue  # whatever stretch begins here holds less than the best one
        union, count = held[first].copy(), 0
        for last in range(first, min(first + WINDOW_LINES, len(lines))):
            count += len(lines[last].words)
            if lines[last].passage != lines[first].passage or (last > first + 1 and count > WINDOW_WORDS):
                break
            union |= held[last]
            # A longer stretch has to hold more.
            score = float(union @ weights) - 0.4 * (last - first)
            if score > best:
                best, place = score, (first, last + 1)
    return place


_MOST_BEGINNINGS = 300
"""Sentences with which a stretch may begin: those that hold most of the claim."""
_MOST_ELSEWHERE = 40
"""Sentences whose words are compared by meaning: those that hold most of the claim."""


def _elsewhere(lines: Sequence[Line], held: NDArray[np.bool_], weights: NDArray[np.float64]) -> list[Word]:
    order = np.argsort(-(held @ weights), kind="stable")[:_MOST_ELSEWHERE]
    return list({word.stem: word for i in order for word in lines[i].content}.values())


def _match(words: Sequence[Word], others: Sequence[Word], everywhere: Sequence[Word]) -> tuple[Match, ...]:
    by_stem = {other.stem: other for other in reversed(others)}
    by_beginning = {other.stem[:5]: other for other in reversed(others) if len(other.stem) > 4}
    matches: dict[int, Match] = {}
    missing: list[int] = []
    for i, word in enumerate(words):
        other = by_stem.get(word.stem)
        if other is None and word.kind != "number" and len(word.stem) > 4:
            other = by_beginning.get(word.stem[:5])
        if other is None:
            missing.append(i)
        else:
            nearness = 1.0 if other.stem == word.stem else 0.95
            matches[i] = Match(word, other, nearness, nearness, None)
    found = _near([words[i] for i in missing], list(by_stem.values()), everywhere)
    matches |= dict(zip(missing, found, strict=True))
    return tuple(matches[i] for i in range(len(words)))


_NEARNESS = {"same": 0.85, "near": 0.5, "none": 0.0, "opposite": 0.0}


def _near(words: Sequence[Word], others: Sequence[Word], everywhere: Sequence[Word]) -> list[Match]:
    plain = [other for other in others if other.kind != "number"]
    here = likenesses([word.folded for word in words], [other.folded for other in plain])
    all_of_them = [word for word in everywhere if word.kind != "number"]
    there = likenesses([word.folded for word in words], [other.folded for other in all_of_them])
    stems = {word.stem for word in everywhere}
    found = []
    for word, row, far in zip(words, here, there, strict=True):
        anywhere = 1.0 if word.stem in stems else float(far.max(initial=0.0))
        if word.kind == "number":
            found.append(Match(word, None, 0.0, float(word.stem in stems), None))
            continue
        related = [relation(word.stem, other.stem) for other in plain]
        opposed = [cosine if r == "opposite" else -1.0 for cosine, r in zip(row, related, strict=True)]
        near = [
            0.0 if r == "opposite" else max(float(cosine), _NEARNESS[r])
            for cosine, r in zip(row, related, strict=True)
        ]
        best = int(np.argmax(near)) if near else -1
        worst = int(np.argmax(opposed)) if opposed and max(opposed) >= 0 else -1
        nearness = min(max(near, default=0.0), 0.88)
        found.append(
            Match(
                word,
                plain[best] if best >= 0 else None,
                nearness,
                max(anywhere, nearness),
                plain[worst] if worst >= 0 else None,
            )
        )
    return found


def _anchors(words: Sequence[Word], others: Sequence[Word]) -> tuple[tuple[int, int], ...]:
    """Return the longest run of words that stand in the same order in both (Fredman 1975)."""
    places: dict[str, list[int]] = {}
    for position, other in enumerate(others):
        places.setdefault(other.stem, []).append(position)
    tails, heads = list[int](), list[int]()
    links: list[tuple[int, int, int]] = []  # a position in each, and the link before
    for i, word in enumerate(words):
        for j in reversed(places.get(word.stem, ())):
            at = bisect_left(tails, j)
            tails[at : at + 1], link = [j], (i, j, heads[at - 1] if at else -1)
            heads[at : at + 1] = [len(links)]
            links.append(link)
    pairs, at = [], heads[-1] if heads else -1
    while at >= 0:
        i, j, at = links[at]
        pairs.append((i, j))
    return tuple(reversed(pairs))


_WIDEST_EDIT = 7
"""Words on either side; what differs more is told in other words, not edited."""


def edits(claim: Line, sentence: Line) -> tuple[list[Edit], float]:
    """Return where a claim differs from a sentence word by word, and how near it is to a copy.

    The latter is the share of the claim's words, small ones too, that stand in the sentence in the same
    order.
    """
    ones, others = claim.words, sentence.words
    if not ones:
        return [], 0.0
    anchors = _anchors(ones, others)
    found = []
    for (i, j), (k, m) in pairwise([(-1, -1), *anchors, (len(ones), len(others))]):
        mine, theirs = ones[i + 1 : k], others[j + 1 : m]
        # What stands before and after the part that is alike is mostly another statement.
        if i < 0:
            theirs = theirs[-max(2, len(mine)) :] if mine else ()
        if k == len(ones):
            theirs = theirs[: max(2, len(mine))] if mine else ()
        if (mine or theirs) and len(mine) <= _WIDEST_EDIT and len(theirs) <= _WIDEST_EDIT:
            found.append(Edit(mine, theirs))
    return found, len(anchors) / len(ones)
