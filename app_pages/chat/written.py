"""What stands beside a written answer: what was left out of it, what it took, and what the model was sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from app_pages.links import Span, article_link
from app_pages.wording import title
from rag import Answer, Document, KeptOut, gaps, kept_out_line, left_out_line
from rag.service import count

REMOVED = "This sentence was removed with an article."


def lines_beside(answer: Answer) -> list[str]:
    """Return what a reader must know beside the sentences, but for what has a place of its own."""
    # What was cut short ends there; why an answer is made of quotes stands above them.
    remark = answer.remark if answer.mode == "generate" else ""
    return [*filter(None, [remark]), *gaps(answer)]


def line_above(answer: Answer) -> str:
    """Return why an answer that a model should have written is made of quotes; nothing for any other."""
    return answer.remark if answer.mode == "quote" else ""


def left_out(answer: Answer) -> dict[str, Any] | None:
    """Return the sentences that aren't shown, with their reasons and places; None for none."""
    sentences = answer.writing.left_out
    items = [asdict(sentence) | {"blank": "" if sentence.text else REMOVED} for sentence in sentences]
    shown = {"line": left_out_line(answer), "items": items, "has_places": answer.mode == "generate"}
    return shown if items else None


def kept_out(
    answer: Answer, conversation_id: str, documents: Mapping[str, Document]
) -> dict[str, Any] | None:
    """Return the sentences that weren't taken for sources, each with its article's link; None for none."""
    sentences = answer.writing.kept_out

    def href(sentence: KeptOut) -> str:
        span = Span(sentence.start, sentence.end)
        is_held = sentence.document.id in documents
        return article_link(sentence.document.id, sentence.version, span, conversation_id) if is_held else ""

    items = [{"text": kept.text, "title": title(kept.document), "href": href(kept)} for kept in sentences]
    return {"line": kept_out_line(sentences), "items": items} if items else None


def writer(answer: Answer) -> str:
    """Return "gpt-5.4-mini", or "a model" where it isn't known."""
    usage = answer.writing.usage
    return usage.model if usage else "a model"


def details(answer: Answer) -> list[str]:
    """Return who wrote an answer and what it took, each as one line; nothing where no model was asked."""
    writing, usage = answer.writing, answer.writing.usage
    if not usage and answer.mode == "quote":
        return []
    name = writer(answer)
    lines = [f"Written by {name}." if answer.mode == "generate" else f"{name} was asked."]
    if usage and usage.prompt_tokens:
        sent = count(usage.prompt_tokens, "token")
        lines.append(f"{sent} sent, {usage.completion_tokens:,} written.")
    if usage and usage.seconds_to_first_token:
        first = f"{usage.seconds_to_first_token:.1f}"
        lines.append(f"The first word after {first} s, all in {max(answer.seconds, 0.1):.1f} s.")
    if answer.mode == "generate":
        lines.append(
            "Asked a second time, because too little of the first answer was borne by the sources."
            if writing.repaired
            else "Asked once."
        )
    if writing.markers_dropped:
        dropped = "was dropped" if writing.markers_dropped == 1 else "were dropped"
        lines.append(f"{count(writing.markers_dropped, 'footnote')} pointed to no passage and {dropped}.")
    return lines


def credit(answer: Answer) -> str:
    """Return the line of a copied answer that says who wrote it; nothing for quotes."""
    if answer.mode == "quote":
        return ""
    return f"Written by {writer(answer)}; each sentence was checked against its sources."
