"""Plain text -> its blocks: the structure that a text has without markup."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from rag.documents import Block, BlockKind, NewDocument
from rag.text.canonical import (
    ROW_KINDS,
    Part,
    build_text,
    cells,
    columns,
    is_wide,
    join_cells,
    normalise_text,
    without_outer_pipes,
)
from rag.text.limits import first_part

# A list item's marker. Round bullets may touch the text, as they often do where it was pasted.
_ITEM = re.compile(r"(?:[-*+–·]\s+|[•‣◦▪●○]\s*|\(?\d{1,3}[.)]\s+)(?=\S)")
_HASHES = re.compile(r"(?P<hashes>#{1,6})\s+(?=\S)")
_UNDERLINE = re.compile(r"=+|-{3,}")
# Rules, underlines and the line under a table's header: nothing in them is text.
_RULE = re.compile(r"[-=_*~#+|:.·\s]+")

# What looks like a heading but tells when, by whom or where something was published or said.
_NO_HEADING = re.compile(
    r"(?:by|von|par|yazan|photo|image|source|author|published|updated|date|language|url)\b(?::| [A-Z])"
    r"|\W*(?:\w+\W+)?\d{1,2}\W+(?:\w+\W+)?\d{4}\W*$"
    r"|\W*\d{1,2}:\d{2}"
    r"|https?:|www\.",
    re.IGNORECASE,
)
_SPEAKER = re.compile(r"[^:]{1,30}:(?=\s)")
_SENTENCE_END = ".!?:;…。！？：۔।"
_CLOSING = "\"'”’»)]"

# A heading is at most this long; measured in columns, see `columns`.
_HEADING_COLUMNS = 100
_HEADING_WORDS = 15
# What follows a heading without marks is at least this long, which no line of a poem is.
_FOLLOWER_COLUMNS = 60
# Texts are wrapped by hand or by mail programs at 60 to 90 columns; longer lines are paragraphs.
_WRAP_COLUMNS = range(40, 121)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line without the white space around it; ``kind`` is None for one that holds no block."""

    text: str
    start: int
    indent: int
    kind: BlockKind | None
    level: int = 0

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def tidy_plain(text: str) -> tuple[str, tuple[Block, ...]]:
    """Return plain text as canonical reading text with its blocks.

    Hard wraps are undone; bullets, ``#``, underlines, the line under a table's header and the outer
    pipes of its rows are gone.
    """
    return build_text(plain_parts(text))


def structured(document: NewDocument) -> NewDocument:
    """Return a document whose text is normalised, with the structure that is found in it."""
    text = normalise_text(document.text)
    part = first_part(text)
    left_out = document.left_out + len(text) - len(part)
    return replace(document, text=part, blocks=find_blocks(part), left_out=left_out)


def plain_parts(text: str) -> list[Part]:
    """Return the parts that plain text consists of, in order."""
    text = normalise_text(text)
    return [Part(block.kind, _reading_text(text, block), block.level) for block in find_blocks(text)]


def _reading_text(text: str, block: Block) -> str:
    content = text[block.start : block.end]
    if block.kind in ROW_KINDS:
        return join_cells(cells(content))
    first, *others = content.split("\n")
    for line in others:
        first += _seam(first, line.strip()) + line.strip()
    return first


def _seam(before: str, after: str) -> str:
    """Return what stands between two lines of one paragraph once they are joined."""
    # "US-\nTurkey" was one word, "pre-\nand" was not; Chinese and Japanese have no spaces.
    hyphened = re.search(r"\w-$", before[-2:]) and re.match(r"(?!(?:and|or|to|und|oder|ve|et|ou)\b)\w", after)
    return "" if hyphened or (is_wide(before[-1:]) and is_wide(after[:1])) else " "


# --------------------------------------------------------------------------- finding the blocks


def find_blocks(text: str) -> tuple[Block, ...]:
    """Return the structure of plain text, as pasted articles have it.

    Recognised are headings (``# x``, underlined, or a short line without final punctuation before
    something longer), list items, tables of ``a | b``, and paragraphs: consecutive lines in a text
    that was wrapped by hand, else each line. Blocks cover their content only, without markers.
    """
    lines = _underlined(_as_rows(_lines(text)))
    width = _wrap_width(lines)
    lines = _without_false_items(lines, width)
    return tuple(_with_plain_headings(text, _join_lines(lines, width)))


