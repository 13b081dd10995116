"""Conversations: questions and their answers, kept in a small SQLite file of their own.

A turn holds the whole answer, citations included. When a cited document is removed, what was quoted from
it is blanked: the question, the numbers of the footnotes and the document's title stay. What was quoted
from one that has changed stays as it was. The file is apart from the catalog: reading and forgetting what
was asked never waits for the library, and deleting one leaves the other whole.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
import threading
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from rag.answers import Answer
from rag.conversations.kept_answers import answer_from_json, answer_to_json, blanked
from rag.conversations.schema import insert_cited, prepare
from rag.errors import CatalogError
from rag.settings import Settings
from rag.text.words import content_words, words

log = logging.getLogger(__name__)

_BUSY_SECONDS = 10
_WIPE_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Turn:
    """One question as it was typed, and its answer; ``number`` counts from 1 in a conversation."""

    number: int
    question: str
    answer: Answer
    asked: datetime


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a list of conversations shows: the first question stands for the whole."""

    id: str
    title: str
    turns: int
    changed: datetime


class Conversations:
    """All stored conversations of one data folder; safe for several threads and processes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    @classmethod
    def open(cls, settings: Settings) -> Conversations:
        """Open the file `data_dir`/conversations.sqlite3, and make it where it is missing.

        Raises
        ------
        CatalogError
            The file can't be opened or written, is damaged, or was made by a newer version.
        """
        path = settings.data_dir / "conversations.sqlite3"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                prepare(connection)
            except BaseException:
                connection.close()
                raise
        except (OSError, sqlite3.Error) as error:
            raise CatalogError(
                f"The conversations in {path} can't be opened ({error}); check that the folder can be "
                "written, or move the file away to start anew."
            ) from error
        return cls(connection)

    def close(self) -> None:
        """Give the file back; nothing else may be called afterwards."""
        with self._lock:
            self._connection.close()

    def create(self) -> str:
        """Start a conversation and return its id.

        The id is 128 random bits rather than a hash or a counter: it stands in the address of the
        page, and whoever knows it can read the conversation, so it must not be guessable.
        """
        conversation_id = secrets.token_urlsafe(16)
        with self._transaction() as connection:
            _insert_conversation(connection, conversation_id)
        return conversation_id

    def append(self, conversation_id: str, question: str, answer: Answer) -> Turn:
        """Store a turn at the end of a conversation and return it.

        A conversation that was deleted meanwhile, in another window, is made again: what was just
        asked is not lost.
        """
        asked = datetime.now(UTC)
        with self._transaction() as connection:
            _insert_conversation(connection, conversation_id)
            (number,) = connection.execute(
                "SELECT coalesce(max(number), 0) + 1 FROM turns WHERE conversation = ?", (conversation_id,)
            ).fetchone()
            connection.execute(
                "INSERT INTO turns VALUES (?, ?, ?, ?, ?)",
                (conversation_id, number, question, answer_to_json(answer), asked.isoformat()),
            )
            insert_cited(connection, conversation_id, number, answer)
        return Turn(number, question, answer, asked)

    def turns(self, conversation_id: str) -> Sequence[Turn]:
        """Return the turns in order; none for a conversation that is not known."""
        rows = self._read(
            "SELECT number, question, answer, asked FROM turns WHERE conversation = ? ORDER BY number",
            (conversation_id,),
        )
        return [
            Turn(number, question, answer_from_json(answer), datetime.fromisoformat(asked))
            for number, question, answer, asked in rows
        ]

    def exists(self, conversation_id: str) -> bool:
        """Whether there is a conversation of this id, with turns or without."""
        return bool(self._read("SELECT 1 FROM conversations WHERE id = ?", (conversation_id,)))

    def list(self, limit: int = 50) -> Sequence[Conversation]:
        """Return the conversations that have turns, the last changed one first."""
        rows = self._read(
            """
            SELECT conversation, count(*), max(asked),
                (SELECT question FROM turns AS first
                 WHERE first.conversation = turns.conversation ORDER BY number LIMIT 1)
            FROM turns GROUP BY conversation ORDER BY max(asked) DESC, conversation LIMIT ?
            """,
            (limit,),
        )
        return [
            Conversation(conversation_id, title, count, datetime.fromisoformat(changed))
            for conversation_id, count, changed, title in rows
        ]

    def delete(self, conversation_id: str) -> None:
        """Forget a conversation and wipe its words from the file; an unknown one is no error."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,))
            connection.execute("INSERT INTO wipes DEFAULT VALUES")
        self.wipe()

    def cited(self) -> set[tuple[str, str]]:
        """Return the documents and versions, as their ids, of which any turn holds words."""
        return set(self._read("SELECT DISTINCT document, version FROM cited"))

    def forget(self, versions: Iterable[tuple[str, str]]) -> None:
        """Blank what the turns hold of these versions of documents; `wipe` then clears the file of it.

        Questions that were completed with words out of them are kept only as they were typed.
        """
        gone = set(versions)
        with self._transaction() as connection:
            select = "SELECT conversation, number FROM cited WHERE document = ? AND version = ?"
            turns = {turn for version in gone for turn in connection.execute(select, version)}
            for conversation_id, number in turns:
                place = (conversation_id, number)
                (text,) = connection.execute(
                    "SELECT answer FROM turns WHERE conversation = ? AND number = ?", place
                ).fetchone()
                answer = blanked(answer_from_json(text), gone)
                _rewrite(connection, conversation_id, number, answer)
                connection.execute("DELETE FROM cited WHERE conversation = ? AND number = ?", place)
                insert_cited(connection, conversation_id, number, answer)
            for conversation_id in {conversation_id for conversation_id, _ in turns}:
                _uncomplete(connection, conversation_id)
            if turns:
                connection.execute("INSERT INTO wipes DEFAULT VALUES")

    def forget_removed(self, held: Callable[[], Container[str]]) -> bool:
        """Blank what is quoted from documents that are not ``held``, by their ids; return whether any was."""
        # In this order: a document that was cited before and isn't held after it is gone.
        cited = self.cited()
        ids = held()
        gone = {(document, version) for document, version in cited if document not in ids}
        if gone:
            self.forget(gone)
        try:
            self.wipe()
        except CatalogError as error:  # it stays owed, and the next call tries again
            log.warning("What was blanked is not wiped from the conversations yet: %s", error)
        return bool(gone)

    def wipe(self) -> bool:
        """Wipe what was deleted and blanked from the file and its log; return whether it is gone.

        SQLite overwrites deleted rows, but copies of rows stay in unused parts of pages when a tree is
        balanced (in one of 1,600 rows, measured), so the file is written anew: it is small.
        """
        ((last,),) = self._read("SELECT coalesce(max(number), 0) FROM wipes")
        if not last:
            return True
        with self._lock, _translated():
            self._connection.execute("VACUUM")
            # A reader of an earlier moment, in any process, stands in the way of cutting the log off.
            self._connection.execute(f"PRAGMA busy_timeout = {1000 * _WIPE_SECONDS}")
            try:
                is_busy, *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                self._connection.execute(f"PRAGMA busy_timeout = {1000 * _BUSY_SECONDS}")
        if is_busy:
            return False
        self._read("DELETE FROM wipes WHERE number <= ?", (last,))
        return True

    def _read(self, query: str, parameters: tuple[object, ...] = ()) -> Sequence[Any]:
        with self._lock, _translated():
            return self._connection.execute(query, parameters).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock from the start, so that two windows can't take the same number."""
        with self._lock, _translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


