"""What speaks for a claim being borne by its passages: plain numbers.

The model of `rag/support/check.py` weighs them. Each is one entry of `SENTENCE_FEATURES`; they are about 0 to
1, and taken of each sentence of the claim. Of a claim of several sentences the model sees the mean of each,
weighted by the words of the sentence, and the worst.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from rag.embedding.word_pieces import rarity, vector
from rag.support.alignment import SAME, UNLIKE, Alignment, align
from rag.support.claims import Line, Word, clauses
from rag.support.faults import Fault, FaultKind, Passages, exchanged_words, find_faults, sureness
from rag.support.meanings import NEGATING, is_known, relation

SENTENCE_FEATURES: Mapping[str, str] = {
    "faults": "how many of the small things of `rag/support/faults.py` are wrong, over 2",
    "name": "names that they don't hold",
    "opposite": "words whose opposite stands there",
    "negation": "whether one says not and the other doesn't",
    "swap": "names and numbers that they don't hold in the place of others",
    "exchanged_unlike": "how unlike the least alike of these pairs is; more for opposites",
    "exchanged_close": "the same, less where the claim is told in other words",
    "negated": "words with un- or in- that the passages don't have so, over 2",
    "darker": "how much darker its darkest added word is than the stretch",
    "missing": "words that no sentence holds, over 4",
    "unlike": "words with nothing like them in the stretch, over 3",
    "one": "share of its words that the best single sentence holds, weighted by rarity",
    "one_plain": "the same, all words counting alike",
    "clause": "the same share for its worst clause",
    "window": "share of its words that the stretch holds, weighted by rarity",
    "soft": "mean nearness of what stands for its words there, weighted by rarity",
    "all": "share of its words that any sentence holds, weighted by rarity",
    "all_plain": "the same, all words counting alike",
    "worst_match": "nearness of the rare word that has the least like it in the stretch",
    "anywhere": "nearness of the word that has the least like it in all passages",
    "next_anywhere": "of the one after it",
    "stand_ins": "mean nearness of what stands for the words that the stretch doesn't hold",
    "relation": "share of its words but for names and numbers that the stretch holds or means",
    "relation_soft": "mean nearness of these words",
    "names": "share of its names in the stretch (1 where it has none)",
    "titled": "share of its words in the stretch or in the first line of a passage, often its title",
    "pairs": "share of its neighbouring words near each other in some sentence",
    "order": "share of the words held that stand in the same order",
    "closeness": "share of its words, small ones too, in the order of one sentence",
    "near_each_other": "how near each other the words held stand",
    "meaning": "cosine of the mean vectors of its words and the stretch's",
    "meaning_one": "the same with the best single sentence of it",
    "synonyms": "words that have one of like meaning there, over 3",
    "sentences": "sentences of the stretch, over 6",
}
WORSE_IF_HIGH = frozenset(tuple(SENTENCE_FEATURES)[: tuple(SENTENCE_FEATURES).index("one")])
"""Those that speak against a claim."""
UNDIRECTED = frozenset(("synonyms", "sentences"))
"""Those that speak neither for nor against it by themselves."""
CLAIM_FEATURES = tuple(f"{name} {how}" for name in SENTENCE_FEATURES for how in ("mean", "worst"))
"""What the model weighs."""


@dataclass(frozen=True)
class Weighed:
    """A claim's features in the order of `CLAIM_FEATURES`, its sentences, and what is wrong with each."""

    features: tuple[float, ...]
    alignments: tuple[Alignment, ...]
    faults: tuple[tuple[Fault, ...], ...]

    @property
    def refuted(self) -> bool:
        """Whether one fault alone is enough."""
        return any(fault.refutes for group in self.faults for fault in group)


