"""CSV and JSON Lines -> a document for each row."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from io import StringIO
from typing import Any

from rag.blocks import tidy_plain
from rag.documents import NewDocument
from rag.errors import LoadError
from rag.metadata import plain_value, read_day, read_language, title_of_name
from rag.text import normalise_text, one_line

MOST_ROWS = 50_000
MOST_COLUMNS = 500
_MOST_CHARACTERS = 2_000_000
"""The longest cell."""
_TITLE_CHARACTERS = 100

# What columns are called, the usual first; in any case, and with "_" or "-" for a space.
_COLUMNS = {
    "title": ("title", "headline", "subject", "heading", "name"),
    "text": ("text", "body", "content", "article", "article text", "full text", "fulltext", "story"),
    "source": ("source", "publisher", "publication", "outlet", "site", "newspaper"),
    "url": ("url", "link", "address", "href", "permalink"),
    "published": (
        "date",
        "published",
        "publication date",
        "published at",
        "pubdate",
        "publish date",
        "day",
        "created at",
    ),
    "author": ("author", "authors", "byline", "by", "writer", "creator"),
    "language": ("language", "lang"),
}


def read_csv(name: str, text: str) -> list[NewDocument]:
    """Return a document for each row of a table with a header.

    Raises
    ------
    LoadError
        It has no rows, or more rows or columns than are read.
    """
    csv.field_size_limit(_MOST_CHARACTERS)
    try:
        rows = csv.reader(StringIO(text, newline=""), delimiter=_delimiter(text), strict=False)
        header = [one_line(cell) for cell in next(rows, [])]
        if len(header) > MOST_COLUMNS:
            raise LoadError(
                name,
                f"{name} has {len(header):,} columns and the limit is {MOST_COLUMNS}: leave out the others.",
            )
        labels = _labels(header)
        return _documents(name, (dict(zip(labels, row, strict=False)) for row in rows), "text/csv")
    except csv.Error as error:
        raise LoadError(
            name, f"{name} is no CSV that can be read ({error}): save it as CSV again."
        ) from error


def _labels(header: list[str]) -> list[str]:
    """Return the names of the columns, each once."""
    labels = dict[str, None]()
    for index, label in enumerate(header, 1):
        labels[label if label and label not in labels else f"{label or 'Column'} {index}"] = None
    return list(labels) if len(labels) == len(header) else [f"Column {i}" for i in range(1, len(header) + 1)]


def _delimiter(text: str) -> str:
    """Return what stands between the cells: what the first line has most of, outside of quotes."""
    line = text.split("\n", 1)[0][:20_000]
    counts = {delimiter: len(next(csv.reader([line], delimiter=delimiter), [])) for delimiter in ",;\t|"}
    return max(counts, key=lambda delimiter: counts[delimiter])


def read_jsonl(name: str, text: str) -> list[NewDocument]:
    """Return a document for each line that holds a JSON object.

    Raises
    ------
    LoadError
        A line is no JSON object, or there are more than are read.
    """
    return _documents(name, _lines(name, text), "application/jsonl")


def _lines(name: str, text: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise LoadError(
                    name, f"{name} has no JSON object on line {number}: put one on each line."
                ) from error
            if not isinstance(value, dict):
                raise LoadError(name, f"{name} has no JSON object on line {number}: put one on each line.")
            yield value


def read_json(name: str, text: str) -> list[NewDocument]:
    """Return a document for each object of a JSON list, or one for a single object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        # Lines of JSON are often called .json.
        if "\n" in text.strip() and text.lstrip().startswith("{"):
            return read_jsonl(name, text)
        raise LoadError(name, f"{name} is no JSON that can be read: it must be a list of objects.") from error
    rows = value if isinstance(value, list) else [value]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise LoadError(name, f"{name} holds no JSON objects: make it a list of objects with a text each.")
    return _documents(name, iter(rows), "application/json")


def _documents(name: str, rows: Iterator[dict[str, Any]], media_type: str) -> list[NewDocument]:
    found = list[NewDocument]()
    for number, row in enumerate(rows, 1):
        if number > MOST_ROWS:
            raise LoadError(name, f"{name} has more than {MOST_ROWS:,} rows: split it into parts.")
        document = _document(row, f"{title_of_name(name)}, row {number}", media_type, f"row {number}")
        if document is not None:
            found.append(document)
    if not found:
        raise LoadError(name, f"{name} has no rows with text under its header: choose a table with some.")
    return found


def _document(row: dict[str, Any], otherwise: str, media_type: str, key: str) -> NewDocument | None:
    names = {_plain(column): column for column in reversed(list(row))}
    mapped = {
        field: next((names[n] for n in called if n in names), None) for field, called in _COLUMNS.items()
    }
    facts = {field: row[column] for field, column in mapped.items() if column is not None}
    body = facts.get("text")
    if isinstance(body, str) and body.strip():
        text, blocks = tidy_plain(normalise_text(body))
    else:
        # Without a text, what the columns say is the text, each in a line of its own.
        lines = [
            f"{one_line(str(column))}: {_value(value)}" for column, value in row.items() if _value(value)
        ]
        text, blocks = tidy_plain("\n\n".join(lines))
    if not any(map(str.isalnum, text)):
        return None
    title = plain_value(facts.get("title", ""))
    return NewDocument(
        text=text,
        title=title[:_TITLE_CHARACTERS] or otherwise,
        key=key,
        source=plain_value(facts.get("source", "")),
        url=plain_value(facts.get("url", "")),
        published=read_day(facts.get("published")),
        author=plain_value(facts.get("author", "")),
        language=read_language(plain_value(facts.get("language", ""))),
        media_type=media_type,
        blocks=blocks,
    )


def _plain(column: object) -> str:
    return " ".join(str(column).casefold().replace("_", " ").replace("-", " ").split())


def _value(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(filter(None, map(_value, value)))
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_value(inner)}" for key, inner in value.items() if _value(inner))
    return "" if value is None else one_line(str(value))
