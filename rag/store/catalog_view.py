"""Reading the catalog: one moment of it, in the words of `rag/documents.py`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from rag.documents import Block, Document, Filters, Origin, Passage, Story, newest_first
from rag.embedding.local import PassageVectors, Vectors
from rag.embedding.word_vectors import NO_WORDS, unpack
from rag.errors import DocumentNotFound
from rag.keys import Stamp, is_within
from rag.store.stored_passage import PassageCache, StoredPassage
from rag.text.splitting import Span

REMOVED = "removed"
"""The name of the time at which a document was last removed, as kept beside the documents."""
LEFT_OUT = "left out "
"""What begins the name, and a document's id ends, under which is kept how much of it was left out."""
_DOCUMENT = (
    "d.id, d.version, d.key, d.title, d.source, d.url, d.published, d.author, d.language,"
    " d.media_type, d.added, d.characters, d.words, d.passages,"
    " (SELECT s.story FROM stories s WHERE s.document = d.number)"
)


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A document that was removed on purpose and stays away until it is added again."""

    key: str
    title: str
    removed: datetime


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file as it was when last read: its size and time, and the SHA-256 of what it held.

    The hash is empty for a file too large to be read, and for one that an older Footnote has read. Where
    ``left_out`` is true a copy of what was removed on purpose was left out of it.
    """

    stamp: Stamp
    content: str
    left_out: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """What could not be read of a file of a followed folder.

    ``file`` is the file's key; ``path`` is what the user calls what failed: the file, or one within it.
    """

    file: str
    path: str
    reason: str
    failed: datetime


@dataclass(frozen=True, slots=True)
class VectorRows:
    """Vectors of passages: ``ids[i]`` names row i of ``matrix``, (n, dimensions)."""

    ids: tuple[str, ...]
    matrix: Vectors