def _lines(text: str) -> list[_Line]:
    lines, position = [], 0
    for raw in text.split("\n"):
        stripped = raw.strip()
        indent = len(raw) - len(raw.lstrip()) if stripped else 0
        lines.append(_read_line(stripped, position + indent, indent))
        position += len(raw) + 1
    return lines


def _read_line(text: str, start: int, indent: int) -> _Line:
    """Classify one line by itself and cut its marker off."""
    if not text or _RULE.fullmatch(text):
        return _Line(text, start, indent, None)
    if marker := _HASHES.match(text):
        content = re.sub(r"(?<!\s)\s++#++$", "", text[marker.end() :])
        return _Line(content, start + marker.end(), indent, "heading", len(marker["hashes"]))
    return _Line(text, start, indent, "list_item" if _ITEM.match(text) else "paragraph")


def _as_rows(lines: list[_Line]) -> list[_Line]:
    """Turn runs of lines with pipes into table rows; one above a separator line is a header."""
    found, index = list(lines), 0
    while index < len(lines):
        stop = index
        while stop < len(lines) and _may_be_row(lines[stop], in_table=stop > index):
            stop += 1
        if _is_table(lines[index:stop]):
            found[index:stop] = _read_table(lines[index:stop])
        index = max(stop, index + 1)
    return found


def _may_be_row(line: _Line, in_table: bool) -> bool:
    return "|" in line.text or (in_table and len(line.text) > 2 and line.kind is None)


def _is_table(lines: Sequence[_Line]) -> bool:
    # One line with pipes alone is a navigation bar or a title with the site's name.
    rows = [line.text for line in lines if line.kind]
    boxed = len(rows) == 1 and rows[0].startswith("|") and rows[0].endswith("|") and rows[0].count("|") > 2
    return len(rows) > 1 or boxed or (len(rows) == 1 and len(lines) > 1 and lines[1].kind is None)


def _read_table(lines: list[_Line]) -> list[_Line]:
    opened = all(line.text.startswith("|") for line in lines if "|" in line.text)
    following = [*lines[1:], None]
    return [
        _read_row(line, opened, header=after is not None and after.kind is None) if line.kind else line
        for line, after in zip(lines, following, strict=True)
    ]


def _read_row(line: _Line, opened: bool, header: bool) -> _Line:
    start, end = without_outer_pipes(line.text, always=opened)
    content = line.text[start:end].rstrip(" \t|")
    start += len(content) - len(content.lstrip())
    kind: BlockKind = "table_header" if header else "table_row"
    return replace(line, text=content.lstrip(), start=line.start + start, kind=kind, level=0)


def _underlined(lines: list[_Line]) -> list[_Line]:
    """Turn a line above a row of = or - into a heading if it is short and begins its paragraph."""
    found = list(lines)
    for index in range(1, len(lines)):
        line, under = found[index - 1], lines[index]
        begins = index == 1 or found[index - 2].kind != "paragraph"
        plain = line.kind in ("paragraph", "list_item") and columns(line.text) <= 2 * _HEADING_COLUMNS
        if plain and begins and _UNDERLINE.fullmatch(under.text):
            found[index - 1] = replace(line, kind="heading", level=1 if under.text[0] == "=" else 2)
    return found


# ------------------------------------------------------------------------------ wrapped lines


def _wrap_width(lines: Sequence[_Line]) -> int:
    """Return the column at which the text was wrapped by hand, 0 if each line is a paragraph.

    It was wrapped if most lines end where the next word had no room, and go on in lower case as no
    poem, chat or list of paragraphs does (two lines in five are enough for German).
    """
    pairs = [
        (line.text, after.text)
        for line, after in pairwise(lines)
        if line.kind in ("paragraph", "list_item") and after.kind == "paragraph"
    ]
    if not pairs:
        return 0
    widths = sorted(columns(line) for line, _ in pairs)
    # Not the longest line, which may hold an address that could not be broken.
    width = widths[math.ceil(0.95 * (len(widths) - 1))]
    full = sum(_is_full(line, after, width) for line, after in pairs)
    continuing = sum(not after[0].isupper() for _, after in pairs)
    wrapped = width in _WRAP_COLUMNS and full >= 0.7 * len(pairs) and continuing >= 0.4 * len(pairs)
    return width if wrapped else 0


