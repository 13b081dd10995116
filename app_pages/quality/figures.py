"""The figures of the Quality page: what its table and its charts show, as rows of numbers and words."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from rag.evaluation import DEPTH, LATENCIES, Measure, Outcome, Run, measure, recall
from rag.service import count

LABELS = {
    "recall@1": "The right article is found first",
    "recall@4": "… among the first four",
    "recall@10": "… among the first ten",
    "ndcg@10": "How high it stands (nDCG of ten, 0 to 1)",
    "mrr@10": "How high the first one stands (MRR of ten, 0 to 1)",
    "answered": "Questions with an answer that got one",
    "contained": "The quotes hold the expected answer",
    "contained_first": "The first quote holds it",
    "declined_recall": "Questions without an answer that were declined",
    "declined_precision": "Declined questions that have no answer",
    "p50_ms": "Half of the answers took at most",
    "p95_ms": "19 of 20 answers took at most",
}
"""What the measures are called, in the order in which they are shown."""
_SCORES = ("ndcg@10", "mrr@10")
OVER_TIME = {
    "recall@1": "found first",
    "answered": "answered",
    "declined_recall": "declined",
}
_BINS = 5
_STEPS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
_EDGES = (0.0, *(step * 10**power for power in range(8) for step in _STEPS))
"""Of the bars of time, in milliseconds, from 1 to 70,000,000."""

INVENTED = "answered, though there is no answer"
DECLINED = "declined"
MISSED = "the expected answer is not in the quotes"


@dataclass(frozen=True, slots=True)
class Bin:
    """The questions whose answers have a confidence from `low` to `high`."""

    low: float
    high: float
    questions: int
    confidence: float
    """Their mean."""
    answerable: float
    """The share of them that has an answer."""


@dataclass(frozen=True, slots=True)
class Bar:
    """How many answers took from `low` to `high` milliseconds."""

    low: float
    high: float
    answers: int


def summary(outcomes: Sequence[Outcome]) -> str:
    """Return the result in one sentence."""
    with_answer = [one for one in outcomes if one.is_answerable]
    without = [one for one in outcomes if not one.is_answerable]
    right = sum(not one.is_wrong for one in with_answer)
    declined = sum(not one.answered for one in without)
    parts = []
    if with_answer:
        parts.append(
            f"Of {count(len(with_answer), 'question')} with an answer,"
            f" {right} {_were(right)} answered rightly"
        )
    if without:
        parts.append(f"of {len(without)} without one, {declined} {_were(declined)} declined")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def measure_rows(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """Return label, value and number of questions of each measure that has a value."""
    found = measure(outcomes)
    return [
        [label, value_text(name, found[name]), str(found[name].questions)]
        for name, label in LABELS.items()
        if name in found and found[name].value is not None
    ]


def value_text(name: str, found: Measure) -> str:
    """Return a measure's value as it is read: a share, a score or milliseconds."""
    value = found.value or 0.0
    if name in LATENCIES:
        return f"{value:,.0f} ms"
    return f"{value:.2f}" if name in _SCORES else percent(value)


def percent(share: float) -> str:
    """Return "93 %"."""
    return f"{share:.0%}".replace("%", " %")


def recall_by_depth(outcomes: Sequence[Outcome]) -> list[float]:
    """Return the mean recall among the first 1, 2, … 10 articles; [] where no article is known."""
    known = [one.ranks for one in outcomes if one.ranks]
    return [
        sum(recall(ranks, depth) for ranks in known) / len(known) for depth in range(1, DEPTH + 1) if known
    ]


def reliability(outcomes: Sequence[Outcome]) -> list[Bin]:
    """Return the questions by the confidence of their answers, in five bins without the empty ones."""
    bins = []
    for n in range(_BINS):
        held = [
            (one.confidence, one.is_answerable)
            for one in outcomes
            if one.confidence is not None and min(_BINS - 1, int(one.confidence * _BINS)) == n
        ]
        if held:
            confidence, answerable = (sum(column) / len(held) for column in zip(*held, strict=True))
            bins.append(Bin(n / _BINS, (n + 1) / _BINS, len(held), confidence, answerable))
    return bins


def latency(outcomes: Sequence[Outcome]) -> list[Bar]:
    """Return how long the answers took, in bars whose width grows with the time.

    One slow answer among many quick ones is nothing unusual, and bars of one width would show only that.
    """
    milliseconds = [1000 * one.seconds for one in outcomes]
    numbers = [bisect_right(_EDGES, value) - 1 for value in milliseconds]
    return [
        Bar(_EDGES[n], _EDGES[n + 1], numbers.count(n))
        for n in (range(min(numbers), max(numbers) + 1) if numbers else ())
    ]


def over_time(runs: Sequence[Run]) -> list[dict[str, object]]:
    """Return a row for each run and measure that changes with time: "at", "measure", "value"."""
    rows: list[dict[str, object]] = []
    for run in runs:
        found = measure(run.outcomes)
        rows += [
            {"at": run.at, "measure": label, "value": found[name].value}
            for name, label in OVER_TIME.items()
            if name in found and found[name].value is not None
        ]
    return rows


def went_wrong(outcomes: Sequence[Outcome]) -> list[tuple[Outcome, str]]:
    """Return the wrong outcomes, those first about which the library was surest, and what happened."""
    wrong = [one for one in outcomes if one.is_wrong]
    wrong.sort(key=lambda one: -abs((0.5 if one.confidence is None else one.confidence) - 0.5))
    return [(one, _happened(one)) for one in wrong]


def _happened(outcome: Outcome) -> str:
    if not outcome.is_answerable:
        return INVENTED
    return MISSED if outcome.answered else DECLINED