class CatalogView:
    """One moment of the catalog, to read; ``cache`` is of the same catalog."""

    def __init__(self, connection: sqlite3.Connection, cache: PassageCache | None = None) -> None:
        self._connection = connection
        self._cache = cache

    def select(self, query: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        """Rows in the catalog's own terms, for what looks after the file and not after documents."""
        return self._connection.execute(query, values)

    def copy_to(
        self, target: sqlite3.Connection, pages: int, progress: Callable[[int, int, int], object]
    ) -> None:
        """Copy the catalog's file as it is at this moment, telling `progress` after each so many pages."""
        self.meta(REMOVED)  # the moment begins with the first look
        self._connection.backup(target, pages=pages, progress=progress, sleep=0.0)

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
        left_out = int(self.meta(LEFT_OUT + document_id) or 0)
        return replace(_document(row[:-2], row[-2], blocks), left_out=left_out)

    def stories(self) -> list[Story]:
        """What two or more documents tell, in the order of `documents`."""
        rows = self._connection.execute(
            f"SELECT {_DOCUMENT}, d.text_hash FROM documents d WHERE d.number IN"
            " (SELECT document FROM stories WHERE story IN"
            " (SELECT story FROM stories GROUP BY story HAVING count(*) > 1))"
            " ORDER BY d.published DESC NULLS LAST, d.id"
        ).fetchall()
        told, texts = dict[str, list[Document]](), dict[str, set[str]]()
        for *row, text_hash in rows:
            document = _document(row)
            told.setdefault(document.story, []).append(document)
            texts.setdefault(document.story, set()).add(text_hash)
        return [Story(newest_first(told[story]), len(texts[story]) == 1) for story in told]

    def without_story(self) -> list[str]:
        """The ids of the documents of which it has still to be found out what tells the same."""
        rows = self._connection.execute(
            "SELECT d.id FROM documents d LEFT JOIN stories s ON s.document = d.number"
            " WHERE s.document IS NULL ORDER BY d.number"
        ).fetchall()
        return [document_id for (document_id,) in rows]

    def version(self, key: str) -> str | None:
        """The version of the document with this key, if there is one."""
        row = self._connection.execute("SELECT version FROM documents WHERE key = ?", [key]).fetchone()
        return row[0] if row else None

    def identity(self, key: str) -> str | None:
        """The id of the document with this key, if there is one."""
        row = self._connection.execute("SELECT id FROM documents WHERE key = ?", [key]).fetchone()
        return row[0] if row else None

    def key(self, document_id: str) -> str | None:
        """The key of the document with this id, if there is one."""
        row = self._connection.execute("SELECT key FROM documents WHERE id = ?", [document_id]).fetchone()
        return row[0] if row else None

    def named(self, key: str) -> str | None:
        """The id that was noted for this key, if its document has none that follows from the key."""
        row = self._connection.execute("SELECT id FROM names WHERE key = ?", [key]).fetchone()
        return row[0] if row else None

    def bands(self, document_id: str) -> tuple[int, ...]:
        """The bands under which a document is found by others that tell the same."""
        rows = self._connection.execute(
            "SELECT b.band FROM bands b JOIN documents d ON d.number = b.document WHERE d.id = ?",
            [document_id],
        ).fetchall()
        return tuple(band for (band,) in rows)

    def names(self) -> dict[str, str]:
        """The ids that don't follow from their keys, by key: a file was renamed."""
        return dict(self._connection.execute("SELECT key, id FROM names").fetchall())

    def text_hash(self, key: str) -> str | None:
        """What names the text of the document with this key, if there is one."""
        row = self._connection.execute("SELECT text_hash FROM documents WHERE key = ?", [key]).fetchone()
        return row[0] if row else None

    def kept_characters(self, key: str) -> int | None:
        """Return how much of the document with this key was added where it was too long, else None."""
        row = self._connection.execute(
            "SELECT characters FROM documents JOIN meta ON name = ? || id WHERE key = ?", [LEFT_OUT, key]
        ).fetchone()
        return row[0] if row else None

    def versions(self) -> dict[str, str]:
        """The version of each document, by its id."""
        return dict(self._connection.execute("SELECT id, version FROM documents").fetchall())

    def origins(self, filters: Filters | None = None) -> list[Origin]:
        """Each source with each of its days of publication, of the documents that pass the filters."""
        where, values = _filter_clause(filters)
        rows = self._connection.execute(
            f"SELECT d.source, d.published, sum(d.passages) FROM documents d WHERE 1 {where}"
            " GROUP BY d.source, d.published",
            values,
        ).fetchall()
        return [
            Origin(source, date.fromisoformat(published) if published else None, passages)
            for source, published, passages in rows
        ]

    def titles(self, document_ids: Sequence[str]) -> dict[str, str]:
        """The titles of these documents by id, of those that are held."""
        rows = self._connection.execute(
            "SELECT id, title FROM documents WHERE id IN (SELECT value FROM json_each(?))",
            [json.dumps(list(document_ids))],
        ).fetchall()
        return dict(rows)

    def keys(self, prefix: str) -> list[str]:
        """The keys that start with `prefix`, in order."""
        # By a range, for which the index serves.
        rows = self._connection.execute(
            "SELECT key FROM documents WHERE key >= ?1 AND key < ?1 || char(0x10FFFF) ORDER BY key", [prefix]
        ).fetchall()
        return [key for (key,) in rows]

    def keys_within(self, file: str) -> list[str]:
        """The keys of the documents of a file, in order."""
        # A folder may be called as what is within an archive is: "a.zip!/b.md".
        return [
            key
            for key in self.keys(file)
            if key == file or (is_within(key, file) and self.seen_file(key) is None)
        ]

    def counts(self) -> tuple[int, int]:
        """How many documents and passages there are."""
        count = "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM passages)"
        documents, passages = self._connection.execute(count).fetchone()
        return documents, passages

    def updated(self) -> datetime | None:
        """When a document was last added, updated or removed."""
        row = self._connection.execute("SELECT max(updated) FROM documents").fetchone()
        times = [datetime.fromisoformat(time) for time in (row[0], self.meta(REMOVED)) if time]
        return max(times, default=None)

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

    def seen_files(self) -> dict[str, SeenFile]:
        """Files of followed folders as they were when last read, by key."""
        rows = self._connection.execute(
            "SELECT key, size, modified_ns, content, left_out FROM files"
        ).fetchall()
        return {key: SeenFile((size, time), content, bool(out)) for key, size, time, content, out in rows}

    def seen_file(self, key: str) -> SeenFile | None:
        """A file of a followed folder as it was when last read."""
        row = self._connection.execute(
            "SELECT size, modified_ns, content, left_out FROM files WHERE key = ?", [key]
        ).fetchone()
        return SeenFile(row[:2], row[2], bool(row[3])) if row else None

    def failures(self) -> list[Failure]:
        """What could not be read in followed folders, by file and in the order that it was met."""
        rows = self._connection.execute(
            "SELECT file, path, reason, failed FROM failures ORDER BY file, number"
        ).fetchall()
        return [
            Failure(file, path, reason, datetime.fromisoformat(failed)) for file, path, reason, failed in rows
        ]

    def reusable(self, fingerprint: str, *, with_words: bool) -> PassageVectors | None:
        """The vectors of a passage with this fingerprint, if one is held, and with its words' if need be."""
        row = self._connection.execute(
            "SELECT v.vector, s.vectors, s.words FROM passages p JOIN vectors v ON v.passage = p.number"
            " JOIN sentences s ON s.passage = p.number WHERE p.fingerprint = ? AND (s.words != x'' OR ?)"
            " LIMIT 1",
            [fingerprint, not with_words],
        ).fetchone()
        if row is None:
            return None
        vector = np.frombuffer(row[0], np.float32)
        rows = _halves(row[1], len(vector))
        words = unpack(row[2], len(rows))
        return PassageVectors(vector, rows, words) if words is not None else None

    def without_words(self) -> list[str]:
        """The ids of the documents with passages whose words have no vectors."""
        rows = self._connection.execute(
            "SELECT DISTINCT d.id FROM sentences s JOIN passages p ON p.number = s.passage"
            " JOIN documents d ON d.number = p.document WHERE s.words = x'' ORDER BY d.number"
        ).fetchall()
        return [document_id for (document_id,) in rows]

    def matching(
        self, query: str, limit: int, filters: Filters | None = None, *, most: int = -1
    ) -> dict[str, float]:
        """Passage ids that match an FTS5 query with their BM25 score, the best first.

        Title, heading and text count alike; a word's rarity is that in the whole library. With filters,
        ``most`` are looked at for those that pass; below zero all.
        """
        where, values = _filter_clause(filters)
        rows = self._connection.execute(
            "SELECT p.id, -w.score FROM (SELECT rowid, bm25(words) AS score FROM words"
            f" WHERE words MATCH ? ORDER BY score, rowid LIMIT {most if where else limit}) w"
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
        row = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'changes'").fetchone()
        return row[0] if row else 0

    def changes(self, after: int, limit: int) -> list[tuple[int, str, bool]]:
        """Number, passage id and whether it was added, of the changes after a number, in order."""
        rows = self._connection.execute(
            "SELECT number, passage, added FROM changes WHERE number > ? ORDER BY number LIMIT ?",
            [after, limit],
        ).fetchall()
        return [(number, passage, bool(added)) for number, passage, added in rows]

    def changed_passages(self, after: int) -> set[str]:
        """The ids of the passages added or removed after a change."""
        rows = self._connection.execute("SELECT passage FROM changes WHERE number > ?", [after]).fetchall()
        return {passage for (passage,) in rows}

    def passage_ids(self) -> set[str]:
        """The ids of all passages."""
        return {passage for (passage,) in self._connection.execute("SELECT id FROM passages").fetchall()}

    def removed_passages(self, after: int) -> set[str]:
        """The ids of the passages removed after a change."""
        rows = self._connection.execute(
            "SELECT passage FROM changes WHERE number > ? AND NOT added", [after]
        ).fetchall()
        return {passage for (passage,) in rows}

    def vectors_added(self, after: int) -> VectorRows:
        """The vectors of the passages added after a change and still held, in that order."""
        if after == 0:
            return self._all_vectors()
        rows = self._connection.execute(
            "SELECT p.id, v.vector FROM changes c JOIN passages p ON p.id = c.passage"
            " JOIN vectors v ON v.passage = p.number WHERE c.number > ? AND c.added ORDER BY c.number",
            [after],
        ).fetchall()
        return _vector_rows(rows)

    def _all_vectors(self) -> VectorRows:
        # In the order of the table, a third of the time of going through the changes.
        rows = self._connection.execute(
            "SELECT p.id, v.vector FROM vectors v JOIN passages p ON p.number = v.passage ORDER BY v.passage"
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

    def count_within(self, filters: Filters) -> int:
        """How many passages pass the filters."""
        where, values = _filter_clause(filters)
        (count,) = self._connection.execute(
            f"SELECT coalesce(sum(d.passages), 0) FROM documents d WHERE 1 {where}", values
        ).fetchone()
        return int(count)

    def passing(self, passage_ids: Sequence[str], filters: Filters) -> list[str]:
        """Those of the passages that pass the filters."""
        where, values = _filter_clause(filters)
        rows = self._connection.execute(
            "SELECT p.id FROM json_each(?) j JOIN passages p ON p.id = j.value"
            f" JOIN documents d ON d.number = p.document WHERE 1 {where}",
            [json.dumps(list(passage_ids)), *values],
        ).fetchall()
        return [passage_id for (passage_id,) in rows]

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
        if self._cache is None:
            return self._read_passages(passage_ids)
        # Whatever a passage or its document changes, its passages are written anew.
        change = self.last_change()
        held = self._cache.held(change)
        read = self._read_passages([name for name in passage_ids if name not in held])
        self._cache.hold(change, read)
        known = held | read
        return {name: known[name] for name in passage_ids if name in known}

    def _read_passages(self, passage_ids: Sequence[str]) -> dict[str, StoredPassage]:
        if not passage_ids:
            return {}
        rows = self._connection.execute(
            "SELECT p.id, p.start, p.end, p.heading, p.page, p.header,"
            " substr(d.text, p.start + 1, p.end - p.start), v.vector, s.spans, s.vectors, s.words,"
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
        story=_text(row[14]),
        text=text,
        blocks=blocks,
    )


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _stored_passage(row: Sequence[object]) -> StoredPassage:
    identity, start, end, heading, page, header, text, vector, spans, sentence_vectors = row[:10]
    words, document = row[10], _document(row[11:])
    passage = Passage(str(identity), document.id, start, end, text, heading, page)  # type: ignore[arg-type]  # SQLite's
    whole = np.frombuffer(vector, np.float32)  # type: ignore[call-overload]  # a BLOB
    sentences = tuple(Span(*span) for span in json.loads(str(spans)))
    return StoredPassage(
        passage,
        document,
        str(header),
        sentences,
        whole,
        # None where they are still to be made (`rag/store/models.py`).
        _halves(sentence_vectors or bytes(2 * len(whole) * len(sentences)), len(whole)),  # type: ignore[arg-type]  # a BLOB
        unpack(words, len(sentences)) or NO_WORDS,  # type: ignore[arg-type]  # a BLOB
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
            # As one value: SQLite has a limit on their number.
            clause += f" AND d.{column} IN (SELECT value FROM json_each(?))"
            values.append(json.dumps(list(allowed)))
    for operator, day in ((">=", filters.since), ("<=", filters.until)):
        if day:
            clause += f" AND d.published {operator} ?"
            values.append(day.isoformat())
    return clause, values
