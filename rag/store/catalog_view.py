"""Reading the catalog: one moment of it, in the words of `rag/documents.py`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from rag.documents import Block, Document, Filters, Origin, Story, newest_first
from rag.errors import DocumentNotFound
from rag.keys import Stamp, is_within
from rag.store.passages_view import ChangesView, PassagesView, Reader, filter_clause
from rag.store.stored_passage import DOCUMENT_COLUMNS, PassageCache, document_of

REMOVED = "removed"
"""The name of the time at which a document was last removed, as kept beside the documents."""
LEFT_OUT = "left out "
"""What begins the name, and a document's id ends, under which is kept how much of it was left out."""


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


class FilesView(Reader):
    """What is known of the files of followed folders: as they were read, what failed, and what stays away."""

    def tombstones(self) -> list[Tombstone]:
        """What was removed on purpose, the latest first."""
        rows = self.select("SELECT key, title, removed FROM tombstones ORDER BY removed DESC, key")
        return [Tombstone(key, title, datetime.fromisoformat(removed)) for key, title, removed in rows]

    def is_buried(self, key: str, text_hash: str = "") -> bool:
        """Whether a document with this key was removed on purpose, or one with this text if it is given."""
        if self.value("SELECT 1 FROM tombstones WHERE key = ?", [key]):
            return True
        return bool(text_hash and self.value("SELECT 1 FROM tombstones WHERE text_hash = ?", [text_hash]))

    def seen(self) -> dict[str, SeenFile]:
        """Files of followed folders as they were when last read, by key."""
        return self._seen()

    def seen_as(self, key: str) -> SeenFile | None:
        """A file of a followed folder as it was when last read."""
        return self._seen("WHERE key = ?", [key]).get(key)

    def _seen(self, where: str = "", values: Sequence[object] = ()) -> dict[str, SeenFile]:
        rows = self.select(f"SELECT key, size, modified_ns, content, left_out FROM files {where}", values)
        return {key: SeenFile((size, time), content, bool(out)) for key, size, time, content, out in rows}

    def failures(self) -> list[Failure]:
        """What could not be read in followed folders, by file and in the order that it was met."""
        rows = self.select("SELECT file, path, reason, failed FROM failures ORDER BY file, number")
        return [
            Failure(file, path, reason, datetime.fromisoformat(failed)) for file, path, reason, failed in rows
        ]


