"""Characters of a PDF's page -> runs of them that stand side by side, each as it is read.

A PDF says where each character stands and little else. Text may be turned by a quarter, and Arabic and
Hebrew are stored in any order, so that only their places tell how they are read.
"""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from rag.loading.pdf.layout import (
    CELL_GAP,
    LETTER_MARKERS,
    MARKERS,
    RAISED,
    SMALL,
    TO_RAISED,
    WIDE_SPACE,
    Segment,
    runs_leftward,
)

_BOLD_WEIGHT = 600
# The angle of a letter, in quarter turns, may be off by so much; other text is read as if it lay flat.
_SLANT = 0.06
_FONT_BYTES = 128
# A marker, a space and the first character after them.
_FIRST = 4
# What is read to the right within what is read to the left, and the other way round: characters of a
# word, where signs between digits belong to the number, and words.
_RIGHTWARD, _LEFTWARD = re.compile(r"[LD]+(?:N+[LD]+)*"), re.compile("R+(?:N+R+)*")
_RIGHTWARD_WORDS, _LEFTWARD_WORDS = re.compile(r"L(?:[LDN]*L)?"), re.compile("R(?:[DN]*R)*")

Box = tuple[float, float, float, float]
"""Left, lower, right and upper edge in points."""
Glyph = tuple[float, float, str]
"""Left and right edge of a character in points, and the character."""
# Where a space stands is of no use: files have it anywhere between two words, or on one of them.
_SPACE: Glyph = (0.0, 0.0, " ")


@dataclass(slots=True)
class _Run:
    """A segment in the making, read after ``turn`` quarter turns."""

    turn: int
    bold: bool
    box: Box
    glyphs: list[Glyph] = field(default_factory=list)
    last: tuple[float, float] = (0.0, 0.0)

    def holds(self, box: Box) -> bool:
        """Whether a character stands right beside the last one."""
        left, low, right, high = box
        if self.last == (left, right):
            # One glyph may stand for several characters.
            return True
        _, y0, _, y1 = self.box
        size = y1 - y0
        # To the right of the last character, or to the left where the script runs so.
        gap = max(left - self.last[1], self.last[0] - right)
        if not -0.7 * size < gap < CELL_GAP * size:
            return False
        return (low == y0 and high == y1) or min(y1, high) - max(y0, low) >= 0.4 * min(size, high - low)

    def add(self, character: str, box: Box) -> None:
        x0, y0, x1, y1 = self.box
        left, low, right, high = box
        height, size = high - low, y1 - y0
        if height < SMALL * size and low - y0 > RAISED * size:
            character = character.translate(TO_RAISED)
        elif size < SMALL * height and y0 - low > RAISED * height:
            self.glyphs = [(x, y, before.translate(TO_RAISED)) for x, y, before in self.glyphs]
        if (
            len(self.glyphs) == 2
            and self.glyphs[0][2] in LETTER_MARKERS
            and left - self.last[1] > WIDE_SPACE * size
        ):
            self.glyphs[0] = (*self.last, "•")
        self.glyphs.append((left, right, character))
        self.last = (left, right)
        # A small raised character doesn't make its line higher, nor does a bullet.
        if height > size or (len(self.glyphs) < _FIRST and self.glyphs[0][2] in MARKERS):
            y0, y1 = low, high
        self.box = (x0 if x0 < left else left, y0, x1 if x1 > right else right, y1)

    def segment(self) -> Segment | None:
        """Return what was gathered, None for spaces alone."""
        text = "".join([glyph[2] for glyph in self.glyphs])
        if runs_leftward(text):
            text = _in_reading_order(self.glyphs)
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()
        return Segment(text, *self.box, self.bold) if text else None


def read_segments(page: Any) -> Iterator[tuple[int, Segment]]:
    """Yield the runs of a text page of pdfium in the file's order, with the quarter turns of each."""
    for run in _runs(page):
        if segment := run.segment():
            yield run.turn, segment


