"""Measures of how well questions were answered, and how they differ between two runs.

A measure is a ratio of sums over questions, or a quantile of seconds. One that no question tells
anything about has no value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DEPTH = 10
"""Articles of a ranking that are looked at."""
RESAMPLES = 10_000
INTERVAL = (0.025, 0.975)
_BLOCK = 2_000_000
"""Numbers that are held at a time while resampling: 16 MB."""

DECLINED_PRECISION, DECLINED_RECALL = "declined_precision", "declined_recall"
LATENCIES = {"p50_ms": 0.5, "p95_ms": 0.95}

Table = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a question: all that is kept of it, and nothing of an article's text.

    ``ranks`` has one for each document to be found, from 1; None stands for one that is not among the
    first ten. ``contained`` and ``contained_first`` tell whether the answer, and its first sentence,
    hold the expected one; None where none is known. ``confidence`` is the answer's, 0 to 1; None for an
    answer that a model wrote, and in runs that were kept before it was.
    """

    id: str
    question: str
    is_answerable: bool
    answered: bool
    contained: bool | None = None
    contained_first: bool | None = None
    ranks: tuple[int | None, ...] = ()
    seconds: float = 0.0
    confidence: float | None = None

    @property
    def is_wrong(self) -> bool:
        """Whether it was declined or answered against what is known, or with something else."""
        return self.answered != self.is_answerable or self.contained is False


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure's value, None where no question tells anything about it, and how many do."""

    value: float | None
    questions: int


@dataclass(frozen=True, slots=True)
class Difference:
    """How a measure changed from one run to another, with a 95 % interval of the change."""

    before: float
    now: float
    low: float
    high: float

    @property
    def change(self) -> float:
        """The value now less the one before."""
        return self.now - self.before

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def recall(ranks: Sequence[int | None], depth: int) -> float:
    """Return the share of the documents to be found that are among the first `depth`; 0 of none."""
    return sum(rank is not None and rank <= depth for rank in ranks) / max(1, len(ranks))


def reciprocal_rank(ranks: Sequence[int | None], depth: int = DEPTH) -> float:
    """Return 1 / the first rank of a document to be found, 0 beyond `depth` (Voorhees 1999, TREC-8)."""
    return max((1 / rank for rank in ranks if rank is not None and rank <= depth), default=0.0)


def ndcg(ranks: Sequence[int | None], depth: int = DEPTH) -> float:
    """Return the normalised discounted cumulated gain (Järvelin and Kekäläinen 2002).

    Gains are binary and discounted by log2(1 + rank); 1 stands for the best ranking possible.
    """
    best = range(1, min(depth, len(ranks)) + 1)
    gain, most = (
        sum(1 / math.log2(1 + rank) for rank in found if rank is not None and rank <= depth)
        for found in (ranks, best)
    )
    return gain / most if most else 0.0


def _ratios(outcome: Outcome) -> dict[str, tuple[float, float]]:
    """Return what a question adds to each measure's numerator and denominator."""
    ranks = outcome.ranks
    has_ranks, has_text = float(bool(ranks)), float(outcome.contained is not None)
    is_unanswerable, declined = float(not outcome.is_answerable), float(not outcome.answered)
    return {
        "recall@1": (recall(ranks, 1), has_ranks),
        "recall@4": (recall(ranks, 4), has_ranks),
        "recall@10": (recall(ranks, 10), has_ranks),
        "ndcg@10": (ndcg(ranks), has_ranks),
        "mrr@10": (reciprocal_rank(ranks), has_ranks),
        "answered": (float(outcome.is_answerable and outcome.answered), float(outcome.is_answerable)),
        "contained": (float(outcome.contained or False), has_text),
        "contained_first": (float(outcome.contained_first or False), has_text),
        DECLINED_PRECISION: (is_unanswerable * declined, declined),
        DECLINED_RECALL: (is_unanswerable * declined, is_unanswerable),
    }


def measure(outcomes: Sequence[Outcome]) -> dict[str, Measure]:
    """Return all measures of a run.

    ``recall@1``, ``recall@4``, ``recall@10``, ``ndcg@10`` and ``mrr@10`` rank articles, over the
    questions whose article is known. ``answered`` is the share of the answerable questions that got an
    answer; ``contained`` and ``contained_first`` the share of those with a known answer whose answer,
    and its first sentence, hold it. ``declined_precision`` is the share of the declined questions that
    have no answer, ``declined_recall`` the share of those without an answer that were declined.
    ``p50_ms`` and ``p95_ms`` are quantiles of the milliseconds that an answer took.
    """
    rows = [_ratios(outcome) for outcome in outcomes]
    measures = {}
    for name in rows[0] if rows else ():
        above, below = (sum(row[name][part] for row in rows) for part in (0, 1))
        measures[name] = Measure(above / below if below else None, int(below))
    if rows and not measures[DECLINED_RECALL].questions:
        measures[DECLINED_PRECISION] = Measure(None, 0)  # where all can be answered, 0 would say nothing
    seconds = [outcome.seconds for outcome in outcomes]
    for name, share in LATENCIES.items() if rows else ():
        measures[name] = Measure(1000 * float(np.quantile(seconds, share)), len(rows))
    return measures


