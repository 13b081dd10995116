"""How much of one text is added: what lies beyond is left out, and a sentence says so.

A text of a single letter a line made a gigabyte of blocks out of 8 MB, and every passage takes 17
milliseconds of two cores to embed. Of a book of 3,000 densely printed pages come 15 million characters,
150,000 blocks and 21,000 passages: that is added wholly, in six minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag.documents import Block, Document, NewDocument

MOST_CHARACTERS = 20_000_000
MOST_BLOCKS = 400_000
"""Also the lines of a text: each may be a block."""
MOST_WORDS_IN_PASSAGES = 25_000 * 150
"""Passages of the usual length, 25,000 of them; of shorter ones there may be more."""
_SHORT_CHARACTERS, _SHORT_LINES = 1_000_000, 20_000


def is_short(text: str) -> bool:
    """Whether the structure of a text is found in less than half a second, whatever is in it."""
    return len(text) <= _SHORT_CHARACTERS and len(text.splitlines()) <= _SHORT_LINES


def first_part(text: str) -> str:
    """Return as much of a text as is looked at for its structure: all but for one that is far too long."""
    text = text[:MOST_CHARACTERS]
    if text.count("\n") <= MOST_BLOCKS:
        return text
    end = -1
    for _ in range(MOST_BLOCKS):
        end = text.index("\n", end + 1)
    return text[:end]


def within_limits(document: NewDocument) -> NewDocument:
    """Return a document with no more text and blocks than are taken."""
    if len(document.text) <= MOST_CHARACTERS and len(document.blocks) <= MOST_BLOCKS:
        return document
    kept = [block for block in document.blocks[:MOST_BLOCKS] if block.start < MOST_CHARACTERS]
    end = kept[-1].end if len(kept) < len(document.blocks) else len(document.text)
    return cut_at(document, min(end, MOST_CHARACTERS))


def cut_at(document: NewDocument, end: int) -> NewDocument:
    """Return a document without what stands in it from this place on, which is counted."""
    return replace(
        document,
        text=document.text[:end],
        blocks=_blocks_before(document.blocks, end),
        left_out=document.left_out + len(document.text) - end,
    )


def told_left_out(document: NewDocument | Document) -> str:
    """Return a sentence on what was left out of a document, empty where it is whole."""
    if not document.left_out:
        return ""
    kept = len(document.text)
    return (
        f"Only the first {kept:,} of {kept + document.left_out:,} characters were added, the most that one"
        " article may have: split it to add the rest."
    )


def _blocks_before(blocks: Sequence[Block], end: int) -> tuple[Block, ...]:
    return tuple(replace(b, end=min(b.end, end)) for b in blocks if b.start < end)
