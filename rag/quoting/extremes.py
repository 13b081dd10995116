"""Which row of a table has the largest or smallest value, where its cells can be read without doubt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest

from rag.deadline import Deadline
from rag.documents import Block
from rag.question.shapes import Shape
from rag.quoting.structures import Structure
from rag.text.canonical import cells
from rag.text.words import fold, stems

_MOST_CELLS = 200_000
_VALUE = re.compile(
    r"(?P<currency>[$€£¥₺]?)\s?(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"\s?(?P<unit>[^\d\s]\S*(?: [^\d\s]\S*)?)?"
)
_WORDS = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_PREFIXED = re.compile(r"(?P<prefix>[kMGT])(?P<base>Wh?|Hz|m|g|B)")
_PREFIXES = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_MONTHS = "january february march april may june july august september october november december".split()
_DAY = re.compile(rf"(?:(?:(?P<day>\d{{1,2}}) )?(?P<month>{'|'.join(_MONTHS)}) )?(?P<year>[12]\d{{3}})")


def extreme_rows(
    structure: Structure, rows: Sequence[Block], asked: Sequence[str], shape: Shape, deadline: Deadline
) -> Sequence[Block]:
    """Return the rows with the extreme value of the column that the question means.

    The column is one that the question names, else the only one that holds measures or, for "the latest",
    days. Where it is named and its values can't be compared all rows are returned, and none where no column
    can be told.
    """
    labels = cells(structure.labels)
    table = [cells(structure.text_of(row)) for row in deadline.each(rows)]
    # One row with ten thousand cells would make so many columns of all.
    if not labels or max(map(len, table), default=0) > len(labels) or len(labels) * len(table) > _MOST_CELLS:
        return []
    columns = [list(column) for column in zip_longest(*table, fillvalue="")]
    named = [
        place
        for place, label in enumerate(labels[: len(columns)])
        if shape.subject not in stems(label) and not set(stems(label)).isdisjoint(asked)
    ]
    if len(named) > 1:
        return []
    if named:
        values = _measures(columns[named[0]]) or _days(columns[named[0]])
        return _with_extreme(rows, values, shape) if values else rows
    read = _days if shape.extreme in ("latest", "earliest") else _measures
    readable = [values for values in map(read, columns) if values]
    if len(readable) != 1:
        return []
    return _with_extreme(rows, readable[0], shape)


def _with_extreme(rows: Sequence[Block], values: Sequence[float], shape: Shape) -> Sequence[Block]:
    extreme = max(values) if shape.extreme in ("most", "latest") else min(values)
    return [row for row, value in zip(rows, values, strict=True) if value == extreme]


def _measures(column: Sequence[str]) -> list[float]:
    """Return the values of a column in one unit, none where a cell leaves doubt."""
    values, units = list[float](), set[str]()
    for cell in column:
        match = _VALUE.fullmatch(cell.strip())
        if not match:
            return []
        value, unit = float(match["number"].replace(",", "")), match["unit"] or ""
        first, _, rest = unit.partition(" ")
        if first in _WORDS:
            value, unit = value * _WORDS[first], rest
        elif prefixed := _PREFIXED.fullmatch(unit):
            value, unit = value * _PREFIXES[prefixed["prefix"]], prefixed["base"]
        values.append(value)
        units.add(match["currency"] + unit)
    return values if len(units) == 1 and not (units == {""} and all(map(_may_be_year, values))) else []


def _may_be_year(value: float) -> bool:
    return 1000 <= value < 2200


def _days(column: Sequence[str]) -> list[float]:
    """Return the days of a column as numbers in their order, none where a cell leaves doubt."""
    matches = [_DAY.fullmatch(fold(cell.strip())) for cell in column]
    if not all(matches) or len({bool(m["month"]) + bool(m["day"]) for m in matches if m}) > 1:
        return []
    return [
        int(m["year"]) * 400 + (_MONTHS.index(m["month"]) * 31 if m["month"] else 0) + int(m["day"] or 0)
        for m in matches
        if m
    ]
