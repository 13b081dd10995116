"""Answers: sentences with their citations, what is told beside them, and the JSON in which they are kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date, datetime
from typing import Any, Literal

from rag.documents import Cell, Document, Hit, Passage, name_of_removed

SentenceKind = Literal["quote", "row", "written"]


ListPart = Literal["", "lead", "item", "more"]


AnswerMode = Literal["quote", "generate"]


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


BY_WORDS = "Searched by words alone. {}"


"""What the remark begins with where no vectors could be compared, with the reason."""


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


def blanked(answer: Answer, gone: AbstractSet[tuple[str, str]]) -> Answer:
    """Return an answer without a word of these versions: (document id, version) pairs.

    A blanked citation has an empty quote; number and place stay, and the beginning of the
    document's title, so that a note can name what was there. The sentences that cite it are empty
    too, even a model's own: they were made of its words. Related passages of it are left out, and so
    are copies, what was no source and the values on which sources differ; where a copy in another document
    has the very words of a blanked quote, the footnote goes to it instead.
    """

    def is_gone(citation: Citation) -> bool:
        return (citation.document.id, citation.version) in gone

    def blank(citation: Citation, kind: SentenceKind) -> Citation:
        # A row is read with the header of its own table, so that other words would stay.
        citation = _without_copies(citation, gone, may_move=kind != "row")
        title = name_of_removed(citation.document.title)
        bare = replace(citation.document, key="", title=title, source="", url="", author="")
        return replace(citation, document=bare, quote="") if is_gone(citation) else citation

    sentences = tuple(
        replace(s, text="", cells=(), citations=citations)
        if any(map(is_gone, citations))
        else replace(s, citations=citations)
        for s in answer.sentences
        for citations in [tuple(blank(c, s.kind) for c in s.citations)]
    )
    left = {c.number for s in sentences for c in s.citations if c.quote}
    differing = tuple(one for one in answer.differing if one.number in left)
    related = tuple(h for h in answer.related if (h.document.id, h.document.version) not in gone)
    text = " ".join(s.text for s in sentences if s.text) if sentences else answer.text
    differing = differing if len(differing) > 1 else ()
    # Which article a sentence was made from that none bears can't be told: any that the model has read.
    is_read = not gone.isdisjoint(answer.read)
    left_out = tuple(LeftOut("", "", one.position) if is_read else one for one in answer.left_out)
    kept_out = tuple(one for one in answer.kept_out if (one.document.id, one.version) not in gone)
    read = tuple(version for version in answer.read if version not in gone)
    return replace(
        answer,
        text=text,
        sentences=sentences,
        related=related,
        differing=differing,
        left_out=left_out,
        kept_out=kept_out,
        read=read,
        sent=(),
    )


def _without_copies(citation: Citation, gone: AbstractSet[tuple[str, str]], may_move: bool) -> Citation:
    """Return a citation without copies that are gone; it moves to a copy where it is gone itself."""
    copies = tuple(c for c in citation.copies if (c.document.id, c.version) not in gone)
    if (citation.document.id, citation.version) in gone:
        heir = next((copy for copy in copies if may_move and copy.quote == citation.quote), None)
        if heir:
            return replace(heir, copies=tuple(copy for copy in copies if copy is not heir))
        copies = ()
    return replace(citation, copies=copies)


def answer_to_json(answer: Answer) -> str:
    """Return an answer as JSON text, for `answer_from_json`; what was sent to a model is not kept."""
    return json.dumps(asdict(replace(answer, sent=())), default=_day_or_time, ensure_ascii=False)


def answer_from_json(text: str) -> Answer:
    """Return the answer that `answer_to_json` wrote; but for ``sent`` the two are exact inverses."""
    data = json.loads(text)
    sentences = tuple(map(_sentence, data["sentences"]))
    related = tuple(
        Hit(_document(h["document"]), Passage(**_known(Passage, h["passage"])), h["score"])
        for h in data["related"]
    )
    words = {name: tuple(data.get(name, ())) for name in ("missing", "not_found")}
    differing = tuple(Differing(**_known(Differing, one)) for one in data.get("differing", ()))
    left_out = tuple(LeftOut(**_known(LeftOut, one)) for one in data.get("left_out", ()))
    kept_out = tuple(
        KeptOut(**{**_known(KeptOut, one), "document": _document(one["document"])})
        for one in data.get("kept_out", ())
    )
    usage = Usage(**_known(Usage, data["usage"])) if data.get("usage") else None
    parts: dict[str, Any] = {"sentences": sentences, "related": related, "differing": differing, "sent": ()}
    parts |= {"left_out": left_out, "kept_out": kept_out, "usage": usage}
    parts["read"] = tuple(map(tuple, data.get("read", ())))
    return Answer(**{**_known(Answer, data), **parts, **words})


def _sentence(data: dict[str, Any]) -> Sentence:
    citations = tuple(_citation(citation) for citation in data["citations"])
    if "cells" in data:
        cells = tuple(Cell(**_known(Cell, cell)) for cell in data["cells"])
    else:
        cells = _cells_in(data["text"]) if data["kind"] == "row" else ()
    return Sentence(**{**_known(Sentence, data), "citations": citations, "cells": cells})


def _cells_in(row: str) -> tuple[Cell, ...]:
    """Read "Date: October 2023 · Event: ..." apart: earlier versions kept a row's text alone."""
    parts = [part.partition(": ") for part in row.split(" · ") if part]
    return tuple(Cell(label, value) if colon else Cell("", label) for label, colon, value in parts)


def _citation(data: dict[str, Any]) -> Citation:
    copies = tuple(_citation(copy) for copy in data.get("copies", ()))
    return Citation(**{**_known(Citation, data), "document": _document(data["document"]), "copies": copies})


def _document(data: dict[str, Any]) -> Document:
    published = date.fromisoformat(data["published"]) if data["published"] else None
    added = datetime.fromisoformat(data["added"])
    # Citations carry a document's metadata only, so its text and blocks are the empty ones.
    return Document(
        **{**_known(Document, data), "published": published, "added": added, "text": "", "blocks": ()}
    )


def _known(kind: type, data: dict[str, Any]) -> dict[str, Any]:
    """Leave out what this version has no field for, so that an older one can read a newer answer."""
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in data.items() if name in names}


def _day_or_time(value: object) -> str:
    if isinstance(value, date):  # a datetime is a date too
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")
