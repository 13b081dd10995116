"""Fit the model of `rag/support/check.py`: whether passages bear a claim.

    PYTHONPATH=. python scripts/fit_support.py FILE ... [--write]

A line of a JSONL file holds "claim", "passages" (a list of texts), "supported" (true or false) and
"source". The shipped weights are fitted on the development set of AttributionBench
(github.com/OSU-NLP-Group/AttributionBench), sentences as search engines and people wrote them, and on
four sets of SummEdits (github.com/salesforce/factualNLG), summaries in which one small thing was changed:
ectsum, sales_email, samsum and scitldr. Sources count by the root of their size, and in each what is
supported as much as what isn't. Besides, sentences of the passages as they stand are claims that are
supported, and these sentences and the supported claims with one small thing changed are claims that are not
(`scripts/corrupting.py`).

Where the trees leave a claim of one sentence in doubt, a logistic regression on their log-odds and the
numbers of `rag/support/context.py` decides; it is fitted on log-odds of trees that hadn't seen the passages.

The figures printed are from leaving one source out, from five-fold cross-validation over passages (no
claim is judged by weights that saw its passages), and from the fit on everything. With ``--write`` the
weights fitted on everything are written to ``rag/support/support_weights.json``.
"""

from __future__ import annotations

import argparse
import json
import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.support.check import WEIGHTS_PATH, NamedTree, is_in_doubt
from rag.support.claims import read_claim, read_passages
from rag.support.context import Context, in_context
from rag.support.features import CLAIM_FEATURES, UNDIRECTED, WORSE_IF_HIGH, weigh_claim
from scripts.corrupting import right_claims, wrong_claims

FOLDS = 5
TREES = 160
RATE = 0.05
DEPTH = 4
BINS = 24
LEAST_CASES = 25
RIDGE = 10.0
"""How the trees are grown; 100 to 250 of four to 32 leaves give the same on other folds within 0.02."""
WRITTEN = 2.0
"""What a source of sentences written as answers counts, where one of summaries with an edit counts 1."""
SHARES = {"right copy": 24.0, "wrong copy": 36.0, "wrong claim": 0.5}
"""What each kind of made-up claim counts; each class of a source of 400 claims counts 20,
or 40 where they were written as answers."""
THRESHOLD = 0.43
"""Where 0.77 of what is supported in the first set passes: true sentences have to be shown."""
Array = NDArray[np.float64]
DIRECTIONS = [
    0 if name.split()[0] in UNDIRECTED else -1 if name.split()[0] in WORSE_IF_HIGH else 1
    for name in CLAIM_FEATURES
]


@dataclass(frozen=True)
class Cases:
    """Claims as rows of features; ``groups`` are those of their passages.

    What is ``refuted`` by one fault is decided without the model, and not fitted on. ``contexts`` are those
    of the claims that weren't made up, as (n, 3), NaN where there is none.
    """

    rows: Array
    labels: Array
    sources: NDArray[np.str_]
    groups: NDArray[np.int64]
    refuted: NDArray[np.bool_]
    contexts: Array

    def part(self, keep: NDArray[np.bool_]) -> Cases:
        return Cases(
            self.rows[keep],
            self.labels[keep],
            self.sources[keep],
            self.groups[keep],
            self.refuted[keep],
            self.contexts[keep],
        )


@dataclass(frozen=True)
class Model:
    """Boosted trees: log-odds to start with, and what each tree adds."""

    start: float
    trees: list[NamedTree]

    def __call__(self, rows: Array) -> Array:
        """Return the log-odds of each row."""
        total = np.full(len(rows), self.start)
        for tree in self.trees:
            total += leaves(tree, rows)
        return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    cases = read_cases(options.files)
    real = np.array([source not in SHARES for source in cases.sources])
    crossed = np.zeros(len(real))
    for fold in range(FOLDS):
        own = cases.groups % FOLDS == fold
        crossed[own] = fit(cases.part(~own))(cases.rows[own])

    def judged(own: NDArray[np.bool_], log_odds: Array) -> Array:
        return judge(cases.part(own), log_odds, fit_doubt(cases.part(~own), crossed[~own]))

    left_out, crossed_too = np.zeros(len(real)), np.zeros(len(real))
    for source in np.unique(cases.sources[real]):
        own = cases.sources == source
        others = ~np.isin(cases.groups, cases.groups[own])
        left_out[own] = judged(own, fit(cases.part(others))(cases.rows[own]))
    for fold in range(FOLDS):
        own = cases.groups % FOLDS == fold
        crossed_too[own] = judged(own, crossed[own])
    model, doubt = fit(cases), fit_doubt(cases, crossed)
    report("left out", cases.part(real), left_out[real])
    report("crossed", cases, crossed_too)
    report("fitted", cases, judge(cases, model(cases.rows), doubt))
    if options.write:
        write(model, doubt)


