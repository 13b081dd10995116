"""Write a small catalog of the present schema as SQL text, for `tests/data/`.

    PYTHONPATH=. python scripts/dump_catalog.py tests/data/catalog-N.sql

The tests keep one of each version that was ever released, so that every way to the newest is tried.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

from rag import Library, NewDocument, Settings
from rag.store.catalog import SCHEMA_VERSION

HEAD = "-- What version {} of the catalog held after two articles were added and a third was removed."
ARTICLES = (
    NewDocument(
        "The lighthouse of Port Ellery was built in 1871 by the engineer Agnes Thorburn. Its lamp can be seen"
        " from a distance of 31 kilometres.",
        title="The lighthouse of Port Ellery",
        key="corpus:lighthouse.md",
        source="Harbour Gazette",
        published=date(2024, 3, 5),
    ),
    NewDocument(
        "The bakers of Port Ellery sell rye bread on Fridays.", title="Bread", key="upload:bread.txt"
    ),
    NewDocument("This article was removed.", title="Removed", key="corpus:removed.md"),
)


def dumped(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield the statements that make this catalog; the word index by its texts, not by its pages."""
    tables = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'words_*'"
        " AND name NOT GLOB 'vocabulary_*' AND name NOT GLOB 'sqlite_*'"
    ).fetchall()
    yield "PRAGMA journal_mode = WAL;\nBEGIN;"
    yield from (f"{sql};" for _, sql in tables)
    yield "DELETE FROM sqlite_sequence;"
    for name in ["sqlite_sequence", *(name for name, _ in tables if name != "vocabulary")]:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
        listed = ["rowid", *columns] if name == "words" else columns
        quoted = " || ', ' || ".join(f"quote({column})" for column in listed)
        rows = connection.execute(f"SELECT {quoted} FROM {name}").fetchall()
        yield from (f"INSERT INTO {name} ({', '.join(listed)}) VALUES ({row});" for (row,) in rows)
    indexes = "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    yield from (f"{sql};" for (sql,) in connection.execute(indexes))
    yield f"COMMIT;\nPRAGMA user_version = {SCHEMA_VERSION};"


def main(path: Path) -> None:
    """Add two articles and a third that is removed, and write what the catalog then is."""
    with tempfile.TemporaryDirectory() as folder:
        with Library.open(Settings(data_dir=Path(folder)), follow=False) as library:
            [*_, removed] = library.add(ARTICLES).added
            library.remove(removed.id)
        with closing(sqlite3.connect(Path(folder) / "catalog.sqlite3")) as connection:
            head = HEAD.format(SCHEMA_VERSION)
            path.write_text("\n".join([head, *dumped(connection)]) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