def weigh_claim(claim: Sequence[Line], lines: Sequence[Line]) -> Weighed | None:
    """Compare the sentences of a claim with those of the passages; None where the claim has no words."""
    known = Passages(lines)
    spoken = [line for line in claim if line.content]
    if not spoken:
        return None
    alignments = tuple(align(line, lines) for line in spoken)
    faults = tuple(tuple(find_faults(alignment, known)) for alignment in alignments)
    rows = [_sentence_features(a, f, known) for a, f in zip(alignments, faults, strict=True)]
    lengths = [len(line.content) for line in spoken]
    features = tuple(value for name in SENTENCE_FEATURES for value in _summed_up(name, rows, lengths))
    return Weighed(features, alignments, faults)


def _summed_up(name: str, rows: Sequence[Mapping[str, float]], lengths: Sequence[int]) -> tuple[float, float]:
    values = [row[name] for row in rows]
    mean = sum(v * n for v, n in zip(values, lengths, strict=True)) / sum(lengths)
    return mean, max(values) if name in WORSE_IF_HIGH else min(values)


def _sentence_features(alignment: Alignment, faults: Sequence[Fault], known: Passages) -> dict[str, float]:
    content, matches = alignment.claim.content, alignment.matches
    weights = np.array([word.weight for word in content])
    shares = weights / max(float(weights.sum()), 1e-9)
    held = alignment.held if len(alignment.held) else np.zeros((1, len(content)), bool)
    near = np.array([match.nearness for match in matches])
    anywhere = np.sort([match.anywhere for match in matches])
    is_there = near >= SAME
    is_anywhere = held.any(axis=0)
    relations = near[[word.kind == "word" for word in content]]
    names = near[[word.kind == "name" for word in content]]
    swaps = exchanged_words(alignment)
    unlike = [1.5 if relation(a.stem, b.stem) == "opposite" else 1 - near for a, b, near in swaps]
    return {
        **_fault_features(faults),
        "exchanged_unlike": max(unlike, default=0.0),
        "exchanged_close": max(unlike, default=0.0) * sureness(alignment),
        "negated": min(2, sum(_is_negated(word.stem, known) for word in content)) / 2,
        "darker": _darker(alignment),
        "one": float((held @ shares).max()),
        "one_plain": float(held.mean(axis=1).max()),
        "clause": _worst_clause(alignment, held, weights),
        "all": float(is_anywhere @ shares),
        "all_plain": float(is_anywhere.mean()),
        "missing": min(4, int((~is_anywhere).sum())) / 4,
        "worst_match": float((1 - weights * (1 - near)).min()),
        "unlike": min(3, int((near < UNLIKE).sum())) / 3,
        "anywhere": float(anywhere[0]),
        "next_anywhere": float(anywhere[min(1, len(anywhere) - 1)]),
        "stand_ins": float(near[~is_there].mean()) if (~is_there).any() else 1.0,
        "synonyms": min(3, int(((near >= 0.5) & ~is_there).sum())) / 3,
        "relation": float((relations >= 0.85).mean()) if relations.size else 1.0,
        "relation_soft": float(relations.mean()) if relations.size else 1.0,
        "names": float(names.mean()) if names.size else 1.0,
        "order": alignment.order,
        "closeness": alignment.closeness,
        "near_each_other": _near_each_other(alignment),
        "sentences": len(alignment.window) / 6,
        "window": float(is_there @ shares),
        "soft": float(near @ shares),
        "titled": float((is_there | held[known.openings].any(axis=0)) @ shares),
        "pairs": _pairs(alignment, known),
        "meaning": _cosine(content, alignment.others),
        "meaning_one": max((_cosine(content, line.content) for line in alignment.window), default=0.0),
    }


def _fault_features(faults: Sequence[Fault]) -> dict[str, float]:
    totals = dict.fromkeys(get_args(FaultKind), 0.0)
    for fault in faults:
        totals[fault.kind] = min(2.0, totals[fault.kind] + fault.weight)
    return {**totals, "faults": sum(totals.values()) / 2}


def _is_negated(stem: str, known: Passages) -> bool:
    """Whether a word has a prefix that negates and the passages don't have it so."""
    if len(stem) < 6 or stem in known.stems:
        return False
    return any(stem.startswith(prefix) and is_known(stem[len(prefix) :]) for prefix in NEGATING)


