"""Writing to the catalog: one transaction, in the words of `rag/documents.py`."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from rag.documents import Document, IsCancelled, NewDocument, heed, name_of_removed, short_hash
from rag.embedding.local import PassageVectors
from rag.errors import LoadError
from rag.store.catalog_view import LEFT_OUT, REMOVED, CatalogView, FilesView, SeenFile
from rag.store.stories import MOST_CHARACTERS, Told, are_one_story, bands, told
from rag.text.splitting import Piece

_MERGED_PAGES = 500
"""Pages of the word index merged in one transaction: 0.03 s, so that other writers come in between."""
_MOST_IN_BAND = 50
"""Documents of a band that are looked at, the latest: thousands of reports may have one form."""
_MOST_COMPARED = 8
WIPE = "wipe"
"""The name under which the catalog notes that removed text still has to be wiped."""


@dataclass(frozen=True, slots=True)
class EmbeddedPiece:
    """A passage to be stored, with its vectors."""

    piece: Piece
    fingerprint: str
    vectors: PassageVectors


class FilesWriter(FilesView):
    """Notes what becomes of the files of followed folders, in one transaction."""

    def rebury(self, key: str, new_key: str) -> None:
        """Have what was removed under a key stay away under another, which its file has now."""
        self._connection.execute("UPDATE OR REPLACE tombstones SET key = ? WHERE key = ?", [new_key, key])

    def unbury(self, key: str) -> None:
        """Forget that this key was removed on purpose, and its text under any other key."""
        is_wanted = self._connection.execute(
            "DELETE FROM tombstones WHERE key = ?1"
            " OR text_hash = (SELECT text_hash FROM documents WHERE key = ?1)",
            [key],
        ).rowcount
        if is_wanted:
            # Copies of it that were left out are to be read again.
            self._connection.execute("DELETE FROM files WHERE left_out")

    def see(self, key: str, seen: SeenFile) -> None:
        """Note a file as read."""
        values = [key, *seen.stamp, seen.content, seen.left_out]
        self._connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", values)

    def forget(self, key: str) -> None:
        """Note a file as gone, or to be read again."""
        self._connection.execute("DELETE FROM files WHERE key = ?", [key])

    def set_failures(self, key: str, failed: Sequence[LoadError]) -> None:
        """Note what could not be read of a file, in the place of what was noted before."""
        if self._connection.execute("DELETE FROM failures WHERE file = ?", [key]).rowcount:
            # Titles may stand in it.
            owe_wiping(self._connection)
        for number, error in enumerate(failed):
            values = [key, number, _storable(error.path), _storable(error.reason), _now()]
            self._connection.execute("INSERT INTO failures VALUES (?, ?, ?, ?, ?)", values)


class WordsWriter:
    """Keeps the word index tight, in one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def merge(self, *, start: bool) -> bool:
        """Merge a step of it, which drops the words of removed rows; return whether more is left.

        "optimize" does the same at once, and keeps other writers out for as long as it takes.
        """
        before = self._connection.total_changes
        # The negative number starts merging all segments into one; https://sqlite.org/fts5.html#the_merge_command
        pages = -_MERGED_PAGES if start else _MERGED_PAGES
        self._connection.execute("INSERT INTO words (words, rank) VALUES ('merge', ?)", [pages])
        return self._connection.total_changes - before >= 2

    def rebuild(self) -> None:
        """Make it anew from its own texts."""
        self._connection.execute("INSERT INTO words (words) VALUES ('rebuild')")


