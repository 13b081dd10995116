"""Conversations: questions and their answers, kept in a small SQLite file of their own.

A turn holds the whole answer, citations included. When a cited document is removed, what was quoted from
it is blanked: the question, the numbers of the footnotes and the document's title stay. What was quoted
from one that has changed stays as it was. The file is apart from the catalog: reading and forgetting what
was asked never waits for the library, and deleting one leaves the other whole.
"""

from __future__ import annotations

import json
import logging
import secrets
import sqlite3
import threading
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime
from typing import Any

from rag.documents import (
    Answer,
    Cell,
    Citation,
    Differing,
    Document,
    Hit,
    KeptOut,
    LeftOut,
    Passage,
    Sentence,
    SentenceKind,
    Usage,
    name_of_removed,
)
from rag.errors import CatalogError
from rag.settings import Settings
from rag.text.words import content_words, words

log = logging.getLogger(__name__)

SCHEMA_VERSION = 2
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
CITED = """
CREATE TABLE cited (
    document TEXT NOT NULL,
    version TEXT NOT NULL,
    conversation TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (document, version, conversation, number),
    FOREIGN KEY (conversation, number) REFERENCES turns ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX cited_turn ON cited (conversation, number);
CREATE TABLE wipes (number INTEGER PRIMARY KEY AUTOINCREMENT);
"""
"""Since version 2: which turns hold words of which versions, and whether wiping is owed."""
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
            _insert_cited(connection, conversation_id, number, answer)
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
            turns = {
                (conversation_id, number)
                for version in gone
                for conversation_id, number in connection.execute(
                    "SELECT conversation, number FROM cited WHERE document = ? AND version = ?", version
                )
            }
            for turn in turns:
                (text,) = connection.execute(
                    "SELECT answer FROM turns WHERE conversation = ? AND number = ?", turn
                ).fetchone()
                answer = blanked(answer_from_json(text), gone)
                connection.execute(
                    "UPDATE turns SET answer = ? WHERE conversation = ? AND number = ?",
                    (answer_to_json(answer), *turn),
                )
                connection.execute("DELETE FROM cited WHERE conversation = ? AND number = ?", turn)
                _insert_cited(connection, *turn, answer)
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
    conversations = Conversations.open(settings)
    try:
        conversations.forget_removed(held)
        return conversations.wipe()
    finally:
        conversations.close()


def blanked(answer: Answer, gone: AbstractSet[tuple[str, str]]) -> Answer:
    """Return an answer without a word of these versions: (document id, version) pairs.

    A blanked citation has an empty quote; number and place stay, and the beginning of the
    document's title, so that a note can name what was there. The sentences that cite it are empty
    too, even a model's own: they were made of its words. Related passages of it are left out, and so
    are copies, what was no source and the values on which sources differ; where a copy in another document
    has the very words of a blanked quote, the footnote goes to it instead.
    """

    def is_gone(citation: Citation) -> bool:
        return (citation.document.id, citation.version) in gone

    def blank(citation: Citation, kind: SentenceKind) -> Citation:
        # A row is read with the header of its own table, so that other words would stay.
        citation = _without_copies(citation, gone, may_move=kind != "row")
        title = name_of_removed(citation.document.title)
        bare = replace(citation.document, key="", title=title, source="", url="", author="")
        return replace(citation, document=bare, quote="") if is_gone(citation) else citation

    sentences = tuple(
        replace(s, text="", cells=(), citations=citations)
        if any(map(is_gone, citations))
        else replace(s, citations=citations)
        for s in answer.sentences
        for citations in [tuple(blank(c, s.kind) for c in s.citations)]
    )
    left = {c.number for s in sentences for c in s.citations if c.quote}
    differing = tuple(one for one in answer.differing if one.number in left)
    related = tuple(h for h in answer.related if (h.document.id, h.document.version) not in gone)
    text = " ".join(s.text for s in sentences if s.text) if sentences else answer.text
    differing = differing if len(differing) > 1 else ()
    # Which article a sentence was made from that none bears can't be told: any that the model has read.
    is_read = not gone.isdisjoint(answer.read)
    left_out = tuple(LeftOut("", "", one.position) if is_read else one for one in answer.left_out)
    kept_out = tuple(one for one in answer.kept_out if (one.document.id, one.version) not in gone)
    read = tuple(version for version in answer.read if version not in gone)
    return replace(
        answer,
        text=text,
        sentences=sentences,
        related=related,
        differing=differing,
        left_out=left_out,
        kept_out=kept_out,
        read=read,
        sent=(),
    )