# ------------------------------------------------------------------------------------- comparing


def paired(before: Iterable[Outcome], now: Iterable[Outcome]) -> list[tuple[Outcome, Outcome]]:
    """Return the outcomes of the questions that two runs share, by their text.

    A question that was asked several times (SQuAD has some, on different articles) is paired in order,
    or left out if one of the runs asked it more often. One that has become answerable, or is it no
    longer, is another question. That the expected answer was changed can't be seen, as it isn't kept.
    """
    earlier, later = _by_question(before), _by_question(now)
    return [
        pair
        for key, outcomes in later.items()
        if len(earlier.get(key, ())) == len(outcomes)
        for pair in zip(earlier[key], outcomes, strict=True)
    ]


def _by_question(outcomes: Iterable[Outcome]) -> dict[tuple[str, bool], list[Outcome]]:
    grouped: dict[tuple[str, bool], list[Outcome]] = {}
    for outcome in outcomes:
        grouped.setdefault((outcome.id, outcome.is_answerable), []).append(outcome)
    return grouped


def compare(pairs: Sequence[tuple[Outcome, Outcome]], seed: int = 0) -> dict[str, Difference]:
    """Return how each measure changed on the questions that two runs share.

    The intervals are percentile intervals of the paired bootstrap: the questions are drawn again with
    replacement 10,000 times, the same ones for both runs (Efron 1979, "Bootstrap methods: another look
    at the jackknife"; Koehn 2004, "Statistical significance tests for machine translation
    evaluation").
    """
    if not pairs:
        return {}
    names = list(_ratios(pairs[0][0]))
    tables = [
        np.array([list(_ratios(pair[run]).values()) for pair in pairs]).transpose(2, 0, 1) for run in (0, 1)
    ]
    # A mean is taken over the questions that tell something in both runs. What precision divides by is
    # an outcome itself.
    both = (tables[0][1] > 0) & (tables[1][1] > 0)
    both[:, names.index(DECLINED_PRECISION)] = not all(now.is_answerable for _, now in pairs)
    tables = [table * both for table in tables]
    seconds = [np.array([pair[run].seconds for pair in pairs]) for run in (0, 1)]
    everything = np.arange(len(pairs))[None]
    before, now = (_values(tables[run], seconds[run], everything)[0] for run in (0, 1))

    random = np.random.default_rng(seed)
    rows = max(1, _BLOCK // len(pairs))
    changes = []
    for start in range(0, RESAMPLES, rows):
        drawn = random.integers(len(pairs), size=(min(rows, RESAMPLES - start), len(pairs)))
        first, second = (_values(tables[run], seconds[run], drawn) for run in (0, 1))
        changes.append(second - first)
    drawn_changes = np.concatenate(changes)
    return {
        name: Difference(
            float(before[n]), float(now[n]), *map(float, np.nanquantile(drawn_changes[:, n], INTERVAL))
        )
        for n, name in enumerate([*names, *LATENCIES])
        if not math.isnan(before[n] + now[n])
    }


def _values(table: Table, seconds: Table, drawn: NDArray[np.int64]) -> Table:
    """Return all measures of each sample.

    Parameters
    ----------
    table
        Numerators and denominators: (2, questions, ratios).
    drawn
        The questions of each sample: (samples, questions).

    Returns
    -------
    (samples, measures), NaN where a measure has no value.
    """
    samples, questions = drawn.shape
    places = drawn + questions * np.arange(samples)[:, None]
    counts = np.bincount(places.ravel(), minlength=samples * questions).reshape(samples, questions)
    above, below = counts @ table[0], counts @ table[1]
    ratios = np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)
    quantiles = 1000 * np.quantile(seconds[drawn], list(LATENCIES.values()), axis=1).T
    return np.hstack([ratios, quantiles])


def counts(outcomes: Iterable[Outcome]) -> Mapping[str, int]:
    """Return how many questions can be answered, cannot, and went wrong."""
    every = list(outcomes)
    answerable = sum(outcome.is_answerable for outcome in every)
    wrong = sum(outcome.is_wrong for outcome in every)
    return {
        "questions": len(every),
        "answerable": answerable,
        "unanswerable": len(every) - answerable,
        "wrong": wrong,
    }
