"""What a model is sent: the passages that fit into its context, what was said before, the question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from langchain_core.messages import AIMessage, BaseMessage

from rag.answers import NO_ANSWER, Answer, LeftOut, Sentence
from rag.settings import Settings
from rag.writing.checking import Numbered
from rag.writing.job import Job
from rag.writing.prompts import Prompts, escaped, marked, tokens, tokens_of

_HISTORY_SHARE = 0.15
"""Of the context, the most that is given to what was said before."""
_HISTORY_TURNS = 4
_EARLIER = "Said before in this conversation, only to understand the question:\n"


def answer_values(
    prompts: Prompts, settings: Settings, job: Job, most_passages: int | None
) -> tuple[dict[str, str], tuple[Numbered, ...]]:
    """Return what the prompt for an answer is filled with, and its passages in the order of their numbers.

    The best passages come first; one that doesn't fit is left out whole. There may be none.
    """
    room = settings.model_context_tokens - settings.model_answer_tokens
    values = {
        "no_answer": NO_ANSWER,
        "history": earlier_text(job.history, int(_HISTORY_SHARE * settings.model_context_tokens)),
        "passages": "",
        "question": escaped(job.question),
    }
    room -= tokens_of(prompts.answer.fill(**values))
    chosen, texts = list[Numbered](), list[str]()
    for candidate in job.found.candidates[:most_passages]:
        passage = Numbered.of(candidate.stored)
        text = passage_text(len(chosen) + 1, passage)
        if tokens(text) < room:
            room -= tokens(text) + 1
            chosen.append(passage)
            texts.append(text)
    return {**values, "passages": "\n".join(texts)}, tuple(chosen)


def repair_messages(
    prompts: Prompts,
    settings: Settings,
    messages: Sequence[BaseMessage],
    written: str,
    failed: Iterable[LeftOut],
) -> tuple[BaseMessage, ...]:
    """Return the messages that tell a model what failed; none where they wouldn't fit."""
    listed = "\n".join(f"- {marked('sentence', one.text)} {escaped(one.reason)}" for one in failed)
    repair = prompts.repair.fill(failed=listed, no_answer=NO_ANSWER)
    room = settings.model_context_tokens - settings.model_answer_tokens
    for said in ((AIMessage(written),), ()):
        whole = (*messages, *said, *repair)
        if tokens_of(whole) <= room:
            return whole
    return ()


def check_messages(prompts: Prompts, sentences: Sequence[Sentence]) -> tuple[BaseMessage, ...]:
    """Return the messages that ask a model whether sentences are borne by what they cite.

    They are numbered in order; an item of a list stands with its lead-in, which isn't asked about alone.
    """
    parts, lead = list[str](), ""
    for number, one in enumerate(sentences, 1):
        lead = one.text if one.part == "lead" else lead if one.part in ("item", "more") else ""
        if one.part == "lead":
            continue
        sources = [
            marked("source", citation.quote, title=citation.document.title) for citation in one.citations
        ]
        said = f"{lead} {one.text}".strip() if one.part == "item" else one.text
        parts.append("\n".join([f"{number}:", *sources, marked("sentence", said)]))
    return prompts.check.fill(sentences="\n\n".join(parts))


def followup_messages(
    prompts: Prompts, settings: Settings, question: str, history: Sequence[Answer]
) -> tuple[BaseMessage, ...]:
    """Return the messages that ask a model to complete a question from the conversation."""
    earlier = earlier_text(history, int(_HISTORY_SHARE * settings.model_context_tokens))
    return prompts.followup.fill(history=earlier, question=escaped(question))


def passage_text(number: int, passage: Numbered) -> str:
    """Return a passage with its number and where it is from, as data."""
    document = passage.stored.document
    return marked(
        "passage",
        passage.text,
        number=str(number),
        title=document.title,
        section=passage.stored.passage.heading,
        source=document.source,
        date=document.published.isoformat() if document.published else "",
    )


def earlier_text(history: Sequence[Answer], most_tokens: int) -> str:
    """Return the latest questions and answers of a conversation that fit, or nothing."""
    kept = list[str]()
    for answer in reversed(history[-_HISTORY_TURNS:]):
        turn = f"{marked('question', answer.question)}\n{marked('answer', answer.text)}\n"
        most_tokens -= tokens(turn)
        if most_tokens < 0:
            break
        kept.insert(0, turn)
    return f"{_EARLIER}<earlier>\n{''.join(kept)}</earlier>\n\n" if kept else ""
