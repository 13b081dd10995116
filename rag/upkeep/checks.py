"""What can be wrong with a library, found and not mended; `rag/upkeep/doctor.py` mends it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any

from rag.documents import Document, NewDocument, content_hash, short_hash
from rag.embedding.local import Embedder
from rag.embedding.passages import embedded_text, passage_fingerprint
from rag.store.catalog import SCHEMA_VERSION, schema, what_is_lost
from rag.store.catalog_view import CatalogView
from rag.store.catalog_writer import CatalogWriter, text_hash
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


def expected_schema() -> tuple[dict[str, object], dict[str, str]]:
    """Return the shape of each table and index of an empty catalog, and the statement that makes it."""
    made = dict[str, str]()
    with closing(sqlite3.connect(":memory:")) as model:
        view = CatalogView(model)
        for statement in schema():
            before = found_schema(view).keys()
            model.execute(statement)
            made |= dict.fromkeys(found_schema(view).keys() - before, statement)
        return found_schema(view), made


def found_schema(view: CatalogView) -> dict[str, object]:
    """Return the shape of each table and index by name: columns, or the SQL of a virtual table."""
    shapes = dict[str, object]()
    for kind, name, sql in view.select("SELECT type, name, sql FROM sqlite_master").fetchall():
        if sql and "VIRTUAL TABLE" in sql:
            shapes[name] = " ".join(sql.split())
        else:
            columns = view.select(f"PRAGMA {kind}_xinfo('{name}')").fetchall()
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
    faults = []
    try:
        writer.execute("INSERT INTO words (words) VALUES ('integrity-check')")
        for first, second, what in (
            ("number FROM passages", "rowid FROM words", "passages without words"),
            ("rowid FROM words", "number FROM passages", "words without a passage"),
        ):
            query = f"SELECT count(*) FROM (SELECT {first} EXCEPT SELECT {second})"
            [(count,)] = writer.select(query).fetchall()
            if count:
                faults.append(f"{count} {what}")
    except sqlite3.DatabaseError as error:
        faults.append(str(error))
    return faults


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
        row[1] == short_hash(document.id, document.version, str(row[3]), str(row[4])) for row in rows
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
        identity = short_hash(document.id, document.version, str(piece.start), str(piece.end))
        fingerprint = passage_fingerprint(embedder, *embedded_text(document.title, document.text, piece))
        spans = json.dumps([[s.start, s.end, s.kind] for s in piece.sentences], separators=(",", ":"))
        place = [piece.start, piece.end, piece.heading, piece.page, piece.header]
        expected.append([identity, position, *place, fingerprint, spans])
    return [list(row[1:10]) for row in rows] == expected


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


def words_of(title: str, text: str, row: Sequence[Any]) -> tuple[str, str, str]:
    """Return title, heading and text as the full-text index has them for a row of `PASSAGES`."""
    start, end, heading, header = row[3], row[4], row[5], row[7]
    return title, heading, "\n".join(filter(None, [header, text[start:end]]))
