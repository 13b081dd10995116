"""The lists and tables of a document, each with what leads to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.documents import Block, Document
from rag.text.splitting import split_sentences

_NUMBER = re.compile(r"(\d{1,3})[.)]\s*$")
_MARKER_CHARACTERS = 12
_LEAD_CHARACTERS = 5_000


@dataclass(frozen=True, slots=True)
class Structure:
    """A list or a table of a document.

    ``lead`` are the sentences of the paragraph before it, ``header`` is a table's header, None for a list and
    for a table without one. ``items`` are the items of the list or the rows of the table, in order.
    """

    document: Document
    heading: str
    lead: tuple[tuple[int, int], ...]
    header: Block | None
    items: tuple[Block, ...]
    is_table: bool

    def text_of(self, place: Block | tuple[int, int]) -> str:
        """Return the words of a place."""
        start, end = (place.start, place.end) if isinstance(place, Block) else place
        return self.document.text[start:end]

    @property
    def labels(self) -> str:
        """The table's header, "" where there is none."""
        return self.text_of(self.header) if self.header else ""

    @property
    def lead_text(self) -> str:
        """The last two sentences before it."""
        return " ".join(map(self.text_of, self.lead[-2:]))

    @property
    def last_lead(self) -> str:
        """The last sentence before it, "" where there is none."""
        return self.text_of(self.lead[-1]) if self.lead else ""


def structures_of(document: Document) -> Iterator[Structure]:
    """Yield the lists and tables of a document that have two items or more, in order."""
    heading = ""
    blocks = document.blocks
    position = 0
    while position < len(blocks):
        block = blocks[position]
        if block.kind == "heading":
            heading = document.text[block.start : block.end]
        if block.kind not in ("list_item", "table_header", "table_row"):
            position += 1
            continue
        stop = _end(document.text, blocks, position)
        run = blocks[position:stop]
        items = tuple(b for b in run if b.kind in ("list_item", "table_row"))
        header = block if block.kind == "table_header" else None
        if len(items) > 1:
            yield Structure(
                document,
                heading,
                _lead(document.text, blocks[position - 1] if position else None),
                header,
                items,
                block.kind != "list_item",
            )
        position = stop


def _end(text: str, blocks: Sequence[Block], first: int) -> int:
    """Return where the list or table that begins at ``first`` ends."""
    if blocks[first].kind != "list_item":
        stop = first + 1
        while stop < len(blocks) and blocks[stop].kind == "table_row":
            stop += 1
        return stop
    stop = first + 1
    while stop < len(blocks):
        if blocks[stop].kind == "list_item":
            stop += 1
        elif blocks[stop].kind == "paragraph" and _goes_on(text, blocks, stop):
            stop += 2
        else:
            break
    return stop


def _goes_on(text: str, blocks: Sequence[Block], between: int) -> bool:
    """Whether a numbered list goes on behind a paragraph: "3. ..." after "2. ..."."""
    if between + 1 >= len(blocks) or blocks[between + 1].kind != "list_item":
        return False
    before, after = (_number(text, blocks[i]) for i in (between - 1, between + 1))
    return before > 0 and after == before + 1


def _number(text: str, item: Block) -> int:
    match = _NUMBER.search(text[max(0, item.start - _MARKER_CHARACTERS) : item.start])
    return int(match[1]) if match else 0


def _lead(text: str, before: Block | None) -> tuple[tuple[int, int], ...]:
    if not before or before.kind != "paragraph":
        return ()
    # The last two sentences count.
    start = max(before.start, before.end - _LEAD_CHARACTERS)
    spans = split_sentences(text[start : before.end])
    return tuple((start + first, start + last) for first, last in spans)
