"""Where the words of a page stand -> its lines in reading order: columns, rows of tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from statistics import median

# A column of text has at least so many lines, of at least so many characters; a table's has less.
_COLUMN_LINES = 4
_COLUMN_CHARACTERS = 18
_FEW_LINES = 2
_DEEPEST = 6
CELL_GAP = 1.08
"""What stands further apart, in heights of a letter, may be cells of a row; spaces seldom are so wide."""
RAISED_ZERO = 0xEE30
"""Raised digits are characters from here on, until it is known which of them lead to notes."""
SMALL, RAISED = 0.9, 0.2
"""A digit is raised that is so much smaller than its line, and whose foot stands so much higher."""
TO_RAISED = {ord("0") + digit: RAISED_ZERO + digit for digit in range(10)}
MARKERS = frozenset("•‣◦▪●○■□▸►▶➢➤➔✓✔❖⁃∙*–—-\uf0a7\uf0b7\uf0d8\uf0fc")
"""What items of lists begin with; the last four are bullets in the fonts Symbol and Wingdings."""
_NUMBER = re.compile(r"\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{1,4})[.)]")
_MARKER_GAP = 3.0
"""What stands further from a marker, in heights of a letter, is no item but another cell."""
LETTER_MARKERS = ("o", "§")
"""Word's bullets of the second and third level, which may be words too."""
WIDE_SPACE = 0.6
"""Wider than a space between words, in heights of a letter."""
_LEFTWARD = re.compile("[\u0590-\u08ff\ufb1d-\ufefc]")


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of characters side by side; coordinates in points from the page's lower left corner."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    bold: bool = False

    @property
    def size(self) -> float:
        """The height of its letters, in points."""
        return self.y1 - self.y0


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a column: its segments from left to right.

    ``column`` tells the column it stands in from others on the page, ``left`` and ``right`` are its edges.
    """

    segments: tuple[Segment, ...]
    column: int
    left: float
    right: float

    @property
    def text(self) -> str:
        """The words of the line."""
        return " ".join(segment.text for segment in self.segments)

    @property
    def x0(self) -> float:
        """Where it begins."""
        return min(s.x0 for s in self.segments)

    @property
    def x1(self) -> float:
        """Where it ends."""
        return max(s.x1 for s in self.segments)

    @property
    def y0(self) -> float:
        """Its lower edge."""
        return min(s.y0 for s in self.segments)

    @property
    def y1(self) -> float:
        """Its upper edge."""
        return max(s.y1 for s in self.segments)

    @property
    def size(self) -> float:
        """The height of most of its letters."""
        return max(self.segments, key=lambda s: len(s.text)).size

    @property
    def bold(self) -> bool:
        """Whether all of it is bold."""
        return all(s.bold for s in self.segments)


def stretches(lines: Iterable[Line], begins: Callable[[list[Line], Line], bool]) -> Iterator[list[Line]]:
    """Yield lines that belong together; ``begins`` tells whether a line begins anew after those before it."""
    group = list[Line]()
    for line in lines:
        if group and begins(group, line):
            yield group
            group = []
        group.append(line)
    if group:
        yield group


def runs_leftward(text: str) -> bool:
    """Whether a text has letters of a script that is read from right to left."""
    return _LEFTWARD.search(text) is not None


def page_lines(segments: Sequence[Segment]) -> list[Line]:
    """Return the lines of a page, column after column.

    A page that is mostly read from right to left is taken as in a mirror, so that all that holds of where
    lines begin and end holds of it too.
    """
    segments = [s for s in segments if s.size > 0 and s.text.strip()]
    leftward = sum(len(s.text) for s in segments if runs_leftward(s.text))
    mirrored = 2 * leftward > sum(len(s.text) for s in segments)
    if mirrored:
        segments = [replace(s, x0=-s.x1, x1=-s.x0) for s in segments]
    lines = list[Line]()
    for number, column in enumerate(_columns(segments, 0)):
        left, right = min(s.x0 for s in column), max(s.x1 for s in column)
        lines.extend(Line(tuple(row), number, left, right) for row in _rows(column, mirrored))
    return lines


def _columns(segments: list[Segment], depth: int) -> list[list[Segment]]:
    """Cut a region where a gutter runs between two columns of text.

    What crosses the gutter, as a headline does, is read between what stands above and below it.
    """
    gutter = _gutter(segments) if depth < _DEEPEST else None
    if gutter is None:
        return _below_one_another(segments, depth) if segments else []
    crossing, others = list[Segment](), list[Segment]()
    for segment in segments:
        (crossing if segment.x0 < gutter - 1 and segment.x1 > gutter + 1 else others).append(segment)
    # A heading seldom reaches over the gutter, and belongs to the text below it all the same.
    headings = _headings_above(crossing, others)
    crossing = sorted([*crossing, *headings], key=lambda s: -s.y1)
    others = [s for s in others if s not in headings]
    found = list[list[Segment]]()
    edges = [float("inf"), *(s.y0 for s in crossing), float("-inf")]
    for index, (above, below) in enumerate(pairwise(edges)):
        band = [s for s in others if below <= (s.y0 + s.y1) / 2 < above]
        for side in ([s for s in band if s.x1 <= gutter + 1], [s for s in band if s.x1 > gutter + 1]):
            found.extend(_columns(side, depth + 1))
        if index < len(crossing):
            # Lines that cross one after the other are one text.
            before = crossing[index - 1] if index else None
            if not band and before and found and found[-1][-1] is before:
                found[-1].append(crossing[index])
            else:
                found.append([crossing[index]])
    return found


def _below_one_another(segments: list[Segment], depth: int) -> list[list[Segment]]:
    """Look for columns above and below the widest gap of a region that has none as a whole."""
    ordered = sorted(segments, key=lambda s: -s.y1)
    lowest, widest, cut = ordered[0].y0, 0.0, 0
    for index, segment in enumerate(ordered[1:], 1):
        if lowest - segment.y1 > widest:
            widest, cut = lowest - segment.y1, index
        lowest = min(lowest, segment.y0)
    if depth >= _DEEPEST or not widest or min(cut, len(ordered) - cut) < 2 * _FEW_LINES:
        return [segments]
    above, below = _columns(ordered[:cut], depth + 1), _columns(ordered[cut:], depth + 1)
    return [segments] if len(above) == len(below) == 1 else [*above, *below]


def _headings_above(crossing: list[Segment], others: list[Segment]) -> list[Segment]:
    """Return the lines in other letters right above a text over all columns that stand beside nothing."""
    usual = median(s.size for s in others)
    return [
        s
        for s in others
        if (s.size > 1.1 * usual or s.bold)
        and any(-2 < s.y0 - below.y1 < 2.5 * s.size for below in crossing)
        and not any(t is not s and t.y0 < s.y1 and t.y1 > s.y0 for t in others)
    ]


def _gutter(segments: list[Segment]) -> float | None:
    """Return the x at which the most lines of text stand on both sides and the fewest across."""
    best, best_score = None, 0.0
    for x in sorted({round(s.x0) - 1.0 for s in segments}):
        left = [s for s in segments if s.x1 <= x + 1]
        right = [s for s in segments if s.x0 >= x - 1]
        across = len(segments) - len(left) - len(right)
        score = min(len(left), len(right)) - 1.5 * across
        if score > best_score and _are_columns(left, right):
            best, best_score = x, score
    return best


def _are_columns(left: list[Segment], right: list[Segment]) -> bool:
    lines = min(len(left), len(right))
    if lines < _FEW_LINES:
        return False
    characters = min(median(len(s.text) for s in side) for side in (left, right))
    if characters < (_COLUMN_CHARACTERS if lines >= _COLUMN_LINES else 2 * _COLUMN_CHARACTERS):
        return False
    # Side by side, and not a paragraph that is set further in than the one above it.
    low = max(min(s.y0 for s in side) for side in (left, right))
    high = min(max(s.y1 for s in side) for side in (left, right))
    beside = sum(low <= (s.y0 + s.y1) / 2 <= high for s in (*left, *right))
    return beside > 0.4 * (len(left) + len(right))


def _rows(column: Sequence[Segment], mirrored: bool) -> list[list[Segment]]:
    """Return the segments row by row, each from left to right, or as its script runs."""
    rows = list[list[Segment]]()
    for segment in sorted(column, key=lambda s: -(s.y0 + s.y1)):
        row = rows[-1] if rows else []
        overlap = min((min(s.y1, segment.y1) - max(s.y0, segment.y0) for s in row), default=0.0)
        if row and overlap > 0.5 * min(segment.size, *(s.size for s in row)):
            row.append(segment)
        else:
            rows.append([segment])
    for row in rows:
        leftward = any(runs_leftward(s.text) for s in row)
        row.sort(key=lambda s: s.x0, reverse=leftward != mirrored)
        if leftward:
            row[:] = _with_foreign_words(row)
    return [_with_marker(_joined(row)) for row in rows]


def _with_foreign_words(row: list[Segment]) -> Iterator[Segment]:
    """Yield the segments of a row that is read to the left; words between that are not, as they are read."""
    for is_foreign, group in groupby(row, key=lambda s: not runs_leftward(s.text) and s.text[:1].isalpha()):
        words = list(group)
        # Put together first, since it is the last of them that stands beside what goes before.
        yield from _joined(words[::-1]) if is_foreign else words


def _with_marker(row: list[Segment]) -> list[Segment]:
    """Put the marker of a list's item before its words, however far it stands from them."""
    if len(row) < 2:
        return row
    marker, words, *others = row
    drawn = marker.text in MARKERS or marker.text in LETTER_MARKERS
    gap = max(words.x0 - marker.x1, marker.x0 - words.x1)
    if gap > _MARKER_GAP * words.size or not (drawn or _NUMBER.fullmatch(marker.text)):
        return row
    text = f"{'•' if drawn else marker.text} {words.text}"
    return [replace(words, text=text, x0=min(words.x0, marker.x0), x1=max(words.x1, marker.x1)), *others]


