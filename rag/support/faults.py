"""The small things that turn a sentence: numbers, dates, names and their roles, negation, doubt, quantity.

Each is looked at by itself, and a fault says in plain words what the passages say instead. A fault is no
verdict: `rag/support/check.py` weighs it with all the rest. Where a claim is nearly a copy of a sentence, one
small word that differs tells; where it is told in other words, little.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rag.support.alignment import SAME, Alignment
from rag.support.claims import Line, Word
from rag.support.namesakes import namesakes
from rag.support.roles import turned_round
from rag.text.function_words import NEGATIONS
from rag.text.values import Amount, Day, Value, bears, shared_parts

FaultKind = Literal[
    "number",
    "date",
    "name",
    "opposite",
    "negation",
    "doubt",
    "quantity",
    "role",
    "place",
    "swap",
]

_DENYING = frozenset(NEGATIONS).union(
    "cannot cant dont doesnt didnt isnt arent wasnt"
    " werent wont wouldnt shouldnt couldnt hasnt havent hadnt hardly barely lack lacks lacked lacking fail"
    " fails failed refuse refuses refused deny denies denied unable".split()
)
_DOUBTS = frozenset(
    "may might could can would possibly perhaps probably likely potentially apparently reportedly allegedly"
    " suggest suggests suggested appears appear seems seem expected expects plan plans planned proposed hopes"
    " hope intends should unlikely estimated believed thought alleged claims claimed considering considers"
    " possible potential aims tends usually often sometimes generally".split()
)
_STRONG = frozenset(
    "will must certainly definitely always proved proves confirmed guaranteed inevitably".split()
)
_QUANTITIES = {
    "all": "all", "every": "all", "each": "all", "entire": "all", "whole": "all", "everyone": "all",

    "always": "all", "completely": "all", "entirely": "all", "fully": "all",
    "any": "any", "some": "some", "several": "some",
    "few": "few", "sometimes": "some", "partly": "some", "part": "some", "many": "many", "often": "many",
    "most": "most", "majority": "most", "mostly": "most", "mainly": "most", "usually": "most",
    "none": "none", "never": "none", "nobody": "none", "no": "none", "only": "only", "solely": "only",
    "exclusively": "only", "both": "both", "neither": "none", "either": "either", "half": "half",
    "minority": "few", "rarely": "few", "twice": "twice", "double": "twice", "doubled": "twice",
    "doubles": "twice", "triple": "triple", "tripled": "triple",
}  # fmt: skip
# What a claim may say of what the passages say, and be right.
_FITTING = frozenset(
    {("some", "many"), ("some", "most"), ("some", "all"), ("some", "few"), ("many", "most"), ("many", "all")}
    | {("all", "both"), ("both", "all"), ("any", "all"), ("all", "any"), ("some", "both")}
)
_OPPOSED = frozenset(
    frozenset(pair.split("/"))
    for pair in (
        "before/after above/below more/less more/fewer over/under until/since up/down with/without into/from"
        " inside/outside most/least higher/lower before/since first/last earlier/later larger/smaller"
        " greater/smaller longer/shorter better/worse fast/slow increased/reduced praised/condemned"
        " gain/lose cheaper/expensive"
    ).split()
)
"""Opposites that `rag/support/meanings.py` doesn't have, most of them small words and comparatives."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that a claim says otherwise than its passages; ``weight`` is 0 to 1."""

    kind: FaultKind
    reason: str
    weight: float = 1.0

    @property
    def refutes(self) -> bool:
        """Whether it alone is enough for a claim not to be supported.

        Of ten claims of the development sets with such a fault one was supported all the same. An unknown
        name and a number told of something else are none: they are right too often.
        """
        if self.kind in ("number", "date"):
            return self.weight >= 1
        return self.weight >= _REFUTING.get(self.kind, 0.7)


_REFUTING = {"name": 2.0, "place": 0.85, "swap": 0.85, "doubt": 0.6, "role": 0.6}


