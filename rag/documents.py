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
SentenceKind = Literal["quote", "row", "written"]
ListPart = Literal["", "lead", "item", "more"]
AnswerMode = Literal["quote", "generate"]
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
class Origin:
    """A source, "" where it isn't known, and a day of which a library has so many passages."""

    source: str
    published: date | None
    passages: int


@dataclass(frozen=True, slots=True)
class Citation:
    """Exact words of one version of a document; ``number`` is the footnote's, from 1.

    ``copies`` are the places of the same words in other documents, as those of a wire story in several
    papers: together they are one source and have one number. A copy has no copies of its own.
    """

    number: int
    document: Document
    version: str
    start: int
    end: int
    quote: str
    page: int | None = None
    copies: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table's row; ``label`` is its header's, "" where it has none."""

    label: str
    value: str

    def __str__(self) -> str:
        """Return it in words: "Date: October 2023"."""
        return f"{self.label}: {self.value}" if self.label else self.value


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer with its citations, at least one.

    A "quote" is the first citation's words; a "row" is a table row read with its header's labels,
    ``"Date: October 2023 · Event: ..."``, of which ``cells`` are the parts; "written" is a model's own
    sentence. Of a list that a model has written, ``part`` tells the lead-in ("Three were bought:"), which has
    an item behind it, the items, and the further sentences of an item.
    """

    text: str
    kind: SentenceKind
    citations: tuple[Citation, ...]
    part: ListPart = ""
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """What is happening while an answer is made, as one line for the user."""

    text: str


@dataclass(frozen=True, slots=True)
class Differing:
    """What one of several sources that differ says: words of the citation with this number.

    ``is_older`` tells that the source is an older version of another one, and so has been superseded.
    """

    value: str
    number: int
    is_older: bool = False


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A sentence that a model wrote and that isn't shown, since the sources don't bear it.

    ``reason`` says in one sentence what is wrong, ``position`` how many shown sentences stand before it.
    """

    text: str
    reason: str
    position: int


@dataclass(frozen=True, slots=True)
class KeptOut:
    """A sentence of an article that is no source for a written answer, as it tells its reader what to do.

    ``start`` and ``end`` are where it stands in that version of the document.
    """

    document: Document
    version: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer took, all calls of the model together; tokens are 0 where the endpoint doesn't say."""

    model: str
    prompt_tokens: int
    completion_tokens: int
    seconds_to_first_token: float


NO_ANSWER = "The collection has no answer to this question."
"""What an answer that declines says, and what a model is told to say."""
QUOTED = "The answer is made of quotes instead."
"""What the remark ends with where a model should have written the answer and could not."""
EMPTY_COLLECTION = "The collection is empty: add articles, then ask again."
NO_MATCH = "No article matches the filters ({}): clear them or choose others."
"""What an answer says that filters leave nothing to, with the filters in words."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question.

    ``question`` is the question as it was completed from the conversation. Where ``abstained`` is
    true there are no sentences, ``text`` says so in one sentence, ``related`` are the nearest passages, which
    are no answer, and ``missing`` are the question's words that none of them holds. ``confidence`` is
    the estimated probability that the quoted sentences answer the question. ``preferring`` names the articles
    that counted more because the question asks for them ("articles from October 2023"), ``limited_to`` the
    filters ("The Age, 2023").

    ``not_found`` are sides of a comparison, in answers of earlier versions. Where a list or rows
    of a table are quoted, they are the last ``items_shown`` sentences, the first of its ``items_total``.
    ``differing`` are the numbers, dates or names that sources disagree on, the newest first: none, or two
    and more.

    In a written answer ``left_out`` are the sentences that the sources don't bear, ``kept_out`` those of the
    passages that might have been sources, had they not given orders. ``markers_dropped`` counts the markers
    that pointed nowhere, and ``repaired`` says that the sentences are those of a second try.
    ``remark`` is one line for the user where the model failed or was cut short: the answer is then made of
    quotes, or of what was written and checked until then. It also says why passages were found by their
    words alone, where the embedding model failed, and that there was no time to look further or somebody
    stopped it. ``usage`` is what it took, and ``read`` are the
    documents whose passages the model was sent, as pairs of id and version. ``sent`` is all that was sent, as
    pairs of role and text; it isn't stored with a conversation.
    """

    text: str
    sentences: tuple[Sentence, ...]
    abstained: bool
    mode: AnswerMode
    question: str
    related: tuple[Hit, ...] = ()
    missing: tuple[str, ...] = ()
    confidence: float = 0.0
    seconds: float = 0.0
    preferring: str = ""
    limited_to: str = ""
    not_found: tuple[str, ...] = ()
    items_shown: int = 0
    items_total: int = 0
    differing: tuple[Differing, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    kept_out: tuple[KeptOut, ...] = ()
    markers_dropped: int = 0
    repaired: bool = False
    remark: str = ""
    usage: Usage | None = None
    read: tuple[tuple[str, str], ...] = ()
    sent: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The distinct citations of all sentences, in the order of their numbers."""
        return tuple({c.number: c for s in self.sentences for c in s.citations}.values())


def _shortened(names: Sequence[str]) -> list[str]:
    if len(names) <= _NAMED:
        return list(names)
    return [*names[: _NAMED - 1], f"{len(names) - _NAMED + 1} more"]


def remarks(answer: Answer) -> list[str]:
    """Return what a reader must know beside the sentences, each as one line.

    That the model failed, that sentences were left out or weren't taken for sources, that a list was cut, and
    what wasn't found.
    """
    found = [answer.remark] if answer.remark else []
    if answer.mode == "generate" and (number := len(answer.left_out)):
        left = "1 sentence was left out because the sources don't bear it."
        found.append(
            left if number == 1 else f"{number} sentences were left out because the sources don't bear them."
        )
    if answer.kept_out:
        found.append(kept_out_line(answer.kept_out))
    found += [f"Nothing was found about “{name}”." for name in answer.not_found]
    if answer.items_shown < answer.items_total:
        are_rows = answer.sentences[-1].kind == "row"
        things = "matching rows of the table" if are_rows else "items of the list"
        found.append(
            f"The first {answer.items_shown} of {answer.items_total} {things}: the article has the rest."
        )
    return found


def kept_out_line(kept: Sequence[KeptOut]) -> str:
    """Return how many sentences of which articles weren't taken for sources, and why."""
    titles = {one.document.id: name_of_removed(one.document.title) for one in kept}
    title = next(iter(titles.values()))
    place = f"{len(titles)} articles" if len(titles) > 1 else f"“{title}”" if title else "an untitled article"
    if len(kept) == 1:
        return f"1 sentence of {place} was kept out as a source because it tells its reader what to do."
    number = f"{len(kept)} sentences"
    return f"{number} of {place} were kept out as sources because they tell their reader what to do."


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
