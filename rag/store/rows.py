"""Reading and changing rows of the catalog, in its own terms."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any


class Reader:
    """Reads rows of one moment of the catalog, fetched whole so that checkpoints can finish."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def select(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self._connection.execute(query, values).fetchall()

    def column(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        """Return the first value of each row."""
        return [row[0] for row in self.select(query, values)]

    def value(self, query: str, values: Sequence[object] = ()) -> Any | None:
        """Return the first value of the first row, None where there is no row."""
        row = self._connection.execute(query, values).fetchone()
        return row[0] if row else None


class Writer(Reader):
    """Changes rows in a transaction, and reads what it has changed."""

    def execute(self, statement: str, values: Sequence[object] = ()) -> int:
        """Change the catalog; return how many rows that touched."""
        return self._connection.execute(statement, values).rowcount

    def insert(self, table: str, values: Mapping[str, object]) -> int:
        """Insert a row of these columns, and return its number."""
        columns, marks = ", ".join(values), ", ".join("?" * len(values))
        statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"
        return self._connection.execute(statement, list(values.values())).lastrowid or 0
