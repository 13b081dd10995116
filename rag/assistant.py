"""Assistant: a question in, an answer with footnotes out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Literal

from rag.deadline import Deadline
from rag.documents import NO_ANSWER, NO_MATCH, QUOTED, Answer, Filters, Sentence, Stage
from rag.errors import PromptError, QuestionError, SettingsError
from rag.library import Library
from rag.question import followups
from rag.quoting.answer import quote
from rag.search.copies import find_apart
from rag.search.finding import Found
from rag.settings import NO_ENDPOINT, Settings
from rag.text.canonical import one_line
from rag.writing.tracing import Trace, Untraced

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

    from rag.writing.endpoint import Limits
    from rag.writing.generating import Writer

Mode = Literal["auto", "quote", "generate"]

ASKED_AS = "Asked as: "
"""Begins the stage that says how a follow-up was completed."""
PASSAGES = 10
"""Passages read for an answer."""
NO_TIME = "There was no time to look further."
STOPPED = "Stopped before everything was looked at."


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
        self._made_writer: Writer | None = None

    def ask(
        self,
        question: str,
        history: Sequence[Answer] = (),
        *,
        complete: bool = True,
        prefer: bool = True,
        filters: Filters | None = None,
        mode: Mode | None = None,
        stop: Event | None = None,
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
        mode
            How the answer is made; as the settings say if left out. `Answer.mode` is how it was made.
        stop
            Set by another thread to stop; what was found, or written and checked, until then is the answer.

        Raises
        ------
        QuestionError
            The question is empty or too long.
        SettingsError
            A written answer is asked for and no endpoint is set.
        """
        for step in self.stream(
            question, history, complete=complete, prefer=prefer, filters=filters, mode=mode, stop=stop
        ):
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
        mode: Mode | None = None,
        stop: Event | None = None,
    ) -> Iterator[Stage | Sentence | Answer]:
        """Answer a question step by step: what is happening, each sentence, and last the answer.

        Finding and quoting end at the deadline of the settings, and when they are stopped, as a model does at
        its own: the answer is then the best until that moment, and its remark says so.

        The first stage of a follow-up that was completed says as what it is asked. Sentences that a model
        writes come as they are checked. The answer at the end counts: it may have some between them that were
        decided on only when all were known, and where too few hold, it has others instead. Closing the
        iterator closes the connection to the model too.

        Raises
        ------
        QuestionError
            The question is empty or too long.
        SettingsError
            A written answer is asked for and no endpoint is set.
        """
        return self._steps(question, history, complete, prefer, filters, mode, stop, Untraced())

    def as_runnable(
        self, *, prefer: bool = True, filters: Filters | None = None, mode: Mode | None = None
    ) -> Runnable[str, Answer]:
        """Return the chain from a question to its `Answer` as a LangChain Runnable.

        It streams what `stream` does. Its steps, ``retrieve``, ``quote`` and with a model ``prompt``,
        ``model`` and ``check``, can be traced by LangChain's callbacks. Variables of the environment for
        LangSmith count only with `Settings.tracing`.
        """

        def answer(question: str, trace: Trace) -> Iterator[Stage | Sentence | Answer]:
            return self._steps(question, (), False, prefer, filters, mode, None, trace)

        from rag.langchain import answering_chain

        return answering_chain(answer, tracing=self._settings.tracing)

    def _steps(
        self,
        question: str,
        history: Sequence[Answer],
        complete: bool,
        prefer: bool,
        filters: Filters | None,
        mode: Mode | None,
        stop: Event | None,
        trace: Trace,
    ) -> Iterator[Stage | Sentence | Answer]:
        started = time.perf_counter()
        typed = self._checked(question)
        writer, problem = None, ""
        if self._writes(mode):
            try:
                writer = self._writer()
            except PromptError as error:
                problem = f"{error} {QUOTED}"
        limits = self._limits(stop) if writer else None
        text = self._completed(typed, history) if complete else typed
        leans = text != typed
        if writer and limits and complete and history and not leans and followups.leans(typed):
            leans = True
            yield Stage("Completing the question")
            text = self._bounded(writer.complete(typed, history, limits, trace), typed)
        if text != typed:
            yield Stage(f"{ASKED_AS}{text}")
        yield Stage("Searching the collection")
        # Who stops a model wants the quotes in its place.
        is_stopped = stop.is_set if stop and not writer else lambda: False
        deadline = Deadline(self._settings.question_seconds, is_stopped)
        find = partial(self._library.find, text, filters=filters, prefer=prefer, deadline=deadline)
        found = trace.step("retrieve", lambda _: find_apart(find, PASSAGES), text)
        yield Stage(_reading(found))
        answer = trace.step("quote", partial(self._quoted, text), found)
        if writer and limits and not answer.abstained:
            # What the collection has no answer to isn't asked of a model, which would have one.
            answer = yield from writer.write(text, found, answer, history if leans else (), limits, trace)
        elif problem:
            answer = replace(answer, remark=problem)
        if answer.mode == "quote":
            yield from answer.sentences
        remarks = [found.remark, answer.remark]
        if deadline.has_cut and not answer.remark:
            remarks.append(STOPPED if deadline.is_stopped() else NO_TIME)
        remark = " ".join(filter(None, remarks))
        yield replace(answer, remark=remark, seconds=time.perf_counter() - started)

    def _writes(self, mode: Mode | None) -> bool:
        mode = mode or self._settings.answer_mode
        if mode == "generate" and not self._settings.has_endpoint:
            raise SettingsError(f"{NO_ENDPOINT}.")
        return mode != "quote" and self._settings.has_endpoint

    def _writer(self) -> Writer:
        if self._made_writer is None:
            # Imported where it is needed: LangChain and the endpoint's client take a second.
            from rag.writing.generating import Writer

            self._made_writer = Writer(self._settings, self._library.embedder)
        return self._made_writer

    def _limits(self, stop: Event | None) -> Limits:
        from rag.writing.endpoint import Limits

        until = time.monotonic() + self._settings.model_total_seconds
        return Limits(until, stop.is_set) if stop else Limits(until)

    def _quoted(self, question: str, found: Found) -> Answer:
        """Answer from what was found for a question, of which only a part may have been searched for."""
        answer = quote(found, self._library.embedder.name)
        if not found.candidates and self._library.status().documents:
            if found.remark or found.deadline.has_cut:  # by words alone or at once, nothing may be found
                answer = replace(answer, text=NO_ANSWER)
            elif found.limited_to:
                answer = replace(answer, text=NO_MATCH.format(found.limited_to), missing=())
        return replace(
            answer,
            question=question,
            preferring=str(found.question.reading.preference or ""),
            limited_to=found.limited_to,
        )

    def _completed(self, question: str, history: Sequence[Answer]) -> str:
        return self._bounded(followups.complete(question, history), question)

    def _bounded(self, completed: str, question: str) -> str:
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
    if not passages and found.deadline.has_cut:
        return "No time to read a passage"
    if not passages and found.remark:
        return "No passage has the question's words"
    if not passages:
        return "No article matches the filters" if found.limited_to else "The collection is empty"
    articles = len({candidate.stored.document.id for candidate in found.candidates})
    return f"Reading {_count(passages, 'passage')} from {_count(articles, 'article')}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
