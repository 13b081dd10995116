"""``python -m rag evaluate``: what it does, and how its report reads."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.cli.printing import shortened
from rag.documents import ReportProgress
from rag.errors import LoadError
from rag.evaluation.evaluation import (
    Matched,
    Result,
    Wanted,
    ask_all,
    check_held,
    expected,
    match,
    sample,
    worst,
)
from rag.evaluation.measures import LATENCIES, Difference, Measure, compare, counts, measure, paired
from rag.evaluation.question_files import read_questions
from rag.evaluation.runs import Run, find_run, keep_run, run_now
from rag.library import Library
from rag.service.naming import count
from rag.text.canonical import one_line

WORST = 5
"""Questions that are printed of those that went wrong."""
_WIDTH = 110

# Headings with their measures, each with the name that is printed.
_SECTIONS: dict[str, dict[str, str]] = {
    "Finding the article": {
        "recall@1": "recall@1",
        "recall@4": "recall@4",
        "recall@10": "recall@10",
        "ndcg@10": "nDCG@10",
        "mrr@10": "MRR@10",
    },
    "Quoting the expected answer": {
        "answered": "answered",
        "contained": "answer holds it",
        "contained_first": "first sentence holds it",
    },
    "Declining where there is no answer": {
        "declined_precision": "declining, precision",
        "declined_recall": "declining, recall",
    },
    "Time to answer": {"p50_ms": "p50", "p95_ms": "p95"},
}
_COUNTED = {"declined_precision": "declined"}
"""What a measure counts, where it isn't questions of a kind."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The changes since another run, on the questions that both asked."""

    name: str
    questions: int
    differences: dict[str, Difference]


@dataclass(frozen=True, slots=True)
class Report:
    """An evaluation as it is told."""

    file: str
    kept: Path
    matched: Matched
    results: list[Result]
    measures: dict[str, Measure]
    comparison: Comparison | None


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what `evaluate` can be told to its parser."""
    parser.add_argument(
        "file", type=Path, help="JSON Lines, a SQuAD file (.json) or a BEIR folder (README.md describes them)"
    )
    parser.add_argument("--limit", type=at_least_one, metavar="N", help="ask N questions, evenly spread")
    parser.add_argument(
        "--compare", metavar="RUN", help="a kept run, by its name or path; last: the latest on this file"
    )


def at_least_one(text: str) -> int:
    """Return a number of things that was typed."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number to take: give 1 or more")
    return int(text)


def evaluate(library: Library, options: argparse.Namespace, progress: ReportProgress) -> Report:
    """Ask a file's questions, keep the run and return what there is to tell.

    Raises
    ------
    LoadError
        The questions can't be asked, or there is no such run to compare with; nothing was asked.
    """
    settings, file = library.settings, one_line(options.file.resolve().name)
    cases = read_questions(options.file, settings.max_question_characters)
    documents = library.documents()
    if not documents:
        raise LoadError(file, "The library is empty: add articles with `python -m rag add PATH`.")
    matched = match(cases, documents)
    check_held(file, matched)
    asked = sample(matched.asked, options.limit or len(matched.asked))
    name, before = find_run(settings.data_dir, options.compare, file) if options.compare else ("", None)
    if before:
        _check_shared(name, before, asked)
    results = ask_all(library, settings, asked, progress)
    outcomes = tuple(result.outcome for result in results)
    comparison = None
    if before:
        pairs = paired(before.outcomes, outcomes)
        comparison = Comparison(name, len(pairs), compare(pairs))
    kept = keep_run(settings.data_dir, run_now(library, settings, file, len(matched.left_out), outcomes))
    return Report(file, kept, matched, results, measure(outcomes), comparison)


def _check_shared(name: str, before: Run, asked: list[Wanted]) -> None:
    known = {(outcome.question, outcome.is_answerable) for outcome in before.outcomes}
    if not any((wanted.case.question, wanted.case.is_answerable) in known for wanted in asked):
        raise LoadError(name, f"The run {name} shares no question with this file: compare with another run.")


