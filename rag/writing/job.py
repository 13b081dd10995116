"""A question under way: how it is asked, and what each step towards its answer has made of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from threading import Event
from typing import TYPE_CHECKING

from rag.answers import BY_WORDS, Answer, Sentence, Stage, Usage
from rag.deadline import NO_DEADLINE
from rag.documents import Filters
from rag.search.finding import Found

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from rag.writing.checking import Numbered

Shown = Stage | Sentence | Answer
"""What is shown on the way to an answer, which comes last."""
NO_TIME = "There was no time to look further."
STOPPED = "Stopped before everything was looked at."


@dataclass(frozen=True, slots=True)
class Limits:
    """When a model is given up: a moment of `time.monotonic`, or when the user stops it."""

    until: float
    is_stopped: Callable[[], bool] = lambda: False

    @property
    def is_over(self) -> bool:
        """Whether it is given up by now."""
        return time.monotonic() >= self.until or self.is_stopped()


class Job:
    """One answer in the making; each step adds to it what the next ones need.

    No dataclass: a tracer would write out all that it holds, with the vectors of the passages.

    Parameters
    ----------
    question
        As it was typed; `Assistant` completes it from the history.
    history
        The answers before; nothing where the question leans on none.
    filters, prefer
        What is searched, and whether the time or source that the question names counts.
    stop
        Set by another thread to stop.
    until
        When a model is given up.

    Attributes
    ----------
    found, quoted
        The passages, and the answer made of quotes.
    passages, messages
        What the model is given: passages in the order of their numbers, in messages.
    sent, usage
        All that it was sent, and what it took.
    call, called
        What comes of it, piece by piece, and when it was asked.
    """

    found: Found
    quoted: Answer
    passages: Sequence[Numbered] = ()
    messages: Sequence[BaseMessage] = ()

    def __init__(
        self,
        question: str,
        history: Sequence[Answer],
        *,
        filters: Filters | None,
        prefer: bool,
        stop: Event | None,
        until: float,
    ) -> None:
        self.question = question
        self.history = history
        self.filters = filters
        self.prefer = prefer
        self.stop = stop or Event()
        self.limits = Limits(until, self.stop.is_set)
        self.deadline = NO_DEADLINE
        self.sent: list[BaseMessage] = []
        self.usage: Usage | None = None
        self.call: Generator[object, None, None] | None = None
        self.called = 0.0
        self._started = time.perf_counter()

    def __repr__(self) -> str:
        """Return what a trace shows of it."""
        found, quoted = (vars(self).get(name) for name in ("found", "quoted"))
        texts = [one.stored.passage.text for one in found.candidates] if found else []
        return f"Job({self.question!r}, found={texts!r}, quoted={quoted.text if quoted else ''!r})"

    def finished(self, answer: Answer) -> Iterator[Sentence | Answer]:
        """Give an answer as the last, and before it its sentences, if those are quotes."""
        if answer.mode == "quote":
            yield from answer.sentences
        failure = self.found.failure
        remarks = [BY_WORDS.format(failure) if failure else "", answer.remark]
        if self.deadline.has_cut and not answer.remark:
            remarks.append(STOPPED if self.deadline.is_stopped() else NO_TIME)
        seconds = time.perf_counter() - self._started
        yield replace(answer, remark=" ".join(filter(None, remarks)), seconds=seconds)

    def close(self) -> None:
        """End the call to the model that goes on, if one does, with its connection."""
        if self.call:
            self.call.close()
