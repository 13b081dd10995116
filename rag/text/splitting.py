"""Cutting a text into passages to search and sentences to quote, by offsets.

Everything here is pure: the same text and blocks give the same passages, and each passage and
sentence is a stretch of the text as it stands.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.documents import Block, IsCancelled, heed
from rag.text.vocabulary import GERMAN_MONTHS, SHORT_MONTHS, TURKISH_MONTHS

LONGEST_SENTENCE_WORDS = 90
"""A "sentence" beyond this is cut at a semicolon, comma or space: no reader takes it for a quote."""
LONGEST_ITEM_WORDS = 60
"""A list item up to this is one unit, since its first words say what the rest is about."""

# What begins a sentence that says little without the one before it; "It is known that ..." does not.
LEANING = re.compile(
    r"(?:(?:but|and|however|also|then|thus|instead|later),? )?"
    r"(?:he|she|they|this|these|those|his|her|its|their|such|both|another"
    r"|it(?! (?:is|was|has been) (?:\w+ed|known|thought|said|clear|likely|possible) that)"
    r"|er|sie|es|diese[rsmn]?|dies|seine?|ihre?|o|onlar|bu|bunlar|bunun|onun)\b",
    re.IGNORECASE,
)

_ABBREVIATIONS = frozenset(SHORT_MONTHS).union(
    "mr mrs ms dr prof rev hon st sr jr gen col capt lt sgt maj adm cmdr sen rep gov pres"
    " inc ltd co corp bros dept univ assn est no nos vol pp fig eq sec ch ed eds cf vs viz approx"
    " ca al etc mt ft ave blvd e.g i.e a.m p.m"
    " z.b d.h u.a bzw vgl nr abs bd hrsg str usw ggf evtl vb vd örn bkz dok doç yrd av"
    " s p z u".split()
)
_MONTHS = "|".join((*GERMAN_MONTHS, *TURKISH_MONTHS, "jahrhundert", "yüzyıl"))
# A sentence's end: its mark with closing quotes or brackets, then a space or, where the writer left
# it out, directly a capital ("sharing.The key"). The ends of other scripts need no space at all.
_END = re.compile(
    r"""(?<![.!?…])(?P<mark>[.!?…]++["'”’»)\]]*+)(?:\[\d+\])*+(?=\s|$)
      | (?<=[^\W\d_A-Z]{2})(?P<glued>[.!?]["”’)]?)(?=[A-ZÀ-ÖØ-ÞİŞĞ][^\W\d_]*[\s,’'])
      | (?P<wide>[。！？।؟۔]+[」』”’）]*)""",
    re.VERBOSE,
)
_TRIMMED = re.compile(r"\S(?:.*\S)?", re.DOTALL)
_LAST_WORD = re.compile(r"(?<![^\W\d_])(?<!\.)\.*+([^\W\d_](?:[^\W\d_]|\.)*+)$")
_OPENER = re.compile(r"[\s\"'“‘«(\[]*(\w?)")
_ORDINAL = re.compile(r"(?:^|[\s(])\d{1,2}$")
_MONTH_NEXT = re.compile(rf"\s+(?:{_MONTHS})\b", re.IGNORECASE)
_ADDRESS = re.compile(r"(?<!\S)(?>\S*?(?:://|www\.|@))\S*+$", re.IGNORECASE)
LONGEST_WORD = 100
"""Characters; what is longer, as encoded pictures are, is cut, and counts as so many words of ten."""
_CUT_CHARACTERS = 10
_WORD = re.compile(rf"(?<!\S)\S{{1,{LONGEST_WORD}}}+(?!\S)|\S{{1,{_CUT_CHARACTERS}}}")
_LONGEST_WHOLE_WORDS = 1_000
"""A row or listing of more words is cut as a paragraph is: of a megabyte one passage was made."""
_STRETCH_CHARACTERS = 20_000
"""So much of a paragraph is cut before it is looked whether the text is still wanted: 20 milliseconds."""
_HEADER_CHARACTERS = 10_000
"""The longest header that goes along with the passages of its table."""
_NEAR = 200
"""Characters looked at on either side of a mark; with all of them a megabyte would take minutes."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a text that can be quoted; ``kind`` is that of its block."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A passage before it has an id.

    ``sentences`` lie within it in order. ``header`` is the text of the table header that its rows
    belong to where the header itself lies in an earlier passage, else empty.
    """

    start: int
    end: int
    heading: str
    page: int | None
    sentences: tuple[Span, ...]
    header: str = ""


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Return the start and end of each sentence of a paragraph, without the spaces between.

    Abbreviations, initials, decimal numbers and German and Turkish ordinals end no sentence. A
    missing space after a full stop is no obstacle. No sentence is longer than
    `LONGEST_SENTENCE_WORDS`.
    """
    return [part for start, end in whole_sentences(text) for part in _shortened(text, start, end)]


def whole_sentences(text: str) -> list[tuple[int, int]]:
    """Return the sentences as `split_sentences` does, however long they are."""
    cuts = [match.end() for match in _END.finditer(text) if _ends_sentence(text, match)]
    return _trimmed(text, [0, *cuts, len(text)])


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    if match["wide"]:
        return True
    before = text[max(0, match.start() - _NEAR) : match.start()]
    after = text[match.end() : match.end() + _NEAR]
    if match["glued"]:
        return not _ADDRESS.search(before)
    following = _OPENER.match(after)
    if after.strip() and following and following[1].islower():
        return False
    if not match["mark"].startswith(".") or match["mark"].startswith(".."):
        return True
    if _ORDINAL.search(before) and _MONTH_NEXT.match(after):
        return False
    word = _LAST_WORD.search(before)
    if word is None or not after.strip():
        return True
    last = word[1].rstrip(".").lower()
    # "U.S." may end a sentence; whether it does can't be told from the dots, so only a following
    # word that usually opens a sentence decides.
    if re.fullmatch(r"(?:[^\W\d_]\.)+[^\W\d_]", word[1]):
        return bool(re.match(r"\s+(?:The|In|It|He|She|They|This|That|But|And|A|An|On|At)\b", after))
    is_initial = len(last) == 1 and word[1].isupper() and not before.endswith(f"°{word[1]}")
    return last not in _ABBREVIATIONS and not is_initial


def _trimmed(text: str, cuts: Sequence[int]) -> list[tuple[int, int]]:
    found = (_TRIMMED.search(text, start, end) for start, end in pairwise(cuts))
    return [match.span() for match in found if match]


def _shortened(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut a stretch without any sentence end into parts of bearable length."""
    words = list(_WORD.finditer(text, start, end))
    if len(words) <= LONGEST_SENTENCE_WORDS:
        yield (start, end)
        return
    parts = math.ceil(len(words) / LONGEST_SENTENCE_WORDS)
    size = math.ceil(len(words) / parts)
    first = 0
    while first < len(words):
        # What is left is not cut where it would do as it is, so that no stump stays at the end.
        stop = first + size if len(words) - first > LONGEST_SENTENCE_WORDS else len(words)
        if stop < len(words):
            window = range(stop, max(first + size // 2, 1), -1)
            stop = next((i for i in window if words[i - 1][0][-1] in ";:,"), stop)
        yield (words[first].start(), words[stop - 1].end())
        first = stop


def block_sentences(text: str, block: Block, cancelled: IsCancelled | None = None) -> list[Span]:
    """Return what can be quoted of a block: its sentences, or a row or short list item as one."""
    content = text[block.start : block.end]
    most = {"list_item": LONGEST_ITEM_WORDS}.get(block.kind, _LONGEST_WHOLE_WORDS)
    may_be_whole = block.kind in ("list_item", "table_row", "table_header", "code")
    if may_be_whole and word_count(content) <= most:
        return [Span(block.start, block.end, block.kind)]
    # The cells of a part of a row have lost their columns.
    kind = "paragraph" if block.kind in ("table_row", "table_header") else block.kind
    spans = list[Span]()
    for first, last in _stretches(content):
        heed(cancelled)
        offset = block.start + first
        spans += [Span(offset + s, offset + e, kind) for s, e in split_sentences(content[first:last])]
    return spans


def _stretches(content: str) -> Iterator[tuple[int, int]]:
    """Yield where a long paragraph is cut before its sentences are looked for: at a line or a space."""
    start = 0
    while len(content) - start > 2 * _STRETCH_CHARACTERS:
        aim = start + _STRETCH_CHARACTERS
        ends = (content.rfind(mark, aim, aim + _STRETCH_CHARACTERS) for mark in (". ", "\n", " "))
        end = next((found + 1 for found in ends if found >= 0), aim)
        yield start, end
        start = end
    yield start, len(content)


def word_count(text: str) -> int:
    """Return how many words a text has, where one that is far too long counts as many."""
    words = text.split()
    if len(text) <= LONGEST_WORD:
        return len(words)
    return len(words) + sum(len(word) // _CUT_CHARACTERS for word in words if len(word) > LONGEST_WORD)


def split_document(
    text: str, blocks: Iterable[Block], passage_words: int = 150, cancelled: IsCancelled | None = None
) -> list[Piece]:
    """Cut a text into passages at sentence ends, never across a heading or a page.

    Parameters
    ----------
    text
        The document's text.
    blocks
        Its structure, in order.
    passage_words
        The length aimed at: a section is cut into equal parts of about this many words.
    cancelled
        Tells whether the passages are no longer wanted.

    Returns
    -------
    list of Piece
        In order, without overlaps; together they hold every sentence of every block but headings.

    Raises
    ------
    Cancelled
    """
    pieces: list[Piece] = []
    for heading, page, section in _sections(text, blocks):
        spans = list[Span]()
        for block in section:
            heed(cancelled)
            spans += block_sentences(text, block, cancelled)
        for piece in _split_section(text, heading, page, spans, passage_words):
            heed(cancelled)
            pieces.append(piece)
    return pieces


def _sections(text: str, blocks: Iterable[Block]) -> Iterator[tuple[str, int | None, list[Block]]]:
    heading, page, section = "", None, list[Block]()
    for block in blocks:
        if section and (block.kind == "heading" or block.page != page):
            yield heading, page, section
            section = []
        page = block.page
        if block.kind == "heading":
            heading = text[block.start : block.end]
        else:
            section.append(block)
    if section:
        yield heading, page, section


def _split_section(
    text: str, heading: str, page: int | None, spans: list[Span], passage_words: int
) -> Iterator[Piece]:
    lengths = [word_count(text[span.start : span.end]) for span in spans]
    total = sum(lengths)
    # Rounding at two thirds lets a section of up to 1.67 passages stay whole: two halves of 80
    # words find worse than one passage of 160.
    target = total / max(1, math.floor(total / passage_words + 1 / 3))
    group: list[Span] = []
    done, cut_at, header, opened = 0, target, "", ""
    for span, length in zip(spans, lengths, strict=True):
        # A header stays with its first row.
        may_cut = bool(group) and (group[-1].kind, span.kind) != ("table_header", "table_row")
        # Cutting before this sentence is right if that is nearer to the aim than after it.
        if may_cut and done + length / 2 > cut_at:
            yield _piece(group, heading, page, header)
            header = opened if span.kind == "table_row" else ""
            group, cut_at = [], cut_at + target
        opened = _header_after(text, span, opened)
        group.append(span)
        done += length
    if group:
        yield _piece(group, heading, page, header)


def _header_after(text: str, span: Span, opened: str) -> str:
    """Return the header of the table that may go on after this span, given that before it; "" where none."""
    if span.kind == "table_header":
        return text[span.start : span.end] if span.end - span.start <= _HEADER_CHARACTERS else ""
    return opened if span.kind == "table_row" else ""


def _piece(group: list[Span], heading: str, page: int | None, header: str) -> Piece:
    return Piece(group[0].start, group[-1].end, heading, page, tuple(group), header)
