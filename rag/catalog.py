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
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path
from queue import Empty, SimpleQueue

import numpy as np
from numpy.typing import NDArray

from rag.documents import Block, Document, Filters, NewDocument, Passage, short_hash
from rag.embeddings import Vector, Vectors
from rag.errors import CatalogError, DocumentNotFound
from rag.splitting import Piece, Span

SCHEMA_VERSION = 1
_BUSY_SECONDS = 60
_DOCUMENT = (
    "d.id, d.version, d.key, d.title, d.source, d.url, d.published, d.author, d.language,"
    " d.media_type, d.added, d.characters, d.words, d.passages"
)


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage with all that finding and quoting need.

    ``sentence_vectors`` is float32, (len(sentences), dimensions); ``header`` belongs to the rows at
    the start of a passage in which a table goes on.
    """

    passage: Passage
    document: Document
    header: str
    sentences: tuple[Span, ...]
    vector: Vector
    sentence_vectors: Vectors


@dataclass(frozen=True, slots=True)
class EmbeddedPiece:
    """A passage to be stored, with its vectors."""

    piece: Piece
    fingerprint: str
    vector: Vector
    sentence_vectors: Vectors


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A document that was removed on purpose and stays away until it is added again."""

    key: str
    title: str
    removed: datetime


@dataclass(frozen=True, slots=True)
class VectorRows:
    """Vectors of passages: ``ids[i]`` names row i of ``matrix``, (n, dimensions)."""

    ids: tuple[str, ...]
    matrix: Vectors


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


