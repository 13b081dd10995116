"""Lines of pages -> paragraphs, headings, list items and table rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, pairwise
from statistics import median

from rag.documents import BlockKind
from rag.loading.pdf.cells import Span, column_spans, with_whole_cells
from rag.loading.pdf.layout import MARKERS, Line, Segment, stretches
from rag.text.canonical import Part, is_wide, join_cells, one_line

_SIGN = f"[{re.escape(''.join(sorted(MARKERS)))}·]"
# A list within the first item of another has both their signs.
_BULLET = re.compile(rf"(?:{_SIGN}(?:\s+{_SIGN})*|\(?\d{{1,2}}[.)]|\(?[a-z]\))\s+(?=\S)")
_NUMBERED = re.compile(r"\(?(?:\d{1,2}|[a-z])[.)]")
_SENTENCE_END = (".", "!", "?", ":", ";", "…", "。", "”", '."', ".)", ".’")
_CAPTION = re.compile(
    r"(?:fig(?:ure|ura|\.)?|table|tableau|tabelle|tablo|abb(?:ildung|\.)|bild|photo|foto|şekil|cuadro|рис\.)\s*\d+[.:]?\s",
    re.IGNORECASE,
)
# Captions and notes are in smaller letters, and no more of them stand in one place.
_SMALLER = 0.93
_ASIDES = 7
_HEADING_CHARACTERS = 160
_HEADING_SIZE = 1.15
_LEVELS = 4
_ROOM = 0.4
"""The part of a line that is left empty only where a paragraph ends."""
_CELL_CHARACTERS = 40
_LEADERS = re.compile(r"(?:\s?[.·]){4,}\s*")
_ALIGNED = 3.0
"""Points by which the edges of cells may differ that stand under one another."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A block of a page; ``size`` is the height of its letters in points."""

    kind: BlockKind
    text: str
    page: int
    size: float = 0.0
    bold: bool = False
    level: int = 0


def paragraphs(lines: Sequence[Line], page: int) -> list[Paragraph]:
    """Return the blocks of a page; headings are found later, when all pages are known."""
    found = list[Paragraph]()
    # Stretches of lines that are all rows with cells, or all plain.
    for _, stretch in groupby(with_whole_cells(lines), key=lambda line: len(line.segments) > 1):
        group = list(stretch)
        if _are_columns(group):
            for index in range(len(group[0].segments)):
                cells = [line.segments[index] for line in group]
                left, right = min(s.x0 for s in cells), max(s.x1 for s in cells)
                found.extend(_paragraphs([Line((s,), index, left, right) for s in cells], page))
        elif _is_table(group):
            found.extend(_table(group, page))
        else:
            found.extend(_paragraphs(group, page))
    return found


def continued(found: list[Paragraph]) -> list[Paragraph]:
    """Join what goes on in the next column, and end a sentence on the page where it began."""
    whole = {word for p in found for word in re.findall(r"\w+(?:-\w+)*", p.text)}
    done = list[Paragraph]()
    for paragraph in _headings([replace(p, text=_unhyphened(p.text, whole)) for p in found]):
        place = _place_of_first_half(done, paragraph)
        if place is None:
            done.append(paragraph)
            continue
        before = done[place]
        end = re.search(r"[.!?…][\"'”’)]*(?=\s+[^\Wa-z])", paragraph.text)
        cut = end.end() if end and before.page != paragraph.page else len(paragraph.text)
        done[place] = replace(before, text=_unhyphened(f"{before.text}\n{paragraph.text[:cut]}", whole))
        if paragraph.text[cut:].strip():
            done.append(replace(paragraph, text=paragraph.text[cut:].strip()))
    return done


def _place_of_first_half(done: Sequence[Paragraph], paragraph: Paragraph) -> int | None:
    """Return which paragraph a sentence goes on from, past captions and notes; None if it begins there."""
    place = len(done) - 1
    while place > max(0, len(done) - _ASIDES) and _is_aside(done[place], paragraph):
        place -= 1
    return place if place >= 0 and _goes_on(done[place], paragraph) else None


def _is_aside(between: Paragraph, after: Paragraph) -> bool:
    """Whether this may stand in the middle of a sentence: a caption, a note at the foot of a page."""
    return between.size < _SMALLER * after.size or _CAPTION.match(between.text) is not None


