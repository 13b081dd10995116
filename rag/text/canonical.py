"""Canonical text: its one normal form, its table rows, and how it is put together.

Every loader ends here. What it found becomes `Part`s, and `build_text` makes of them the text with
its blocks, so that offsets are right by construction.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from rag.documents import Block, BlockKind, Cell
from rag.text.invisible import without_hidden

# Line ends that are not "\n": carriage returns, vertical tab, form feed, next line, line and
# paragraph separators.
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_ODD_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")

JUDGED_CHARACTERS = 1_000
"""So much of a sentence is looked at to judge it, and so that nobody can make that slow."""
JUDGED_WORD_CHARACTERS = 100
"""So much of a word."""
_LONG_WORD = re.compile(rf"(\w{{{JUDGED_WORD_CHARACTERS}}})\w++")

_MOST_MARKS = 30
# Among these are all that stand on the letter before them, and no letter.
_MARKS = re.compile(rf"[^\w\s\x00-\x7f]{{{_MOST_MARKS + 1},}}+")

#: The kinds of blocks that have cells.
ROW_KINDS = ("table_header", "table_row")


@dataclass(frozen=True, slots=True)
class Part:
    """A block that has no place in a text yet."""

    kind: BlockKind
    text: str
    level: int = 0
    page: int | None = None


def normalise_text(text: str) -> str:
    """Return `text` in its one normal form; ordinary text stays exactly as it is.

    Line ends become newlines, characters are composed (NFC), what is invisible goes, odd spaces
    become spaces, lines lose trailing white space, and at most one empty line stands between two.
    Normalising twice changes nothing.
    """
    text = without_hidden(text)
    if text.isprintable():  # one line with nothing of all that in it, as nearly every cell of a table
        return _composed(text).strip()
    text = _LINE_ENDS.sub("\n", text)
    text = _composed(_ODD_SPACES.sub(" ", text))
    text = "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _composed(text: str) -> str:
    """Return `text` in NFC, without the marks of a letter that has more than any has.

    Marks are put in order one by one, so that 80 kB of them took six seconds, and a megabyte a quarter of
    an hour. Thirty are what UAX #15 allows in a stream (https://www.unicode.org/reports/tr15/#Stream_Safe_Text_Format).
    """
    return unicodedata.normalize("NFC", _MARKS.sub(_with_few_marks, text))


def _with_few_marks(run: re.Match[str]) -> str:
    kept, marks = list[str](), 0
    for sign in run[0]:
        marks = marks + 1 if unicodedata.combining(sign) else 0
        if marks <= _MOST_MARKS:
            kept.append(sign)
    return "".join(kept)


# ---------------------------------------------------------------------------------- table rows


def cell_spans(row: str) -> list[tuple[int, int]]:
    """Return where the cells of a table row stand in it, without the spaces around them.

    A pipe at the end closes the last cell. A pipe at the start opens the first one if there is one
    at the end too; else the first cell is empty.
    """
    start, end = without_outer_pipes(row)
    spans = []
    for cell in row[start:end].split("|"):
        left = start + len(cell) - len(cell.lstrip())
        spans.append((left, left + len(cell.strip())) if cell.strip() else (start, start))
        start += len(cell) + 1
    return spans


def cells(row: str) -> list[str]:
    """Return the cells of a table row as they stand; "a |  | c" has an empty one in the middle."""
    return [row[start:end] for start, end in cell_spans(row)]


def labelled_cells(header: str, row: str) -> tuple[Cell, ...]:
    """Return the cells of a row that hold something, with their header's labels."""
    labels, values = cells(header), cells(row)
    # A canonical row has no empty cells at its end.
    values += [""] * (len(labels) - len(values))
    if len(labels) != len(values):
        labels = [""] * len(values)
    return tuple(Cell(label, value) for label, value in zip(labels, values, strict=True) if value)


def join_cells(values: Iterable[str]) -> str:
    """Return the canonical row of these cells: "a | b | c", without empty cells at the end."""
    # A pipe inside a cell would cut it in two, so it becomes a broken bar.
    row = " | ".join(one_line(value).replace("|", "¦") for value in values)
    return row.rstrip(" |").lstrip(" ")


def without_outer_pipes(row: str, always: bool = False) -> tuple[int, int]:
    """Return start and end of what stands between the outer pipes; `always` drops a lone first one."""
    start, end = len(row) - len(row.lstrip()), len(row.rstrip())
    closed = row[start:end].endswith("|")
    if row[start:end].startswith("|") and (closed or always) and end - start > 1:
        start += 1
    return start, end - 1 if closed else end


# --------------------------------------------------------------------------- building the text


def one_line(text: str) -> str:
    """Return `text` normalised, on one line, with single spaces."""
    return " ".join(normalise_text(text).split())


def letters(text: str) -> str:
    """Return the letters and digits of a text, by which lines with other signs between them are compared."""
    return "".join(filter(str.isalnum, text))


def build_text(parts: Iterable[Part]) -> tuple[str, tuple[Block, ...]]:
    """Join parts into the canonical text and return it with their blocks.

    List items and table rows stand on consecutive lines, everything else is set off by an empty
    line. Empty parts are left out.
    """
    pieces: list[str] = []
    blocks: list[Block] = []
    position = 0
    for part in parts:
        text = _content(part)
        if not text:
            continue
        gap = _gap(blocks[-1].kind, part.kind) if blocks else ""
        start = position + len(gap)
        position = start + len(text)
        pieces += [gap, text]
        blocks.append(Block(part.kind, start, position, part.level, part.page))
    return "".join(pieces), tuple(blocks)


def _content(part: Part) -> str:
    """Return a part's text as it will stand: on one line, but for code, which keeps its lines."""
    if part.kind == "code":
        return normalise_text(textwrap.dedent(part.text))
    # The two spaces of an empty cell stay.
    return join_cells(cells(part.text)) if part.kind in ROW_KINDS else one_line(part.text)


def _gap(before: BlockKind, after: BlockKind) -> str:
    together = before == after == "list_item" or (before in ROW_KINDS and after == "table_row")
    return "\n" if together else "\n\n"


# ------------------------------------------------------------------------------ what is judged


def judged(text: str, most_characters: int = JUDGED_CHARACTERS) -> str:
    """Return as much of a text as is looked at to judge it; what is quoted and shown is always the whole.

    Of nearly every sentence that is all of it. What is longer, as a row of signs or a file written as
    letters, tells no more by being longer, and rules that compare words with words would take ever so long.
    """
    if len(text) <= JUDGED_WORD_CHARACTERS:
        return text
    return _LONG_WORD.sub(r"\1", text[:most_characters])


# -------------------------------------------------------------------------------- how wide it is


def is_wide(character: str) -> bool:
    """Whether this is a Chinese or Japanese character or mark (Korean puts spaces between words)."""
    return "\u2e80" <= character <= "\u9fff" or "\uff00" <= character <= "\uff60"


def columns(text: str) -> int:
    """Return the width of `text`, in which a Chinese or Japanese character counts as two."""
    return len(text) if text.isascii() else len(text) + sum(map(is_wide, text))


def plain_value(value: object) -> str:
    """Return a name or number, or a list of them, as one line; "" for anything else."""
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, (plain_value(item) for item in value if isinstance(item, str))))
    return one_line(str(value)) if isinstance(value, str | int | float | date) else ""
