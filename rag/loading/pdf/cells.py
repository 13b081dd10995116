"""Lines of a page -> the same with each row of a table in one, whose cells may have several lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, pairwise

from rag.loading.pdf.layout import Line, Segment, stretches

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
    found = list[Line]()
    for is_table, group in groupby(
        stretches(lines, _begins_row), key=lambda row: any(len(line.segments) > 1 for line in row)
    ):
        table = list(group)
        spans = _spans(table) if is_table and len(table) > 1 else []
        for row in table:
            found += [_merged(row, spans)] if spans and len(row) > 1 else row
    return found


def _begins_row(row: Row, line: Line) -> bool:
    """Whether a line is in another column of the page, or further away than those of a paragraph are."""
    return line.column != row[-1].column or not 0 < row[-1].y0 - line.y0 < _LINE_STEP * line.size


def _spans(table: Sequence[Row]) -> list[Span]:
    """Return the columns of a table, none where the lines of its rows don't fit into them."""
    spans = column_spans([line for row in table for line in row])
    most = len(spans)
    apart = all(left[1] < right[0] for left, right in pairwise(spans))
    # Two full lines in a row are two rows; and a table has some of one line, unlike a form.
    several = any(sum(len(line.segments) == most for line in row) > 1 for row in table)
    plain = sum(len(row) == 1 and len(row[0].segments) == most for row in table)
    inside = [segment for row in table if len(row) > 1 for line in row for segment in line.segments]
    fit = all(_column(segment, spans) is not None for segment in inside)
    return spans if apart and fit and not several and plain >= _PLAIN_ROWS else []


def column_spans(lines: Sequence[Line]) -> list[Span]:
    """Return the stretches of width that the columns of a table take, by the rows with all cells."""
    most = max(len(line.segments) for line in lines)
    full = [line.segments for line in lines if len(line.segments) == most]
    return [(min(s.x0 for s in cells), max(s.x1 for s in cells)) for cells in zip(*full, strict=True)]


def _column(segment: Segment, spans: Sequence[Span]) -> int | None:
    """Return the number of the only column that a segment stands in."""
    touched = [n for n, (left, right) in enumerate(spans) if segment.x0 < right and segment.x1 > left]
    return touched[0] if len(touched) == 1 else None


def _merged(row: Row, spans: Sequence[Span]) -> Line:
    held = dict[int, list[Segment]]()
    for line in row:
        for segment in line.segments:
            held.setdefault(_column(segment, spans) or 0, []).append(segment)
    # All at the height of the first line, so that they are seen as one.
    low, high = row[0].segments[0].y0, row[0].segments[0].y1
    cells = [
        Segment(
            " ".join(s.text for s in cell),
            min(s.x0 for s in cell),
            low,
            max(s.x1 for s in cell),
            high,
            all(s.bold for s in cell),
        )
        for _, cell in sorted(held.items())
    ]
    return replace(row[0], segments=tuple(cells))
