"""Fit the model of `rag/support.py`: whether passages bear a claim.

    python scripts/fit_support.py FILE ... [--write]

A line of a JSONL file holds "claim", "passages" (a list of texts), "supported" (true or false) and
"source". The shipped weights are fitted on the development set of AttributionBench
(github.com/OSU-NLP-Group/AttributionBench), sentences as search engines and people wrote them, and on
four sets of SummEdits (github.com/salesforce/factualNLG), summaries in which one small thing was changed:
ectsum, sales_email, samsum and scitldr. Sources count by the root of their size, and in each what is
supported as much as what isn't.

The figures printed are from leaving one source out, from five-fold cross-validation over passages (no
claim is judged by weights that saw its passages), and from the fit on everything. With ``--write`` the
weights fitted on everything are written to ``rag/support_weights.json``.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.claim_features import CLAIM_FEATURES, weigh_claim
from rag.claims import read_claim, read_passages
from rag.support import WEIGHTS_PATH

FOLDS = 5
RIDGE = 3e-3
"""On features scaled to a deviation of 1: of 1e-3, 3e-3, 1e-2 and 3e-2 the best on sources left out."""
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Cases:
    """Claims as rows of features; ``fold`` is that of their passages."""

    rows: Array
    labels: Array
    sources: NDArray[np.str_]
    fold: NDArray[np.int64]

    def part(self, keep: NDArray[np.bool_]) -> Cases:
        return Cases(self.rows[keep], self.labels[keep], self.sources[keep], self.fold[keep])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    cases = read_cases(options.files)
    left_out, crossed = np.zeros(len(cases.labels)), np.zeros(len(cases.labels))
    for source in np.unique(cases.sources):
        own = cases.sources == source
        left_out[own] = judge(cases.part(own), fit(cases.part(~own)))
    for fold in range(FOLDS):
        own = cases.fold == fold
        crossed[own] = judge(cases.part(own), fit(cases.part(~own)))
    model = fit(cases)
    for name, values in (("left out", left_out), ("crossed", crossed), ("fitted", judge(cases, model))):
        report(name, cases, values)
    if options.write:
        names = [*CLAIM_FEATURES, "bias"]
        weights = {name: round(float(value), 4) for name, value in zip(names, model, strict=True)}
        WEIGHTS_PATH.write_text(json.dumps({"weights": weights, "threshold": 0.5}, indent=2) + "\n", "utf-8")


def read_cases(paths: Sequence[Path]) -> Cases:
    rows, labels, sources, folds = [], [], [], []
    for path in paths:
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line)
            weighed = weigh_claim(read_claim(row["claim"]), read_passages(row["passages"]))
            if weighed is None:
                continue
            rows.append(weighed.features)
            labels.append(row["supported"])
            sources.append(row["source"])
            folds.append(zlib.crc32("".join(row["passages"])[:300].encode()) % FOLDS)
    return Cases(np.array(rows), np.array(labels, float), np.array(sources), np.array(folds))


def fit(cases: Cases) -> Array:
    """Return weights and bias by Newton's method."""
    mean, deviation = cases.rows.mean(axis=0), cases.rows.std(axis=0) + 1e-6
    x = np.hstack([(cases.rows - mean) / deviation, np.ones((len(cases.rows), 1))])
    weights = np.zeros(len(x))
    for source in np.unique(cases.sources):
        of_source = cases.sources == source
        for label in (0.0, 1.0):
            own = of_source & (cases.labels == label)
            weights[own] = np.sqrt(of_source.sum()) / max(1, own.sum())
    weights /= weights.sum()
    penalty = np.diag([RIDGE] * (x.shape[1] - 1) + [1e-9])
    beta = np.zeros(x.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        gradient = x.T @ (weights * (p - cases.labels)) + penalty @ beta
        step = np.linalg.solve((x * (weights * p * (1 - p))[:, None]).T @ x + penalty, gradient)
        beta -= step
        if np.abs(step).max() < 1e-8:
            break
    plain = beta[:-1] / deviation
    return np.append(plain, beta[-1] - plain @ mean)


def judge(cases: Cases, model: Array) -> Array:
    found: Array = 1 / (1 + np.exp(-np.clip(cases.rows @ model[:-1] + model[-1], -30, 30)))
    return found


def report(name: str, cases: Cases, values: Array) -> None:
    print(f"\n{name}:")
    for source in np.unique(cases.sources):
        own = cases.sources == source
        truth, found = cases.labels[own] == 1, values[own] >= 0.5
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
