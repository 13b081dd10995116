"""A question and its answer, as the browser is given them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from app_pages.chat.writing import has_choice
from app_pages.chat.written import (
    credit,
    details,
    kept_out,
    left_out,
    line_above,
    lines_beside,
)
from app_pages.links import Span, article_link, citation_link, context
from app_pages.wording import day, origin, page, publisher, source_name, title
from rag import Answer, Citation, Differing, Document, FootnoteError, Hit, Sentence, Turn, left_out_line
from rag.service import Asking, Engine, count, unmentioned, unsaid

GONE = "No longer in the library"
CHANGED = "Changed since it was quoted"
NO_DATE = "no date"
STOPPING = "Stopping"
_WAITED_SECONDS = 3
"""After so long without anything new the line of what is happening says for how long."""
QUOTE_GONE = "This quote was removed with its article."
QUOTE_CHANGED = "This quote was removed with an earlier text of the article."


def pending_turn(asking: Asking, conversation_id: str) -> dict[str, Any]:
    """Return a question under way, with the sentences that are there already."""
    waited = asking.waited_seconds
    return {
        "question": asking.question,
        "alone": asking.alone,
        "plain": not asking.prefer,
        "asked_as": asking.asked_as,
        "stage": "" if asking.error else STOPPING if asking.stopping else asking.stage,
        "waited": f"{waited} s" if waited >= _WAITED_SECONDS else "",
        "stoppable": asking.stoppable,
        "error": asking.error,
        "sentences": [_sentence(sentence, conversation_id, {}) for sentence in asking.sentences],
        "related": [] if asking.sentences else [_related(hit, conversation_id) for hit in asking.nearest],
    }


def finished_turn(
    turn: Turn, conversation_id: str, engine: Engine, documents: Mapping[str, Document]
) -> dict[str, Any]:
    """Return an answered question with its sources as the library holds them now."""
    answer = turn.answer
    sources = [_source(citation, conversation_id, engine, documents) for citation in answer.citations]
    above, beside = line_above(answer), [*lines_beside(answer), *filter(None, [_unsaid(answer, sources)])]
    kept = kept_out(answer, conversation_id, documents)
    told = [line for line in (above, left_out_line(answer), kept["line"] if kept else "", *beside) if line]
    return {
        "question": turn.question,
        "asked_as": answer.question if answer.question.split() != turn.question.split() else "",
        "preferring": answer.preferring,
        "limited_to": answer.limited_to,
        "abstained": answer.declined,
        "missing": " ".join(filter(None, [answer.remark, unmentioned(answer) if answer.related else ""])),
        "short": answer.short,
        "sentences": [_sentence(sentence, conversation_id, documents) for sentence in answer.sentences],
        "above": above,
        "left_out": left_out(answer),
        "kept_out": kept,
        "remarks": beside,
        "differing": _differing(answer, conversation_id, documents),
        "sources": sources,
        "related": [_related(hit, conversation_id) for hit in answer.related if hit.document.id in documents],
        "summary": _summary(answer),
        "details": details(answer),
        "again": _again(answer) if has_choice(engine.settings) else "",
        "copy": _copy_text(answer, documents, told),
    }


def _sentence(sentence: Sentence, conversation_id: str, documents: Mapping[str, Document]) -> dict[str, Any]:
    return {
        "text": sentence.text,
        # In parts, since the browser counts characters otherwise.
        "marked": _marked(sentence),
        "document": sentence.citations[0].document.id,
        "blank": _blank_sentence(sentence, documents),
        "cells": [asdict(cell) for cell in sentence.cells],
        "quoted": sentence.kind == "quote",
        "written": sentence.kind == "written",
        "part": sentence.part,
        "notes": [_note(citation, conversation_id, documents) for citation in sentence.citations],
    }


def _marked(sentence: Sentence) -> list[str]:
    """Return a sentence before, within and behind the words that answer; nothing where none are marked."""
    start, end = sentence.marked
    return [sentence.text[:start], sentence.text[start:end], sentence.text[end:]] if end else []


def _blank(citation: Citation, documents: Mapping[str, Document]) -> str:
    """Return what stands in the place of a quote that was blanked; nothing for any other."""
    if citation.quote:
        return ""
    held = documents.get(citation.document.id)
    # Of the version that was quoted: it was removed, and has been added again since.
    return QUOTE_CHANGED if held and held.version != citation.version else QUOTE_GONE


def _blank_sentence(sentence: Sentence, documents: Mapping[str, Document]) -> str:
    blanks = [] if sentence.text else [_blank(citation, documents) for citation in sentence.citations]
    return next(filter(None, blanks), "")


def _note(citation: Citation, conversation_id: str, documents: Mapping[str, Document]) -> dict[str, Any]:
    return {
        "number": citation.number,
        "name": source_name(citation),
        "quote": citation.quote,
        "blank": _blank(citation, documents),
        "href": citation_link(citation, conversation_id),
    }


def _source(
    citation: Citation, conversation_id: str, engine: Engine, documents: Mapping[str, Document]
) -> dict[str, Any]:
    held = documents.get(citation.document.id)
    state = GONE if held is None else CHANGED if held.version != citation.version else ""
    before, after = ("", "") if state or not citation.quote else _context(citation, engine)
    return {
        "number": citation.number,
        "document": citation.document.id,
        "title": title(citation.document),
        "origin": [*origin(citation.document), *filter(None, [page(citation)])],
        "href": citation_link(citation, conversation_id),
        "state": state,
        "before": before,
        "quote": citation.quote,
        "blank": _blank(citation, documents),
        "after": after,
        "copies": [
            {
                "name": ", ".join(origin(copy.document)) or title(copy.document),
                "label": f"Open {title(copy.document)} at the words of footnote {copy.number}",
                "href": citation_link(copy, conversation_id),
            }
            for copy in citation.copies
            if copy.document.id in documents
        ],
    }


def _unsaid(answer: Answer, sources: list[dict[str, Any]]) -> str:
    if not sources or any(source["state"] or source["blank"] for source in sources):
        return ""
    shown = [sentence.text for sentence in answer.sentences]
    for one in sources:
        shown += [one["title"], *one["origin"], one["before"], one["quote"], one["after"]]
    return unsaid(answer, " ".join(shown))


def _differing(
    answer: Answer, conversation_id: str, documents: Mapping[str, Document]
) -> list[dict[str, Any]]:
    """Return the values on which sources differ, each with its footnote, publisher and day."""
    cited = {citation.number: citation for citation in answer.citations}
    return [
        {
            "value": one.value,
            "source": publisher(cited[one.number].document),
            "day": _dated(one, cited[one.number].document),
            "note": _note(cited[one.number], conversation_id, documents),
        }
        for one in answer.differing
    ]


def _dated(differing: Differing, document: Document) -> str:
    """Return the day of one of several sources that differ, and whether it is an older version of another."""
    dated = day(document.published) or NO_DATE
    return f"{dated}, an older version" if differing.is_older else dated


def _context(citation: Citation, engine: Engine) -> tuple[str, str]:
    try:
        document = engine.document(citation.document.id, citation.version)
    except FootnoteError:  # removed a moment ago: the quote stands for itself
        return "", ""
    return context(document.text, document.blocks, Span(citation.start, citation.end))


def _related(hit: Hit, conversation_id: str) -> dict[str, Any]:
    passage = hit.passage
    span = Span(passage.start, passage.end)
    return {
        "title": title(hit.document),
        "origin": origin(hit.document),
        "heading": passage.heading,
        "text": passage.text,
        "href": article_link(hit.document.id, hit.document.version, span, conversation_id),
    }


def _summary(answer: Answer) -> str:
    places = answer.citations
    articles = len({citation.document.id for citation in places})
    found = [f"{count(len(places), 'place')} in {count(articles, 'article')}"] if places else []
    return " · ".join([*found, f"{max(answer.seconds, 0.1):.1f} s"])


def _again(answer: Answer) -> str:
    """Return what to call having an answer written once more; nothing for what was to be quoted."""
    return "write it anew" if answer.mode == "generate" else "try again" if line_above(answer) else ""


def _copy_text(answer: Answer, documents: Mapping[str, Document], told: list[str]) -> str:
    sentences = [
        f"{sentence.text or _blank_sentence(sentence, documents)} "
        + "".join(f"[{citation.number}]" for citation in sentence.citations)
        for sentence in answer.sentences
    ]
    cited = {citation.number: citation.document for citation in answer.citations}
    differing = [f"{one.value} [{one.number}], {_dated(one, cited[one.number])}" for one in answer.differing]
    sources = [
        f"[{c.number}] "
        + ", ".join([title(c.document), *origin(c.document), *filter(None, [page(c)])])
        + (f": “{c.quote}”" if c.quote else f": {_blank(c, documents)}")
        + "".join(f"\n    also in {', '.join([title(k.document), *origin(k.document)])}" for k in c.copies)
        for c in answer.citations
    ]
    if answer.mode == "generate":
        sentences = _paragraphs(answer.sentences, sentences)
    differ = ["", "Sources differ:", *differing] if differing else []
    told = [*told, *filter(None, [credit(answer)])]
    return "\n".join([*(sentences or [answer.declined]), *told, *differ, "", *sources]).strip()


def _paragraphs(sentences: Sequence[Sentence], texts: Sequence[str]) -> list[str]:
    """Return the texts of written sentences run together, a line for each item of a list."""
    lines, goes_on = list[str](), False
    for sentence, text in zip(sentences, texts, strict=True):
        if sentence.part == "item":
            lines.append(f"- {text}")
        elif goes_on or sentence.part == "more":
            lines[-1] += f" {text}"
        else:
            lines.append(text)
        goes_on = not sentence.part
    return lines