class CatalogView(Reader):
    """One moment of the catalog, to read; ``cache`` is of the same catalog.

    Attributes
    ----------
    passages
        Its passages, with their vectors and words.
    changes
        Which passages were added and removed.
    files
        What is known of the files of followed folders.
    """

    def __init__(self, connection: sqlite3.Connection, cache: PassageCache | None = None) -> None:
        super().__init__(connection)
        self.passages = PassagesView(connection, cache)
        self.changes = ChangesView(connection)
        self.files = FilesView(connection)

    def copy_to(
        self, target: sqlite3.Connection, pages: int, progress: Callable[[int, int, int], object]
    ) -> None:
        """Copy the catalog's file as it is at this moment, telling `progress` after each so many pages."""
        self.meta(REMOVED)  # the moment begins with the first look
        self._connection.backup(target, pages=pages, progress=progress, sleep=0.0)

    def documents(self) -> list[Document]:
        """All documents without text, the newest first."""
        rows = self.select(
            f"SELECT {DOCUMENT_COLUMNS} FROM documents d ORDER BY d.published DESC NULLS LAST, d.id"
        )
        return [document_of(row) for row in rows]

    def document(self, document_id: str) -> Document:
        """One document with text and blocks.

        Raises
        ------
        DocumentNotFound
        """
        rows = self.select(
            f"SELECT {DOCUMENT_COLUMNS}, d.text, d.blocks FROM documents d WHERE d.id = ?", [document_id]
        )
        if not rows:
            raise DocumentNotFound(
                "This document is not in the library: it was removed, or the link is wrong."
            )
        [(*row, text, blocks)] = rows
        read = tuple(Block(*block) for block in json.loads(blocks))
        left_out = int(self.meta(LEFT_OUT + document_id) or 0)
        return replace(document_of(row), text=text, blocks=read, left_out=left_out)

    def stories(self) -> list[Story]:
        """What two or more documents tell, in the order of `documents`."""
        rows = self.select(
            f"SELECT {DOCUMENT_COLUMNS}, d.text_hash FROM documents d WHERE d.number IN"
            " (SELECT document FROM stories WHERE story IN"
            " (SELECT story FROM stories GROUP BY story HAVING count(*) > 1))"
            " ORDER BY d.published DESC NULLS LAST, d.id"
        )
        told, texts = dict[str, list[Document]](), dict[str, set[str]]()
        for *row, text_hash in rows:
            document = document_of(row)
            told.setdefault(document.story, []).append(document)
            texts.setdefault(document.story, set()).add(text_hash)
        return [Story(newest_first(told[story]), len(texts[story]) == 1) for story in told]

    def without_story(self) -> list[str]:
        """The ids of the documents of which it has still to be found out what tells the same."""
        return self.column(
            "SELECT d.id FROM documents d LEFT JOIN stories s ON s.document = d.number"
            " WHERE s.document IS NULL ORDER BY d.number"
        )

    def version(self, key: str) -> str | None:
        """The version of the document with this key, if there is one."""
        return self.value("SELECT version FROM documents WHERE key = ?", [key])

    def identity(self, key: str) -> str | None:
        """The id of the document with this key, if there is one."""
        return self.value("SELECT id FROM documents WHERE key = ?", [key])

    def key(self, document_id: str) -> str | None:
        """The key of the document with this id, if there is one."""
        return self.value("SELECT key FROM documents WHERE id = ?", [document_id])

    def named(self, key: str) -> str | None:
        """The id that was noted for this key, if its document has none that follows from the key."""
        return self.value("SELECT id FROM names WHERE key = ?", [key])

    def bands(self, document_id: str) -> list[int]:
        """The bands under which a document is found by others that tell the same."""
        return self.column(
            "SELECT b.band FROM bands b JOIN documents d ON d.number = b.document WHERE d.id = ?",
            [document_id],
        )

    def text_hash(self, key: str) -> str | None:
        """What names the text of the document with this key, if there is one."""
        return self.value("SELECT text_hash FROM documents WHERE key = ?", [key])

    def kept_characters(self, key: str) -> int | None:
        """Return how much of the document with this key was added where it was too long, else None."""
        return self.value(
            "SELECT characters FROM documents JOIN meta ON name = ? || id WHERE key = ?", [LEFT_OUT, key]
        )

    def versions(self) -> dict[str, str]:
        """The version of each document, by its id."""
        return dict(self.select("SELECT id, version FROM documents"))

    def origins(self, filters: Filters | None = None) -> list[Origin]:
        """Each source with each of its days of publication, of the documents that pass the filters."""
        where, values = filter_clause(filters)
        rows = self.select(
            f"SELECT d.source, d.published, sum(d.passages) FROM documents d WHERE 1 {where}"
            " GROUP BY d.source, d.published",
            values,
        )
        return [
            Origin(source, date.fromisoformat(published) if published else None, passages)
            for source, published, passages in rows
        ]

    def titles(self, document_ids: Sequence[str]) -> dict[str, str]:
        """The titles of these documents by id, of those that are held."""
        return dict(
            self.select(
                "SELECT id, title FROM documents WHERE id IN (SELECT value FROM json_each(?))",
                [json.dumps(list(document_ids))],
            )
        )

    def keys(self, prefix: str) -> list[str]:
        """The keys that start with `prefix`, in order."""
        # By a range, for which the index serves.
        return self.column(
            "SELECT key FROM documents WHERE key >= ?1 AND key < ?1 || char(0x10FFFF) ORDER BY key", [prefix]
        )

    def keys_within(self, file: str) -> list[str]:
        """The keys of the documents of a file, in order."""
        # A folder may be called as what is within an archive is: "a.zip!/b.md".
        return [
            key
            for key in self.keys(file)
            if key == file or (is_within(key, file) and self.files.seen_as(key) is None)
        ]

    def counts(self) -> tuple[int, int]:
        """How many documents and passages there are."""
        count = "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM passages)"
        [(documents, passages)] = self.select(count)
        return documents, passages

    def updated(self) -> datetime | None:
        """When a document was last added, updated or removed."""
        times = self.value("SELECT max(updated) FROM documents"), self.meta(REMOVED)
        return max((datetime.fromisoformat(time) for time in times if time), default=None)

    def meta(self, name: str) -> str | None:
        """A value kept beside the documents."""
        return self.value("SELECT value FROM meta WHERE name = ?", [name])
