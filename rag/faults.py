"""The small things that turn a sentence: numbers, dates, names and their roles, negation, doubt, quantity.

Each is looked at by itself, and a fault says in plain words what the passages say instead. A fault is no
verdict: `rag/support.py` weighs it with all the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rag.alignment import SAME, Alignment, exchanged
from rag.claims import Line, Word
from rag.values import Amount, Day, amounts, days

FaultKind = Literal[
    "number", "unit", "date", "name", "opposite", "exchanged", "negation", "doubt", "quantity", "role"
]

NEGATIONS = frozenset(
    "not no never none nobody nothing neither nor without cannot cant dont doesnt didnt isnt arent wasnt werent"
    " wont wouldnt shouldnt couldnt hasnt havent hadnt hardly barely lack lacks lacked lacking fail fails failed"
    " refuse refuses refused deny denies denied unable rejected rejects reject absent free".split()
)
_DOUBTS = frozenset(
    "may might could can would possibly perhaps probably likely potentially apparently reportedly allegedly"
    " suggest suggests suggested appears appear seems seem expected expects plan plans planned proposed hopes"
    " hope intends should unlikely estimated believed thought alleged claims claimed considering considers"
    " possible potential aims tends usually often sometimes generally".split()
)
_CERTAIN = frozenset("will must certainly definitely always proved proves confirmed confirms has have is are was were did".split())
_STRONG = frozenset("will must certainly definitely always proved proves confirmed guaranteed inevitably".split())
_QUANTITIES = {
    "all": "all", "every": "all", "each": "all", "entire": "all", "whole": "all", "everyone": "all", "always": "all",
    "completely": "all", "entirely": "all", "fully": "all",
    "some": "some", "several": "some", "few": "few", "sometimes": "some", "partly": "some", "many": "many",
    "most": "most", "majority": "most", "mostly": "most", "mainly": "most", "usually": "most",
    "none": "none", "never": "none", "nobody": "none",
    "only": "only", "solely": "only", "exclusively": "only", "both": "both", "either": "either",
    "half": "half", "first": "first", "last": "last", "minority": "few", "rarely": "few",
    "twice": "twice", "double": "twice", "doubled": "twice", "triple": "triple", "tripled": "triple", "third": "third", "quarter": "quarter",
}  # fmt: skip
_FITTING = {("some", "many"), ("some", "most"), ("some", "all"), ("some", "few"), ("many", "most"), ("many", "all"), ("all", "both"), ("both", "all")}
_ORDERS = (("before", "after"), ("above", "below"), ("more", "less"), ("more", "fewer"), ("over", "under"),
    ("until", "since"), ("up", "down"), ("with", "without"), ("inside", "outside"), ("most", "least"),
    ("into", "from"), ("higher", "lower"), ("before", "since"), ("first", "last"), ("earlier", "later"), ("larger", "smaller"), ("greater", "smaller"), ("longer", "shorter"), ("better", "worse"), ("least", "most"))  # fmt: skip
_OPPOSED = {frozenset(pair) for pair in _ORDERS}
_PASSIVE = re.compile(r"\bby\b")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that a claim says otherwise than its passages; ``weight`` is 0 to 1."""

    kind: FaultKind
    reason: str
    weight: float = 1.0


def find_faults(alignment: Alignment, known: Passages) -> list[Fault]:
    """Return what is wrong with a sentence of a claim, the worst kinds first."""
    if not alignment.window:
        return []
    return [
        *_numbers(alignment, known),
        *_dates(alignment, known),
        *_names(alignment, known),
        *_opposites(alignment),
        *_negations(alignment),
        *_doubts(alignment),
        *_quantities(alignment, known),
        *_roles(alignment),
    ]


