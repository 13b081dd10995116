"""The tables of the conversations' file, and what is noted beside a turn."""

from __future__ import annotations

import sqlite3

from rag.answers import Answer
from rag.conversations.kept_answers import answer_from_json
from rag.errors import CatalogError

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


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables, or bring them from an earlier version.

    Raises
    ------
    CatalogError
        They were made by a newer Footnote.
    """
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
            insert_cited(connection, turn[0], turn[1], answer_from_json(turn[2]))
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def insert_cited(connection: sqlite3.Connection, conversation_id: str, number: int, answer: Answer) -> None:
    """Note which versions of documents a turn holds words of."""
    places = [place for c in answer.citations for place in (c, *c.copies)]
    versions = {(place.document.id, place.version) for place in places if place.quote}
    writing = answer.writing
    versions |= set(writing.read if any(left.text for left in writing.left_out) else ())
    versions |= {(kept.document.id, kept.version) for kept in writing.kept_out}
    versions |= {(hit.document.id, hit.document.version) for hit in answer.related}
    connection.executemany(
        "INSERT INTO cited VALUES (?, ?, ?, ?)", [(*version, conversation_id, number) for version in versions]
    )
