"""Writing to the catalog: one transaction, in the words of `rag/documents.py`."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime

import numpy as np

from rag.documents import Document, IsCancelled, NewDocument, heed, name_of_removed, short_hash
from rag.embedding.local import PassageVectors
from rag.errors import LoadError
from rag.keys import storable
from rag.store.catalog_view import LEFT_OUT, REMOVED, CatalogView, FilesView, SeenFile
from rag.store.migrations import schema
from rag.store.passages_view import Writer
from rag.store.stories import StoryIndex
from rag.text.splitting import Piece

_MERGED_PAGES = 500
"""Pages of the word index merged in one transaction: 0.03 s, so that other writers come in between."""
WIPE = "wipe"
"""The name under which the catalog notes that removed text still has to be wiped."""
STORED_APART = ("left_out",)
"""What a document is added with and has no column: it stands beside the documents."""


@dataclass(frozen=True, slots=True)
class EmbeddedPiece:
    """A passage to be stored, with its vectors."""

    piece: Piece
    fingerprint: str
    vectors: PassageVectors


class FilesWriter(FilesView, Writer):
    """Notes what becomes of the files of followed folders, in one transaction."""

    def rebury(self, key: str, new_key: str) -> None:
        """Have what was removed under a key stay away under another, which its file has now."""
        self.execute("UPDATE OR REPLACE tombstones SET key = ? WHERE key = ?", [new_key, key])

    def unbury(self, key: str) -> None:
        """Forget that this key was removed on purpose, and its text under any other key."""
        is_wanted = self.execute(
            "DELETE FROM tombstones WHERE key = ?1"
            " OR text_hash = (SELECT text_hash FROM documents WHERE key = ?1)",
            [key],
        )
        if is_wanted:
            # Copies of it that were left out are to be read again.
            self.execute("DELETE FROM files WHERE left_out")

    def see(self, key: str, seen: SeenFile) -> None:
        """Note a file as read."""
        values = [key, *seen.stamp, seen.content, seen.left_out]
        self.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", values)

    def forget(self, key: str) -> None:
        """Note a file as gone, or to be read again."""
        self.execute("DELETE FROM files WHERE key = ?", [key])

    def set_failures(self, key: str, failed: Sequence[LoadError]) -> None:
        """Note what could not be read of a file, in the place of what was noted before."""
        if self.execute("DELETE FROM failures WHERE file = ?", [key]):
            # Titles may stand in it.
            owe_wiping(self._connection)
        for number, error in enumerate(failed):
            values = [key, number, storable(error.path), storable(error.reason), _now()]
            self.execute("INSERT INTO failures VALUES (?, ?, ?, ?, ?)", values)


class WordIndex(Writer):
    """Writes the word index and keeps it tight, in one transaction."""

    def add(self, passage: int, words: tuple[str, str, str]) -> None:
        """Index a passage by its number and what `indexed_words` returns of it."""
        self.execute("INSERT INTO words (rowid, title, heading, text) VALUES (?, ?, ?, ?)", [passage, *words])

    def merge(self, *, start: bool) -> bool:
        """Merge a step of it, which drops the words of removed rows; return whether more is left.

        "optimize" does the same at once, and keeps other writers out for as long as it takes.
        """
        before = self._connection.total_changes
        # The negative number starts merging all segments into one; https://sqlite.org/fts5.html#the_merge_command
        pages = -_MERGED_PAGES if start else _MERGED_PAGES
        self.execute("INSERT INTO words (words, rank) VALUES ('merge', ?)", [pages])
        return self._connection.total_changes - before >= 2

    def levels(self) -> int:
        """Return how many levels of segments it has.

        The structure record begins with four bytes and then this number, as one of SQLite's varints
        (https://sqlite.org/fileformat2.html#varint); two bytes of it are enough here.
        """
        [(record,)] = self.select("SELECT block FROM words_data WHERE id = 10")
        first, second = record[4], record[5]
        return int(first if first < 128 else (first & 127) << 7 | second & 127)

    def rebuild(self) -> None:
        """Make it anew from its own texts."""
        self.execute("INSERT INTO words (words) VALUES ('rebuild')")

    def rewrite(self) -> None:
        """Make it anew from the documents' texts."""
        for table in ("vocabulary", "words"):
            self.execute(f"DROP TABLE IF EXISTS {table}")
        for statement in schema():
            if "VIRTUAL TABLE" in statement:
                self.execute(statement)
        for number in self.column("SELECT number FROM documents ORDER BY number"):
            [(title, text)] = self.select("SELECT title, text FROM documents WHERE number = ?", [number])
            for passage, start, end, heading, header in self.select(
                "SELECT number, start, end, heading, header FROM passages WHERE document = ?", [number]
            ):
                self.add(passage, indexed_words(title, heading, header, text[start:end]))


class CatalogWriter(CatalogView, Writer):
    """A transaction.

    Attributes
    ----------
    files
        What is known of the files of followed folders.
    words
        The word index.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self.words = WordIndex(connection)
        self.files: FilesWriter = FilesWriter(connection)
        self._stories = StoryIndex(connection)

    def put(
        self,
        document: NewDocument,
        document_id: str,
        version: str,
        pieces: Sequence[EmbeddedPiece],
        cancelled: IsCancelled | None = None,
    ) -> Document:
        """Add a document, or replace the one with its key.

        Raises
        ------
        Cancelled
        """
        now = _now()
        added = self.value("SELECT added FROM documents WHERE key = ?", [document.key]) or now
        self._delete(document_id)
        values = {f.name: getattr(document, f.name) for f in fields(document) if f.name not in STORED_APART}
        blocks = [[b.kind, b.start, b.end, b.level, b.page] for b in document.blocks]
        values |= {
            "id": document_id,
            "version": version,
            "text_hash": text_hash(document.text),
            "published": document.published.isoformat() if document.published else None,
            "added": added,
            "updated": now,
            "characters": len(document.text),
            "words": len(document.text.split()),
            "passages": len(pieces),
            "blocks": json.dumps(blocks, separators=(",", ":")),
        }
        number = self.insert("documents", values)
        for position, embedded in enumerate(pieces):
            heed(cancelled)
            row = passage_row(document_id, version, position, embedded.piece, embedded.fingerprint)
            passage = self.insert("passages", {"document": number} | row)
            self._insert_parts(passage, document, embedded)
            self.note_change(str(row["id"]), added=True)
        if document.left_out:
            self.set_meta(LEFT_OUT + document_id, str(document.left_out))
        stored = self.document(document_id)
        return replace(stored, story=self._stories.tell(stored, cancelled))

    def _insert_parts(self, passage: int, document: NewDocument, embedded: EmbeddedPiece) -> None:
        """Insert what belongs to a passage beside its own row: vectors, sentences and words."""
        piece, vectors = embedded.piece, embedded.vectors
        self.insert("vectors", {"passage": passage, "vector": vectors.whole.tobytes()})
        sentences = {
            "passage": passage,
            "spans": spans_of(piece),
            "vectors": vectors.sentences.astype(np.float16).tobytes(),
            "words": vectors.words.packed(),
        }
        self.insert("sentences", sentences)
        text = document.text[piece.start : piece.end]
        self.words.add(passage, indexed_words(document.title, piece.heading, piece.header, text))

    def tell_story(self, document_id: str) -> None:
        """Find out anew which documents tell the same as this one.

        Raises
        ------
        DocumentNotFound
        """
        self._stories.tell(self.document(document_id))
        self._tell_of(document_id)

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
            values = [document.key, text_hash(document.text), name_of_removed(document.title), _now()]
            self.execute("INSERT OR REPLACE INTO tombstones VALUES (?, ?, ?, ?)", values)
        self._delete(document_id)
        self.execute("DELETE FROM names WHERE key = ?", [document.key])
        return document

    def identify(self, key: str) -> str:
        """Return the id of the document with this key: the one it has, or for a new one one that is free.

        The id that follows from the key may belong to a document whose file had that name before.
        """
        held = self.identity(key) or self.named(key)
        if held:
            return held
        number, identity = 1, short_hash("document", key)
        taken = "SELECT 1 FROM documents WHERE id = ?1 UNION ALL SELECT 1 FROM names WHERE id = ?1"
        while self.value(taken, [identity]):
            number += 1
            identity = short_hash("document", key, str(number))
        if number > 1:
            self.name(key, identity)
        return identity

    def name(self, key: str, document_id: str) -> None:
        """Note that the document with this key has this id, whatever would follow from the key."""
        self.execute("DELETE FROM names WHERE key = ? OR id = ?", [key, document_id])
        self._insert_name(key, document_id)

    def _insert_name(self, key: str, document_id: str) -> None:
        if short_hash("document", key) != document_id:
            self.execute("INSERT INTO names VALUES (?, ?, ?)", [key, document_id, _now()])

    def rename(self, document_id: str, key: str) -> Document:
        """Give a document another key; its id, its day and all that quotes it stay.

        What was removed under that key is forgotten: it is gone from its file too.
        """
        # By its key, for which the index serves: a table may have 50,000 rows, each of them a document.
        self.execute("DELETE FROM names WHERE key IN (?, ?)", [self.key(document_id), key])
        self._insert_name(key, document_id)
        self.execute("UPDATE documents SET key = ? WHERE id = ?", [key, document_id])
        self.execute("DELETE FROM tombstones WHERE key = ?", [key])
        self._tell_of(document_id)
        return replace(self.document(document_id), text="", blocks=())

    def _tell_of(self, document_id: str) -> None:
        """Have whoever keeps passages that were read before learn that a document isn't as it was.

        The vectors are, so one change is enough: each is a vector that Chroma is given again.
        """
        for passage in self.passages.of_document(document_id)[:1]:
            self.note_change(passage, added=True)

    def note_change(self, passage_id: str, *, added: bool) -> None:
        """Have followers learn that a passage was added or removed; only its last change counts."""
        self.execute("DELETE FROM changes WHERE passage = ?", [passage_id])
        self.execute("INSERT INTO changes (passage, added) VALUES (?, ?)", [passage_id, added])

    def set_meta(self, name: str, value: str) -> None:
        """Keep a value beside the documents."""
        self.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [name, value])

    def _delete(self, document_id: str) -> None:
        number = self.value("SELECT number FROM documents WHERE id = ?", [document_id])
        if number is None:
            return
        for statement in (
            # Only a passage's last change counts, so the log grows with passages and not with updates.
            "DELETE FROM changes WHERE passage IN (SELECT id FROM passages WHERE document = ?)",
            "INSERT INTO changes (passage, added) SELECT id, 0 FROM passages WHERE document = ?"
            " ORDER BY number",
            "DELETE FROM words WHERE rowid IN (SELECT number FROM passages WHERE document = ?)",
            "DELETE FROM documents WHERE number = ?",
        ):
            self.execute(statement, [number])
        self.execute("DELETE FROM meta WHERE name = ?", [LEFT_OUT + document_id])
        # In the same transaction, so that a kill before the wiping leaves it owed.
        owe_wiping(self._connection)
        self.set_meta(REMOVED, _now())


def passage_row(
    document_id: str, version: str, position: int, piece: Piece, fingerprint: str
) -> dict[str, object]:
    """Return what the catalog keeps of a passage in its own row, beside its number and its document's."""
    return {
        "id": passage_id(document_id, version, piece.start, piece.end),
        "position": position,
        "start": piece.start,
        "end": piece.end,
        "heading": piece.heading,
        "page": piece.page,
        "header": piece.header,
        "fingerprint": fingerprint,
    }


def passage_id(document_id: str, version: str, start: int, end: int) -> str:
    """Return the id of a document's passage."""
    return short_hash(document_id, version, str(start), str(end))


def spans_of(piece: Piece) -> str:
    """Return the sentences of a passage as the catalog keeps them."""
    return json.dumps([[s.start, s.end, s.kind] for s in piece.sentences], separators=(",", ":"))


def indexed_words(title: str, heading: str, header: str, text: str) -> tuple[str, str, str]:
    """Return title, heading and text of a passage as they are indexed, the table header before its rows."""
    return title, heading, "\n".join(filter(None, [header, text]))


def owe_wiping(connection: sqlite3.Connection) -> None:
    """Note that something was removed, so that a kill before the wiping leaves it owed."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [WIPE, secrets.token_hex(8)])


def text_hash(text: str) -> str:
    """Return what names a text whatever its key and metadata."""
    return short_hash("text", text)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