def parts_of(found: Sequence[Paragraph]) -> list[Part]:
    """Return the parts of the text."""
    # The dots that lead to the number in a table of contents.
    return [Part(p.kind, _LEADERS.sub(" … ", p.text), p.level, p.page) for p in found]


# ---------------------------------------------------------------------------------- paragraphs


def _paragraphs(lines: list[Line], page: int) -> list[Paragraph]:
    groups = stretches(lines, partial(_begins, pitch=_pitch(lines)))
    return [_paragraph(group, page) for group in groups]


def _pitch(lines: list[Line]) -> float:
    """Return the usual distance from line to line, in heights of a letter."""
    steps = [
        (before.y0 - line.y0) / line.size
        for before, line in pairwise(lines)
        if before.column == line.column and 0 < before.y0 - line.y0 < 3 * line.size
    ]
    return median(steps) if steps else 1.2


def _begins(group: list[Line], line: Line, pitch: float) -> bool:
    """Whether a line begins a paragraph."""
    before, first = group[-1], group[0]
    if before.column != line.column or _BULLET.match(line.text):
        return True
    larger = max(before.size, line.size) / min(before.size, line.size)
    step = (before.y0 - line.y0) / line.size
    if line.text[:1].islower() and not before.text.endswith(_SENTENCE_END):
        # A sentence goes on whatever letters its words are in, as names of programs are.
        near = 0 < step < max(1.7 * pitch, pitch + 0.5) and larger < 1.3
        if before.text.endswith("-") or (
            near and before.right - before.x1 < _ROOM * (line.right - line.left)
        ):
            return not near
    if larger > 1.12 or before.bold != line.bold or not 0 < step < max(1.3 * pitch, pitch + 0.25):
        return True
    if _BULLET.match(first.text):
        # Under its bullet's text, or to the left of it.
        return line.x0 < first.x0 + 0.3 * line.size and _is_short(before, line)
    indented = line.x0 > line.left + 0.8 * line.size and before.x0 < line.x0 - 0.8 * line.size
    return (indented and before.text.endswith(_SENTENCE_END)) or _is_short(before, line)


def _is_short(before: Line, line: Line) -> bool:
    """Whether the first word of a line would have had room on the line before, and so begins anew."""
    words = line.text.split(None, 1)
    room = before.right - before.x1
    word = len(words[0]) * (line.x1 - line.x0) / max(1, len(line.text))
    ended = room > _ROOM * (line.right - line.left) or not line.text[:1].islower()
    return room > word + 2.5 * line.size and ended


def _paragraph(lines: list[Line], page: int) -> Paragraph:
    # A newline tells where a hyphen may be one of the line's end.
    text = "\n".join(line.text for line in lines)
    marker = _BULLET.match(text)
    longest = max(lines, key=lambda line: len(line.text))
    bold = all(line.bold for line in lines)
    if marker is None:
        return Paragraph("paragraph", text, page, longest.size, bold)
    item = text if marker[0][:1].isdigit() else text[marker.end() :]
    return Paragraph("list_item", item, page, longest.size, bold)


def _unhyphened(text: str, whole: set[str]) -> str:
    """Undo the hyphens at the ends of lines, but for those that the word has elsewhere too."""

    def seam(match: re.Match[str]) -> str:
        before, after = match[1], match[2]
        word = f"{before}-{after}"
        if f"{before}{after}" not in whole and (word in whole or not after[0].islower()):
            return word
        return before + after

    text = re.sub(r"(?<!\w)(\w++)[-\u2010\u00ad][^\S\n]*+\n\s*+(\w++)", seam, text)
    first, *others = text.split("\n")
    for line in others:
        first += ("" if is_wide(first[-1:]) and is_wide(line[:1]) else " ") + line
    return one_line(first)


def _goes_on(before: Paragraph, after: Paragraph) -> bool:
    plain = before.kind in ("paragraph", "list_item") and after.kind == "paragraph"
    alike = abs(before.size - after.size) < 0.1 * before.size and before.bold == after.bold
    return plain and alike and not before.text.endswith(_SENTENCE_END) and after.text[:1].islower()