class Passages:
    """What all passages hold: their words, and the values in the sentences that have any."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines
        self.openings = [i for i, line in enumerate(lines) if i == 0 or lines[i - 1].passage != line.passage]
        self.stems = frozenset(stem for line in lines for stem in line.stems)
        self.folded = frozenset(word.folded for line in lines for word in line.words)
        self._values: tuple[Value, ...] | None = None

    @property
    def values(self) -> tuple[Value, ...]:
        """The amounts and dates of all sentences, or of the first ones where they are very many."""
        if self._values is None:
            self._values = tuple(value for line in self.lines[:_MOST_READ] for value in line.values)
        return self._values


_MOST_READ = 400


def find_faults(alignment: Alignment, known: Passages) -> list[Fault]:
    """Return what is wrong with a sentence of a claim."""
    if not alignment.window:
        return []
    return [
        *_numbers(alignment, known),
        *_dates(alignment, known),
        *_names(alignment, known),
        *_opposites(alignment),
        *_negations(alignment),
        *_doubts(alignment),
        *_quantities(alignment),
        *_exchanges(alignment),
        *_roles(alignment),
    ]


def _numbers(alignment: Alignment, known: Passages) -> Iterator[Fault]:
    here = [v for line in alignment.window for v in line.values if isinstance(v, Amount)]
    written = {word.folded for line in alignment.window for word in line.words}
    for amount in alignment.claim.values:
        if not isinstance(amount, Amount):
            continue
        is_word = not any(c.isdigit() for c in amount.text)
        if (is_word and amount.number <= 1) or any(bears(said, amount) for said in here):
            continue
        digits = re.sub(r"[^\d.]", "", amount.text).strip(".")
        if (
            (digits or amount.text.split()[0]) in written
            and not amount.unit
            and not _SCALE.search(amount.text)
        ):
            continue
        weight = 0.5 if is_word and amount.number < 4 else 1.0
        if any(bears(said, amount) for said in known.values):
            yield Fault("number", f"The passages say {amount.text} of something else.", 0.35 * weight)
            continue
        other = next((o for o in here if digits and digits in o.text), None) or next(
            (o for o in here if _are_of_one_kind(amount, o)), None
        )
        if digits and (digits in written if other is None else other.text == digits and not other.unit):
            weight *= 0.5  # It stands there in a way that can't be read: "5mln", or without its unit.
        if other:
            yield Fault("number", f"The passages say {other.text}, not {amount.text}.", weight)
        else:
            yield Fault("number", f"{_quoted(amount.text)} is not in the passages.", weight)


_SCALE = re.compile(r"thousand|million|billion|trillion|bn\b|mn\b")


def _are_of_one_kind(one: Amount, other: Amount) -> bool:
    if one.unit or other.unit:
        return one.unit == other.unit
    return bool(set(one.nouns[:3]) & set(other.nouns[:3]))


def _dates(alignment: Alignment, known: Passages) -> Iterator[Fault]:
    here = [v for line in alignment.window for v in line.values if isinstance(v, Day)]
    for day in alignment.claim.values:
        if not isinstance(day, Day) or any(bears(said, day) for said in here):
            continue
        if any(bears(said, day) for said in known.values):
            yield Fault("date", f"The passages name {day.text} with something else.", 0.35)
        elif day.year and not day.month and str(day.year) in known.folded:
            continue
        elif here:
            nearest = max(here, key=lambda other: shared_parts(day, other))
            yield Fault("date", f"The passages say {nearest.text}, not {day.text}.")
        else:
            yield Fault("date", f"{_quoted(day.text)} is not in the passages.")


def _names(alignment: Alignment, known: Passages) -> Iterator[Fault]:
    for match in alignment.matches:
        word = match.word
        if word.kind != "name" or match.nearness >= SAME or word.stem in known.stems:
            continue
        # A name may stand there in another form: "Turkish" and "Türkiye", "US" and "United States".
        related = word.text.isupper() or any(
            word.stem[:4] == s[:4] for s in known.stems if len(word.stem) > 3
        )
        yield Fault("name", f"{_quoted(word.text)} is not in the passages.", 0.4 if related else 1.0)
    for name in namesakes(alignment, known.stems):
        yield Fault("name", f"The passages say {_quoted(name.said)}, not {_quoted(name.claimed)}.", 2.0)


def _opposites(alignment: Alignment) -> Iterator[Fault]:
    close = sureness(alignment)
    for match in alignment.matches:
        if match.opposite and match.nearness < SAME and match.word.kind == "word":
            yield _instead("opposite", match.opposite, match.word, max(close, 0.5))
    for edit in alignment.edits:
        for mine in edit.mine:
            for other in edit.theirs:
                if frozenset((mine.folded, other.folded)) in _OPPOSED:
                    yield _instead("opposite", other, mine, max(close, 0.5))


def _negations(alignment: Alignment) -> Iterator[Fault]:
    # One that stands elsewhere in the sentence may still deny the same: "Nothing changed in shops".
    has_moved = alignment.nearest is not None and _denials(alignment.claim) == _denials(alignment.nearest)
    close = sureness(alignment) * (0.5 if has_moved else 1.0)
    told = False
    for edit in alignment.edits:
        mine, theirs = _first(edit.mine, is_negation), _first(edit.theirs, is_negation)
        if bool(mine) == bool(theirs):
            continue
        told = True
        if mine:
            yield Fault("negation", f"The passages don't say {_quoted(mine.text)}.", max(close, 0.3))
        elif theirs:
            yield Fault("negation", f"The passages say {_quoted(theirs.text)}, the sentence doesn't.", close)
    claimed = _first(alignment.claim.words, is_negation)
    said = any(is_negation(w) for line in alignment.window for w in line.words)
    if claimed and not said and not told:
        yield Fault("negation", f"The passages don't say {_quoted(claimed.text)}.", 0.4)


def _denials(line: Line) -> list[str]:
    return sorted(word.folded for word in line.words if is_negation(word))


def is_negation(word: Word) -> bool:
    """Whether a word says no."""
    return word.folded in _DENYING or word.folded.endswith("n't")


def _doubts(alignment: Alignment) -> Iterator[Fault]:
    close = sureness(alignment)
    # "May" is a month.
    claimed = {w.folded for w in alignment.claim.words if w.text != "May"}
    said = {w.folded for line in alignment.window for w in line.words}
    strong = _first(alignment.claim.words, lambda w: w.folded in _STRONG - said)
    for edit in alignment.edits:
        doubt = _first(edit.theirs, lambda w: w.folded in _DOUBTS and w.text != "May")
        if doubt and not claimed & _DOUBTS:
            if strong:
                yield _instead("doubt", doubt, strong, max(close, 0.5))
            else:
                yield Fault(
                    "doubt",
                    f"The passages say {_quoted(doubt.text)}, and the sentence is sure of it.",
                    0.5 * close,
                )
            return


def _quantities(alignment: Alignment) -> Iterator[Fault]:
    close = sureness(alignment)
    for edit in alignment.edits:
        mine = _first(edit.mine, lambda w: w.folded in _QUANTITIES)
        theirs = _first(edit.theirs, lambda w: w.folded in _QUANTITIES)
        if mine and theirs:
            pair = _QUANTITIES[mine.folded], _QUANTITIES[theirs.folded]
            if pair[0] != pair[1] and pair not in _FITTING:
                yield _instead("quantity", theirs, mine, max(close, 0.4))


def _exchanges(alignment: Alignment) -> Iterator[Fault]:
    """A name or number in the place of another one: a role, or a statement joined from two."""
    close = sureness(alignment)
    for edit in alignment.edits:
        for kind in ("name", "number"):
            mine = [w for w in edit.mine if w.kind == kind]
            theirs = [w for w in edit.theirs if w.kind == kind]
            if not mine or not theirs or {w.stem for w in mine} & {w.stem for w in theirs}:
                continue
            if kind == "number" and _are_one_value(alignment, mine[0], theirs[0]):
                continue
            there = any(match.word is mine[0] and match.nearness >= SAME for match in alignment.matches)
            if there:
                yield _instead("place", theirs[0], mine[0], close, " there")
            else:
                yield _instead("swap", theirs[0], mine[0], close)


def _roles(alignment: Alignment) -> Iterator[Fault]:
    turned = turned_round(alignment.claim, alignment.nearest) if alignment.nearest else None
    if turned:
        yield Fault("role", f"The passages say {turned.said}, not {turned.claimed}.", sureness(alignment))


def _are_one_value(alignment: Alignment, mine: Word, theirs: Word) -> bool:
    said = alignment.nearest.values if alignment.nearest else ()
    claimed = [v for v in alignment.claim.values if v.start <= mine.start < v.end]
    there = [v for v in said if v.start <= theirs.start < v.end]
    return any(bears(b, a) for a in claimed for b in there)


def sureness(alignment: Alignment) -> float:
    """Return 0 where the claim is told in other words, 1 where it is nearly a copy of a sentence."""
    return min(1.0, max(0.0, (alignment.closeness - 0.35) / 0.4))


def exchanged_words(alignment: Alignment) -> list[tuple[Word, Word, float]]:
    """Return the words that stand just where one other stands, with that and their nearness."""
    nearness = {id(match.word): match.nearness for match in alignment.matches}
    found = []
    for edit in alignment.edits:
        mine = [word for word in edit.mine if word.kind == "word" and nearness[id(word)] < SAME]
        theirs = [word for word in edit.theirs if word.kind == "word"]
        if len(mine) == len(theirs) == 1:
            found.append((mine[0], theirs[0], nearness[id(mine[0])]))
    return found


def _first(words: Iterable[Word], is_it: Callable[[Word], object]) -> Word | None:
    return next((word for word in words if is_it(word)), None)


def _instead(kind: FaultKind, said: Word, claimed: Word, weight: float, where: str = "") -> Fault:
    return Fault(kind, f"The passages say {_quoted(said.text)}{where}, not {_quoted(claimed.text)}.", weight)


def _quoted(text: str) -> str:
    return f"“{text}”"
