"""Assistant: a question in, an answer with footnotes out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Literal

from rag.answers import (
    EMPTY_COLLECTION,
    NO_ANSWER_AMONG_THESE,
    NO_MATCH,
    QUOTED,
    Answer,
    Sentence,
    Stage,
)
from rag.deadline import Deadline
from rag.documents import Filters
from rag.errors import PromptError, QuestionError, SettingsError
from rag.library import Library
from rag.question import followups
from rag.quoting.deciding import RELATED, quote
from rag.quoting.evidence import IN_SIGHT
from rag.reading.passages import read_passages
from rag.search.copies import find_apart
from rag.settings import NO_ENDPOINT, Settings
from rag.text.canonical import one_line
from rag.writing.job import Job

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.runnables import Runnable

    from rag.langchain import AnsweringChain
    from rag.writing.generating import Writer

Mode = Literal["auto", "quote", "generate"]

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
    model
        A chat model of LangChain's that writes, instead of the one that the settings name.
    """

    def __init__(self, library: Library, settings: Settings, *, model: BaseChatModel | None = None) -> None:
        self._library = library
        self._settings = settings
        self._model = model
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
        earlier = history if complete else ()
        begin = partial(self._begin, history=earlier, filters=filters, prefer=prefer, stop=stop)
        if self._writes(mode):
            yield from self._chain(begin, mode).stream(question)
        else:
            # Without LangChain, which takes a second to import.
            job = begin(question)
            yield from self._retrieve(job)
            yield from self._quote(job)

    def as_runnable(
        self, *, prefer: bool = True, filters: Filters | None = None, mode: Mode | None = None
    ) -> Runnable[str, Answer]:
        """Return the chain from a question to its `Answer` as a LangChain Runnable, which `stream` runs too.

        It streams what `stream` does. Its steps, ``retrieve``, ``quote`` and with a model ``prompt``,
        ``model`` and ``check``, can be traced by LangChain's callbacks. Variables of the environment for
        LangSmith count only with `Settings.tracing`.
        """
        return self._chain(partial(self._begin, history=(), filters=filters, prefer=prefer, stop=None), mode)

    def _chain(self, begin: Callable[[str], Job], mode: Mode | None) -> AnsweringChain:
        from rag.langchain import AnsweringChain

        writer, problem = None, ""
        if self._writes(mode):
            try:
                writer = self._writer()
            except (PromptError, SettingsError) as error:
                problem = f"{error} {QUOTED}"
        retrieve = partial(self._retrieve, writer=writer)
        quote = partial(self._quote, writer=writer, problem=problem)
        return AnsweringChain(begin, retrieve, quote, writer, tracing=self._settings.tracing)

    # ------------------------------------------------------------------------------------- the steps

    def _begin(
        self,
        question: str,
        *,
        history: Sequence[Answer],
        filters: Filters | None,
        prefer: bool,
        stop: Event | None,
    ) -> Job:
        until = time.monotonic() + self._settings.model_total_seconds
        return Job(self._checked(question), history, filters=filters, prefer=prefer, stop=stop, until=until)

    def _retrieve(self, job: Job, *, writer: Writer | None = None) -> Iterator[Stage]:
        yield from self._complete(job, writer)
        yield Stage("Searching the collection")
        # Who stops a model wants the quotes in its place.
        is_stopped = (lambda: False) if writer else job.stop.is_set
        job.deadline = Deadline(self._settings.question_seconds, is_stopped)
        find = partial(
            self._library.find, job.question, filters=job.filters, prefer=job.prefer, deadline=job.deadline
        )
        job.found = find_apart(find, PASSAGES, job.deadline)
        yield Stage(_reading(job), job.found.hits(RELATED))

    def _complete(self, job: Job, writer: Writer | None) -> Iterator[Stage]:
        typed = job.question
        job.question = self._bounded(followups.complete(typed, job.history), typed)
        leans = job.question != typed
        if writer and job.history and not leans and followups.leans(typed):
            leans = True
            yield Stage("Completing the question")
            job.question = self._bounded(writer.complete(job), typed)
        if job.question != typed:
            yield Stage(f"{ASKED_AS}{job.question}")
        if not leans:
            job.history = ()

    def _quote(
        self, job: Job, *, writer: Writer | None = None, problem: str = ""
    ) -> Iterator[Sentence | Answer]:
        job.quoted = self._quoted(job)
        # What the collection has no answer to isn't asked of a model, which would have one.
        if not writer or job.quoted.abstained:
            yield from job.finished(replace(job.quoted, remark=problem) if problem else job.quoted)

    def _writes(self, mode: Mode | None) -> bool:
        mode = mode or self._settings.answer_mode
        has_model = self._model is not None or self._settings.has_endpoint
        if mode == "generate" and not has_model:
            raise SettingsError(f"{NO_ENDPOINT}.")
        return mode != "quote" and has_model

    def _writer(self) -> Writer:
        if self._made_writer is None:
            # Imported where it is needed: LangChain and the endpoint's client take a second.
            from rag.langchain import model_for
            from rag.writing.generating import Writer

            model = model_for(self._settings, self._model)
            self._made_writer = Writer(self._settings, self._library.embedder, model)
        return self._made_writer

    def _quoted(self, job: Job) -> Answer:
        limited_to = self._in_words(job.filters) if job.filters else ""
        answer = quote(job.found, read_passages(job.found, IN_SIGHT, job.deadline), job.deadline)
        if not job.found.candidates and not self._library.status().documents:
            answer = replace(answer, declined=EMPTY_COLLECTION)
        elif not job.found.candidates and limited_to and not _may_be_more(job):
            answer = replace(answer, declined=NO_MATCH.format(limited_to), missing=())
        elif answer.abstained and limited_to:
            answer = replace(answer, declined=NO_ANSWER_AMONG_THESE)
        # What was found is of the question as it was searched for, and that may be a part of it.
        preference = job.found.question.reading.preference
        return replace(answer, question=job.question, preferring=str(preference or ""), limited_to=limited_to)

    def _in_words(self, filters: Filters) -> str:
        with self._library.catalog.reading() as view:
            return filters.in_words(view.titles(filters.document_ids))

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


def _may_be_more(job: Job) -> bool:
    """Whether there may be passages where none was found: none in time, or none with the question's words."""
    return job.deadline.has_cut or bool(job.found.failure)


def _reading(job: Job) -> str:
    candidates = job.found.candidates
    if candidates:
        articles = len({candidate.stored.document.id for candidate in candidates})
        return f"Reading {_count(len(candidates), 'passage')} from {_count(articles, 'article')}"
    if job.deadline.has_cut:
        return "No time to read a passage"
    if job.found.failure:
        return "No passage has the question's words"
    return "No article matches the filters" if job.filters else "The collection is empty"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
