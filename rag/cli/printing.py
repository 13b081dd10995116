"""What the command line prints: for people, or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rag.answers import Answer, Citation, KeptOut, remarks
from rag.documents import AddReport, Document, Hit
from rag.text.canonical import one_line
from rag.upkeep.doctor import Finding

ADDED = ("added", "updated", "unchanged")
SYNCED = (*ADDED[:2], "renamed", "removed")
"""What is told of documents that were to be added, and of those in followed folders."""
MOST_PRINTED = 20
"""How many of the things that a check found wrong are printed; with ``--json`` all are."""


def print_report(report: AddReport, as_json: bool, names: Sequence[str] = ADDED) -> None:
    """Print what became of documents, failures on standard error."""
    if as_json:
        value: dict[str, Any] = {name: [document_json(d) for d in getattr(report, name)] for name in names}
        print_json(value | {"failed": [{"path": e.path, "reason": e.reason} for e in report.failed]})
        return
    for name in names:
        for document in getattr(report, name):
            print(f"{name:9s} {document.id}  {document.title}")
    for error in report.failed:
        print(f"{error.path}: {error.reason}", file=sys.stderr)


def listed(document: Document, title: str) -> str:
    """Return a document as one line of a list."""
    published = str(document.published or "")  # a date would take the width for a format of its own
    return f"{document.id}  {published:10}  {document.words:6d} words  {title}"


def print_answer(answer: Answer) -> None:
    """Print an answer with its footnotes."""
    if answer.limited_to:
        print(f"Only {answer.limited_to}\n")
    if answer.preferring:
        print(f"Preferring {answer.preferring} (--no-preference searches without this)\n")
    if answer.abstained:
        print(answer.text)
    for sentence in answer.sentences:
        marks = "".join(f"[{citation.number}]" for citation in sentence.citations)
        bullet = {"item": "- ", "more": "  "}.get(sentence.part, "")
        print(f"{bullet}{sentence.text} {marks}")
    for remark in remarks(answer):
        print(remark)
    if answer.differing:
        days = {citation.number: citation.document.published or "no date" for citation in answer.citations}
        print("\nSources differ:")
        for one in answer.differing:
            version = ", an older version" if one.is_older else ""
            print(f"  {one.value} [{one.number}], {days[one.number]}{version}")
    if answer.citations:
        print()
    for citation in answer.citations:
        print(f"[{citation.number}] {_place(citation)}")
        for copy in citation.copies:
            print(f"    also in {_place(copy)}")


def print_finding(finding: Finding) -> None:
    """Print what a check of the library found."""
    if not finding.wrong:
        print(f"{finding.check:9s} in order")
        return
    print(f"{finding.check:9s} {'mended' if finding.is_mended else 'wrong'}: {finding.done}")
    for wrong in finding.wrong[:MOST_PRINTED]:
        print(f"          - {shortened(wrong)}")
    if len(finding.wrong) > MOST_PRINTED:
        print(f"          - and {len(finding.wrong) - MOST_PRINTED} more (all with --json)")


def print_json(value: Any) -> None:
    """Print one JSON value."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def document_json(document: Document) -> dict[str, Any]:
    """Return a document without its text."""
    published = document.published.isoformat() if document.published else None
    names = "id version key title source url author language words passages story"
    return _named(document, names) | {"published": published}


def hit_json(hit: Hit) -> dict[str, Any]:
    """Return a passage that was found."""
    place = _named(hit.passage, "start end heading text")
    return {"score": round(hit.score, 6), "document": document_json(hit.document)} | place


def answer_json(answer: Answer) -> dict[str, Any]:
    """Return all of an answer but what a model was sent."""
    names = "question abstained mode remark text preferring limited_to"
    return _named(answer, names) | {
        "left_out": [asdict(one) for one in answer.writing.left_out],
        "kept_out": [_placed(one, "text start end") for one in answer.writing.kept_out],
        "missing": list(answer.missing),
        "not_found": list(answer.not_found),
        "items_shown": answer.items.shown,
        "items_total": answer.items.total,
        "confidence": round(answer.confidence, 4),
        "sentences": [
            _named(one, "text kind part") | {"citations": [c.number for c in one.citations]}
            for one in answer.sentences
        ],
        "citations": [
            _placed(one, "number start end quote page")
            | {"copies": [_placed(copy, "start end") for copy in one.copies]}
            for one in answer.citations
        ],
        "differing": [
            {"value": one.value, "citation": one.number, "is_older": one.is_older} for one in answer.differing
        ],
        "related": [hit_json(hit) for hit in answer.related],
    }


def _named(value: object, names: str) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names.split()}


def _placed(place: Citation | KeptOut, names: str) -> dict[str, Any]:
    return _named(place, names) | {"document": document_json(place.document)}


def label(document: Document) -> str:
    """Return title, publisher and day, as far as they are known."""
    parts = (document.title, document.source, str(document.published or ""))
    return ", ".join(part for part in parts if part)


def _place(citation: Citation) -> str:
    page = f"page {citation.page}, " if citation.page is not None else ""
    return f"{label(citation.document)}, {page}characters {citation.start} to {citation.end}"


def shortened(text: str, most: int = 160) -> str:
    """Return a text on one line, cut where it is longer."""
    line = one_line(text)
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
