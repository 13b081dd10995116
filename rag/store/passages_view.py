"""Reading the catalog: its rows, and passages by words, by vectors, and what has changed of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rag.documents import Filters
from rag.embedding.local import PassageVectors, Vectors
from rag.embedding.word_vectors import unpack
from rag.store.stored_passage import (
    DOCUMENT_COLUMNS,
    PassageCache,
    StoredPassage,
    halves,
    stored_passage_of,
)


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


@dataclass(frozen=True, slots=True)
class VectorRows:
    """Vectors of passages: ``ids[i]`` names row i of ``matrix``, (n, dimensions)."""

    ids: tuple[str, ...]
    matrix: Vectors


KEPT_VECTORS = (
    "SELECT p.fingerprint, v.vector, s.vectors, s.words FROM passages p"
    " JOIN vectors v ON v.passage = p.number JOIN sentences s ON s.passage = p.number"
)
"""Of passages the name of their vectors, and these as they are kept: of all, of sentences, of words."""
NO_ROWS = VectorRows((), np.empty((0, 0), np.float32))


class ChangesView(Reader):
    """Which passages were added and removed, in order, for those who follow the catalog."""

    def last(self) -> int:
        """The number of the last change, 0 where there is none."""
        return self.value("SELECT seq FROM sqlite_sequence WHERE name = 'changes'") or 0

    def after(self, after: int, limit: int) -> list[tuple[int, str, bool]]:
        """Number, passage id and whether it was added, of the changes after a number, in order."""
        rows = self.select(
            "SELECT number, passage, added FROM changes WHERE number > ? ORDER BY number LIMIT ?",
            [after, limit],
        )
        return [(number, passage, bool(added)) for number, passage, added in rows]

    def changed(self, after: int) -> set[str]:
        """The ids of the passages added or removed after a change."""
        return set(self.column("SELECT passage FROM changes WHERE number > ?", [after]))

    def removed(self, after: int) -> set[str]:
        """The ids of the passages removed after a change."""
        return set(self.column("SELECT passage FROM changes WHERE number > ? AND NOT added", [after]))


class PassagesView(Reader):
    """The passages of one moment of the catalog; ``cache`` is of the same catalog."""

    def __init__(self, connection: sqlite3.Connection, cache: PassageCache | None) -> None:
        super().__init__(connection)
        self._changes = ChangesView(connection)
        self._cache = cache

    def read(self, passage_ids: Sequence[str]) -> dict[str, StoredPassage]:
        """These passages with their documents and sentences, by id, of those that are held."""
        if self._cache is None:
            return self._read(passage_ids)
        # Whatever a passage or its document changes, its passages are written anew.
        change = self._changes.last()
        held = self._cache.held(change)
        read = self._read([name for name in passage_ids if name not in held])
        self._cache.hold(change, read)
        known = held | read
        return {name: known[name] for name in passage_ids if name in known}

    def _read(self, passage_ids: Sequence[str]) -> dict[str, StoredPassage]:
        rows = self.select(
            "SELECT p.id, p.start, p.end, p.heading, p.page, p.header,"
            " substr(d.text, p.start + 1, p.end - p.start), v.vector, s.spans, s.vectors, s.words,"
            f" {DOCUMENT_COLUMNS} FROM json_each(?) j JOIN passages p ON p.id = j.value"
            " JOIN documents d ON d.number = p.document JOIN vectors v ON v.passage = p.number"
            " JOIN sentences s ON s.passage = p.number",
            [json.dumps(list(passage_ids))],
        )
        return {row[0]: stored_passage_of(row) for row in rows}

    def of_document(self, document_id: str) -> list[str]:
        """The ids of a document's passages, in order."""
        return self.column(
            "SELECT p.id FROM passages p JOIN documents d ON d.number = p.document"
            " WHERE d.id = ? ORDER BY p.position",
            [document_id],
        )

    def ids(self) -> set[str]:
        """The ids of all passages."""
        return set(self.column("SELECT id FROM passages"))

    def matching(
        self, query: str, limit: int, filters: Filters | None = None, *, most: int = -1
    ) -> dict[str, float]:
        """Passage ids that match an FTS5 query with their BM25 score, the best first.

        Title, heading and text count alike; a word's rarity is that in the whole library. With filters,
        ``most`` are looked at for those that pass; below zero all.
        """
        where, values = filter_clause(filters)
        return dict(
            self.select(
                "SELECT p.id, -w.score FROM (SELECT rowid, bm25(words) AS score FROM words"
                f" WHERE words MATCH ? ORDER BY score, rowid LIMIT {most if where else limit}) w"
                " JOIN passages p ON p.number = w.rowid JOIN documents d ON d.number = p.document"
                f" WHERE 1 {where} ORDER BY w.score, p.id LIMIT ?",
                [query, *values, limit],
            )
        )

    def frequencies(self, terms: Sequence[str]) -> dict[str, int]:
        """How many passages hold each (stemmed) term."""
        marks = ",".join("?" * len(terms))
        rows = self.select(f"SELECT term, doc FROM vocabulary WHERE term IN ({marks})", terms)
        return dict.fromkeys(terms, 0) | dict(rows)

    def count_within(self, filters: Filters) -> int:
        """How many passages pass the filters."""
        where, values = filter_clause(filters)
        return self.value(f"SELECT sum(d.passages) FROM documents d WHERE 1 {where}", values) or 0

    def passing(self, passage_ids: Sequence[str], filters: Filters) -> list[str]:
        """Those of the passages that pass the filters."""
        where, values = filter_clause(filters)
        return self.column(
            "SELECT p.id FROM json_each(?) j JOIN passages p ON p.id = j.value"
            f" JOIN documents d ON d.number = p.document WHERE 1 {where}",
            [json.dumps(list(passage_ids)), *values],
        )

    def vectors_added(self, after: int) -> VectorRows:
        """The vectors of the passages added after a change and still held, in that order."""
        if after == 0:
            # In the order of the table, a third of the time of going through the changes.
            return self._vectors(
                "SELECT p.id, v.vector FROM vectors v JOIN passages p ON p.number = v.passage"
                " ORDER BY v.passage"
            )
        return self._vectors(
            "SELECT p.id, v.vector FROM changes c JOIN passages p ON p.id = c.passage"
            " JOIN vectors v ON v.passage = p.number WHERE c.number > ? AND c.added ORDER BY c.number",
            [after],
        )

    def vectors_of(self, passage_ids: Sequence[str]) -> VectorRows:
        """The vectors of these passages, of those that are held."""
        return self._vectors(
            "SELECT p.id, v.vector FROM json_each(?) j JOIN passages p ON p.id = j.value"
            " JOIN vectors v ON v.passage = p.number",
            [json.dumps(list(passage_ids))],
        )

    def vectors_within(self, filters: Filters) -> VectorRows:
        """The vectors of all passages that pass the filters."""
        where, values = filter_clause(filters)
        return self._vectors(
            "SELECT p.id, v.vector FROM documents d JOIN passages p ON p.document = d.number"
            f" JOIN vectors v ON v.passage = p.number WHERE 1 {where} ORDER BY p.number",
            values,
        )

    def sample_vectors(self, count: int) -> VectorRows:
        """About `count` stored vectors, spread evenly over the collection."""
        return self._vectors(
            "SELECT p.id, v.vector FROM vectors v JOIN passages p ON p.number = v.passage"
            " WHERE v.passage % max(1, (SELECT max(passage) / ? FROM vectors)) = 0 LIMIT ?",
            [count, 2 * count],
        )

    def _vectors(self, query: str, values: Sequence[object] = ()) -> VectorRows:
        rows = self.select(query, values)
        if not rows:
            return NO_ROWS
        flat = np.frombuffer(b"".join(vector for _, vector in rows), np.float32)
        return VectorRows(tuple(identity for identity, _ in rows), flat.reshape(len(rows), -1))

    def reusable(self, fingerprint: str, *, with_words: bool) -> PassageVectors | None:
        """The vectors of a passage with this fingerprint, if one is held, and with its words' if need be."""
        where = "WHERE p.fingerprint = ? AND (s.words != x'' OR ?) LIMIT 1"
        rows = self.select(f"{KEPT_VECTORS} {where}", [fingerprint, not with_words])
        if not rows:
            return None
        [(_, whole, parts, packed)] = rows
        vector = np.frombuffer(whole, np.float32)
        sentences = halves(parts, len(vector))
        words = unpack(packed, len(sentences))
        return PassageVectors(vector, sentences, words) if words is not None else None

    def without_words(self) -> list[str]:
        """The ids of the documents with passages whose words have no vectors."""
        return self.column(
            "SELECT DISTINCT d.id FROM sentences s JOIN passages p ON p.number = s.passage"
            " JOIN documents d ON d.number = p.document WHERE s.words = x'' ORDER BY d.number"
        )


def filter_clause(filters: Filters | None) -> tuple[str, list[object]]:
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