# ------------------------------------------------------------------------------------ as text


def report_text(report: Report) -> str:
    """Return the report as lines to read."""
    number = counts(result.outcome for result in report.results)
    lines = [
        f"{report.file}: {count(number['questions'], 'question')},"
        f" {number['answerable']} with an answer in the collection and {number['unanswerable']} without",
    ]
    for heading, titles in _SECTIONS.items():
        found = {titles[name]: name for name in titles if report.measures[name].value is not None}
        if found:
            lines += ["", heading, *(_measure_line(title, name, report) for title, name in found.items())]
    if report.comparison:
        lines += ["", *_comparison_lines(report.comparison)]
    if number["wrong"]:
        lines += ["", *_worst_lines(report, number["wrong"])]
    return "\n".join([*lines, "", f"Kept as {report.kept}"])


def _measure_line(title: str, name: str, report: Report) -> str:
    found = report.measures[name]
    line = f"  {title:24} {_number(name, found.value or 0.0):>9}"
    return line if name in LATENCIES else f"{line}   of {found.questions} {_COUNTED.get(name, '')}".rstrip()


def _number(name: str, value: float, sign: str = "") -> str:
    return f"{value:{sign}.0f} ms" if name in LATENCIES else f"{value:{sign}.3f}"


def _comparison_lines(comparison: Comparison) -> list[str]:
    lines = [
        f"Compared with {comparison.name} on {count(comparison.questions, 'question')}",
        f"  {'':24} {'then':>9} {'now':>9} {'change':>9}   95 % interval of the change",
    ]
    titles = {name: title for titles in _SECTIONS.values() for name, title in titles.items()}
    for name, found in comparison.differences.items():
        cells = (_number(name, found.before), _number(name, found.now), _number(name, found.change, "+"))
        interval = f"{_number(name, found.low, '+')} to {_number(name, found.high, '+')}"
        verdict = f"   {'better' if found.change > 0 else 'worse'}" if found.is_clear else ""
        if name in LATENCIES:
            verdict = ""  # two runs differ by what else the machine did, which drawing questions can't tell
        lines.append(f"  {titles[name]:24} {' '.join(f'{cell:>9}' for cell in cells)}   {interval}{verdict}")
    return lines


def _worst_lines(report: Report, wrong: int) -> list[str]:
    lines = ["Went wrong" if wrong <= WORST else f"Went wrong, {WORST} of {wrong}"]
    for result in worst(report.results, WORST):
        said = result.answer.text if result.outcome.answered else "nothing; it was declined"
        lines += [
            f"  {shortened(result.case.question, _WIDTH)}",
            f"      expected: {shortened(expected(result.case), _WIDTH)}",
            f"      answered: {shortened(said, _WIDTH)}",
        ]
    return lines


# ------------------------------------------------------------------------------------ as JSON


def report_json(report: Report) -> dict[str, Any]:
    """Return the report as one JSON value; measures without a value are null."""
    comparison = report.comparison
    return {
        "file": report.file,
        "run": report.kept.stem,
        **counts(result.outcome for result in report.results),
        "left_out": len(report.matched.left_out),
        "not_held": report.matched.not_held,
        "measures": {
            name: {"value": _rounded(found.value), "questions": found.questions}
            for name, found in report.measures.items()
        },
        "worst": [
            {
                "question": result.case.question,
                "answerable": result.case.is_answerable,
                "answered": result.outcome.answered,
                "expected": list(result.case.answers),
                "documents": list(result.case.documents),
                "answer": result.answer.text,
            }
            for result in worst(report.results, WORST)
        ],
        "comparison": comparison
        and {
            "run": comparison.name,
            "questions": comparison.questions,
            "differences": {
                name: {
                    "before": _rounded(found.before),
                    "now": _rounded(found.now),
                    "change": _rounded(found.change),
                    "interval": [_rounded(found.low), _rounded(found.high)],
                }
                for name, found in comparison.differences.items()
            },
        },
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
