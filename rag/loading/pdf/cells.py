"""Lines of a page -> the same with each row of a table in one, whose cells may have several lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise

from rag.loading.pdf.layout import Line, Segment

# Lines of one cell are closer than this, in heights of a letter; rows of a table with room in its cells
# are further apart.
_LINE_STEP = 1.2
_PLAIN_ROWS = 2

Row = list[Line]
Span = tuple[float, float]
"""The left and right edge of a column of a table."""


def with_whole_cells(lines: Sequence[Line]) -> list[Line]:
    """Return the lines with the rows of tables put together.

    Only where rows stand further apart than the lines of their cells: of a table that is set solid nobody
    can tell by the places of its words which lines are one row.
    """
    rows = list(_rows(lines))
    found = list[Line]()
    for is_table, group in groupby(rows, key=lambda row: any(len(line.segments) > 1 for line in row)):
        table = list(group)
        spans = _spans(table) if is_table and len(table) > 1 else []
        for row in table:
            found += [_merged(row, spans)] if spans and len(row) > 1 else row
    return found


def _rows(lines: Sequence[Line]) -> Iterator[Row]:
    """Yield lines of a column of the page that are as close as those of a paragraph."""
    row = Row()
    for line in lines:
        if row and (line.column != row[-1].column or not 0 < row[-1].y0 - line.y0 < _LINE_STEP * line.size):
            yield row
            row = []
        row.append(line)
    if row:
        yield row


def _spans(table: Sequence[Row]) -> list[Span]:
    """Return the columns of a table, none where the lines of its rows don't fit into them."""
    most = max(len(line.segments) for row in table for line in row)
    full = [line.segments for row in table for line in row if len(line.segments) == most]
    spans = [(min(s.x0 for s in cells), max(s.x1 for s in cells)) for cells in zip(*full, strict=True)]
    apart = all(left[1] < right[0] for left, right in pairwise(spans))
    # Two full lines in a row are two rows; and a table has some of one line, unlike a form.
    several = any(sum(len(line.segments) == most for line in row) > 1 for row in table)
    plain = sum(len(row) == 1 and len(row[0].segments) == most for row in table)
    inside = [segment for row in table if len(row) > 1 for line in row for segment in line.segments]
    fit = all(_column(segment, spans) is not None for segment in inside)
    return spans if apart and fit and not several and plain >= _PLAIN_ROWS else []


def _column(segment: Segment, spans: Sequence[Span]) -> int | None:
    """Return the number of the only column that a segment stands in."""
    touched = [n for n, (left, right) in enumerate(spans) if segment.x0 < right and segment.x1 > left]
    return touched[0] if len(touched) == 1 else None


def _merged(row: Row, spans: Sequence[Span]) -> Line:
    cells = dict[int, Segment]()
    for line in row:
        for segment in line.segments:
            number = _column(segment, spans) or 0
            before = cells.get(number)
            cells[number] = (
                segment
                if before is None
                else replace(
                    before,
                    text=f"{before.text} {segment.text}",
                    x0=min(before.x0, segment.x0),
                    x1=max(before.x1, segment.x1),
                    bold=before.bold and segment.bold,
                )
            )
    # All at the height of the first line, so that they are seen as one.
    low, high = row[0].segments[0].y0, row[0].segments[0].y1
    return replace(row[0], segments=tuple(replace(cells[n], y0=low, y1=high) for n in sorted(cells)))
