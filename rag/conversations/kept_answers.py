"""Answers as conversations keep them: their JSON, and what is left of one when its articles are removed."""

from __future__ import annotations

import json
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import cache

from pydantic import TypeAdapter

from rag.answers import NO_ANSWER, NO_ANSWER_AMONG_THESE, Answer, Citation, LeftOut, SentenceKind
from rag.documents import Cell, name_of_removed


def answer_to_json(answer: Answer) -> str:
    """Return an answer as JSON text, for `answer_from_json`; what was sent to a model is not kept.

    It is as flat as answers once were, so that an earlier version reads it too.
    """
    data = _answers().dump_python(answer, mode="json", exclude={"writing": {"sent"}})
    writing, items = data.pop("writing"), data.pop("items")
    told = {"text": answer.text, "abstained": answer.abstained, "mode": answer.mode}
    told |= {f"items_{name}": number for name, number in items.items()}
    return json.dumps(data | writing | told, ensure_ascii=False)


def answer_from_json(text: str) -> Answer:
    """Return the answer that `answer_to_json` wrote, of this version or another.

    But for ``sent`` the two are exact inverses. What this version has no field for is left out.
    """
    data = json.loads(text)
    for sentence in data["sentences"]:
        if sentence["kind"] == "row" and "cells" not in sentence:
            sentence["cells"] = _cells_in(sentence["text"])
    items = {name: data.get(f"items_{name}", 0) for name in ("shown", "total")}
    declined = data["text"] if data["abstained"] else ""
    # Of a limited search an earlier version said it where it was drawn.
    if declined == NO_ANSWER and data.get("limited_to"):
        declined = NO_ANSWER_AMONG_THESE
    return _answers().validate_python(data | {"declined": declined, "items": items, "writing": data})


@cache
def _answers() -> TypeAdapter[Answer]:
    return TypeAdapter(Answer)


def _cells_in(row: str) -> tuple[Cell, ...]:
    """Read "Date: October 2023 · Event: ..." apart: earlier versions kept a row's text alone."""
    parts = [part.partition(": ") for part in row.split(" · ") if part]
    return tuple(Cell(label, value) if colon else Cell("", label) for label, colon, value in parts)


def blanked(answer: Answer, gone: AbstractSet[tuple[str, str]]) -> Answer:
    """Return an answer without a word of these versions: (document id, version) pairs.

    A blanked citation has an empty quote; number and place stay, and the beginning of the
    document's title, so that a note can name what was there. The sentences that cite it are empty
    too, even a model's own: they were made of its words. Related passages of it are left out, and so
    are copies, what was no source and the values on which sources differ; where a copy in another document
    has the very words of a blanked quote, the footnote goes to it instead.
    """

    def is_gone(citation: Citation) -> bool:
        return (citation.document.id, citation.version) in gone

    def blank(citation: Citation, kind: SentenceKind) -> Citation:
        # A row is read with the header of its own table, so that other words would stay.
        citation = _without_copies(citation, gone, may_move=kind != "row")
        title = name_of_removed(citation.document.title)
        bare = replace(citation.document, key="", title=title, source="", url="", author="")
        return replace(citation, document=bare, quote="") if is_gone(citation) else citation

    sentences = tuple(
        replace(s, text="", cells=(), marked=(0, 0), citations=citations)
        if any(map(is_gone, citations))
        else replace(s, citations=citations)
        for s in answer.sentences
        for citations in [tuple(blank(c, s.kind) for c in s.citations)]
    )
    left = {c.number for s in sentences for c in s.citations if c.quote}
    differing = tuple(value for value in answer.differing if value.number in left)
    related = tuple(h for h in answer.related if (h.document.id, h.document.version) not in gone)
    writing = answer.writing
    # Which article a sentence was made from that none bears can't be told: any that the model has read.
    is_read = not gone.isdisjoint(writing.read)
    writing = replace(
        writing,
        left_out=tuple(LeftOut("", "", left.position) if is_read else left for left in writing.left_out),
        kept_out=tuple(kept for kept in writing.kept_out if (kept.document.id, kept.version) not in gone),
        read=tuple(version for version in writing.read if version not in gone),
        sent=(),
    )
    return replace(
        answer,
        sentences=sentences,
        related=related,
        differing=differing if len(differing) > 1 else (),
        writing=writing,
    )


def _without_copies(citation: Citation, gone: AbstractSet[tuple[str, str]], may_move: bool) -> Citation:
    """Return a citation without copies that are gone; it moves to a copy where it is gone itself."""
    copies = tuple(c for c in citation.copies if (c.document.id, c.version) not in gone)
    if (citation.document.id, citation.version) in gone:
        heir = next((copy for copy in copies if may_move and copy.quote == citation.quote), None)
        if heir:
            return replace(heir, copies=tuple(copy for copy in copies if copy is not heir))
        copies = ()
    return replace(citation, copies=copies)