class CatalogView:
    """One moment of the catalog, to read."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def documents(self) -> list[Document]:
        """All documents without text, the newest first."""
        rows = self._connection.execute(
            f"SELECT {_DOCUMENT} FROM documents d ORDER BY d.published DESC NULLS LAST, d.id"
        ).fetchall()
        return [_document(row) for row in rows]

    def document(self, document_id: str) -> Document:
        """One document with text and blocks.

        Raises
        ------
        DocumentNotFound
        """
        row = self._connection.execute(
            f"SELECT {_DOCUMENT}, d.text, d.blocks FROM documents d WHERE d.id = ?", [document_id]
        ).fetchone()
        if row is None:
            raise DocumentNotFound(
                "This document is not in the library: it was removed, or the link is wrong."
            )
        blocks = tuple(Block(*block) for block in json.loads(row[-1]))
        return _document(row[:-2], row[-2], blocks)

    def version(self, key: str) -> str | None:
        """The version of the document with this key, if there is one."""
        row = self._connection.execute("SELECT version FROM documents WHERE key = ?", [key]).fetchone()
        return row[0] if row else None

    def keys(self, prefix: str) -> list[str]:
        """The keys that start with `prefix`, in order."""
        rows = self._connection.execute(
            "SELECT key FROM documents WHERE substr(key, 1, ?) = ? ORDER BY key", [len(prefix), prefix]
        ).fetchall()
        return [key for (key,) in rows]

    def counts(self) -> tuple[int, int]:
        """How many documents and passages there are."""
        count = "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM vectors)"
        documents, passages = self._connection.execute(count).fetchone()
        return documents, passages

    def updated(self) -> datetime | None:
        """When a document was last added or updated."""
        row = self._connection.execute("SELECT max(updated) FROM documents").fetchone()
        return datetime.fromisoformat(row[0]) if row[0] else None

    def meta(self, name: str) -> str | None:
        """A value kept beside the documents."""
        row = self._connection.execute("SELECT value FROM meta WHERE name = ?", [name]).fetchone()
        return row[0] if row else None

    def tombstones(self) -> list[Tombstone]:
        """What was removed on purpose, the latest first."""
        rows = self._connection.execute(
            "SELECT key, title, removed FROM tombstones ORDER BY removed DESC, key"
        ).fetchall()
        return [Tombstone(key, title, datetime.fromisoformat(removed)) for key, title, removed in rows]

    def is_buried(self, key: str, text_hash: str) -> bool:
        """Whether a document with this key or this text was removed on purpose."""
        return bool(
            self._connection.execute(
                "SELECT 1 FROM tombstones WHERE key = ? OR text_hash = ?", [key, text_hash]
            ).fetchone()
        )

    def is_buried_key(self, key: str) -> bool:
        """Whether the document with this key was removed on purpose."""
        return bool(self._connection.execute("SELECT 1 FROM tombstones WHERE key = ?", [key]).fetchone())

    def seen_files(self) -> dict[str, tuple[int, int]]:
        """Size in bytes and modification time in nanoseconds of files when last read, by key."""
        rows = self._connection.execute("SELECT key, size, modified_ns FROM files").fetchall()
        return {key: (size, modified) for key, size, modified in rows}

    def reusable(self, fingerprint: str) -> tuple[Vector, Vectors] | None:
        """The vectors of a passage with this fingerprint, if one is held."""
        row = self._connection.execute(
            "SELECT v.vector, s.vectors FROM passages p JOIN vectors v ON v.passage = p.number"
            " JOIN sentences s ON s.passage = p.number WHERE p.fingerprint = ? LIMIT 1",
            [fingerprint],
        ).fetchone()
        if row is None:
            return None
        vector = np.frombuffer(row[0], np.float32)
        return vector, _halves(row[1], len(vector))

    def matching(self, query: str, limit: int, filters: Filters | None = None) -> dict[str, float]:
        """Passage ids that match an FTS5 query with their BM25 score, the best first.

        Title, heading and text count alike; a word's rarity is that in the whole library.
        """
        where, values = _filter_clause(filters)
        rows = self._connection.execute(
            "SELECT p.id, -w.score FROM (SELECT rowid, bm25(words) AS score FROM words"
            f" WHERE words MATCH ? ORDER BY score, rowid LIMIT {limit if not where else -1}) w"
            " JOIN passages p ON p.number = w.rowid JOIN documents d ON d.number = p.document"
            f" WHERE 1 {where} ORDER BY w.score, p.id LIMIT ?",
            [query, *values, limit],
        ).fetchall()
        return dict(rows)

    def frequencies(self, terms: Sequence[str]) -> dict[str, int]:
        """How many passages hold each (stemmed) term."""
        marks = ",".join("?" * len(terms))
        rows = self._connection.execute(
            f"SELECT term, doc FROM vocabulary WHERE term IN ({marks})", list(terms)
        ).fetchall()
        return dict.fromkeys(terms, 0) | dict(rows)

    def last_change(self) -> int:
        """The number of the last change, 0 where there is none."""
        row = self._connection.execute("SELECT max(number) FROM changes").fetchone()
        return row[0] or 0

    def changes(self, after: int, limit: int) -> list[tuple[int, str, bool]]:
        """Number, passage id and whether it was added, of the changes after a number, in order."""
        rows = self._connection.execute(
            "SELECT number, passage, added FROM changes WHERE number > ? ORDER BY number LIMIT ?",
            [after, limit],
        ).fetchall()
        return [(number, passage, bool(added)) for number, passage, added in rows]

    def removed_passages(self, after: int) -> set[str]:
        """The ids of the passages removed after a change."""
        rows = self._connection.execute(
            "SELECT passage FROM changes WHERE number > ? AND NOT added", [after]
        ).fetchall()
        return {passage for (passage,) in rows}

    def vectors_added(self, after: int) -> VectorRows:
        """The vectors of the passages added after a change and still held, in order of change."""
        rows = self._connection.execute(
            "SELECT p.id, v.vector FROM changes c JOIN passages p ON p.id = c.passage"
            " JOIN vectors v ON v.passage = p.number WHERE c.number > ? AND c.added ORDER BY c.number",
            [after],
        ).fetchall()
        return _vector_rows(rows)

    def vectors_of(self, passage_ids: Sequence[str]) -> VectorRows:
        """The vectors of these passages, of those that are held."""
        rows = self._connection.execute(
            "SELECT p.id, v.vector FROM json_each(?) j JOIN passages p ON p.id = j.value"
            " JOIN vectors v ON v.passage = p.number",
            [json.dumps(list(passage_ids))],
        ).fetchall()
        return _vector_rows(rows)

    def vectors_within(self, filters: Filters) -> VectorRows:
        """The vectors of all passages that pass the filters."""
        where, values = _filter_clause(filters)
        rows = self._connection.execute(
            "SELECT p.id, v.vector FROM documents d JOIN passages p ON p.document = d.number"
            f" JOIN vectors v ON v.passage = p.number WHERE 1 {where} ORDER BY p.number",
            values,
        ).fetchall()
        return _vector_rows(rows)

    def sample_vectors(self, count: int) -> VectorRows:
        """About `count` stored vectors, spread evenly over the collection."""
        rows = self._connection.execute(
            "SELECT p.id, v.vector FROM vectors v JOIN passages p ON p.number = v.passage"
            " WHERE v.passage % max(1, (SELECT max(passage) / ? FROM vectors)) = 0 LIMIT ?",
            [count, 2 * count],
        ).fetchall()
        return _vector_rows(rows)

    def passages(self, passage_ids: Sequence[str]) -> dict[str, StoredPassage]:
        """These passages with their documents and sentences, by id, of those that are held."""
        rows = self._connection.execute(
            "SELECT p.id, p.start, p.end, p.heading, p.page, p.header,"
            " substr(d.text, p.start + 1, p.end - p.start), v.vector, s.spans, s.vectors,"
            f" {_DOCUMENT} FROM json_each(?) j JOIN passages p ON p.id = j.value"
            " JOIN documents d ON d.number = p.document JOIN vectors v ON v.passage = p.number"
            " JOIN sentences s ON s.passage = p.number",
            [json.dumps(list(passage_ids))],
        ).fetchall()
        return {row[0]: _stored_passage(row) for row in rows}

    def document_passages(self, document_id: str) -> list[str]:
        """The ids of a document's passages, in order."""
        rows = self._connection.execute(
            "SELECT p.id FROM passages p JOIN documents d ON d.number = p.document"
            " WHERE d.id = ? ORDER BY p.position",
            [document_id],
        ).fetchall()
        return [passage_id for (passage_id,) in rows]