def wipe_removed(settings: Settings, held: Callable[[], Container[str]]) -> bool:
    """Wipe from the file what `Conversations.forget_removed` blanks; return whether all of it is gone."""
    if not (settings.data_dir / "conversations.sqlite3").exists():
        return True
    with closing(Conversations.open(settings)) as conversations:
        conversations.forget_removed(held)
        return conversations.wipe()


def _insert_conversation(connection: sqlite3.Connection, conversation_id: str) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO conversations VALUES (?, ?)", (conversation_id, datetime.now(UTC).isoformat())
    )


def _rewrite(connection: sqlite3.Connection, conversation_id: str, number: int, answer: Answer) -> None:
    connection.execute(
        "UPDATE turns SET answer = ? WHERE conversation = ? AND number = ?",
        (answer_to_json(answer), conversation_id, number),
    )


def _uncomplete(connection: sqlite3.Connection, conversation_id: str) -> None:
    """Keep a question only as it was typed where it was completed with more than the user's own words.

    A name, a year or a title may have come out of what was quoted before it.
    """
    typed = set[str]()
    for number, question, text in connection.execute(
        "SELECT number, question, answer FROM turns WHERE conversation = ? ORDER BY number",
        (conversation_id,),
    ).fetchall():
        typed.update(words(question))
        answer = answer_from_json(text)
        if not typed.issuperset(content_words(answer.question)):
            _rewrite(connection, conversation_id, number, replace(answer, question=question))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise CatalogError(
            f"The conversations can't be read or written ({error}); check the data folder and its disk."
        ) from error