def _without_copies(citation: Citation, gone: AbstractSet[tuple[str, str]], may_move: bool) -> Citation:
    """Return a citation without copies that are gone; it moves to a copy where it is gone itself."""
    copies = tuple(c for c in citation.copies if (c.document.id, c.version) not in gone)
    if (citation.document.id, citation.version) in gone:
        heir = next((copy for copy in copies if may_move and copy.quote == citation.quote), None)
        if heir:
            return replace(heir, copies=tuple(copy for copy in copies if copy is not heir))
        copies = ()
    return replace(citation, copies=copies)


def answer_to_json(answer: Answer) -> str:
    """Return an answer as JSON text, for `answer_from_json`; what was sent to a model is not kept."""
    return json.dumps(asdict(replace(answer, sent=())), default=_day_or_time, ensure_ascii=False)


def answer_from_json(text: str) -> Answer:
    """Return the answer that `answer_to_json` wrote; but for ``sent`` the two are exact inverses."""
    data = json.loads(text)
    sentences = tuple(map(_sentence, data["sentences"]))
    related = tuple(
        Hit(_document(h["document"]), Passage(**_known(Passage, h["passage"])), h["score"])
        for h in data["related"]
    )
    words = {name: tuple(data.get(name, ())) for name in ("missing", "not_found")}
    differing = tuple(Differing(**_known(Differing, one)) for one in data.get("differing", ()))
    left_out = tuple(LeftOut(**_known(LeftOut, one)) for one in data.get("left_out", ()))
    kept_out = tuple(
        KeptOut(**{**_known(KeptOut, one), "document": _document(one["document"])})
        for one in data.get("kept_out", ())
    )
    usage = Usage(**_known(Usage, data["usage"])) if data.get("usage") else None
    parts: dict[str, Any] = {"sentences": sentences, "related": related, "differing": differing, "sent": ()}
    parts |= {"left_out": left_out, "kept_out": kept_out, "usage": usage}
    parts["read"] = tuple(map(tuple, data.get("read", ())))
    return Answer(**{**_known(Answer, data), **parts, **words})


def _sentence(data: dict[str, Any]) -> Sentence:
    citations = tuple(_citation(citation) for citation in data["citations"])
    if "cells" in data:
        cells = tuple(Cell(**_known(Cell, cell)) for cell in data["cells"])
    else:
        cells = _cells_in(data["text"]) if data["kind"] == "row" else ()
    return Sentence(**{**_known(Sentence, data), "citations": citations, "cells": cells})


def _cells_in(row: str) -> tuple[Cell, ...]:
    """Read "Date: October 2023 · Event: ..." apart: earlier versions kept a row's text alone."""
    parts = [part.partition(": ") for part in row.split(" · ") if part]
    return tuple(Cell(label, value) if colon else Cell("", label) for label, colon, value in parts)


def _citation(data: dict[str, Any]) -> Citation:
    copies = tuple(_citation(copy) for copy in data.get("copies", ()))
    return Citation(**{**_known(Citation, data), "document": _document(data["document"]), "copies": copies})


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
        "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
    )
    connection.execute("BEGIN IMMEDIATE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        connection.execute("ROLLBACK")
        raise CatalogError(
            "The stored conversations were made by a newer version of Footnote; update Footnote, or set "
            "FOOTNOTE_DATA_DIR to another folder."
        )
    for statement in (SCHEMA if version < 1 else "").split(";\n"):
        connection.execute(statement)
    if version < 2:
        for statement in CITED.split(";\n"):
            connection.execute(statement)
        for turn in connection.execute("SELECT conversation, number, answer FROM turns").fetchall():
            _insert_cited(connection, turn[0], turn[1], answer_from_json(turn[2]))
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _insert_conversation(connection: sqlite3.Connection, conversation_id: str) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO conversations VALUES (?, ?)", (conversation_id, datetime.now(UTC).isoformat())
    )


def _insert_cited(connection: sqlite3.Connection, conversation_id: str, number: int, answer: Answer) -> None:
    places = [place for c in answer.citations for place in (c, *c.copies)]
    versions = {(place.document.id, place.version) for place in places if place.quote}
    versions |= set(answer.read if any(one.text for one in answer.left_out) else ())
    versions |= {(one.document.id, one.version) for one in answer.kept_out}
    versions |= {(hit.document.id, hit.document.version) for hit in answer.related}
    connection.executemany(
        "INSERT INTO cited VALUES (?, ?, ?, ?)", [(*version, conversation_id, number) for version in versions]
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
            connection.execute(
                "UPDATE turns SET answer = ? WHERE conversation = ? AND number = ?",
                (answer_to_json(replace(answer, question=question)), conversation_id, number),
            )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise CatalogError(
            f"The conversations can't be read or written ({error}); check the data folder and its disk."
        ) from error