class CatalogWriter(CatalogView):
    """A transaction."""

    def put(
        self, document: NewDocument, document_id: str, version: str, pieces: Sequence[EmbeddedPiece]
    ) -> Document:
        """Add a document, or replace the one with its key; its tombstone is cleared."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        row = self._connection.execute(
            "SELECT added FROM documents WHERE key = ?", [document.key]
        ).fetchone()
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
            [passage_id, number, position, piece.start, piece.end, piece.heading, piece.page, piece.header]
            + [embedded.fingerprint],
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


def _document(
    row: Sequence[object], text: str = "", blocks: tuple[Block, ...] = ()
) -> Document:  # fmt: skip
    (identity, version, key, title, source, url, published, author, language, media_type) = map(
        _text, row[:10]
    )
    return Document(
        id=identity,
        version=version,
        key=key,
        title=title,
        source=source,
        url=url,
        published=date.fromisoformat(published) if published else None,
        author=author,
        language=language,
        media_type=media_type,
        added=datetime.fromisoformat(_text(row[10])),
        characters=int(_text(row[11])),
        words=int(_text(row[12])),
        passages=int(_text(row[13])),
        text=text,
        blocks=blocks,
    )


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _stored_passage(row: Sequence[object]) -> StoredPassage:
    identity, start, end, heading, page, header, text, vector, spans, sentence_vectors = row[:10]
    document = _document(row[10:])
    passage = Passage(str(identity), document.id, start, end, text, heading, page)  # type: ignore[arg-type]  # SQLite's
    whole = np.frombuffer(vector, np.float32)  # type: ignore[call-overload]  # a BLOB
    return StoredPassage(
        passage,
        document,
        str(header),
        tuple(Span(*span) for span in json.loads(str(spans))),
        whole,
        _halves(sentence_vectors, len(whole)),  # type: ignore[arg-type]  # a BLOB
    )


def _halves(blob: bytes, dimensions: int) -> Vectors:
    return np.frombuffer(blob, np.float16).reshape(-1, dimensions).astype(np.float32)


def _vector_rows(rows: Sequence[tuple[str, bytes]]) -> VectorRows:
    if not rows:
        return VectorRows((), np.empty((0, 0), np.float32))
    flat: NDArray[np.float32] = np.frombuffer(b"".join(vector for _, vector in rows), np.float32)
    return VectorRows(tuple(identity for identity, _ in rows), flat.reshape(len(rows), -1))


def _filter_clause(filters: Filters | None) -> tuple[str, list[object]]:
    """Return SQL conditions on ``documents d``, each after an AND, and their values."""
    if filters is None:
        return "", []
    clause, values = "", list[object]()
    for column, allowed in (
        ("source", filters.sources),
        ("id", filters.document_ids),
        ("language", filters.languages),
    ):
        if allowed:
            clause += f" AND d.{column} IN ({','.join('?' * len(allowed))})"
            values.extend(allowed)
    for operator, day in ((">=", filters.since), ("<=", filters.until)):
        if day:
            clause += f" AND d.published {operator} ?"
            values.append(day.isoformat())
    return clause, values
