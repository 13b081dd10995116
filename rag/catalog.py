"""The catalog: one SQLite file that holds everything that matters.

A document is written, replaced or removed in one transaction with its passages, vectors, index
entries and changes. Readers see one moment of it (`Catalog.reading`) and fetch whole, so that
checkpoints can finish.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from queue import Empty, SimpleQueue

import numpy as np

from rag.catalog_view import CatalogView
from rag.documents import Document, NewDocument, short_hash
from rag.embeddings import Vector, Vectors
from rag.errors import CatalogError
from rag.splitting import Piece

SCHEMA_VERSION = 1
_BUSY_SECONDS = 60


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
                    for statement in _statements(files("rag").joinpath("schema.sql").read_text("utf-8")):
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                connection.execute("COMMIT")

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


class CatalogWriter(CatalogView):
    """A transaction."""

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
                    document.title,
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
        self._connection.execute(
            f"INSERT INTO changes (passage, added) SELECT id, 0 FROM passages WHERE document = {number}"
            " ORDER BY number",
            [document_id],
        )
        self._connection.execute(
            f"DELETE FROM words WHERE rowid IN (SELECT number FROM passages WHERE document = {number})",
            [document_id],
        )
        self._connection.execute("DELETE FROM documents WHERE id = ?", [document_id])

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
        execute("INSERT INTO changes (passage, added) VALUES (?, 1)", [passage_id])


def text_hash(text: str) -> str:
    """Return what names a text whatever its key and metadata."""
    return short_hash("text", text)


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _sentence(error: sqlite3.Error, path: Path) -> str:
    text = str(error)
    if "full" in text:
        return f"The disk that holds {path.parent} is full: make room and try again; nothing was lost."
    if "readonly" in text or "unable to open" in text:
        return f"The catalog {path} can't be written: make it writable, or set FOOTNOTE_DATA_DIR."
    if "locked" in text:
        return "Another process has been writing to the library for a minute: try again when it is done."
    if "malformed" in text or "not a database" in text:
        return f"The catalog {path} is damaged: put a copy of it back, or move it away to start afresh."
    return f"The catalog {path} failed ({text}): try again."
