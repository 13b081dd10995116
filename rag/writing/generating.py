"""Answers written by a model, of which every sentence is checked before it is shown.

Whatever the model does, an answer comes of it: what was written and checked, or the quotes that were there
before it was asked.
"""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig

from rag.answers import QUOTED, Answer, Items, KeptOut, LeftOut, Sentence, Stage, Usage, Writing
from rag.embedding.local import Embedder
from rag.errors import ModelError
from rag.settings import Settings
from rag.text.canonical import one_line
from rag.text.words import content_words, stem, stems
from rag.writing.checking import Written
from rag.writing.closeness import tell_of
from rag.writing.job import Job, Shown
from rag.writing.messages import answer_values, check_messages, followup_messages, repair_messages
from rag.writing.model import Model, Reply, Stopped, TooLong
from rag.writing.planted.contacts import has_contact
from rag.writing.planted.imperatives import asks_reader
from rag.writing.planted.instructions import is_instruction
from rag.writing.prompts import Prompts, tokens_of
from rag.writing.sentences import Draft, SentenceCutter

Piece = str | Stage | Reply
"""What comes of a model: text, what it waits for, and last how it went."""
MOST_SENTENCES = 40
"""Behind so many the model is stopped: no reader takes more for an answer."""
REFUSED = f"The model found no answer in the passages. {QUOTED}"
NOT_BORNE = f"The sources don't bear most of what the model wrote. {QUOTED}"
WROTE_NOTHING = f"The model wrote nothing. {QUOTED}"
NO_ROOM = f"No passage fits into FOOTNOTE_MODEL_CONTEXT_TOKENS: raise it. {QUOTED}"
CUT_BEFORE = f"The model came to no sentence: raise FOOTNOTE_MODEL_ANSWER_TOKENS. {QUOTED}"
BY_RULES = "The sentences were checked by rules alone."
UNCHECKED = "The sentences were checked by rules alone: together they are too long for the model."
UNREADABLE = f"The model gave no second opinion that can be read. {BY_RULES}"
STOPPED = "Stopped."
CUT = "The model's answer was cut at its longest."
NO_TIME = "There was no time to check all that the model wrote."
UNTIL_THEN = "What was written until then stands here."
_COMPLETING_SECONDS = 15.0
"""How long a model may take to complete a question, before it has begun with the answer."""
_ROLES = {"system": "system", "human": "user", "ai": "assistant"}
_TAKEN_AWAY = "Asked again, the model says that the source does not say this."
_VERDICT = re.compile(r"^[^\w\n]*+(?:sentence\s+)?(\d{1,3})\W{1,20}+(yes|no)\b", re.IGNORECASE | re.MULTILINE)
_THOUGHT = re.compile(r"(?<!\s)\s*+<think(?:ing)?>.*?(?:</think(?:ing)?>|$)", re.DOTALL)


@dataclass(slots=True)
class _Round:
    """What came of asking the model once: ``line`` says what went wrong, if anything did."""

    written: Written
    text: str = ""
    line: str = ""
    has_failed: bool = False
    was_too_long: bool = False

    @property
    def may_be_repaired(self) -> bool:
        """Whether the model has tried and too little of it is borne."""
        return bool(self.written.failed) and not (self.has_failed or self.written.is_enough)

    def add(self, line: str) -> None:
        """Add a line to those that say what went wrong."""
        self.line = f"{self.line} {line}".strip()


