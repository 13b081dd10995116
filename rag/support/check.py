"""Whether a claim is borne by the passages that it cites, and by which of their sentences.

No language model is asked. The numbers of `rag/support/features.py` are weighed by small boosted trees that
`scripts/fit_support.py` fits; where they leave a claim of one sentence in doubt, the embedding model compares
its words in their context. What counts most against a claim is said in plain words.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rag.support.alignment import SAME, UNLIKE, Alignment
from rag.support.claims import Line, read_claim, read_passages
from rag.support.context import in_context
from rag.support.features import CLAIM_FEATURES, Weighed, weigh_claim

WEIGHTS_PATH = Path(__file__).with_name("support_weights.json")

MOST_IN_CLAIM, MOST_SENTENCES = 5_000, 60
"""Characters and sentences of a claim: the time to check it grows with them times those of the passages."""

NamedTree = float | list[Any]
"""A leaf's log-odds, or a feature's name, its border, and the trees up to it and beyond it."""
Tree = float | tuple[int, float, Any, Any]
"""The same with the number of the feature."""


@dataclass(frozen=True, slots=True)
class Support:
    """Whether passages bear a claim.

    ``score`` is the estimated probability, 0 to 1; ``reason`` names in a sentence the number, name or word
    that failed, or the words that bear the claim.
    """

    supported: bool
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Place:
    """One to some sentences in a row: ``passage[start:end]`` of the passage with that index."""

    passage: int
    start: int
    end: int


def check_support(claim: str, passages: Sequence[str]) -> Support:
    """Check whether passages bear a claim of one or more sentences.

    Anything can be passed, also nothing: an empty claim, one without passages and one of more than
    `MOST_IN_CLAIM` characters or `MOST_SENTENCES` sentences, or with a sentence that is too long to be judged
    wholly, are not supported.
    """
    sentences = _read(claim)
    if sentences is None:
        return Support(False, 0.0, "It is too long to be checked at once: check its sentences one by one.")
    weighed = weigh_claim(sentences, read_passages(passages))
    if weighed is None:
        return Support(False, 0.0, "There is nothing to check in it.")
    if not any(passage.strip() for passage in passages):
        return Support(False, 0.0, "It cites no passage.")
    score = _probability(weighed)
    supported = score >= _model().threshold
    return Support(supported, score, _why_supported(weighed) if supported else _why_not(weighed))


def _read(claim: str) -> list[Line] | None:
    """Return the sentences of a claim, None where it is too long."""
    if len(claim) > MOST_IN_CLAIM:
        return None
    sentences = read_claim(claim)
    # What isn't looked at isn't borne.
    is_read = len(sentences) <= MOST_SENTENCES and all(line.is_whole for line in sentences)
    return sentences if is_read else None


def bearing(claim: str, passages: Sequence[str]) -> tuple[Place, ...]:
    """Return the sentences of the passages that bear a claim, the best first; empty where none does.

    Each sentence of the claim names one place; those that are the same or overlap are one.
    """
    sentences = _read(claim)
    weighed = weigh_claim(sentences, read_passages(passages)) if sentences else None
    if weighed is None:
        return ()
    found: list[tuple[float, Place]] = []
    for alignment in weighed.alignments:
        if not alignment.window:
            continue
        first, last = alignment.window[0], alignment.window[-1]
        held = sum(match.word.weight for match in alignment.matches if match.nearness >= SAME)
        found.append((held, Place(first.passage, first.start, last.end)))
    places: list[Place] = []
    for _, place in sorted(found, key=lambda pair: -pair[0]):
        if not any(
            p.passage == place.passage and p.start < place.end and place.start < p.end for p in places
        ):
            places.append(place)
    return tuple(places)


@dataclass(frozen=True, slots=True)
class _Model:
    """``doubt`` weighs the trees' log-odds and each number of a `Context`, after a constant."""

    start: float
    threshold: float
    doubt: tuple[float, ...]
    trees: tuple[Tree, ...]


@cache
def _model() -> _Model:
    stored = json.loads(WEIGHTS_PATH.read_text("utf-8"))
    places = {name: number for number, name in enumerate(CLAIM_FEATURES)}
    trees = tuple(_numbered(tree, places) for tree in stored["trees"])
    return _Model(stored["start"], stored["threshold"], tuple(stored["doubt"]), trees)


def _numbered(tree: NamedTree, places: Mapping[str, int]) -> Tree:
    if isinstance(tree, int | float):
        return float(tree)
    name, border, low, high = tree
    return (places[name], border, _numbered(low, places), _numbered(high, places))


def _probability(weighed: Weighed) -> float:
    model = _model()
    log_odds = model.start + sum(_leaf(tree, weighed.features) for tree in model.trees)
    if not weighed.refuted and is_in_doubt(log_odds, model.threshold):
        found = in_context(weighed.alignments)
        if found:
            log_odds = sum(w * n for w, n in zip(model.doubt, (1.0, log_odds, *found), strict=True))
    probability = 1 / (1 + math.exp(-min(max(log_odds, -30.0), 30.0)))
    return min(probability, _REFUTED) if weighed.refuted else probability


def is_in_doubt(log_odds: float, threshold: float) -> bool:
    """Whether log-odds are so near a threshold, which is a probability, that the context may decide."""
    return abs(log_odds - math.log(threshold / (1 - threshold))) <= _DOUBT


_DOUBT = 1.0
_REFUTED = 0.2
"""The highest score of a claim of which one fault alone is enough."""


def _leaf(tree: Tree, features: Sequence[float]) -> float:
    while isinstance(tree, tuple):
        place, border, low, high = tree
        tree = low if features[place] <= border else high
    return tree


def _why_supported(weighed: Weighed) -> str:
    words = [m.word.text for a in weighed.alignments for m in a.matches if m.nearness >= SAME]
    listed = ", ".join(f"“{word}”" for word in dict.fromkeys(words[:6]))
    return f"The passages hold {listed}." if listed else "The passages say it in other words."


def _why_not(weighed: Weighed) -> str:
    faults = sorted((f for group in weighed.faults for f in group), key=lambda f: (not f.refutes, -f.weight))
    if faults and faults[0].weight >= 0.5:
        return faults[0].reason
    return _missing(weighed.alignments) or (faults[0].reason if faults else _FAR)


_FAR = "No part of the passages says all of it together."


def _missing(alignments: Sequence[Alignment]) -> str:
    lacking = [m for a in alignments for m in a.matches if m.anywhere < 0.6 or m.nearness < UNLIKE]
    lacking.sort(key=lambda match: match.word.weight * (match.nearness - 1))
    words = list(dict.fromkeys(match.word.text for match in lacking[:3]))
    if not words:
        return ""
    listed = " and ".join(filter(None, (", ".join(f"“{w}”" for w in words[:-1]), f"“{words[-1]}”")))
    return f"{listed} {'is' if len(words) == 1 else 'are'} not in the passages."