def write(model: Model, doubt: Array) -> None:
    trees = ",\n".join(f"  {json.dumps(tree)}" for tree in model.trees)
    weights = json.dumps(doubt.round(4).tolist())
    head = f'{{"start": {model.start:.4f}, "threshold": {THRESHOLD}, "doubt": {weights}, "trees": [\n'
    WEIGHTS_PATH.write_text(f"{head}{trees}\n]}}\n", "utf-8")


def read_cases(paths: Sequence[Path]) -> Cases:
    found: list[tuple[tuple[float, ...], bool, str, int, bool, Context]] = []
    seen = set[int]()

    def add(claim: str, passages: Sequence[str], is_supported: bool, source: str, group: int) -> None:
        weighed = weigh_claim(read_claim(claim), read_passages(passages))
        if weighed:
            context = (source not in SHARES and in_context(weighed.alignments)) or NO_CONTEXT
            found.append((weighed.features, is_supported, source, group, weighed.refuted, context))

    for row in (json.loads(line) for path in paths for line in path.read_text("utf-8").splitlines()):
        passages = row["passages"]
        group = zlib.crc32("".join(passages)[:300].encode())
        add(row["claim"], passages, row["supported"], row["source"], group)
        rng = random.Random(row["claim"])
        if row["supported"] and len(row["claim"]) < LONGEST_CHANGED:
            for _, claim in wrong_claims([row["claim"]], passages, rng):
                add(claim, passages, False, "wrong claim", group)
        if group not in seen:
            seen.add(group)
            copies = right_claims(passages, rng)
            for claim in copies:
                add(claim, passages, True, "right copy", group)
            for _, claim in wrong_claims(copies[:1], passages, rng):
                add(claim, passages, False, "wrong copy", group)
    rows, labels, sources, groups, refuted, contexts = zip(*found, strict=True)
    return Cases(
        np.array(rows),
        np.array(labels, float),
        np.array(sources),
        np.array(groups),
        np.array(refuted),
        np.array(contexts),
    )


NO_CONTEXT = Context(np.nan, np.nan, np.nan)
LONGEST_CHANGED = 200
"""Characters of the claims in which one thing is changed: in a summary one more wrong thing tells little."""


def weigh(cases: Cases) -> Array:
    weights = np.zeros(len(cases.labels))
    for source in np.unique(cases.sources):
        of_source = cases.sources == source
        for label in (0.0, 1.0):
            own = of_source & (cases.labels == label)
            if own.any():
                size = np.sqrt(of_source.sum()) * (1.0 if "summedits" in str(source) else WRITTEN)
                weights[own] = SHARES.get(str(source), size) / own.sum()
    return weights / weights.mean()


def fit(cases: Cases) -> Model:
    """Grow trees of up to sixteen leaves by Newton's boosting (Chen and Guestrin 2016, arXiv:1603.02754).

    A split that would let a feature speak against its direction is not made.
    """
    # Weighed before what is refuted is left out: the few changed copies that remain must not stand for all.
    weights = weigh(cases)[~cases.refuted]
    cases = cases.part(~cases.refuted)
    borders = [np.unique(np.quantile(column, np.linspace(0, 1, BINS + 1)[1:-1])) for column in cases.rows.T]
    binned = np.stack([np.searchsorted(b, c) for b, c in zip(borders, cases.rows.T, strict=True)], axis=1)
    share = float(weights @ cases.labels / weights.sum())
    total = np.full(len(weights), np.log(share / (1 - share)))
    trees: list[NamedTree] = []
    for _ in range(TREES):
        p = 1 / (1 + np.exp(-total))
        slopes = np.stack([weights * (p - cases.labels), weights * p * (1 - p), np.ones(len(p))], axis=1)
        tree = grow(binned, slopes, borders, DEPTH, (-np.inf, np.inf))
        trees.append(tree)
        total += leaves(tree, cases.rows)
    return Model(float(np.log(share / (1 - share))), trees)


def in_doubt(cases: Cases, log_odds: Array) -> NDArray[np.bool_]:
    near = np.array([is_in_doubt(value, THRESHOLD) for value in log_odds])
    return near & ~cases.refuted & ~np.isnan(cases.contexts[:, 0])


