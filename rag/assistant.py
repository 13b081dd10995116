"""Assistant: a question in, an answer with footnotes out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from rag import followups
from rag.copies import find_apart
from rag.documents import EMPTY_COLLECTION, NO_MATCH, Answer, Filters, Sentence, Stage
from rag.errors import QuestionError
from rag.finding import Found
from rag.library import Library
from rag.quoting import quote
from rag.settings import Settings
from rag.text import one_line

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

ASKED_AS = "Asked as: "
"""Begins the stage that says how a follow-up was completed."""
PASSAGES = 10
"""Passages read for an answer."""


class Assistant:
    """Answers questions from a library, and from nothing else.

    Parameters
    ----------
    library
        The collection.
    settings
        Limits, and how answers are made.
    """

    def __init__(self, library: Library, settings: Settings) -> None:
        self._library = library
        self._settings = settings

    def ask(
        self,
        question: str,
        history: Sequence[Answer] = (),
        *,
        complete: bool = True,
        prefer: bool = True,
        filters: Filters | None = None,
    ) -> Answer:
        """Answer a question.

        Parameters
        ----------
        question
            In plain language.
        history
            The answers of the conversation so far, the oldest first.
        complete
            Whether a follow-up ("Why?") is completed from the history; `Answer.question` is then what
            was asked.
        prefer
            Whether articles of the time or source that the question names count more;
            `Answer.preferring` says which.
        filters
            What the answer may be taken from; `Answer.limited_to` says it in words.

        Raises
        ------
        QuestionError
            The question is empty or too long.
        """
        for step in self.stream(question, history, complete=complete, prefer=prefer, filters=filters):
            if isinstance(step, Answer):
                return step
        raise AssertionError("a stream ends with its answer")

    def stream(
        self,
        question: str,
        history: Sequence[Answer] = (),
        *,
        complete: bool = True,
        prefer: bool = True,
        filters: Filters | None = None,
    ) -> Iterator[Stage | Sentence | Answer]:
        """Answer a question step by step: what is happening, each sentence, and last the answer.

        The first stage of a follow-up that was completed says as what it is asked.

        Raises
        ------
        QuestionError
            The question is empty or too long.
        """
        started = time.perf_counter()
        typed = self._checked(question)
        text = self._completed(typed, history) if complete else typed
        if text != typed:
            yield Stage(f"{ASKED_AS}{text}")
        yield Stage("Searching the collection")
        find = partial(self._library.find, text, filters=filters, prefer=prefer)
        found = find_apart(find, PASSAGES)
        yield Stage(_reading(found))
        answer = self._answer(text, found)
        yield from answer.sentences
        yield replace(answer, seconds=time.perf_counter() - started)

    def as_runnable(self, *, prefer: bool = True, filters: Filters | None = None) -> Runnable[str, Answer]:
        """Return the chain from a question to its `Answer` as a LangChain Runnable.

        Its two steps, ``retrieve`` and ``quote``, can be traced by LangChain's callbacks.
        """

        def retrieve(question: str) -> tuple[str, Found]:
            text = self._checked(question)
            return text, find_apart(
                partial(self._library.find, text, filters=filters, prefer=prefer), PASSAGES
            )

        def answer(asked: tuple[str, Found]) -> Answer:
            return self._answer(*asked)

        from rag.chains import answering_chain

        return answering_chain(retrieve, answer)

    def _answer(self, question: str, found: Found) -> Answer:
        """Answer from what was found for a question, of which only a part may have been searched for."""
        answer = quote(found, self._library.embedder.name)
        if found.limited_to and answer.text == EMPTY_COLLECTION and self._library.status().documents:
            answer = replace(answer, text=NO_MATCH.format(found.limited_to), missing=())
        return replace(answer, question=question, preferring=found.preferring, limited_to=found.limited_to)

    def _completed(self, question: str, history: Sequence[Answer]) -> str:
        completed = followups.complete(question, history)
        return completed if len(completed) <= self._settings.max_question_characters else question

    def _checked(self, question: str) -> str:
        text = one_line(question)
        if not text:
            raise QuestionError("The question is empty: ask something about the articles.")
        most = self._settings.max_question_characters
        if len(text) > most:
            raise QuestionError(
                f"The question has {len(text):,} characters and {most:,} are allowed: ask it shorter."
            )
        return text


def _reading(found: Found) -> str:
    passages = len(found.candidates)
    if not passages:
        return "No article matches the filters" if found.limited_to else "The collection is empty"
    articles = len({candidate.stored.document.id for candidate in found.candidates})
    return f"Reading {_count(passages, 'passage')} from {_count(articles, 'article')}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
