"""The catalog: one SQLite file that holds everything that matters.

A document is written, replaced or removed in one transaction with its passages, vectors, index
entries and changes. Readers see one moment of it (`Catalog.reading`) and fetch whole, so that
checkpoints can finish.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from queue import Empty, SimpleQueue

import numpy as np

from rag.catalog_view import CatalogView
from rag.documents import Document, NewDocument, name_of_removed, short_hash
from rag.embeddings import Vector, Vectors
from rag.errors import CatalogError
from rag.migrations import MIGRATIONS, migrate
from rag.splitting import Piece

SCHEMA_VERSION = 1
_BUSY_SECONDS = 60
_TRY_SECONDS = 0.1
"""How long one try to cut off the log keeps other writers waiting."""
_MERGED_PAGES = 500
"""Pages of the word index merged in one transaction: 0.03 s, so that other writers come in between."""
_MOST_LEVELS = 100
"""Each merge of all segments adds a level or two to the word index, and at 2,000 SQLite 3.40 takes it for
damaged. Making it anew costs about as much as fifty merges, and brings them back to one."""
_WIPE = "wipe"
"""The name under which the catalog notes that removed text still has to be wiped."""


@dataclass(frozen=True, slots=True)
class EmbeddedPiece:
    """A passage to be stored, with its vectors."""

    piece: Piece
    fingerprint: str
    vector: Vector
    sentence_vectors: Vectors


class Catalog:
    """The SQLite file, its connections and what can be written to it.

    Several threads may use one catalog, and several processes one file.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, and make it if there is none.

        Raises
        ------
        CatalogError
            The folder can't be written, the file is damaged, or a newer Footnote wrote it.
        """
        self.path = path
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._all: list[sqlite3.Connection] = []
        self._writer = threading.Lock()
        self._closed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CatalogError(
                f"The data folder {path.parent} can't be made ({error.strerror}): choose another"
                " with FOOTNOTE_DATA_DIR."
            ) from error
        if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
            raise CatalogError(
                f"The data folder {path.parent} can't be written: make it writable, or choose"
                " another with FOOTNOTE_DATA_DIR."
            )
        with self._translated():
            self._prepare()

    def close(self) -> None:
        """Close all connections; nothing can be asked of the catalog after that."""
        self._closed = True
        for connection in self._all:
            with suppress(sqlite3.Error):
                connection.close()

    @contextmanager
    def reading(self) -> Iterator[CatalogView]:
        """See the catalog as it is at this moment, whatever is written meanwhile."""
        with self._translated(), self._connection() as connection:
            connection.execute("BEGIN")
            try:
                yield CatalogView(connection)
            finally:
                connection.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[CatalogWriter]:
        """Write in one transaction, which is undone where an exception leaves the block."""
        with self._translated(), self._writer, self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield CatalogWriter(connection)
                connection.execute("COMMIT")
            except BaseException:
                # A full disk has rolled back already, and then this is refused.
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def owed(self) -> str:
        """What names the wiping that is owed since something was removed; empty where none is."""
        with self.reading() as view:
            return view.meta(_WIPE) or ""

    def wipe(self, patience_seconds: float) -> bool:
        """Wipe what was removed from the file and its log; return whether all of it is gone.

        A removed row is overwritten with zeros, but its words stay in older segments of the word
        index until they are merged, and its text in the log until that is copied into the file and
        cut off. A reader of an earlier moment, in any process, stands in the way of that.
        """
        start = True
        while True:
            with self.writing() as writer:
                if not writer.merge_words(start=start):
                    break
            start = False
        if self._word_levels() > _MOST_LEVELS:
            with self.writing() as writer:
                writer.rebuild_words()
        end = time.monotonic() + patience_seconds
        while not self._cut_log():
            if time.monotonic() >= end:
                return False
            time.sleep(_TRY_SECONDS / 2)
        return True

    def settle(self, owed: str) -> None:
        """Note that what was owed is wiped, unless more was removed meanwhile."""
        with self.writing() as writer:
            writer.execute("DELETE FROM meta WHERE name = ? AND value = ?", [_WIPE, owed])

    def _word_levels(self) -> int:
        """Return how many levels of segments the word index has.

        The structure record begins with four bytes and then this number, as one of SQLite's varints
        (https://sqlite.org/fileformat2.html#varint); two bytes of it are enough here.
        """
        with self._translated(), self._connection() as connection:
            (record,) = connection.execute("SELECT block FROM words_data WHERE id = 10").fetchone()
        first, second = record[4], record[5]
        return int(first if first < 128 else (first & 127) << 7 | second & 127)

    def _cut_log(self) -> bool:
        with self._translated(), self._writer, self._connection() as connection:
            connection.execute(f"PRAGMA busy_timeout = {int(1000 * _TRY_SECONDS)}")
            try:
                is_busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.execute(f"PRAGMA busy_timeout = {1000 * _BUSY_SECONDS}")
        return not is_busy

    def _prepare(self) -> None:
        with self._connection() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA_VERSION:
                raise CatalogError(
                    f"The catalog {self.path} was written by a newer Footnote (schema {version}, this"
                    f" one knows {SCHEMA_VERSION}): update Footnote, or choose another folder with"
                    " FOOTNOTE_DATA_DIR."
                )
            if version == 0:
                # Two processes may meet here: the second one waits, looks again and finds it done.
                connection.execute("BEGIN IMMEDIATE")
                if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                    for statement in schema():
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                connection.execute("COMMIT")
            elif version < SCHEMA_VERSION:
                migrate(connection, self.path, SCHEMA_VERSION, MIGRATIONS)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        if self._closed:
            raise CatalogError("The library has been closed: open it again.")
        try:
            connection = self._idle.get_nowait()
        except Empty:
            connection = self._connect()
        try:
            yield connection
        finally:
            self._idle.put(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "secure_delete = ON",
            "foreign_keys = ON",
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")
        self._all.append(connection)
        return connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise CatalogError(_sentence(error, self.path)) from error
        except json.JSONDecodeError as error:  # zeros where blocks or sentences stood
            raise CatalogError(_damaged(self.path)) from error


class CatalogWriter(CatalogView):
    """A transaction."""

    def execute(self, statement: str, values: Sequence[object] = ()) -> int:
        """Change the catalog in its own terms, as `select` reads it; return how many rows it touched."""
        return self._connection.execute(statement, values).rowcount

    def put(
        self, document: NewDocument, document_id: str, version: str, pieces: Sequence[EmbeddedPiece]
    ) -> Document:
        """Add a document, or replace the one with its key; its tombstone is cleared."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        row = self._connection.execute("SELECT added FROM documents WHERE key = ?", [document.key]).fetchone()
        self._delete(document_id)
        number = self._insert_document(document, document_id, version, row[0] if row else now, now, pieces)
        for position, piece in enumerate(pieces):
            self._insert_passage(document, document_id, version, number, position, piece)
        self.unbury(document.key)
        return self.document(document_id)

    def remove(self, document_id: str, bury: bool) -> Document:
        """Remove a document with all that belongs to it; with `bury`, so that it stays away.

        Of a buried one key, hash and the beginning of the title are kept, to know what stays away
        and to name it.

        Raises
        ------
        DocumentNotFound
        """
        document = self.document(document_id)
        if bury:
            self._connection.execute(
                "INSERT OR REPLACE INTO tombstones VALUES (?, ?, ?, ?)",
                [
                    document.key,
                    text_hash(document.text),
                    name_of_removed(document.title),
                    datetime.now(UTC).isoformat(timespec="seconds"),
                ],
            )
        self._delete(document_id)
        return document

    def unbury(self, key: str) -> None:
        """Forget that this key was removed on purpose, and its text under any other key."""
        self._connection.execute(
            "DELETE FROM tombstones WHERE key = ?1"
            " OR text_hash = (SELECT text_hash FROM documents WHERE key = ?1)",
            [key],
        )

    def set_meta(self, name: str, value: str) -> None:
        """Keep a value beside the documents."""
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [name, value])

    def see_file(self, key: str, size: int, modified_ns: int) -> None:
        """Note a file as read."""
        self._connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", [key, size, modified_ns])

    def forget_file(self, key: str) -> None:
        """Note a file as gone, or to be read again."""
        self._connection.execute("DELETE FROM files WHERE key = ?", [key])

    def _delete(self, document_id: str) -> None:
        number = "(SELECT number FROM documents WHERE id = ?)"
        # Only a passage's last change counts, so the log grows with passages and not with updates.
        self._connection.execute(
            f"DELETE FROM changes WHERE passage IN (SELECT id FROM passages WHERE document = {number})",
            [document_id],
        )
        self._connection.execute(
            f"INSERT INTO changes (passage, added) SELECT id, 0 FROM passages WHERE document = {number}"
            " ORDER BY number",
            [document_id],
        )
        self._connection.execute(
            f"DELETE FROM words WHERE rowid IN (SELECT number FROM passages WHERE document = {number})",
            [document_id],
        )
        if self._connection.execute("DELETE FROM documents WHERE id = ?", [document_id]).rowcount:
            # In the same transaction, so that a kill before the wiping leaves it owed.
            self.set_meta(_WIPE, secrets.token_hex(8))

    def merge_words(self, *, start: bool) -> bool:
        """Merge a step of the word index, which drops the words of removed rows; return whether more is left.

        "optimize" does the same at once, and keeps other writers out for as long as it takes.
        """
        before = self._connection.total_changes
        # The negative number starts merging all segments into one; https://sqlite.org/fts5.html#the_merge_command
        pages = -_MERGED_PAGES if start else _MERGED_PAGES
        self._connection.execute("INSERT INTO words (words, rank) VALUES ('merge', ?)", [pages])
        return self._connection.total_changes - before >= 2

    def rebuild_words(self) -> None:
        """Make the word index anew from its own texts."""
        self._connection.execute("INSERT INTO words (words) VALUES ('rebuild')")

    def _insert_document(
        self,
        document: NewDocument,
        document_id: str,
        version: str,
        added: str,
        updated: str,
        pieces: Sequence[EmbeddedPiece],
    ) -> int:
        blocks = [[b.kind, b.start, b.end, b.level, b.page] for b in document.blocks]
        values = {
            "id": document_id,
            "key": document.key,
            "version": version,
            "text_hash": text_hash(document.text),
            "title": document.title,
            "source": document.source,
            "url": document.url,
            "published": document.published.isoformat() if document.published else None,
            "author": document.author,
            "language": document.language,
            "media_type": document.media_type,
            "added": added,
            "updated": updated,
            "characters": len(document.text),
            "words": len(document.text.split()),
            "passages": len(pieces),
            "blocks": json.dumps(blocks, separators=(",", ":")),
            "text": document.text,
        }
        cursor = self._connection.execute(
            f"INSERT INTO documents ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
            list(values.values()),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def _insert_passage(
        self,
        document: NewDocument,
        document_id: str,
        version: str,
        number: int,
        position: int,
        embedded: EmbeddedPiece,
    ) -> None:
        piece = embedded.piece
        passage_id = short_hash(document_id, version, str(piece.start), str(piece.end))
        execute = self._connection.execute
        passage = execute(
            "INSERT INTO passages (id, document, position, start, end, heading, page, header, fingerprint)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                passage_id,
                number,
                position,
                piece.start,
                piece.end,
                piece.heading,
                piece.page,
                piece.header,
                embedded.fingerprint,
            ],
        ).lastrowid
        spans = json.dumps([[s.start, s.end, s.kind] for s in piece.sentences], separators=(",", ":"))
        execute("INSERT INTO vectors VALUES (?, ?)", [passage, embedded.vector.tobytes()])
        execute(
            "INSERT INTO sentences VALUES (?, ?, ?)",
            [passage, spans, embedded.sentence_vectors.astype(np.float16).tobytes()],
        )
        text = "\n".join(filter(None, [piece.header, document.text[piece.start : piece.end]]))
        execute(
            "INSERT INTO words (rowid, title, heading, text) VALUES (?, ?, ?, ?)",
            [passage, document.title, piece.heading, text],
        )
        execute("DELETE FROM changes WHERE passage = ?", [passage_id])
        execute("INSERT INTO changes (passage, added) VALUES (?, 1)", [passage_id])


def text_hash(text: str) -> str:
    """Return what names a text whatever its key and metadata."""
    return short_hash("text", text)


def schema() -> Iterator[str]:
    """The statements that make an empty catalog of the newest version."""
    statement = ""
    for line in files("rag").joinpath("schema.sql").read_text("utf-8").splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _damaged(path: Path) -> str:
    return (
        f"The catalog {path} is damaged: put a copy of it back, or save what can be read of it with"
        " `python -m rag doctor`."
    )


def _sentence(error: sqlite3.Error, path: Path) -> str:
    text = str(error)
    if "full" in text:
        return f"The disk that holds {path.parent} is full: make room and try again; nothing was lost."
    if "readonly" in text or "unable to open" in text:
        return f"The catalog {path} can't be written: make it writable, or set FOOTNOTE_DATA_DIR."
    if "locked" in text:
        return "Another process has been writing to the library for a minute: try again when it is done."
    if any(sign in text for sign in ("malformed", "not a database", "not decode", "already exists")):
        return _damaged(path)
    return f"The catalog {path} failed ({text}): try again."
