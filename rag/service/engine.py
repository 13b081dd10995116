"""The opened library with the assistant, the conversations, and the work that goes on in them."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import Unpack

from rag.answers import Answer
from rag.assistant import Assistant
from rag.conversations import Conversations, Turn
from rag.documents import AddReport, Document, ReportProgress
from rag.errors import FootnoteError, SettingsError
from rag.library import Library
from rag.question.time_and_source import get_ready
from rag.service.asking import Asking, How
from rag.service.following import Following
from rag.service.intake import Intake
from rag.service.starters import starter_questions
from rag.service.work import Work
from rag.settings import Settings

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 60.0
"""How long after a failure of the embedding model what it has still to embed is tried again."""

_TEXTS_IN_MEMORY = 32
_SENT_IN_MEMORY = 20


@dataclass
class Engine:
    """The opened library and the work that goes on in it.

    ``indexing`` reads the folders of articles at the start of the server, and embeds everything anew if
    the embedding model has been changed; ``embedding_anew`` is set while it does that. ``following`` keeps in
    step with the folders after that, and ``intake`` adds what is handed over. A question that comes while a
    new library is still being filled waits for it, since an empty library answers nothing.
    """

    settings: Settings
    library: Library
    assistant: Assistant
    conversations: Conversations
    indexing: Work[AddReport]
    was_empty: bool
    embedding_anew: threading.Event = field(default_factory=threading.Event)
    following: Following = field(init=False)
    intake: Intake = field(init=False)
    _asking: dict[str, list[Asking]] = field(default_factory=dict)
    _sent: dict[tuple[str, int], Answer] = field(default_factory=dict)
    _starters: tuple[object, Work[list[str]]] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closed: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        """Go on with what was being added when the server ended."""
        self.intake = Intake(self.library)
        self.following = Following(self.library)
        self._read = lru_cache(_TEXTS_IN_MEMORY)(lambda document_id, _: self.library.document(document_id))

    @classmethod
    def open(cls) -> Engine:
        """Open everything and begin to read the folder of articles."""
        settings = Settings.from_env()
        try:
            settings.check_folders()
        except SettingsError as error:  # a drive may be connected later; a wrong name is seen here, too
            log.warning("%s", error)
        library = Library.open(settings, reembed=True)
        with ExitStack() as opened:
            opened.callback(library.close)
            conversations = Conversations.open(settings)
            opened.callback(conversations.close)
            # Of an answer that was stored just before a kill.
            library.forget_quotes(conversations)
            threading.Thread(target=lambda: _get_ready(settings), daemon=True).start()
            engine = cls(
                settings=settings,
                library=library,
                assistant=Assistant(library, settings),
                conversations=conversations,
                was_empty=library.status().documents == 0,
                indexing=Work(lambda report: engine._bring_in_step(report), begin=False),
            )
            # From here on the engine closes them.
            opened.pop_all()
        threading.Thread(target=engine.indexing.run, daemon=True).start()
        engine.following.start(engine.indexing)
        threading.Thread(target=engine._go_on_embedding, daemon=True).start()
        return engine

    def close(self) -> None:
        """Give the files back."""
        self._closed.set()
        self.following.close()
        self.intake.close()
        self.conversations.close()
        self.library.close()

    @property
    def doing(self) -> str:
        """What ``indexing`` is doing, in a few words."""
        if self.embedding_anew.is_set():
            return "The embedding model has changed: embedding the articles anew"
        return "Reading the articles"

    def _go_on_embedding(self) -> None:
        """Try again what could not be embedded anew: an endpoint may be started later than the app."""
        self.indexing.wait()
        with suppress(FootnoteError):  # closed meanwhile
            while (
                self.indexing.error
                and self.library.embedding.left()
                and not self._closed.wait(_AGAIN_SECONDS)
            ):
                self.indexing = Work(self._bring_in_step)
                self.indexing.wait()

    def _bring_in_step(self, report: ReportProgress) -> AddReport:
        added = self.following.read_first(report)
        if self.library.embedding.left():
            self.embedding_anew.set()
        try:
            self.library.embedding.complete(report)
        finally:
            self.embedding_anew.clear()
        return added

    @property
    def filling(self) -> bool:
        """Whether a library that was empty is being filled for the first time."""
        return self.was_empty and not self.indexing.done

    def ask(self, conversation_id: str, question: str, **how: Unpack[How]) -> Asking:
        """Begin to answer a question of a conversation."""
        with self._lock:
            earlier = [asking for asking in self._asking.get(conversation_id, []) if not asking.error]
            number = len(self.conversations.turns(conversation_id)) + sum(not a.done for a in earlier) + 1
            asking = Asking(self, conversation_id, question, number, earlier, **how)
            self._asking[conversation_id] = [*(a for a in earlier if not a.done), asking]
        return asking

    def stop(self, conversation_id: str, number: int) -> None:
        """Stop the model that writes the answer of this number, if it still does."""
        with self._lock:
            asking = [one for one in self._asking.get(conversation_id, []) if one.number == number]
        for one in asking:
            one.stop()

    def conversation(self, conversation_id: str) -> tuple[list[Turn], list[Asking]]:
        """Return the stored turns, and the questions after them that are under way or failed."""
        with self._lock:
            asking = list(self._asking.get(conversation_id, []))
        # Read after the list above was taken: a question answered in between is in both, not in none.
        turns = list(self.conversations.turns(conversation_id))
        stored = {turn.number for turn in turns}
        # One that failed gives its number to the next that is answered.
        return turns, [
            a for a in asking if (a.turn.number if a.turn else bool(a.error) and a.number) not in stored
        ]

    def store(self, conversation_id: str, question: str, answer: Answer) -> Turn:
        """Store an answer and return its turn, without the words of what was removed meanwhile."""
        turn = self.conversations.append(conversation_id, question, answer)
        with self._lock:
            sent = [*self._sent.items(), ((conversation_id, turn.number), answer)]
            self._sent = dict(sent[-_SENT_IN_MEMORY:])
        if self.library.forget_quotes(self.conversations):
            turns = self.conversations.turns(conversation_id)
            return next((one for one in turns if one.number == turn.number), turn)
        return turn

    def sent(self, conversation_id: str, number: int) -> tuple[tuple[str, str], ...]:
        """Return what a model was sent for one of the latest answers, as pairs of role and text.

        Nothing where an article in it is there no more, or the server was started since.
        """
        answer = self._sent.get((conversation_id, number))
        held = {(document.id, document.version) for document in self.library.documents()}
        return answer.writing.sent if answer and held.issuperset(answer.writing.read) else ()

    def forget(self, conversation_id: str) -> None:
        """Delete a conversation, with the questions of it that are still in memory."""
        self.conversations.delete(conversation_id)
        with self._lock:
            for asking in self._asking.pop(conversation_id, []):
                asking.forget()
            self._sent = {key: sent for key, sent in self._sent.items() if key[0] != conversation_id}

    def starters(self) -> Work[list[str]]:
        """Return the search for questions to start with, begun anew when the library has changed."""
        # Not by the time of the last change: what is removed a moment later takes its questions with it.
        with self.library.catalog.reading() as view:
            changed = view.changes.last()
        with self._lock:
            if self._starters is None or self._starters[0] != changed:
                self._starters = (changed, Work(lambda _: starter_questions(self.library, self.assistant)))
            return self._starters[1]

    def document(self, document_id: str, version: str) -> Document:
        """Return a document with its text, from memory where this version was read a moment ago."""
        return self._read(document_id, version)

    def documents(self) -> dict[str, Document]:
        """Return the documents' metadata by their ids."""
        return {document.id: document for document in self.library.documents()}


def _get_ready(settings: Settings) -> None:
    """Load what the first question would otherwise wait for: it takes seconds."""
    get_ready()
    if settings.has_endpoint:
        for module in ("rag.langchain", "rag.writing.endpoint", "rag.writing.generating"):
            import_module(module)