def _is_full(line: str, after: str, width: int) -> bool:
    """Whether the first word of the line `after` had no room at the end of `line`.

    Lines may be 15 % short, since programs differ in where they break.
    """
    word = after[:1] if is_wide(after[:1]) else after.split(None, 1)[0]
    return columns(line) + 1 + columns(word) > 0.85 * width


def _without_false_items(lines: list[_Line], width: int) -> list[_Line]:
    """Take back list items that are the middle of a wrapped sentence: "on\\n5. May", "it\\n- though"."""
    if not width:
        return lines
    found = lines[:1]
    for line in lines[1:]:
        before = found[-1]
        inside = before.kind == "paragraph" and before.text[-1] not in _SENTENCE_END
        if line.kind == "list_item" and inside and _is_full(before.text, line.text, width):
            line = replace(line, kind="paragraph")
        found.append(line)
    return found


def _join_lines(lines: Sequence[_Line], width: int) -> list[Block]:
    """Return the blocks, joining the lines of a wrapped paragraph or list item."""
    blocks: list[Block] = []
    before: _Line | None = None
    for line in lines:
        if line.kind == "paragraph" and before and blocks and _continues(before, line, width):
            blocks[-1] = replace(blocks[-1], end=line.end)
            # The first line's kind and indent go on to count.
            before = replace(before, text=line.text)
            continue
        if line.kind:
            marker = _ITEM.match(line.text) if line.kind == "list_item" else None
            start = line.start + (marker.end() if marker else 0)
            blocks.append(Block(line.kind, start, line.end, line.level))
        before = line
    return blocks


def _continues(before: _Line, line: _Line, width: int) -> bool:
    if before.kind not in ("paragraph", "list_item"):
        return False
    hanging = before.kind == "list_item" and line.indent > before.indent
    return hanging or (width > 0 and _is_full(before.text, line.text, width))


# ------------------------------------------------------------------- headings without marks


def _with_plain_headings(text: str, blocks: list[Block]) -> list[Block]:
    """Turn paragraphs that read like headings into headings.

    From the end, so that a heading right above another one is seen; bylines and datelines are looked
    past. The level of a heading without marks is 2, since the title is the first.
    """
    speakers = _speakers(text, blocks)
    found: list[Block] = []
    after: Block | None = None
    chained = False
    for block in reversed(blocks):
        line = text[block.start : block.end]
        follows = after is not None and _may_follow_heading(line, text, after, chained)
        is_plain = block.kind == "paragraph" and _speaker(line) not in speakers
        if is_plain and follows and _reads_like_heading(line):
            chained = after is not None and after.kind == "heading"
            block = replace(block, kind="heading", level=2)
        found.append(block)
        after = after if _is_byline(line) else block
    return found[::-1]


def _is_byline(line: str) -> bool:
    return len(line) <= _HEADING_COLUMNS and bool(_NO_HEADING.match(line))


def _may_follow_heading(heading: str, text: str, after: Block, chained: bool) -> bool:
    """Whether `after` is what stands under a heading; a line of a poem or chat seldom is."""
    if after.kind == "heading":
        return not chained
    if after.kind != "paragraph":
        return True
    content = text[after.start : after.end]
    longer = columns(content) >= max(_FOLLOWER_COLUMNS, 1.3 * columns(heading))
    return longer and content.rstrip(_CLOSING)[-1:] in _SENTENCE_END


def _reads_like_heading(line: str) -> bool:
    if "\n" in line or columns(line) > _HEADING_COLUMNS or len(line.split()) > _HEADING_WORDS:
        return False
    first = next((character for character in line if character.isalnum()), "a")
    ends = line.rstrip(_CLOSING)[-1:]
    return not first.islower() and not _NO_HEADING.match(line) and (ends.isalnum() or ends in "%€$£-–")


def _speaker(line: str) -> str:
    found = _SPEAKER.match(line)
    return found[0] if found else ""


def _speakers(text: str, blocks: Iterable[Block]) -> set[str]:
    """Return what stands before a colon more than once, as names do in a chat or an interview."""
    labels = Counter(_speaker(text[block.start : block.end]) for block in blocks if block.kind == "paragraph")
    return {label for label, count in labels.items() if label and count > 1}
