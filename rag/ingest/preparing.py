"""A document made ready to be stored: normal text and metadata, its blocks, limits kept, and a key."""

from __future__ import annotations

import re
from dataclasses import replace

from rag.documents import IsCancelled, NewDocument, content_hash, heed
from rag.errors import LoadError
from rag.loading.process.worker import structured_apart
from rag.text.blocks import structured
from rag.text.canonical import one_line
from rag.text.invisible import without_hidden
from rag.text.limits import MOST_CHARACTERS, cut_at, is_short, within_limits

_HEADING_CHARACTERS = 1_000
"""A title or heading stands with each passage: one of 200 kB made 80 MB of a text of 126 kB."""
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def prepared(document: NewDocument, cancelled: IsCancelled | None) -> NewDocument:
    """Return a document with normalised text and metadata, its blocks, and a key.

    Raises
    ------
    LoadError
        There is nothing to read in it, it can't be stored, or its blocks don't fit its text.
    Cancelled
    """
    name = one_line(document.title or document.key) or "The text"
    strings = [document.title, document.key, document.source, document.url, document.author]
    strings += [document.text] if document.blocks else []
    if any(map(_UNSTORABLE.search, strings)):
        raise LoadError(name, "It holds characters that can't be stored: take NUL and surrogates out of it.")
    # Blocks that somebody hands over with characters that can't be seen are those of another text.
    if not document.blocks or without_hidden(document.text) != document.text:
        document = _with_blocks(document, cancelled)
    heed(cancelled)
    # What a program hands over and what is typed comes here as it is.
    document = replace(
        document,
        title=one_line(document.title),
        source=one_line(document.source),
        url=one_line(document.url),
        author=one_line(document.author),
    )
    document = _within_sizes(within_limits(document))
    if not any(character.isalnum() for character in document.text):
        raise LoadError(name, "There is no text in it: add a document with words to read.")
    end = 0
    for block in document.blocks:
        if not end <= block.start < block.end <= len(document.text):
            raise LoadError(name, "Its blocks don't fit its text: leave them out to have them found.")
        end = block.end
    if not any(block.kind != "heading" for block in document.blocks):
        # A text of headings alone can still be read and quoted.
        document = replace(document, blocks=tuple(replace(b, kind="paragraph") for b in document.blocks))
    return document if document.key else replace(document, key=f"sha256:{content_hash(document)}")


def _with_blocks(document: NewDocument, cancelled: IsCancelled | None) -> NewDocument:
    if is_short(document.text):
        return structured(document)
    return structured_apart(cut_at(document, min(len(document.text), MOST_CHARACTERS)), cancelled)


def _within_sizes(document: NewDocument) -> NewDocument:
    """Return a document whose title and headings aren't longer than any is: each passage has them with it."""
    title = document.title
    if len(title) > _HEADING_CHARACTERS:
        title = title[: _HEADING_CHARACTERS - 1] + "…"
    blocks = tuple(
        replace(block, kind="paragraph", level=0)
        if block.kind == "heading" and block.end - block.start > _HEADING_CHARACTERS
        else block
        for block in document.blocks
    )
    return replace(document, title=title, blocks=blocks)