# ------------------------------------------------------------------------------------ headings


def _headings(found: list[Paragraph]) -> list[Paragraph]:
    sizes = Counter[float]()
    for paragraph in found:
        sizes[round(paragraph.size, 1)] += len(paragraph.text)
    body = max(sizes, key=lambda size: sizes[size], default=0.0)
    mostly_bold = sum(len(p.text) for p in found if p.bold) > 0.3 * sum(len(p.text) for p in found)
    found = [replace(p, kind="heading") if _is_heading(p, body, mostly_bold) else p for p in found]
    levels = sorted({round(p.size) for p in found if p.kind == "heading"}, reverse=True)
    return [
        replace(p, level=min(_LEVELS, 1 + levels.index(round(p.size)))) if p.kind == "heading" else p
        for p in found
    ]


def _is_heading(paragraph: Paragraph, body: float, mostly_bold: bool) -> bool:
    text = paragraph.text
    if (
        paragraph.kind.startswith("table")
        or (paragraph.kind == "list_item" and not _NUMBERED.match(text))
        or len(text) > _HEADING_CHARACTERS
        or not re.search(r"[^\W\d_]{2}", text)
    ):
        return False
    if paragraph.size >= _HEADING_SIZE * body:
        return not text.endswith((",", ";"))
    return paragraph.bold and not mostly_bold and not text.endswith((".", ",", ";", ":")) and len(text) < 120


# -------------------------------------------------------------------------------------- tables


def _are_columns(lines: list[Line]) -> bool:
    """Whether these are the last few lines of columns, longer than the cells of a table are."""
    counts = {len(line.segments) for line in lines}
    characters = [len(s.text) for line in lines for s in line.segments]
    return len(lines) > 1 and len(counts) == 1 and counts != {1} and median(characters) > _CELL_CHARACTERS


def _is_table(lines: list[Line]) -> bool:
    """Whether most cells but the first begin or end where one of another row does, as no spaces do."""
    if len(lines) < 2 or any(len(line.segments) < 2 for line in lines):
        return False
    cells = [(row, s) for row, line in enumerate(lines) for s in line.segments[1:]]
    aligned = sum(
        any(
            row != other and (abs(s.x0 - t.x0) < _ALIGNED or abs(s.x1 - t.x1) < _ALIGNED)
            for other, t in cells
        )
        for row, s in cells
    )
    return aligned > 0.5 * len(cells)


def _table(lines: list[Line], page: int) -> Iterator[Paragraph]:
    """Yield the rows of a table; the first is its header where it alone is bold or without numbers."""
    columns = column_spans(lines)
    rows = [_cells(line, columns) for line in lines]
    bold = lines[0].bold and not all(line.bold for line in lines)
    numbers = [any(character.isdigit() for character in "".join(row)) for row in rows]
    header = bold or (not numbers[0] and any(numbers[1:]))
    for index, row in enumerate(rows):
        kind: BlockKind = "table_header" if header and index == 0 else "table_row"
        yield Paragraph(kind, join_cells(row), page)


def _cells(line: Line, columns: Sequence[Span]) -> list[str]:
    """Return the words of a row column by column, those of a cell over several to the nearest each."""
    if len(line.segments) == len(columns):
        return [segment.text for segment in line.segments]
    found = [list[str]() for _ in columns]
    for segment in line.segments:
        touched = [c for c in columns if min(c[1], segment.x1) > max(c[0], segment.x0)]
        words = [segment] if len(touched) < 2 else list(_words(segment))
        for word in words:
            middle = (word.x0 + word.x1) / 2
            nearest = min(
                range(len(columns)), key=lambda i: max(columns[i][0] - middle, middle - columns[i][1])
            )
            found[nearest].append(word.text)
    return [" ".join(words) for words in found]


def _words(segment: Segment) -> Iterator[Segment]:
    """Yield the words of a segment, each about where it stands."""
    width = (segment.x1 - segment.x0) / len(segment.text)
    for match in re.finditer(r"\S+", segment.text):
        x0, x1 = segment.x0 + match.start() * width, segment.x0 + match.end() * width
        yield replace(segment, text=match[0], x0=x0, x1=x1)
