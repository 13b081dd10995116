"""What can be wrong with a library, found and not mended; `rag/upkeep/doctor.py` mends it."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any

from rag.documents import Document, NewDocument, content_hash, short_hash
from rag.embedding.local import Embedder
from rag.embedding.passages import embedded_text, passage_fingerprint
from rag.store.catalog import SCHEMA_VERSION, what_is_lost
from rag.store.catalog_writer import (
    CatalogWriter,
    indexed_words,
    passage_id,
    passage_row,
    spans_of,
    text_hash,
)
from rag.store.migrations import schema
from rag.store.passages_view import Reader
from rag.store.stories import MOST_CHARACTERS, bands, told
from rag.text.splitting import Piece
from rag.upkeep.held_vectors import alike, vectors_from

PASSAGES = (
    "SELECT p.number, p.id, p.position, p.start, p.end, p.heading, p.page, p.header, p.fingerprint,"
    " s.spans, v.vector, s.vectors, s.words, w.title, w.heading, w.text FROM passages p"
    " LEFT JOIN vectors v ON v.passage = p.number LEFT JOIN sentences s ON s.passage = p.number"
    " LEFT JOIN words w ON w.rowid = p.number WHERE p.document = ? ORDER BY p.position"
)
"""All that belongs to the passages of the document with a number."""
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR)


def file_faults(path: Path) -> list[str]:
    """Return what SQLite finds wrong with a catalog's file; nothing where there is no file yet.

    Raises
    ------
    sqlite3.Error
        The file could not be checked, which says nothing about it.
    """
    if lost := what_is_lost(path):
        return [lost]
    if not path.exists():
        return []
    try:
        with closing(sqlite3.connect(path, timeout=60)) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if version > SCHEMA_VERSION:
                return []  # opening the catalog says so
            if tables and not version:
                return ["it has tables and no version"]
            return [row for (row,) in connection.execute("PRAGMA integrity_check(20)") if row != "ok"]
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGE:
            raise
        return [str(error)]


def expected_schema() -> dict[str, object]:
    """Return the shape of each table and index of an empty catalog."""
    with closing(sqlite3.connect(":memory:")) as model:
        model.executescript("".join(schema()))
        return found_schema(Reader(model))


def found_schema(view: Reader) -> dict[str, object]:
    """Return the shape of each table and index by name: columns, or the SQL of a virtual table."""
    shapes = dict[str, object]()
    for kind, name, sql in view.select("SELECT type, name, sql FROM sqlite_master"):
        if sql and "VIRTUAL TABLE" in sql:
            shapes[name] = " ".join(sql.split())
        else:
            columns = view.select(f"PRAGMA {kind}_xinfo('{name}')")
            # Columns of a table in any order: a migration may have added one at the end.
            shapes[name] = sorted(row[1:6] for row in columns) if kind == "table" else columns
    return shapes


def schema_faults(expected: Mapping[str, object], found: Mapping[str, object]) -> dict[str, str]:
    """Return what is missing or differs, by name; what there is besides does no harm."""
    return {
        name: "differs" if name in found else "is missing"
        for name in sorted(expected)
        if found.get(name) != expected[name]
    }


def words_faults(writer: CatalogWriter) -> list[str]:
    """Return what is wrong with the full-text index as a whole."""
    try:
        writer.execute("INSERT INTO words (words) VALUES ('integrity-check')")
        without_words, without_passage = (
            writer.value(f"SELECT count(*) FROM (SELECT {first} EXCEPT SELECT {second})")
            for first, second in itertools.permutations(("number FROM passages", "rowid FROM words"))
        )
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return counted((without_words, "passages without words"), (without_passage, "words without a passage"))


def counted(*counts: tuple[int | None, str]) -> list[str]:
    """Return in words how many there are of each thing, of those that there are any of."""
    return [f"{count} {what}" for count, what in counts if count]


def text_faults(document: Document, held_text_hash: str, named: str | None = None) -> list[str]:
    """Return what is wrong with a document's text and metadata, by the hashes they were added with.

    ``named`` is its id where that doesn't follow from its key.
    """
    faults = []
    bounds = [0, *(offset for block in document.blocks for offset in (block.start, block.end))]
    if bounds != sorted(bounds) or bounds[-1] > len(document.text):
        faults.append("its blocks don't fit its text")
    if (named or short_hash("document", document.key)) != document.id:
        faults.append("its id isn't that of its key")
    content = NewDocument(**{field.name: getattr(document, field.name) for field in fields(NewDocument)})
    if text_hash(document.text) != held_text_hash:
        faults.append("its text isn't what was added")
    elif content_hash(content)[:16] != document.version:
        faults.append("its metadata isn't what was added")
    return faults


def is_id_proved(document: Document, rows: Sequence[Any]) -> bool:
    """Whether the ids of a document's rows of `PASSAGES` follow from its own, which then is what it was."""
    return bool(rows) and all(
        row[1] == passage_id(document.id, document.version, row[3], row[4]) for row in rows
    )


def bands_fit(document: Document, held: Sequence[int]) -> bool:
    """Whether a document is found by what tells the same."""
    is_compared = len(document.text) <= MOST_CHARACTERS
    expected = bands(told(document.title, document.text)) if is_compared else ()
    return sorted(held) == sorted(expected)


def counts_fit(document: Document, passages: int) -> bool:
    """Whether a document's figures are those of its text."""
    counted = (len(document.text), len(document.text.split()), passages)
    return (document.characters, document.words, document.passages) == counted


def passages_fit(document: Document, pieces: Sequence[Piece], rows: Sequence[Any], embedder: str) -> bool:
    """Whether the rows of `PASSAGES`, sentences among them, are what splitting the text gives."""
    expected = []
    for position, piece in enumerate(pieces):
        fingerprint = passage_fingerprint(embedder, *embedded_text(document.title, document.text, piece))
        kept = passage_row(document.id, document.version, position, piece, fingerprint)
        expected.append((*kept.values(), spans_of(piece)))
    return [row[1:10] for row in rows] == expected


def vectors_fit(
    document: Document, pieces: Sequence[Piece], rows: Sequence[Any], embedder: Embedder, every: int
) -> bool:
    """Whether all vectors have the right form, and one in ``every`` is what the model gives."""
    for piece, row in zip(pieces, rows, strict=True):
        blobs = row[10] or b"", row[11] or b"", row[12] or b""
        held = vectors_from(blobs, embedder, len(piece.sentences))
        if held is None:
            return False
        if row[0] % every == 0:
            made = embedder.embed_passage(*embedded_text(document.title, document.text, piece))
            if not alike(held, made):
                return False
    return True


def words_fit(document: Document, rows: Sequence[Any]) -> bool:
    """Whether the full-text index has the rows of `PASSAGES` as they are indexed."""
    return all(
        row[13:] == indexed_words(document.title, heading, header, document.text[start:end])
        for row in rows
        for start, end, heading, header in [(row[3], row[4], row[5], row[7])]
    )
