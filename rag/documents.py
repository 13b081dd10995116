"""The vocabulary: what the other modules pass to one another.

Offsets are in characters of a document's text, start included, end excluded. Where a text stands
beside its offsets it is exactly ``document.text[start:end]``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from rag.errors import Cancelled, LoadError, QuestionError
from rag.periods import Period

BlockKind = Literal["heading", "paragraph", "list_item", "table_header", "table_row", "code"]
_KEPT_CHARACTERS = 40
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Block:
    """One heading, paragraph, list item, table row or code listing of a text.

    ``level`` is a heading's depth from 1 (0 for what is no heading), ``page`` a page number from 1
    in documents that have pages. The cells of a table row are what stands between its ``" | "``.
    """

    kind: BlockKind
    start: int
    end: int
    level: int = 0
    page: int | None = None


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document to be added.

    Parameters
    ----------
    text
        Plain reading text without markup and without the title.
    key
        The caller's stable identity of the document: adding the same key again is an update. Where
        it is empty the hash of the content stands for it.
    published
        The day of publication.
    language
        ISO 639-1 code, as "en"; found out from the text where it is empty.
    blocks
        The structure of the text in order, without overlaps; found out from the text where empty.
    left_out
        How many characters at its end were left out, since it was too long (`rag/text/limits.py`).
    """

    text: str
    title: str = ""
    key: str = ""
    source: str = ""
    url: str = ""
    published: date | None = None
    author: str = ""
    language: str = ""
    media_type: str = "text/plain"
    blocks: tuple[Block, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """A document of the library.

    ``id`` follows from the key that it was added with, and stays when its file is renamed; ``version``
    follows from text and metadata. ``text``, ``blocks`` and ``left_out``, the characters that it is too long
    by, are filled only by ``Library.document``; ``characters`` and ``words`` measure the text in any case.
    ``story`` is the same for documents that tell the same, as copies and versions of an article do; it is
    empty where that has still to be found out (`Reembedding.complete`).
    """

    id: str
    version: str
    key: str
    title: str
    source: str
    url: str
    published: date | None
    author: str
    language: str
    media_type: str
    added: datetime
    characters: int
    words: int
    passages: int
    text: str = field(default="", repr=False)
    blocks: tuple[Block, ...] = field(default=(), repr=False)
    story: str = ""
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Story:
    """Documents that tell the same, two or more, the newest first.

    ``are_copies`` tells whether all have the very same text; otherwise they are versions.
    """

    documents: tuple[Document, ...]
    are_copies: bool


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document that is searched and cited, about 150 words long."""

    id: str
    document_id: str
    start: int
    end: int
    text: str
    heading: str = ""
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found for a question; ``score`` is higher for a better one."""

    document: Document
    passage: Passage
    score: float


@dataclass(frozen=True, slots=True)
class Loaded:
    """What reading a file or an address gave."""

    documents: list[NewDocument] = field(default_factory=list)
    failed: list[LoadError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AddReport:
    """What became of each document that was to be added.

    Where ``cancelled`` is true the documents that it doesn't name have been left out. ``renamed`` are
    documents whose file has another name by now, ``removed`` those that are gone from their file or
    with it, and ``left`` is how many files of followed folders have still to be read.
    """

    added: list[Document] = field(default_factory=list)
    updated: list[Document] = field(default_factory=list)
    unchanged: list[Document] = field(default_factory=list)
    failed: list[LoadError] = field(default_factory=list)
    cancelled: bool = False
    renamed: list[Document] = field(default_factory=list)
    removed: list[Document] = field(default_factory=list)
    left: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a piece of work is.

    ``done`` counts from 0 to ``total``; ``what`` is at work, and ``part`` of it, from 0 to 1, is done.
    """

    done: int
    total: int
    what: str
    part: float = 0.0


ReportProgress = Callable[[Progress], None]
IsCancelled = Callable[[], bool]
"""Whether work is no longer wanted, as the ``is_set`` of a ``threading.Event`` tells; once true it stays."""


def heed(cancelled: IsCancelled | None) -> None:
    """Go on, unless this work is no longer wanted.

    Raises
    ------
    Cancelled
    """
    if cancelled is not None and cancelled():
        raise Cancelled


@dataclass(frozen=True, slots=True)
class Filters:
    """What a search is limited to; an empty field limits nothing.

    ``since`` and ``until`` are days of publication, both included; a document without one passes
    neither.

    Raises
    ------
    QuestionError
        ``since`` is after ``until``.
    """

    sources: Sequence[str] = ()
    since: date | None = None
    until: date | None = None
    document_ids: Sequence[str] = ()
    languages: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name in ("sources", "document_ids", "languages"):
            value = getattr(self, name)
            # A single name would be taken for a sequence of letters.
            object.__setattr__(self, name, (value,) if isinstance(value, str) else tuple(value))
        if self.since and self.until and self.since > self.until:
            raise QuestionError(
                f"The first day, {self.since}, comes after the last, {self.until}: exchange the two."
            )

    def __bool__(self) -> bool:
        """Whether they limit anything."""
        return bool(self.sources or self.since or self.until or self.document_ids or self.languages)

    def in_words(self, titles: Mapping[str, str]) -> str:
        """Return what they limit to, "The Age, 2023, “The bridge”"; `titles` are those of documents by id."""
        named = [f"“{name_of_removed(titles.get(one) or 'an unknown article')}”" for one in self.document_ids]
        period = [str(Period(self.since, self.until))] if self.since or self.until else []
        return ", ".join([*_shortened(self.sources), *period, *_shortened(named), *self.languages])


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table's row; ``label`` is its header's, "" where it has none."""

    label: str
    value: str

    def __str__(self) -> str:
        """Return it in words: "Date: October 2023"."""
        return f"{self.label}: {self.value}" if self.label else self.value


@dataclass(frozen=True, slots=True)
class Origin:
    """A source, "" where it isn't known, and a day of which a library has so many passages."""

    source: str
    published: date | None
    passages: int


def _shortened(names: Sequence[str]) -> list[str]:
    if len(names) <= _NAMED:
        return list(names)
    return [*names[: _NAMED - 1], f"{len(names) - _NAMED + 1} more"]


def newest_first(documents: Iterable[Document]) -> tuple[Document, ...]:
    """Return documents by their day of publication, then by when they were added, then by length."""

    def newness(document: Document) -> tuple[object, ...]:
        return document.published or date.min, document.added, document.characters, document.id

    return tuple(sorted(documents, key=newness, reverse=True))


def told_together(documents: Sequence[Document], stories: Sequence[Story]) -> list[tuple[Document, ...]]:
    """Return documents in their order, those of one story together where the first of them stands."""
    members = {document.id: story.documents for story in stories for document in story.documents}
    groups = (members.get(document.id, (document,)) for document in documents)
    return list({group[0].id: group for group in groups}.values())


def name_of_removed(title: str) -> str:
    """Return what is kept of a removed document's title to name it: at most 40 characters."""
    return title if len(title) <= _KEPT_CHARACTERS else title[: _KEPT_CHARACTERS - 1].rstrip() + "…"


def content_hash(document: NewDocument) -> str:
    """Return the SHA-256 of text and metadata, but for the key, as 64 hexadecimal digits."""
    content = {
        "text": document.text,
        "title": document.title,
        "source": document.source,
        "url": document.url,
        "published": document.published.isoformat() if document.published else "",
        "author": document.author,
        "language": document.language,
        "media_type": document.media_type,
        "blocks": [[b.kind, b.start, b.end, b.level, b.page] for b in document.blocks],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def short_hash(*parts: str) -> str:
    """Return 16 hexadecimal digits that name `parts`: the form of all ids."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