def _worst_clause(alignment: Alignment, held: NDArray[np.bool_], weights: NDArray[np.float64]) -> float:
    worst, first = 1.0, 0
    for part in clauses(alignment.claim):
        own = slice(first, first + len(part))
        first += len(part)
        share = weights[own] / max(float(weights[own].sum()), 1e-9)
        worst = min(worst, float((held[:, own] @ share).max()))
    return worst


def _pairs(alignment: Alignment, known: Passages) -> float:
    content = alignment.claim.content
    if len(content) < 2:
        return float(alignment.held.any())
    found = set[int]()
    for row in np.flatnonzero(alignment.held.sum(axis=1) > 1).tolist():
        places: dict[str, list[int]] = {}
        for position, word in enumerate(known.lines[row].words):
            places.setdefault(word.stem, []).append(position)
        for i, (one, other) in enumerate(pairwise(content)):
            here, there = places.get(one.stem, ()), places.get(other.stem, ())
            if i not in found and any(_is_followed(place, there) for place in here):
                found.add(i)
    return len(found) / (len(content) - 1)


_PAIR_WORDS = 5
"""So near behind each other two words of a sentence are a pair."""


def _is_followed(place: int, there: Sequence[int]) -> bool:
    """Whether one of some places, in their order, comes right behind a place."""
    next_one = bisect_right(there, place)
    return next_one < len(there) and there[next_one] - place <= _PAIR_WORDS


def _near_each_other(alignment: Alignment) -> float:
    """Return 1 where the words held follow each other in the stretch, 0 where they are 15 words apart."""
    places: dict[str, list[int]] = {}
    for position, word in enumerate(word for line in alignment.window for word in line.words):
        places.setdefault(word.stem, []).append(position)
    there = [places[word.stem] for word in alignment.claim.content if word.stem in places]
    gaps = [_gap(one, other) for one, other in pairwise(there)]
    return max(0.0, 1 - sum(gaps) / len(gaps) / 15) if gaps else 0.0


def _gap(ones: Sequence[int], others: Sequence[int]) -> int:
    """Return how near two words are to each other where they are nearest; both have their places in order."""
    ends = [(place, bisect_left(others, place)) for place in ones]
    return min(abs(place - other) for place, at in ends for other in others[max(0, at - 1) : at + 1])


_BRIGHT = (
    "good better best great success successful improve positive strong win safe gain efficient useful"
    " happy legal"
    " agree accept high increase allow able support"
)
_DARK = (
    "bad worse worst poor failure unsuccessful worsen negative weak lose dangerous loss inefficient"
    " useless sad"
    " illegal disagree reject low decrease forbid unable oppose"
)


@cache
def _brightness() -> NDArray[np.float32]:
    """Return the direction from dark words to bright ones."""
    direction = np.mean([vector(w) for w in _BRIGHT.split()], axis=0)
    direction -= np.mean([vector(w) for w in _DARK.split()], axis=0)
    found: NDArray[np.float32] = direction / np.linalg.norm(direction)
    return found


def _darker(alignment: Alignment) -> float:
    added = [m.word.folded for m in alignment.matches if m.anywhere < 0.85 and m.word.kind == "word"]
    if not added:
        return 0.0
    darkest = min(float(vector(word) @ _brightness()) for word in added)
    around = [float(vector(other.folded) @ _brightness()) for other in alignment.others]
    return max(0.0, (sum(around) / len(around) if around else 0.0) - darkest)


def _cosine(ones: Sequence[Word], others: Sequence[Word]) -> float:
    a, b = (_mean_vector(group) for group in (ones, others))
    return float(a @ b)


def _mean_vector(group: Sequence[Word]) -> NDArray[np.float32]:
    total = np.zeros(len(_brightness()), np.float32)
    for word in group:
        total += vector(word.folded) * np.float32(rarity(word.folded))
    found: NDArray[np.float32] = total / max(float(np.linalg.norm(total)), 1e-9)
    return found
