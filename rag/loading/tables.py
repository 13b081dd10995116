"""CSV and JSON Lines -> a document for each row."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from io import StringIO
from itertools import compress
from typing import Any

from rag.documents import NewDocument, short_hash
from rag.keys import ROW
from rag.loading.formats import Unreadable
from rag.loading.metadata import describe, detect_language
from rag.text.blocks import tidy_plain
from rag.text.canonical import Part, build_text, normalise_text, one_line, plain_value
from rag.text.days import read_day

MOST_ROWS = 50_000
MOST_COLUMNS = 500
MOST_CELLS = 1_000_000
_MOST_CHARACTERS = 2_000_000
"""The longest cell."""
_TITLE_CHARACTERS = 100
_ROWS_READ = 20
"""From so many rows the language of a table is told."""
_MOST_NO_DAYS = 100
"""Each takes up to 30 milliseconds, and a table has 50,000 rows."""
_MOST_LEVELS = 10
"""Lists and objects within each other that are told in words; what lies deeper is told as it stands."""
_VALUE_CHARACTERS = 60
"""The longest value that is a row's title where it has none."""

# What columns are called, the usual first; in any case, and with "_" or "-" for a space.
_COLUMNS = {
    "title": ("title", "headline", "subject", "heading", "name"),
    "text": ("text", "body", "content", "article", "article text", "full text", "fulltext", "story"),
    "source": ("source", "publisher", "publication", "outlet", "site", "newspaper"),
    "url": ("url", "link", "address", "href", "permalink"),
    "published": (
        *("date", "published", "publication date", "published at", "pubdate", "publish date", "day"),
        "created at",
    ),
    "author": ("author", "authors", "byline", "by", "writer", "creator"),
    "language": ("language", "lang"),
}
# What holds a row's name among all rows, the surest first.
_IDENTITIES = ("id", "guid", "uuid", "doi", *_COLUMNS["url"])


def read_csv(title: str, text: str) -> list[NewDocument]:
    """Return a document for each row of a table with a header; it is called `title`.

    Raises
    ------
    Unreadable
        It has no rows, or more rows or columns than are read.
    """
    csv.field_size_limit(_MOST_CHARACTERS)
    try:
        rows = csv.reader(StringIO(text, newline=""), delimiter=_delimiter(text), strict=False)
        header = [one_line(cell) for cell in next(rows, [])]
        if len(header) > MOST_COLUMNS:
            raise Unreadable(
                f"has {len(header):,} columns and the limit is {MOST_COLUMNS}: leave out the others"
            )
        labels = labels_of(header)
        return read_rows(title, (dict(zip(labels, row, strict=False)) for row in rows), "text/csv")
    except csv.Error as error:
        raise Unreadable(f"is no CSV that can be read ({error}): save it as CSV again") from error


def labels_of(header: list[str]) -> list[str]:
    """Return the names of a table's columns, each once."""
    labels = dict[str, None]()
    for index, label in enumerate(header, 1):
        labels[label if label and label not in labels else f"{label or 'Column'} {index}"] = None
    return list(labels) if len(labels) == len(header) else [f"Column {i}" for i in range(1, len(header) + 1)]


def _delimiter(text: str) -> str:
    """Return what stands between the cells: what the first line has most of, outside of quotes."""
    line = text.split("\n", 1)[0][:20_000]
    counts = {delimiter: len(next(csv.reader([line], delimiter=delimiter), [])) for delimiter in ",;\t|"}
    return max(counts, key=lambda delimiter: counts[delimiter])


def read_jsonl(title: str, text: str) -> list[NewDocument]:
    """Return a document for each line that holds a JSON object.

    Raises
    ------
    Unreadable
        A line is no JSON object, or there are more than are read.
    """
    return read_rows(title, _lines(text), "application/jsonl")