class Passages:
    """What all passages hold: their words, and the values in the sentences that have any."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines
        self.stems = frozenset(stem for line in lines for stem in line.stems)
        self.folded = frozenset(word.folded for line in lines for word in line.words)
        self.initials = frozenset(
            word.folded for line in lines for word in line.words if word.text.isupper() and len(word.text) > 1
        )
        self._values: dict[int, tuple[list[Amount], list[Day]]] = {}

    def values(self, line: Line) -> tuple[list[Amount], list[Day]]:
        """Return the amounts and days of a sentence."""
        key = id(line)
        if key not in self._values:
            self._values[key] = amounts(line.text), days(line.text)
        return self._values[key]


def _numbers(alignment: Alignment, known: Passages) -> Iterator[Fault]:
    here = [a for line in alignment.window for a in known.values(line)[0]]
    everywhere: list[Amount] | None = None
    for amount in amounts(alignment.claim.text):
        is_word = not any(c.isdigit() for c in amount.text)
        if is_word and amount.number <= 1:
            continue
        if any(_fits(amount, other) for other in here):
            continue
        digits = re.sub(r"[^\d.]", "", amount.text).strip(".")
        if digits and any(digits == word.folded.replace(",", "") for line in alignment.window for word in line.words):
            if not amount.unit:
                continue
        if everywhere is None:
            everywhere = [a for line in known.lines[:400] for a in known.values(line)[0]]
        other_unit = next((o for o in here if o.number == amount.number and o.unit != amount.unit), None)
        alike = [o for o in here if o.unit == amount.unit and (o.unit or set(o.nouns[:2]) & set(amount.nouns[:2]))]
        elsewhere = any(_fits(amount, other) for other in everywhere)
        weight = 0.4 if is_word else 1.0
        if other_unit and other_unit.unit:
            yield Fault("unit", f"The passages say {other_unit.text}, not {amount.text}.", weight)
        elif elsewhere:
            yield Fault("number", f"The passages say {amount.text} of something else.", 0.35 * weight)
        elif alike:
            yield Fault("number", f"The passages say {alike[0].text}, not {amount.text}.", weight)
        else:
            yield Fault("number", f"{_quoted(amount.text)} is not in the passages.", weight)


def _fits(claimed: Amount, said: Amount) -> bool:
    same_unit = claimed.unit == said.unit or not claimed.unit or not said.unit
    within = claimed.least <= said.number <= claimed.most or claimed.number == said.number
    return same_unit and (within or (said.least <= claimed.least and claimed.most <= said.most and said.most < float("inf")))


def _dates(alignment: Alignment, known: Passages) -> Iterator[Fault]:
    here = [d for line in alignment.window for d in known.values(line)[1]]
    for day in days(alignment.claim.text):
        if any(_same_day(day, other) for other in here):
            continue
        everywhere = [d for line in known.lines[:400] for d in known.values(line)[1]]
        if any(_same_day(day, other) for other in everywhere):
            yield Fault("date", f"The passages name {day.text} with something else.", 0.35)
        elif day.year and str(day.year) in known.folded and not day.month:
            continue
        elif here:
            yield Fault("date", f"The passages say {here[0].text}, not {day.text}.")
        else:
            yield Fault("date", f"{_quoted(day.text)} is not in the passages.")


def _same_day(claimed: Day, said: Day) -> bool:
    pairs = ((claimed.year, said.year), (claimed.month, said.month), (claimed.day, said.day))
    # What the passage leaves out, as the year of "on 5 May", may stand elsewhere in it.
    return all(a is None or b is None or a == b for a, b in pairs) and any(a is not None and a == b for a, b in pairs)


def _names(alignment: Alignment, known: Passages) -> Iterator[Fault]:
    for match in alignment.matches:
        word = match.word
        if word.kind != "name" or match.nearness >= SAME or word.stem in known.stems or word.folded in known.stems:
            continue
        if word.text.isupper() or any(word.stem[:4] == s[:4] for s in known.stems if len(word.stem) > 3):
            yield Fault("name", f"{_quoted(word.text)} is not in the passages.", 0.5)
        else:
            yield Fault("name", f"{_quoted(word.text)} is not in the passages.")


def _opposites(alignment: Alignment) -> Iterator[Fault]:
    said = {word.folded for line in alignment.window for word in line.words}
    claimed = {word.folded for word in alignment.claim.words}
    swapped = {id(match.word) for match, _ in exchanged(alignment)}
    for match in alignment.matches:
        if match.opposite and match.nearness < SAME:
            weight = 1.0 if id(match.word) in swapped else 0.7
            yield Fault("opposite", f"The passages say {_quoted(match.opposite.text)}, not {_quoted(match.word.text)}.", weight)
    for word in alignment.claim.words:
        if word.folded in said:
            continue
        for other in said - claimed:
            if frozenset((word.folded, other)) in _OPPOSED:
                yield Fault("opposite", f"The passages say {_quoted(other)}, not {_quoted(word.text)}.", 0.6)


def _negations(alignment: Alignment) -> Iterator[Fault]:
    claimed = [w.text for w in alignment.claim.words if _is_negation(w)]
    said = [w.text for line in alignment.window for w in line.words if _is_negation(w)]
    if claimed and not said:
        yield Fault("negation", f"The passages don't say {_quoted(claimed[0])}.")
    elif said and not claimed and len(alignment.window) == 1:
        yield Fault("negation", f"The passages say {_quoted(said[0])}.", 0.6)


def _is_negation(word: Word) -> bool:
    return word.folded in NEGATIONS or word.folded.endswith(("n't", "n’t"))


def _doubts(alignment: Alignment) -> Iterator[Fault]:
    claimed = {w.folded for w in alignment.claim.words}
    said = {w.folded for line in alignment.window for w in line.words}
    doubt = next((w.text for line in alignment.window for w in line.words if w.folded in _DOUBTS), "")
    if claimed & _STRONG - said and not claimed & _DOUBTS:
        strong = next(w.text for w in alignment.claim.words if w.folded in _STRONG - said)
        if doubt:
            yield Fault("doubt", f"The passages say {_quoted(doubt)}, not {_quoted(strong)}.")
        else:
            yield Fault("doubt", f"The passages don't say {_quoted(strong)}.", 0.4)
    elif said & _DOUBTS and not claimed & _DOUBTS and len(alignment.window) == 1:
        yield Fault("doubt", f"The passages say {_quoted(doubt)}, and the sentence is sure of it.", 0.5)


def _quantities(alignment: Alignment, known: Passages) -> Iterator[Fault]:
    said = {_QUANTITIES[w.folded]: w.text for line in alignment.window for w in line.words if w.folded in _QUANTITIES}
    for word in alignment.claim.words:
        quantity = _QUANTITIES.get(word.folded)
        if quantity is None or quantity in said or word.folded in known.folded:
            continue
        if any((quantity, other) in _FITTING for other in said):
            continue
        if said:
            yield Fault("quantity", f"The passages say {_quoted(next(iter(said.values())))}, not {_quoted(word.text)}.")
        else:
            yield Fault("quantity", f"The passages don't say {_quoted(word.text)}.", 0.5)


def _roles(alignment: Alignment) -> Iterator[Fault]:
    """Two names that stand the other way round about the same verb: who did it to whom."""
    claim = alignment.claim
    if len(alignment.window) != 1:
        return
    line = alignment.window[0]
    if bool(_PASSIVE.search(claim.text)) != bool(_PASSIVE.search(line.text)):
        return
    named = [w for w in claim.content if w.kind != "function"]
    places = {w.stem: w.start for w in reversed(line.content)}
    counts: dict[str, int] = {}
    for w in line.content:
        counts[w.stem] = counts.get(w.stem, 0) + 1
    there = [w for w in named if counts.get(w.stem) == 1]
    for one, other in zip(there, there[1:], strict=False):
        if places[one.stem] > places[other.stem] and one.kind == other.kind == "name" and other.start > one.end + 2:
            yield Fault("role", f"The passages name {_quoted(other.text)} before {_quoted(one.text)}.")
            return


def _quoted(text: str) -> str:
    return f"“{text}”"

