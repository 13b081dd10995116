"""What stands beside a written answer: what was left out of it, what it took, and what the model was sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app_pages.links import Span, article_link
from app_pages.wording import title
from rag import Answer, Document, KeptOut, kept_out_line, remarks
from rag.service import count

REMOVED = "This sentence was removed with an article."


def lines_beside(answer: Answer) -> list[str]:
    """Return what a reader must know beside the sentences, but for what has a place of its own."""
    # What was cut short ends there; why an answer is made of quotes stands above them.
    remark = answer.remark if answer.mode == "generate" else ""
    return remarks(replace(answer, remark=remark, left_out=(), kept_out=()))


def line_above(answer: Answer) -> str:
    """Return why an answer that a model should have written is made of quotes; nothing for any other."""
    return answer.remark if answer.mode == "quote" else ""


def left_out_line(answer: Answer) -> str:
    """Return how many sentences of a model aren't shown, as one line; nothing for none."""
    if not answer.left_out:
        return ""
    if answer.mode == "quote":
        return f"The model wrote {count(len(answer.left_out), 'sentence')} that the sources don't bear."
    return remarks(replace(answer, remark="", not_found=(), items_total=0))[0]


def left_out(answer: Answer) -> dict[str, Any] | None:
    """Return the sentences that aren't shown, with their reasons and places; None for none."""
    if not answer.left_out:
        return None
    items = [
        {
            "text": one.text,
            "blank": "" if one.text else REMOVED,
            "reason": one.reason,
            "position": one.position,
        }
        for one in answer.left_out
    ]
    return {"line": left_out_line(answer), "items": items, "has_places": answer.mode == "generate"}


def kept_out(
    answer: Answer, conversation_id: str, documents: Mapping[str, Document]
) -> dict[str, Any] | None:
    """Return the sentences that weren't taken for sources, each with its article's link; None for none."""
    if not answer.kept_out:
        return None

    def href(one: KeptOut) -> str:
        span = Span(one.start, one.end)
        is_held = one.document.id in documents
        return article_link(one.document.id, one.version, span, conversation_id) if is_held else ""

    items = [{"text": one.text, "title": title(one.document), "href": href(one)} for one in answer.kept_out]
    return {"line": kept_out_line(answer.kept_out), "items": items}


def writer(answer: Answer) -> str:
    """Return "gpt-5.4-mini", or "a model" where it isn't known."""
    return answer.usage.model if answer.usage else "a model"


def details(answer: Answer) -> list[str]:
    """Return who wrote an answer and what it took, each as one line; nothing where no model was asked."""
    usage = answer.usage
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
            if answer.repaired
            else "Asked once."
        )
    if answer.markers_dropped:
        dropped = "was dropped" if answer.markers_dropped == 1 else "were dropped"
        lines.append(f"{count(answer.markers_dropped, 'footnote')} pointed to no passage and {dropped}.")
    return lines


def credit(answer: Answer) -> str:
    """Return the line of a copied answer that says who wrote it; nothing for quotes."""
    if answer.mode == "quote":
        return ""
    return f"Written by {writer(answer)}; each sentence was checked against its sources."
