"""What a damaged catalog still tells: documents, and what of small tables can be read.

A document is taken from it where its text is proved by its hash, so that nothing altered is ever quoted.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, fields, replace
from datetime import date
from pathlib import Path

from rag.documents import Block, NewDocument, content_hash
from rag.store.catalog_view import LEFT_OUT
from rag.store.catalog_writer import STORED_APART, text_hash
from rag.store.passages_view import KEPT_VECTORS
from rag.upkeep.held_vectors import Blobs

_PAGE_BYTES = 4096
_USES_LOG, _SIZE_IS_VALID_FOR = slice(18, 20), slice(92, 96)
_AS_FAR_AS_IT_GOES = "PRAGMA writable_schema = ON"
"""With this SQLite reads a file that is shorter than it should be: https://sqlite.org/pragma.html"""
_MOST_NUMBERS = 5_000_000
"""So many are tried at most where what tells the highest is damaged too: 20 s where none is found."""


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """A document that can be read, with the times at which it was first and last added."""

    document: NewDocument
    added: str
    updated: str


@dataclass
class Told:
    """What a damaged catalog tells of documents: what can be read, and the names of what can't.

    ``keys`` are all that it holds, None where they can't be read whole.
    """

    keys: set[str] | None
    documents: list[ReadDocument] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


class DamagedCatalog:
    """A copy of a damaged catalog, since SQLite writes into what it opens; close it after use."""

    def __init__(self, path: Path, aside: Path, sound: Path) -> None:
        """Copy a catalog to a place aside and open it, by what ``sound``, another catalog, tells if need be.

        Raises
        ------
        OSError
            It can't be copied.
        """
        aside.touch()  # it may be missing, but for its log
        for suffix in ("", "-wal"):
            if path.with_name(path.name + suffix).exists():
                shutil.copy2(path.with_name(path.name + suffix), aside.with_name(aside.name + suffix))
        if not _is_opened(aside):
            _replace_first_page(aside, sound)
        self._connection = sqlite3.connect(aside, isolation_level=None, check_same_thread=False)
        self._connection.execute(_AS_FAR_AS_IT_GOES)
        self._connection.row_factory = sqlite3.Row

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    def rows(self, table: str) -> list[tuple[object, ...]]:
        """Return the rows of a small table, none where they can't be read whole."""
        rows, are_all = self._read(f"SELECT * FROM {table}")
        return [tuple(row) for row in rows] if are_all else []

    def meta(self, name: str) -> str | None:
        """Return a value that it keeps beside the documents, None where that can't be read."""
        rows, _ = self._read("SELECT value FROM meta WHERE name = ?", [name])
        return str(rows[0]["value"]) if rows else None

    def vectors(self, fingerprint: str) -> Blobs | None:
        """Return the vectors of a passage, None where they can't be read."""
        rows, _ = self._read(f"{KEPT_VECTORS} WHERE p.fingerprint = ? LIMIT 1", [fingerprint])
        return (rows[0][1], rows[0][2], rows[0][3]) if rows else None

    def documents(self, versions: Mapping[str, str]) -> Told:
        """Read the documents that aren't among these versions, by key, one by one."""
        # The indexes of keys and ids have them beside the numbers, so that no page of the table is read.
        rows, are_all = self._read("SELECT number, key FROM documents ORDER BY key")
        keys = {row["number"]: row["key"] for row in rows}
        rows, are_all_ids = self._read("SELECT number, id FROM documents ORDER BY id")
        ids = {row["number"] for row in rows}
        # What isn't there was removed, so that this must be certain: two indexes tell the same.
        is_certain = bool(keys) and are_all and are_all_ids and keys.keys() == ids
        told = Told(set(keys.values()) if is_certain else None)
        numbers = sorted(keys) if is_certain else range(1, self._last(keys.keys() | ids) + 1)
        for number in numbers:
            self._read_one(number, keys.get(number), versions, told)
        return told

    def _last(self, seen: Iterable[int]) -> int:
        """Return the highest number that a document may have."""
        rows, _ = self._read("SELECT seq FROM sqlite_sequence WHERE name = 'documents'")
        told = [row["seq"] for row in rows if isinstance(row["seq"], int)]
        return min(max([0, *seen, *told]), _MOST_NUMBERS)

    def _read_one(self, number: int, key: str | None, versions: Mapping[str, str], told: Told) -> None:
        name = key
        # Apart from the text, which may lie on other pages.
        query = "SELECT key, version, title FROM documents WHERE number = ?"
        rows, is_known = self._read(query, [number])
        if is_known and not rows:
            return
        for row in rows:
            key, name = row["key"], row["title"] or row["key"]
            if versions.get(row["key"]) == row["version"]:
                return
        for row in self._read("SELECT * FROM documents WHERE number = ?", [number])[0]:
            if document := _proved(dict(row)):
                left_out = self.meta(LEFT_OUT + str(row["id"])) or ""
                document = replace(document, left_out=int(left_out) if left_out.isdecimal() else 0)
                told.documents.append(ReadDocument(document, row["added"], row["updated"]))
                return
        # What is lost of a document that the copy has is its newest version at most.
        if name is not None and key not in versions:
            told.lost.append(name)

    def _read(self, query: str, values: Sequence[object] = ()) -> tuple[list[sqlite3.Row], bool]:
        """Return the rows of a query up to the first that can't be read, and whether these are all."""
        rows = list[sqlite3.Row]()
        try:
            for row in self._connection.execute(query, values):
                rows.append(row)
        except (sqlite3.Error, UnicodeDecodeError):
            return rows, False
        return rows, True


def _is_opened(path: Path) -> bool:
    # Without its log, which closing would write into the file.
    uri = f"{path.absolute().as_uri()}?immutable=1"
    with suppress(sqlite3.Error), closing(sqlite3.connect(uri, uri=True)) as connection:
        connection.execute(_AS_FAR_AS_IT_GOES)
        return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    return False


def _replace_first_page(path: Path, sound: Path) -> None:
    """Give a catalog whose first page is lost that of another, in which the tables begin on the same pages.

    Where they don't, what is read is no document, or isn't proved by its hash. The format of the first page:
    https://sqlite.org/fileformat2.html#the_database_header
    """
    first = bytearray(sound.read_bytes()[:_PAGE_BYTES])
    first[_USES_LOG] = b"\2\2"
    first[_SIZE_IS_VALID_FOR] = bytes(4)  # else the size would be taken from here and not from the file
    with path.open("rb+") as file:
        file.write(first)


def _proved(row: Mapping[str, object]) -> NewDocument | None:
    """Return a document as its row has it, None where it isn't what the row's hashes tell."""
    try:
        values = {f.name: row[f.name] for f in fields(NewDocument) if f.name not in STORED_APART}
        day = values["published"]
        values["published"] = date.fromisoformat(str(day)) if day is not None else None
        values["blocks"] = tuple(Block(*block) for block in json.loads(str(values["blocks"])))
        document = NewDocument(**values)  # type: ignore[arg-type]  # proved by the hash
        is_proved = (
            row["text_hash"] == text_hash(document.text) or row["version"] == content_hash(document)[:16]
        )
    except (KeyError, TypeError, ValueError):
        return None
    return document if is_proved else None
