"""A question that is being answered, in a thread: it is answered even if its page is left or reloaded."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypedDict, Unpack

from rag.answers import Answer, AnswerMode, Sentence, Stage
from rag.assistant import ASKED_AS
from rag.conversations import Turn
from rag.documents import Filters, Hit, ReportProgress
from rag.errors import QuestionError
from rag.service.work import Work

if TYPE_CHECKING:
    from rag.service.engine import Engine

STOPPED_BEFORE = "The question was stopped before its turn came: ask it again whenever you like."
LEANED_ON = 6
"""Turns that a follow-up may lean on: the latest ones."""
_TICK_SECONDS = 0.1
_MOMENT_SECONDS = 1.0
"""What takes no longer needs no button to stop it, which would only flicker."""


class How(TypedDict, total=False):
    """How a question is asked.

    Attributes
    ----------
    alone
        Whether the question is taken as it was typed, without the conversation before it; usually not.
    prefer
        Whether articles of the time or source that it names count more, as they usually do.
    filters
        What is searched; nothing for everything.
    mode
        How it is answered; as the settings say if left out.
    """

    alone: bool
    prefer: bool
    filters: Filters | None
    mode: AnswerMode | None


class Asking(Work[None]):
    """One question under way.

    Parameters
    ----------
    number
        The number that its turn will have in the conversation.
    after
        Questions of the same conversation to wait for: an answer may lean on those before it.

    Attributes
    ----------
    stage, sentences
        What is happening, and the answer's sentences so far.
    nearest
        The passages that are being read; they are no answer yet.
    may_write
        Whether a model may be asked.
    waits
        Whether its turn is still to come.
    asked_as
        The question as it was completed from the conversation, otherwise empty.
    turn
        The stored turn once it is answered.
    """

    def __init__(
        self,
        engine: Engine,
        conversation_id: str,
        question: str,
        number: int,
        after: Sequence[Asking],
        **how: Unpack[How],
    ) -> None:
        self.question = question
        self.number = number
        self.alone, self.prefer = how.get("alone", False), how.get("prefer", True)
        self.filters, self.mode = how.get("filters"), how.get("mode")
        mode = self.mode or engine.settings.answer_mode
        self.may_write = engine.settings.has_endpoint and mode != "quote"
        self.waits = bool(after) or engine.filling
        self.stage = "Looking for passages"
        self.asked_as = ""
        self.sentences: tuple[Sentence, ...] = ()
        self.nearest: tuple[Hit, ...] = ()
        self.turn: Turn | None = None
        self._engine = engine
        self._conversation_id = conversation_id
        self._after = after
        self._heard = self._began = time.monotonic()
        self._stop = threading.Event()
        self._is_forgotten = False
        super().__init__(self._ask)

    @property
    def stopping(self) -> bool:
        """Whether it was stopped, and ends in a moment."""
        return self._stop.is_set()

    @property
    def stoppable(self) -> bool:
        """Whether stopping it is worth a button: what quotes is mostly done in a moment."""
        is_worth_it = self.may_write or self.waits or time.monotonic() - self._began >= _MOMENT_SECONDS
        return is_worth_it and not self.stopping

    @property
    def waited_seconds(self) -> int:
        """How long nothing new has come."""
        return int(time.monotonic() - self._heard)

    def stop(self) -> None:
        """Stop it; what was found, or written and checked, until then is the answer, if its turn has come."""
        self._stop.set()

    def forget(self) -> None:
        """Stop, and store no answer."""
        self._is_forgotten = True
        self.stop()

    def _ask(self, _: ReportProgress) -> None:
        self._wait_for_its_turn()
        answer = self._answer()
        if not self._is_forgotten:
            self.turn = self._engine.store(self._conversation_id, self.question, answer)

    def _wait_for_its_turn(self) -> None:
        for earlier in self._after:
            self._tell("Answering the earlier question first")
            self._wait_for(earlier.wait)
        while self._engine.filling:
            progress = self._engine.indexing.progress
            counted = f", {progress.done} of {progress.total}" if progress.total else ""
            self._tell(f"Waiting until the articles are read{counted}")
            self._wait_for(lambda seconds: self._engine.indexing.wait(seconds) or True)
        self._began = time.monotonic()
        self.waits = False

    def _wait_for(self, wait: Callable[[float], bool]) -> None:
        is_over = False
        while not is_over:
            if self.stopping:
                raise QuestionError(STOPPED_BEFORE)
            is_over = wait(_TICK_SECONDS)

    def _answer(self) -> Answer:
        turns = [] if self.alone else self._engine.conversations.turns(self._conversation_id)[-LEANED_ON:]
        for event in self._engine.assistant.stream(
            self.question,
            [turn.answer for turn in turns],
            prefer=self.prefer,
            filters=self.filters,
            mode=self.mode,
            stop=self._stop,
        ):
            if isinstance(event, Stage) and event.text.startswith(ASKED_AS):
                self.asked_as = event.text.removeprefix(ASKED_AS)
            elif isinstance(event, Stage):
                self.nearest = event.nearest
                self._tell(event.text)
            elif isinstance(event, Sentence):
                # Quotes that a model's sentences give way to take their place in one step, with the answer.
                if event.kind == "written" or not self.may_write:
                    self.sentences = (*self.sentences, event)
                    self._heard = time.monotonic()
            else:
                return event
        raise RuntimeError("the assistant ended without an answer")

    def _tell(self, stage: str) -> None:
        if stage != self.stage:
            self.stage, self._heard = stage, time.monotonic()
