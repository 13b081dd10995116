"""The schema of the catalog, and the way from one version of it to the next.

A change of `schema.sql` goes with a higher `SCHEMA_VERSION` in `rag/store/catalog.py` and with one entry
here that turns the version before into the new one; `tests/data/` keeps a catalog of each version
that was ever released.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from rag.errors import CatalogError

MIGRATIONS: Mapping[int, Sequence[str]] = {
    # What they hold is made by `Reembedding.complete`.
    1: ["ALTER TABLE sentences ADD COLUMN words BLOB NOT NULL DEFAULT x''"],
    2: [
        "ALTER TABLE files ADD COLUMN content TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE files ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0",
        "CREATE TABLE failures (file TEXT NOT NULL, number INTEGER NOT NULL, path TEXT NOT NULL,"
        " reason TEXT NOT NULL, failed TEXT NOT NULL, PRIMARY KEY (file, number)) WITHOUT ROWID",
        "CREATE TABLE names (key TEXT PRIMARY KEY, id TEXT NOT NULL, named TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE stories (document INTEGER PRIMARY KEY REFERENCES documents (number) ON DELETE CASCADE,"
        " story TEXT NOT NULL)",
        "CREATE INDEX stories_story ON stories (story)",
        "CREATE TABLE bands (band INTEGER NOT NULL,"
        " document INTEGER NOT NULL REFERENCES documents (number) ON DELETE CASCADE)",
        "CREATE INDEX bands_band ON bands (band, document)",
        "CREATE INDEX bands_document ON bands (document)",
    ],
}
"""By the version that they start from, the statements that make the next one."""


def migrate(
    connection: sqlite3.Connection, path: Path, target: int, migrations: Mapping[int, Sequence[str]]
) -> None:
    """Bring a catalog to the version `target`, each step in a transaction of its own; make an empty one.

    A step that fails leaves the catalog at the version before it. Where two processes meet, one of
    them waits and then finds the step done.

    Raises
    ------
    CatalogError
        There is no way from the catalog's version.
    """
    # Rebuilding a table drops the old one, and a dropped table would take its children with it. SQLite
    # heeds this only outside of transactions: https://sqlite.org/lang_altertable.html#otheralter
    connection.execute("PRAGMA foreign_keys = OFF")
    try:
        while (version := _version(connection)) < target:
            if version == 0:
                _step(connection, path, version, target, tuple(schema()))
            elif version in migrations:
                _step(connection, path, version, version + 1, migrations[version])
            else:
                raise CatalogError(
                    f"The catalog {path} has the schema {version}, which this Footnote can't bring to"
                    f" {target}: choose a new folder with FOOTNOTE_DATA_DIR and add the documents there."
                )
    finally:
        connection.execute("PRAGMA foreign_keys = ON")


def _step(
    connection: sqlite3.Connection, path: Path, version: int, target: int, statements: Sequence[str]
) -> None:
    with connection:  # commits, or rolls back
        connection.execute("BEGIN IMMEDIATE")
        if _version(connection) != version:
            return
        for statement in statements:
            connection.execute(statement)
        if connection.execute("PRAGMA foreign_key_check").fetchone():
            raise CatalogError(
                f"The catalog {path} can't be brought to schema {target}, since parts of it"
                " belong to nothing: run `python -m rag doctor` of the Footnote that wrote it."
            )
        connection.execute(f"PRAGMA user_version = {target}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def schema() -> Iterator[str]:
    """The statements that make an empty catalog of the newest version."""
    statement = ""
    for line in files("rag.store").joinpath("schema.sql").read_text("utf-8").splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
