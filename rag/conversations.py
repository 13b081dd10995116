"""Conversations: questions and their answers, kept in a small SQLite file of their own.

A turn holds the whole answer, citations included, so that it can be shown as it was even when a
cited document has been changed or removed since. The file is apart from the catalog: reading and
forgetting what was asked never waits for the library, and deleting one leaves the other whole.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from typing import Any

from rag.documents import Answer, Citation, Document, Hit, Passage, Sentence
from rag.errors import CatalogError
from rag.settings import Settings

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    created TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE turns (
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    question TEXT NOT NULL,
    answer TEXT NOT NULL,
    asked TEXT NOT NULL,
    PRIMARY KEY (conversation, number)
) WITHOUT ROWID;
"""


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
            connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
            try:
                _prepare(connection)
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
        # The deleted words still stand in the write-ahead log until it is folded in and cut off.
        self._read("PRAGMA wal_checkpoint(TRUNCATE)")

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


def answer_to_json(answer: Answer) -> str:
    """Return an answer as JSON text, for `answer_from_json`."""
    return json.dumps(asdict(answer), default=_day_or_time, ensure_ascii=False)


def answer_from_json(text: str) -> Answer:
    """Return the answer that `answer_to_json` wrote; the two are exact inverses."""
    data = json.loads(text)
    sentences = tuple(
        Sentence(s["text"], s["kind"], tuple(_citation(c) for c in s["citations"])) for s in data["sentences"]
    )
    related = tuple(
        Hit(_document(h["document"]), Passage(**_known(Passage, h["passage"])), h["score"])
        for h in data["related"]
    )
    missing = tuple(data.get("missing", ()))
    return Answer(**{**_known(Answer, data), "sentences": sentences, "related": related, "missing": missing})


def _citation(data: dict[str, Any]) -> Citation:
    return Citation(**{**_known(Citation, data), "document": _document(data["document"])})


def _document(data: dict[str, Any]) -> Document:
    published = date.fromisoformat(data["published"]) if data["published"] else None
    added = datetime.fromisoformat(data["added"])
    # Citations carry a document's metadata only, so its text and blocks are the empty ones.
    return Document(
        **{**_known(Document, data), "published": published, "added": added, "text": "", "blocks": ()}
    )


def _known(kind: type, data: dict[str, Any]) -> dict[str, Any]:
    """Leave out what this version has no field for, so that an older one can read a newer answer."""
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in data.items() if name in names}


def _day_or_time(value: object) -> str:
    if isinstance(value, date):  # a datetime is a date too
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _prepare(connection: sqlite3.Connection) -> None:
    connection.executescript(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; "
        "PRAGMA foreign_keys = ON;"
    )
    connection.execute("BEGIN IMMEDIATE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        connection.execute("ROLLBACK")
        raise CatalogError(
            "The stored conversations were made by a newer version of Footnote; update Footnote, or set "
            "FOOTNOTE_DATA_DIR to another folder."
        )
    if version == 0:
        for statement in SCHEMA.split(";\n"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _insert_conversation(connection: sqlite3.Connection, conversation_id: str) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO conversations VALUES (?, ?)", (conversation_id, datetime.now(UTC).isoformat())
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise CatalogError(
            f"The conversations can't be read or written ({error}); check the data folder and its disk."
        ) from error