class Writer:
    """Has the model of the settings write answers.

    Raises
    ------
    PromptError
        A prompt is missing or has been changed so that it can't be used.
    """

    def __init__(self, settings: Settings, embedder: Embedder, model: Model) -> None:
        self._settings = settings
        # One elsewhere would be asked over the network for each sentence.
        self._embedder = embedder if embedder.has_words else None
        self._model = model
        self._prompts = Prompts.read()

    def complete(self, job: Job) -> str:
        """Return a follow-up completed from the conversation, or as it is where the model is of no use.

        Only words of the conversation count: what the model adds from its memory makes it of no use.
        """
        question = job.question
        messages = followup_messages(self._prompts, self._settings, question, job.history)
        soon = replace(job.limits, until=min(job.limits.until, time.monotonic() + _COMPLETING_SECONDS))
        try:
            reply = self._model.ask(messages, soon)
        except (ModelError, Stopped):
            return question
        lines = reply.text.strip().splitlines() or [""]
        completed = one_line(lines[-1]).strip("\"'“”")
        said = [question, *(f"{answer.question} {answer.text}" for answer in job.history)]
        known = set[str]().union(*map(stems, said))
        is_known = all(stem(word) in known for word in content_words(completed))
        is_question = 0 < len(completed) <= 3 * len(question) + 200 and not _is_planted(completed, question)
        return completed if is_known and is_question else question

    # ------------------------------------------------------------------------- the steps of the chain

    def prompt(self, job: Job, most_passages: int | None = None) -> Iterator[Shown]:
        """Fill the prompt with the passages that fit; where none does, the quotes are the answer."""
        values, job.passages = answer_values(self._prompts, self._settings, job, most_passages)
        if not job.passages:
            yield from job.finished(replace(job.quoted, remark=NO_ROOM))
            return
        job.messages = self._prompts.answer.template.invoke(values, {"run_name": "prompt"}).to_messages()
        job.sent = [*job.messages]

    def write(self, jobs: Iterator[Job], config: RunnableConfig | None = None) -> Iterator[Job | Piece]:
        """Have the model write; the job goes before what comes of it."""
        [job] = jobs
        yield Stage(f"Writing with {self._model.name}")
        pieces = self._call(job, job.messages, config)
        # The check begins with the job: not before there is something to check, or that has failed.
        try:
            first = next(pieces)
        except (ModelError, Stopped):
            yield job
            raise
        yield job
        yield first
        yield from pieces

    def check(self, pieces: Iterator[Job | Piece]) -> Iterator[Shown]:
        """Check what is written sentence by sentence as it comes, and give what is borne; last the answer.

        Where too little is borne, or the model takes less than it was sent, it is asked once more; where it
        is of no use at all, the quotes are the answer.
        """
        job = next(pieces)
        assert isinstance(job, Job)
        # A second opinion may take sentences away, so none is shown before it.
        waits = self._settings.check == "model"
        first = yield from self._round(job, pieces, shows=not waits)
        if first.was_too_long and len(job.passages) > 1:
            # The estimate was too low for this model, or its context is smaller than the settings say.
            yield Stage("Writing from fewer passages, because the model takes no more")
            yield from self.prompt(job, len(job.passages) // 2)
            if not job.passages:
                return
            first = yield from self._round(job, self._call(job, job.messages), shows=not waits)
        best = first
        if first.may_be_repaired:
            best = yield from self._repair(job, first)
        if waits and best.written.sentences and not best.has_failed:
            yield from self._second_opinion(job, best)
        writing = self._hushed(_writing(job, best.written, is_repaired=best is not first))
        yield from job.finished(_answer(job.quoted, best, writing))

    # ------------------------------------------------------------------------------------ the rounds

    def _call(
        self, job: Job, messages: Sequence[BaseMessage], config: RunnableConfig | None = None
    ) -> Iterator[Piece]:
        job.call = call = self._model.stream(messages, job.limits, config)
        job.called = time.monotonic()
        return call

    def _round(
        self, job: Job, pieces: Iterator[Job | Piece], *, shows: bool
    ) -> Generator[Stage | Sentence, None, _Round]:
        """Check what the model writes sentence by sentence."""
        embedder = self._embedder if job.found.question.is_known_language else None
        made, cutter = _Round(Written(job.found, job.passages, embedder)), SentenceCutter()
        reply = Reply()
        try:
            for piece in pieces:
                if isinstance(piece, Stage):
                    yield piece
                elif isinstance(piece, Reply):
                    reply = piece
                    made.line = CUT if reply.is_cut else made.line
                elif isinstance(piece, str):
                    if piece and not made.text:
                        reply.seconds_to_first_token = time.monotonic() - job.called
                    made.text += piece
                    left = len(made.written.left_out)
                    yield from _checked(job, made, cutter.feed(piece), shows=shows)
                    if shows and (number := len(made.written.left_out)) > left:
                        yield Stage(f"Writing with {self._model.name}, {_sentences(number)} left out so far")
                if made.written.count >= MOST_SENTENCES:
                    made.line = CUT
                    break
        except ModelError as error:
            made.line, made.has_failed, made.was_too_long = str(error), True, isinstance(error, TooLong)
        except Stopped:
            made.line, made.has_failed = STOPPED, True
        finally:
            job.close()
        # Of what was cut short the model is known at least.
        self._count(job, reply)
        yield from _checked(job, made, cutter.finish(is_cut=bool(made.line)), shows=shows)
        made.written.settle()
        return made

    def _repair(self, job: Job, first: _Round) -> Generator[Stage | Sentence, None, _Round]:
        """Tell the model what failed, and return the better of the two rounds."""
        left = first.written.failed
        again = repair_messages(self._prompts, self._settings, job.messages, first.text, left)
        if not again:
            return first
        total = len(left) + len(first.written.sentences)
        yield Stage(f"Asking once more, because the sources don't bear {len(left)} of {_sentences(total)}")
        job.sent += again[len(job.messages) :]
        second = yield from self._round(job, self._call(job, again), shows=False)
        if second.written.is_enough and not second.written.has_declined:
            return second
        # That the first round has failed too is what counts, and not how the second went.
        return replace(first, line=second.line, has_failed=True) if second.has_failed else first

    def _second_opinion(self, job: Job, made: _Round) -> Generator[Stage, None, None]:
        """Take away the sentences that the model itself says aren't borne by their sources."""
        yield Stage("Checking")
        messages = check_messages(self._prompts, made.written.sentences)
        if tokens_of(messages) > self._settings.model_context_tokens - self._settings.model_answer_tokens:
            made.add(UNCHECKED)
            return
        job.sent += messages
        try:
            reply = self._model.ask(messages, job.limits)
        except ModelError as error:
            made.add(f"{error} {BY_RULES}")
        except Stopped:
            made.add(f"{STOPPED} {BY_RULES}")
        else:
            self._count(job, reply)
            self._take_away(made, _THOUGHT.sub("", reply.text, count=1))

    def _take_away(self, made: _Round, opinion: str) -> None:
        """Take away what an opinion says no to, and say so where it leaves sentences out."""
        verdicts = [(int(m[1]) - 1, m[2].lower() == "yes") for m in _VERDICT.finditer(opinion)]
        asked = {place for place, one in enumerate(made.written.sentences) if one.part != "lead"}
        if not asked <= {place for place, _ in verdicts}:
            made.add(UNREADABLE)
        refused = (place for place, is_borne in verdicts if place in asked and not is_borne)
        made.written.take_away(dict.fromkeys(refused, _TAKEN_AWAY))

    def _hushed(self, writing: Writing) -> Writing:
        """Leave the key out of what no source bears, also of what the model was sent again."""
        hushed, sent = self._model.own_words, writing.sent
        left_out = tuple(LeftOut(hushed(s.text), hushed(s.reason), s.position) for s in writing.left_out)
        again = next((n for n, (role, _) in enumerate(sent) if role == "assistant"), len(sent))
        own = ((role, hushed(text)) for role, text in sent[again:])
        return replace(writing, left_out=left_out, sent=(*sent[:again], *own))

    def _count(self, job: Job, reply: Reply) -> None:
        before = job.usage or Usage(self._model.name, 0, 0, reply.seconds_to_first_token)
        job.usage = replace(
            before,
            prompt_tokens=before.prompt_tokens + reply.prompt_tokens,
            completion_tokens=before.completion_tokens + reply.completion_tokens,
        )


def _is_planted(completed: str, question: str) -> bool:
    """Whether a completed follow-up orders or names an address, as an article told earlier, not the user."""
    is_order = is_instruction(completed) or asks_reader(completed)
    return (is_order and not asks_reader(question)) or (has_contact(completed) and not has_contact(question))


def _checked(job: Job, made: _Round, drafts: Iterable[Draft], *, shows: bool) -> Iterator[Sentence]:
    for place, draft in enumerate(drafts):
        if made.written.count >= MOST_SENTENCES:
            return
        if place and job.limits.is_over:
            # Many may come at once, each of them with much to compare.
            made.line = made.line or (STOPPED if job.limits.is_stopped() else NO_TIME)
            made.has_failed = True
            return
        known = len(made.written.sentences)
        made.written.check(draft)
        # The first item of a list brings its lead-in along.
        new = made.written.sentences[known:]
        if shows and all(map(made.written.is_settled, new)):
            yield from new


def _writing(job: Job, written: Written, *, is_repaired: bool) -> Writing:
    documents = [passage.stored.document for passage in job.passages]
    return Writing(
        left_out=tuple(written.left_out),
        kept_out=_kept_out(job, written),
        markers_dropped=written.markers_dropped,
        repaired=is_repaired,
        usage=job.usage,
        read=tuple(dict.fromkeys((document.id, document.version) for document in documents)),
        sent=tuple((_ROLES[message.type], str(message.content)) for message in job.sent),
    )


def _answer(quoted: Answer, made: _Round, writing: Writing) -> Answer:
    if not made.written.is_enough:
        return replace(quoted, writing=writing, remark=_why_quoted(made))
    return replace(
        quoted,
        sentences=tuple(made.written.sentences),
        items=Items(),
        differing=(),
        writing=writing,
        remark=f"{made.line} {UNTIL_THEN}" if made.has_failed else made.line,
    )


def _kept_out(job: Job, written: Written) -> tuple[KeptOut, ...]:
    """Return the sentences that give orders and might have borne something, each once for all copies.

    Those are near the question or to what the model has tried to say; where no sentence was checked there
    are none.
    """
    if not written.count:
        return ()
    sought = [job.found.question.text, *(claim.text for claim in written.failed)]
    asked = list(filter(None, map(content_words, sought)))
    return tuple(
        {
            order.text: order
            for passage in job.passages
            for order in passage.kept_out
            if any(tell_of(words, [order.text], [order.document.title]) for words in asked)
        }.values()
    )


def _why_quoted(made: _Round) -> str:
    """Return the line that says why the model's answer isn't shown."""
    if made.has_failed:
        return f"{made.line} {QUOTED}"
    if made.written.sentences or made.written.failed:
        return NOT_BORNE
    if made.line == CUT:
        return CUT_BEFORE
    return REFUSED if made.written.has_declined or made.written.count else WROTE_NOTHING


def _sentences(number: int) -> str:
    return "1 sentence" if number == 1 else f"{number} sentences"