class _Stories:
    """Finds out which documents tell the same."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def insert(
        self, number: int, own: str, title: str, text: str, cancelled: IsCancelled | None = None
    ) -> None:
        """Note what a document tells: the story of one that tells the same, or its own."""
        story, in_bands = self._same_text(number, text), tuple[int, ...]()
        if len(text) <= MOST_CHARACTERS:
            mine = told(title, text)
            heed(cancelled)
            in_bands = bands(mine)
            story = story or self._same_story(mine, in_bands, cancelled)
        self._connection.execute("INSERT INTO stories VALUES (?, ?)", [number, story or own])
        self._connection.executemany(
            "INSERT INTO bands (band, document) VALUES (?, ?)", [(band, number) for band in in_bands]
        )

    def _same_text(self, number: int, text: str) -> str:
        row = self._connection.execute(
            "SELECT s.story FROM documents d JOIN stories s ON s.document = d.number"
            " WHERE d.text_hash = ? AND d.number != ? ORDER BY d.number LIMIT 1",
            [text_hash(text), number],
        ).fetchone()
        return row[0] if row else ""

    def _same_story(self, mine: Told, in_bands: Sequence[int], cancelled: IsCancelled | None = None) -> str:
        """Return the story of a document that tells the same, of those that share the most bands."""
        shared = Counter[int]()
        for band in in_bands:
            shared.update(
                number
                for (number,) in self._connection.execute(
                    "SELECT document FROM bands WHERE band = ? ORDER BY document DESC LIMIT ?",
                    [band, _MOST_IN_BAND],
                )
            )
        for number in sorted(shared, key=lambda number: (-shared[number], number))[:_MOST_COMPARED]:
            row = self._connection.execute(
                "SELECT d.title, d.text, s.story FROM documents d JOIN stories s ON s.document = d.number"
                " WHERE d.number = ?",
                [number],
            ).fetchone()
            heed(cancelled)
            if row and are_one_story(mine, told(row[0], row[1])):
                return str(row[2])
        return ""


class CatalogWriter(CatalogView):
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
        self.words = WordsWriter(connection)
        self.files: FilesWriter = FilesWriter(connection)
        self._stories = _Stories(connection)

    def execute(self, statement: str, values: Sequence[object] = ()) -> int:
        """Change the catalog in its own terms, as `select` reads it; return how many rows it touched."""
        return self._connection.execute(statement, values).rowcount

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
        row = self._connection.execute("SELECT added FROM documents WHERE key = ?", [document.key]).fetchone()
        self._delete(document_id)
        number = self._insert_document(document, document_id, version, row[0] if row else now, now, pieces)
        for position, piece in enumerate(pieces):
            heed(cancelled)
            self._insert_passage(document, document_id, version, number, position, piece)
        own = short_hash("story", document_id, version)
        self._stories.insert(number, own, document.title, document.text, cancelled)
        if document.left_out:
            self.set_meta(LEFT_OUT + document_id, str(document.left_out))
        return self.document(document_id)

    def tell_story(self, document_id: str) -> None:
        """Find out anew which documents tell the same as this one.

        Raises
        ------
        DocumentNotFound
        """
        document = self.document(document_id)
        [(number,)] = self.select("SELECT number FROM documents WHERE id = ?", [document_id])
        for table in ("stories", "bands"):
            self.execute(f"DELETE FROM {table} WHERE document = ?", [number])
        self._stories.insert(
            number, short_hash("story", document_id, document.version), document.title, document.text
        )
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
            self._connection.execute(
                "INSERT OR REPLACE INTO tombstones VALUES (?, ?, ?, ?)",
                [
                    document.key,
                    text_hash(document.text),
                    name_of_removed(document.title),
                    _now(),
                ],
            )
        self._delete(document_id)
        self._connection.execute("DELETE FROM names WHERE key = ?", [document.key])
        return document

    def identify(self, key: str) -> str:
        """Return the id of the document with this key: the one it has, or for a new one one that is free.

        The id that follows from the key may belong to a document whose file had that name before.
        """
        held = self.identity(key) or self.named(key)
        if held:
            return held
        number, identity = 1, short_hash("document", key)
        while self._is_taken(identity):
            number += 1
            identity = short_hash("document", key, str(number))
        if number > 1:
            self.name(key, identity)
        return identity

    def _is_taken(self, document_id: str) -> bool:
        query = "SELECT 1 FROM documents WHERE id = ?1 UNION ALL SELECT 1 FROM names WHERE id = ?1"
        return self._connection.execute(query, [document_id]).fetchone() is not None

    def name(self, key: str, document_id: str) -> None:
        """Note that the document with this key has this id, whatever would follow from the key."""
        self._connection.execute("DELETE FROM names WHERE key = ? OR id = ?", [key, document_id])
        self._insert_name(key, document_id)

    def _insert_name(self, key: str, document_id: str) -> None:
        if short_hash("document", key) != document_id:
            self._connection.execute("INSERT INTO names VALUES (?, ?, ?)", [key, document_id, _now()])

    def rename(self, document_id: str, key: str) -> Document:
        """Give a document another key; its id, its day and all that quotes it stay.

        What was removed under that key is forgotten: it is gone from its file too.
        """
        # By its key, for which the index serves: a table may have 50,000 rows, each of them a document.
        self._connection.execute("DELETE FROM names WHERE key IN (?, ?)", [self.key(document_id), key])
        self._insert_name(key, document_id)
        self._connection.execute("UPDATE documents SET key = ? WHERE id = ?", [key, document_id])
        self._connection.execute("DELETE FROM tombstones WHERE key = ?", [key])
        self._tell_of(document_id)
        return replace(self.document(document_id), text="", blocks=())

    def _tell_of(self, document_id: str) -> None:
        """Have whoever keeps passages that were read before learn that a document isn't as it was.

        The vectors are, so one change is enough: each is a vector that Chroma is given again.
        """
        for passage in self.passages.of_document(document_id)[:1]:
            self.execute("DELETE FROM changes WHERE passage = ?", [passage])
            self.execute("INSERT INTO changes (passage, added) VALUES (?, 1)", [passage])

    def set_meta(self, name: str, value: str) -> None:
        """Keep a value beside the documents."""
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [name, value])

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
        self.execute("DELETE FROM meta WHERE name = ?", [LEFT_OUT + document_id])
        if self._connection.execute("DELETE FROM documents WHERE id = ?", [document_id]).rowcount:
            # In the same transaction, so that a kill before the wiping leaves it owed.
            owe_wiping(self._connection)
            self.set_meta(REMOVED, _now())

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
        execute("INSERT INTO vectors VALUES (?, ?)", [passage, embedded.vectors.whole.tobytes()])
        execute(
            "INSERT INTO sentences VALUES (?, ?, ?, ?)",
            [
                passage,
                spans,
                embedded.vectors.sentences.astype(np.float16).tobytes(),
                embedded.vectors.words.packed(),
            ],
        )
        text = "\n".join(filter(None, [piece.header, document.text[piece.start : piece.end]]))
        execute(
            "INSERT INTO words (rowid, title, heading, text) VALUES (?, ?, ?, ?)",
            [passage, document.title, piece.heading, text],
        )
        execute("DELETE FROM changes WHERE passage = ?", [passage_id])
        execute("INSERT INTO changes (passage, added) VALUES (?, 1)", [passage_id])


def owe_wiping(connection: sqlite3.Connection) -> None:
    """Note that something was removed, so that a kill before the wiping leaves it owed."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [WIPE, secrets.token_hex(8)])


def text_hash(text: str) -> str:
    """Return what names a text whatever its key and metadata."""
    return short_hash("text", text)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
