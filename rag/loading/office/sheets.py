"""Workbooks (Excel, OpenDocument) -> a document for each sheet, or for each row of a sheet of articles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import reduce
from io import BytesIO
from itertools import compress, dropwhile, groupby, takewhile
from typing import Any
from zipfile import ZipFile

from rag.documents import NewDocument
from rag.errors import LoadError
from rag.keys import INNER
from rag.loading.archive import open_archive, read_member
from rag.loading.formats import Unreadable
from rag.loading.metadata import title_of_name
from rag.loading.office.documents import table_parts
from rag.loading.tables import MOST_CELLS, MOST_COLUMNS, MOST_ROWS, holds_texts, labels_of, read_rows
from rag.text.canonical import Part, build_text, columns, one_line

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_HEADING_COLUMNS = 100
_MOST_PLAIN = 1e15
"""Excel's numbers have 15 digits."""
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
_PLACE = re.compile(rb"\br=[\"']([A-Z]{1,3})(\d{1,7})[\"']")
_SPARSE_BYTES = 2 * 1024 * 1024
_YEARS = range(1900, 2101)
_Cell = str | float | date | datetime | time | timedelta
_Row = list[_Cell]


def read_workbook(name: str, data: bytes) -> list[NewDocument | LoadError]:
    """Return what the sheets that are shown hold; keys and titles begin with the sheet's name.

    A sheet with a column of texts gives a document for each row, as CSV does. Any other is one document, a
    table that is read with its header's labels, since a row of figures tells little without the others.

    Raises
    ------
    Unreadable
        It is damaged, protected, or there is nothing in it.
    """
    # Imported here and not in every process: only the worker reads them.
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    with open_archive(data) as archive:
        _check_areas(archive)
    found, left = list[NewDocument | LoadError](), MOST_CELLS
    try:
        with CalamineWorkbook.from_filelike(BytesIO(data)) as workbook:
            sheets = _shown(workbook)
            for sheet in sheets:
                title = title_of_name(name) if len(sheets) == 1 else f"{title_of_name(name)}: {sheet}"
                shown = one_line(sheet)
                try:
                    rows, left = _rows(workbook.get_sheet_by_name(sheet), left)
                    found.extend(_documents(title, shown, rows))
                except Unreadable as error:
                    found.append(LoadError(shown, f"{shown} in {name} {error}.", keys=(shown,)))
    except PasswordError as error:
        raise Unreadable("is protected by a password: save a copy without one and add that") from error
    except CalamineError as error:
        raise Unreadable(
            "seems to be a damaged workbook: open it in its program and save it again"
        ) from error
    if not found:
        raise Unreadable("has no words in its sheets: choose a workbook with some")
    return found


def _check_areas(archive: ZipFile) -> None:
    """Refuse a sheet with a cell far from the others: its reader makes room for all between them."""
    for entry in archive.infolist():
        # In a larger one there are cells enough to fill the room.
        if not _SHEET.match(entry.filename) or entry.file_size > _SPARSE_BYTES:
            continue
        places = set(_PLACE.findall(read_member(archive, entry.filename)))
        rows = {int(row) for _, row in places}
        columns = {
            reduce(lambda number, letter: 26 * number + letter - 64, column, 0) for column, _ in places
        }
        height, width = (max(ends) - min(ends) + 1 if ends else 0 for ends in (rows, columns))
        if height * width > MOST_ROWS * MOST_COLUMNS:
            raise Unreadable(f"has a sheet that {_too_large(height, width)}")


def _too_large(rows: int, columns: int) -> str:
    most = f"the limit is {MOST_ROWS:,} rows and {MOST_COLUMNS} columns"
    return f"has {rows:,} rows and {columns:,} columns, {most}: split it"