def fit_doubt(cases: Cases, log_odds: Array) -> Array:
    """Fit the weights of a constant, the log-odds and the context by logistic regression, none below 0."""
    own = in_doubt(cases, log_odds)
    weights = weigh(cases)[own] / weigh(cases)[own].sum()
    numbers = np.column_stack([log_odds, cases.contexts])[own]
    mean, spread = numbers.mean(axis=0), numbers.std(axis=0)
    columns = np.column_stack([np.ones(len(numbers)), (numbers - mean) / spread])
    found, kept = np.zeros(columns.shape[1]), np.ones(columns.shape[1], bool)
    while True:
        found[:] = 0
        for _ in range(NEWTON_STEPS):
            p = 1 / (1 + np.exp(-columns @ found))
            slope = columns.T @ (weights * (p - cases.labels[own])) + DOUBT_RIDGE * found
            bend = (columns.T * (weights * p * (1 - p))) @ columns + DOUBT_RIDGE * np.eye(len(found))
            found[kept] -= np.linalg.solve(bend[np.ix_(kept, kept)], slope[kept])
        wrong = (found < 0) & (np.arange(len(found)) > 0)
        if not wrong.any():
            scaled = found[1:] / spread
            return np.array([found[0] - scaled @ mean, *scaled])
        kept &= ~wrong


DOUBT_RIDGE = 0.001
NEWTON_STEPS = 25


def judge(cases: Cases, log_odds: Array, doubt: Array) -> Array:
    """Return probabilities, as `rag/support/check.py` does."""
    own = in_doubt(cases, log_odds)
    total = log_odds.copy()
    total[own] = doubt[0] + np.column_stack([log_odds, cases.contexts])[own] @ doubt[1:]
    found: Array = np.where(cases.refuted, 0.0, 1 / (1 + np.exp(-total)))
    return found


def grow(
    binned: NDArray[np.int64],
    slopes: Array,
    borders: Sequence[Array],
    depth: int,
    bounds: tuple[float, float],
) -> NamedTree:
    sums = slopes.sum(axis=0)
    split = best_split(binned, slopes, sums, bounds) if depth else None
    if split is None:
        return round(RATE * value(sums, bounds), 4)
    feature, at, low_value, high_value = split
    low = binned[:, feature] <= at
    middle = (low_value + high_value) / 2
    up, down = (bounds[0], middle), (middle, bounds[1])
    ways = {1: (up, down), -1: (down, up), 0: (bounds, bounds)}[DIRECTIONS[feature]]
    parts = (
        grow(binned[rows], slopes[rows], borders, depth - 1, way)
        for rows, way in zip((low, ~low), ways, strict=True)
    )
    return [CLAIM_FEATURES[feature], round(float(borders[feature][at]), 5), *parts]


def best_split(
    binned: NDArray[np.int64], slopes: Array, sums: Array, bounds: tuple[float, float]
) -> tuple[int, int, float, float] | None:
    count = binned.shape[1]
    flat = (binned + BINS * np.arange(count)).ravel()
    low = np.stack(
        [
            np.bincount(flat, np.repeat(column, count), BINS * count).reshape(count, BINS)
            for column in slopes.T
        ]
    ).cumsum(axis=2)
    high = sums[:, None, None] - low
    low_value, high_value = (np.clip(-s[0] / (s[1] + RIDGE), *bounds) for s in (low, high))
    gain = sum(-(s[0] * v + (s[1] + RIDGE) * v**2 / 2) for s, v in ((low, low_value), (high, high_value)))
    possible = (low[2] >= LEAST_CASES) & (high[2] >= LEAST_CASES)
    possible &= np.array(DIRECTIONS)[:, None] * (high_value - low_value) >= 0
    gain = np.where(possible, gain, -np.inf)
    feature, at = np.unravel_index(int(np.argmax(gain)), gain.shape)
    if not np.isfinite(gain[feature, at]):
        return None
    return int(feature), int(at), float(low_value[feature, at]), float(high_value[feature, at])


def value(sums: Array, bounds: tuple[float, float]) -> float:
    return float(np.clip(-sums[0] / (sums[1] + RIDGE), *bounds))


def leaves(tree: NamedTree, rows: Array) -> Array:
    if not isinstance(tree, list):
        return np.full(len(rows), tree)
    name, border, low, high = tree
    return np.where(rows[:, CLAIM_FEATURES.index(name)] <= border, leaves(low, rows), leaves(high, rows))


def report(name: str, cases: Cases, values: Array) -> None:
    print(f"\n{name}:")
    for source in np.unique(cases.sources):
        own = cases.sources == source
        truth, found = cases.labels[own] == 1, values[own] >= THRESHOLD
        if source in SHARES:
            print(f"  {source:22} right {np.mean(truth == found):.3f} of {own.sum()}")
            continue
        passed, caught = found[truth].mean(), (~found[~truth]).mean()
        f1 = np.mean([f1_of(found, truth), f1_of(~found, ~truth)])
        ranks = values[own]
        auc = np.mean(ranks[truth][:, None] > ranks[~truth][None, :])
        print(
            f"  {source:22} macro-F1 {f1:.3f} balanced {(passed + caught) / 2:.3f}"
            f" passed {passed:.3f} caught {caught:.3f} auc {auc:.3f} of {own.sum()}"
        )


def f1_of(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float(2 * (found & truth).sum() / max(1, found.sum() + truth.sum()))


if __name__ == "__main__":
    main()