def _runs(page: Any) -> Iterator[_Run]:
    import pypdfium2.raw as pdfium

    rectangle, run = pdfium.FS_RECTF(), None
    for index in range(pdfium.FPDFText_CountChars(page)):
        character = chr(pdfium.FPDFText_GetUnicode(page, index))
        if character in "\r\n\x00":
            if run:
                yield run
            run = None
            continue
        if character in "\x02\ufffe":
            # pdfium's mark for a hyphen at the end of a line
            character = "-"
        if character.isspace():
            if run:
                run.glyphs.append(_SPACE)
            continue
        if not pdfium.FPDFText_GetLooseCharBox(page, index, rectangle):
            continue
        box = _turned(rectangle, run.turn if run else _turn(page, index))
        if run and not run.holds(box):
            yield run
            run = None
            box = _turned(rectangle, _turn(page, index))
        if run is None:
            run = _Run(_turn(page, index), _is_bold(page, index), box)
        run.add(character, box)
    if run:
        yield run


def _turn(page: Any, index: int) -> int:
    """Return the quarter turns, against the clock, by which a character is turned."""
    import pypdfium2.raw as pdfium

    # pdfium measures with the clock.
    turns = -pdfium.FPDFText_GetCharAngle(page, index) / (math.pi / 2)
    return round(turns) % 4 if abs(turns - round(turns)) < _SLANT else 0


def _turned(rectangle: Any, turn: int) -> Box:
    """Return a box as it stands once its text is turned back to lie flat."""
    left, low, right, high = rectangle.left, rectangle.bottom, rectangle.right, rectangle.top
    for _ in range(turn):
        left, low, right, high = low, -right, high, -left
    return left, low, right, high


def _is_bold(page: Any, index: int) -> bool:
    import pypdfium2.raw as pdfium

    font, flags = ctypes.create_string_buffer(_FONT_BYTES), ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(page, index, font, _FONT_BYTES, flags)
    return pdfium.FPDFText_GetFontWeight(page, index) >= _BOLD_WEIGHT or b"bold" in font.value.lower()


# ------------------------------------------------------------------------ Arabic and Hebrew


def _in_reading_order(glyphs: Sequence[Glyph]) -> str:
    """Return the words of a run as they are read, by where they and their characters stand."""
    split = (list(word) for space, word in groupby(glyphs, key=lambda glyph: glyph[2] == " ") if not space)
    placed = sorted((sum(x0 + x1 for x0, x1, _ in word) / len(word), _word(word)) for word in split)
    words = [text for _, text in placed]
    return " ".join(_ordered(words, _RIGHTWARD_WORDS, _LEFTWARD_WORDS))


def _word(glyphs: Sequence[Glyph]) -> str:
    units = [
        # Characters of one place are one glyph's, which pdfium has turned around.
        (x0 + x1, "".join(character for *_, character in together)[::-1])
        for (x0, x1), together in groupby(glyphs, key=lambda glyph: glyph[:2])
    ]
    letters = sorted(unit for unit in units if not _is_mark(unit[1]))
    texts = [text for _, text in letters]
    for middle, mark in (unit for unit in units if _is_mark(unit[1]) and letters):
        texts[min(range(len(letters)), key=lambda n: abs(letters[n][0] - middle))] += mark
    # Letters may be stored in the shape that they have at their place in a word.
    shaped = (unicodedata.normalize("NFKC", t) if "\ufb1d" <= t[:1] <= "\ufefc" else t for t in texts)
    return "".join(_ordered(list(shaped), _RIGHTWARD, _LEFTWARD))


def _is_mark(text: str) -> bool:
    return all(map(unicodedata.combining, text))


def _ordered(texts: list[str], rightward: re.Pattern[str], leftward: re.Pattern[str]) -> list[str]:
    """Return texts that stand from left to right in the order in which they are read."""
    kinds = "".join(map(_kind, texts))
    if kinds.count("R") < kinds.count("L") or "R" not in kinds:
        runs = leftward
    else:
        runs, kinds, texts = rightward, kinds[::-1], texts[::-1]
    for found in runs.finditer(kinds):
        texts[found.start() : found.end()] = texts[found.start() : found.end()][::-1]
    return texts


def _kind(text: str) -> str:
    """Return R for what is read to the left, L to the right, D for numbers, N for anything else."""
    if runs_leftward(text):
        return "R"
    if any(map(str.isalpha, text)):
        return "L"
    return "D" if any(map(str.isdecimal, text)) else "N"