def _shown(workbook: Any) -> list[str]:
    """Return the names of the sheets that a reader sees: what is hidden is not meant for one."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    return [
        sheet.name
        for sheet in workbook.sheets_metadata
        if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
    ]


def _rows(sheet: Any, most_cells: int) -> tuple[list[_Row], int]:
    """Return the rows of a sheet without its empty columns, and how many cells may still be read."""
    if sheet.width > MOST_COLUMNS or sheet.height > MOST_ROWS:
        raise Unreadable(_too_large(sheet.height, sheet.width))
    rows, filled = list[_Row](), [False] * (sheet.end[1] + 1 if sheet.end else 0)
    for row in sheet.iter_rows():
        here = [cell != "" for cell in row]
        most_cells -= sum(here)
        if most_cells < 0:
            raise Unreadable(f"goes beyond {MOST_CELLS:,} cells: leave out columns, or split it into parts")
        rows.append(row if any(here) else [])
        if any(here):
            filled = [one or other for one, other in zip(filled, here, strict=True)]
    return [list(compress(row, filled)) for row in rows], most_cells


def _documents(title: str, sheet: str, rows: list[_Row]) -> Iterator[NewDocument]:
    table = list(dropwhile(_is_line, rows))
    header = list(map(_text, table[0])) if table else []
    if holds_texts(header):
        labels = labels_of(header)
        cells = (dict(zip(labels, map(_text, row), strict=False)) for row in table[1:])
        for document in read_rows(title, cells, MEDIA_TYPE):
            yield replace(document, key=f"{sheet}{INNER}{document.key}")
        return
    text, blocks = build_text(_parts(rows))
    if any(map(str.isalnum, text)):
        yield NewDocument(text, title, sheet, media_type=MEDIA_TYPE, blocks=blocks)


# ------------------------------------------------------------------------------ a sheet as a text


def _parts(rows: Iterable[_Row]) -> Iterator[Part]:
    """Yield the tables of a sheet with the lines that stand above and below them."""
    for table in _tables(rows):
        above = len(list(takewhile(_is_line, table)))
        below = len(list(takewhile(_is_line, reversed(table[above:]))))
        body = table[above : len(table) - below]
        for index, row in enumerate(table[:above]):
            line = _line(row)
            is_heading = index == 0 and bool(body) and columns(line) <= _HEADING_COLUMNS
            yield Part("heading", line, 2) if is_heading else Part("paragraph", line)
        yield from table_parts([list(map(_text, row)) for row in body], bool(body) and _is_header(body[0]))
        yield from (Part("paragraph", _line(row)) for row in table[len(table) - below :])


def _tables(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    """Yield the tables of a sheet: after an empty row begins another if it has a header of its own."""
    table = list[_Row]()
    for is_empty, group in groupby(rows, lambda row: not _filled(row)):
        if is_empty:
            continue
        following = list(group)
        body = list(dropwhile(_is_line, following))
        has_figures = any(not _is_label(cell) for row in body[1:] for cell in _filled(row))
        if body and _is_header(body[0]) and has_figures and not all(map(_is_line, table)):
            yield table
            table = []
        table.extend(following)
    if table:
        yield table


def _filled(row: _Row) -> list[_Cell]:
    return [cell for cell in row if cell != ""]


def _is_line(row: _Row) -> bool:
    """Whether no more than one cell has something in it, as in a title or a remark."""
    return len(_filled(row)) < 2


def _line(row: _Row) -> str:
    return " ".join(map(_text, _filled(row)))


def _is_header(row: _Row) -> bool:
    return all(map(_is_label, _filled(row)))


def _is_label(cell: _Cell) -> bool:
    """Whether a cell may be a column's name: words, a day or a year."""
    return isinstance(cell, str | date) or (isinstance(cell, float) and cell in _YEARS)


def _text(cell: _Cell) -> str:
    """Return what a cell says; how its number is to be shown is not known."""
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "minutes")
    if isinstance(cell, float):
        return f"{cell:.15g}" if abs(cell) < _MOST_PLAIN else f"{cell:g}"
    return one_line(str(cell))