def _lines(text: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            value = None
            with suppress(ValueError, RecursionError):
                value = json.loads(line)
            if not isinstance(value, dict):
                raise Unreadable(f"has no JSON object on line {number}: put one on each line")
            yield value


def read_json(title: str, text: str) -> list[NewDocument]:
    """Return a document for each object of a JSON list, or one for a single object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        # Lines of JSON are often called .json.
        if "\n" in text.strip() and text.lstrip().startswith("{"):
            return read_jsonl(title, text)
        raise Unreadable("is no JSON that can be read: it must be a list of objects") from error
    rows = value if isinstance(value, list) else [value]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise Unreadable("holds no JSON objects: make it a list of objects with a text each")
    return read_rows(title, rows, "application/json")


def read_rows(title: str, rows: Iterable[dict[str, Any]], media_type: str) -> list[NewDocument]:
    """Return a document for each row of a table that is called `title`.

    Raises
    ------
    Unreadable
        There are none, or more than are read.
    """
    days = _Days()
    found, names, are_told, cells = list[NewDocument](), list[list[str]](), list[bool](), 0
    for number, row in enumerate(rows, 1):
        cells += len(row)
        if number > MOST_ROWS:
            raise Unreadable(f"has more than {MOST_ROWS:,} rows: split it into parts")
        if cells > MOST_CELLS:
            raise Unreadable(f"has more than {MOST_CELLS:,} cells: leave out columns, or split it into parts")
        columns = _columns(tuple(row))
        values = [(columns.labels[column], text) for column, value in row.items() if (text := _value(value))]
        day = days.read(row[columns.fields["published"]]) if "published" in columns.fields else None
        document = _document(row, columns, values, title, day, media_type)
        if document is not None:
            found.append(document)
            names.append(_names(row, columns, values))
            are_told.append("text" not in columns.fields)
    if not found:
        raise Unreadable("has no rows with text under its header: choose a table with some")
    # Of rows without a text each by itself tells little of its language, and all take long.
    texts = [one.text for one in compress(found, are_told)]
    language = detect_language("\n\n".join(texts[:: max(1, len(texts) // _ROWS_READ)]))
    return [
        replace(one, key=key, language=one.language or (language if is_told else ""))
        for one, key, is_told in zip(found, _keys(names), are_told, strict=True)
    ]


_Values = list[tuple[str, str]]
"""What the cells of a row say, each with its column's label, without the empty ones."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """What the columns of a table are for: their labels, which has the title and so on, which name rows."""

    labels: dict[str, str]
    fields: dict[str, str]
    identities: tuple[str, ...]


@lru_cache(maxsize=64)  # the rows of a table have the same columns, and JSON's often
def _columns(columns: tuple[str, ...]) -> _Columns:
    names = {_plain(column): column for column in reversed(columns)}
    mapped = {
        field: next((names[n] for n in called if n in names), None) for field, called in _COLUMNS.items()
    }
    return _Columns(
        {column: one_line(str(column)) for column in columns},
        {field: column for field, column in mapped.items() if column is not None},
        tuple(names[name] for name in _IDENTITIES if name in names),
    )


def holds_texts(header: Sequence[str]) -> bool:
    """Whether a table with this header has a column of texts, so that each of its rows is an article."""
    return "text" in _columns(tuple(header)).fields


def _document(
    row: dict[str, Any], columns: _Columns, values: _Values, table: str, day: date | None, media_type: str
) -> NewDocument | None:
    facts = {field: row[column] for field, column in columns.fields.items() if field != "published"}
    body = facts.pop("text", None)
    if isinstance(body, str) and body.strip():
        text, blocks = tidy_plain(normalise_text(body))
    else:
        # What the columns say, each in a paragraph of its own.
        text, blocks = build_text(Part("paragraph", f"{label}: {value}") for label, value in values)
    if not any(map(str.isalnum, text)):
        return None
    document = describe(NewDocument(text, media_type=media_type, blocks=blocks), facts)
    title = document.title[:_TITLE_CHARACTERS] or _title_of(table, values)
    return replace(document, title=title, published=day)


class _Days:
    """Reads a column of days; one that holds other things is not searched for days in all languages."""

    def __init__(self) -> None:
        self._no_days = set[str]()

    def read(self, value: object) -> date | None:
        """Return the day that a cell names."""
        day = read_day(value, in_words=len(self._no_days) < _MOST_NO_DAYS)
        text = plain_value(value)[:_TITLE_CHARACTERS] if day is None else ""
        if any(map(str.isalpha, text)):  # days of numbers alone are read, or not, at once
            self._no_days.add(text)
        return day


def _title_of(table: str, values: _Values) -> str:
    """Return a title for a row without one: its first value, and no number that other rows would shift."""
    first = values[0][1]
    whole = len(first) <= _VALUE_CHARACTERS
    return f"{table}: {first if whole else first[: _VALUE_CHARACTERS - 1].rstrip() + '…'}"


# ------------------------------------------------------------------------------- what names a row


def _names(row: dict[str, Any], columns: _Columns, values: _Values) -> list[str]:
    """Return what may name a row: its identifiers, the surest first, and then all that it says."""
    found = ((_plain(column), plain_value(row[column])) for column in columns.identities)
    own = [short_hash("row", column, value) for column, value in found if value]
    return [*own, short_hash("row", *(part for pair in values for part in pair))]


def _keys(rows: Sequence[list[str]]) -> Iterator[str]:
    """Yield a key for each row that stays its own whatever rows come before it.

    That is an identifier which no other row has, else what the row says; of equal rows the second is "(2)".
    """
    seen = Counter(name for *own, _ in rows for name in own)
    equal = Counter[str]()
    for *own, content in rows:
        key = ROW + next((name for name in own if seen[name] == 1), content)
        equal[key] += 1
        yield key if equal[key] == 1 else f"{key} ({equal[key]})"


def _plain(column: object) -> str:
    return " ".join(str(column).casefold().replace("_", " ").replace("-", " ").split())


def _value(value: object, depth: int = 0) -> str:
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, (list, dict)) and depth == _MOST_LEVELS:
        return one_line(json.dumps(value, ensure_ascii=False))
    if isinstance(value, list):
        return ", ".join(filter(None, (_value(inner, depth + 1) for inner in value)))
    if isinstance(value, dict):
        told = ((one_line(str(key)), _value(inner, depth + 1)) for key, inner in value.items())
        return "; ".join(f"{key}: {inner}" for key, inner in told if inner)
    return "" if value is None else one_line(str(value))