def _joined(row: list[Segment]) -> list[Segment]:
    """Put segments together that touch: parts of a word, or words of one cell."""
    found = row[:1]
    for segment in row[1:]:
        before = found[-1]
        gap = max(segment.x0 - before.x1, before.x0 - segment.x1)
        if gap < CELL_GAP * max(before.size, segment.size):
            space = "" if gap < 0.15 * segment.size else " "
            if len(found) == 1 and before.text in LETTER_MARKERS and gap > WIDE_SPACE * segment.size:
                before = replace(before, text="•")
            text = segment.text if space else _with_raised_digits(segment, before)
            # The size of a line is that of its words.
            tall = segment if before.text in MARKERS else max(before, segment, key=lambda s: s.size)
            found[-1] = Segment(
                before.text + space + text,
                min(before.x0, segment.x0),
                tall.y0,
                max(before.x1, segment.x1),
                tall.y1,
                before.bold and segment.bold,
            )
        else:
            found.append(segment)
    return found


def _with_raised_digits(segment: Segment, before: Segment) -> str:
    """Return the text of a segment, its digits as raised ones where it stands above what goes before."""
    raised = segment.size < SMALL * before.size and segment.y0 - before.y0 > RAISED * before.size
    return segment.text.translate(TO_RAISED) if raised else segment.text
