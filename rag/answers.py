"""Answers: sentences with their citations, and what is told beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from rag.documents import Cell, Document, Hit, name_of_removed

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
    sentence. ``marked`` is where the words of a quote start and end in it that answer by themselves; both are
    0 where none do. Of a list that a model has written, ``part`` tells the lead-in ("Three were bought:"),
    which has an item behind it, the items, and the further sentences of an item.
    """

    text: str
    kind: SentenceKind
    citations: tuple[Citation, ...]
    part: ListPart = ""
    cells: tuple[Cell, ...] = ()
    marked: tuple[int, int] = (0, 0)

    @property
    def marked_text(self) -> str:
        """The words that are marked, "" where none are."""
        return self.text[slice(*self.marked)]


@dataclass(frozen=True, slots=True)
class Stage:
    """What is happening while an answer is made, as one line for the user.

    ``nearest`` are the passages that are being read, the nearest first; they are no answer yet.
    """

    text: str
    nearest: tuple[Hit, ...] = ()


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


@dataclass(frozen=True, slots=True)
class Writing:
    """How a model wrote for an answer, whether its sentences are shown or quotes instead of them.

    ``left_out`` are its sentences that the sources don't bear, ``kept_out`` those of the passages that might
    have been sources, had they not given orders. ``markers_dropped`` counts the markers that pointed nowhere,
    and ``repaired`` says that the sentences are those of a second try. ``read`` are the documents whose
    passages the model was sent, as pairs of id and version. ``sent`` is all that was sent, as pairs of role
    and text; it isn't stored with a conversation.
    """

    left_out: tuple[LeftOut, ...] = ()
    kept_out: tuple[KeptOut, ...] = ()
    markers_dropped: int = 0
    repaired: bool = False
    usage: Usage | None = None
    read: tuple[tuple[str, str], ...] = ()
    sent: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Items:
    """Of a list or table whose items are an answer's last sentences: how many are shown, and of how many."""

    shown: int = 0
    total: int = 0


NO_ANSWER = "The collection has no answer to this question."
"""What an answer that declines says, and what a model is told to say."""
NO_ANSWER_AMONG_THESE = "The articles searched have no answer to this question."
"""The same of a search with filters, of which it can't be said that the collection has none."""
QUOTED = "The answer is made of quotes instead."
"""What the remark ends with where a model should have written the answer and could not."""
BY_WORDS = "Searched by words alone. {}"
"""What the remark begins with where no vectors could be compared, with the reason."""
EMPTY_COLLECTION = "The collection is empty: add articles, then ask again."
NO_MATCH = "No article matches the filters ({}): clear them or choose others."
"""What an answer says that filters leave nothing to, with the filters in words."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question: its sentences, or why there are none.

    ``question`` is as it was completed from the conversation. Where there are no sentences ``declined`` says
    so in one, ``related`` are the nearest passages, which are no answer, and ``missing`` the question's words
    that none of them holds. ``confidence`` is the estimated probability that the quoted sentences answer the
    question. ``has_short`` tells that the words marked in the first sentence answer by themselves, since a
    person, a place, a day or a number is asked for. ``preferring`` names the articles that counted more
    because the question asks for them ("articles from October 2023"), ``limited_to`` the filters ("The Age,
    2023").

    ``differing`` are the numbers, dates or names that sources disagree on, the newest first: none, or two
    and more. ``items`` counts those of a list that is quoted. ``not_found`` are sides of a comparison, in
    answers of earlier versions. ``remark`` is one line for the user where the model failed or was cut short,
    where passages were found by their words alone, and where there was no time to look further or somebody
    stopped it. ``writing`` is empty where no model was asked.
    """

    question: str
    sentences: tuple[Sentence, ...] = ()
    declined: str = ""
    related: tuple[Hit, ...] = ()
    missing: tuple[str, ...] = ()
    confidence: float = 0.0
    has_short: bool = False
    seconds: float = 0.0
    preferring: str = ""
    limited_to: str = ""
    not_found: tuple[str, ...] = ()
    items: Items = Items()
    differing: tuple[Differing, ...] = ()
    remark: str = ""
    writing: Writing = Writing()

    @property
    def text(self) -> str:
        """Its sentences without their footnotes, or why there are none."""
        return self.declined or " ".join(sentence.text for sentence in self.sentences if sentence.text)

    @property
    def short(self) -> str:
        """The few words of the first sentence that answer, "" where a whole sentence is needed."""
        return self.sentences[0].marked_text if self.has_short and self.sentences else ""

    @property
    def abstained(self) -> bool:
        """Whether there are no sentences."""
        return not self.sentences

    @property
    def mode(self) -> AnswerMode:
        """How its sentences were made."""
        return "generate" if any(s.kind == "written" for s in self.sentences) else "quote"

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The distinct citations of all sentences, in the order of their numbers."""
        return tuple({c.number: c for s in self.sentences for c in s.citations}.values())


def remarks(answer: Answer) -> list[str]:
    """Return what a reader must know beside the sentences, each as one line.

    That the model failed, that sentences were left out or weren't taken for sources, that a list was cut, and
    what wasn't found.
    """
    left_out = left_out_line(answer) if answer.mode == "generate" else ""
    lines = [answer.remark, left_out, kept_out_line(answer.writing.kept_out), *gaps(answer)]
    return [line for line in lines if line]


def left_out_line(answer: Answer) -> str:
    """Return how many sentences of a model aren't shown; nothing for none."""
    number = len(answer.writing.left_out)
    if not number:
        return ""
    sentences = "1 sentence" if number == 1 else f"{number} sentences"
    if answer.mode == "quote":
        return f"The model wrote {sentences} that the sources don't bear."
    were, them = ("was", "it") if number == 1 else ("were", "them")
    return f"{sentences} {were} left out because the sources don't bear {them}."


def kept_out_line(kept: Sequence[KeptOut]) -> str:
    """Return how many sentences of which articles weren't taken for sources, and why; nothing for none."""
    if not kept:
        return ""
    titles = {sentence.document.id: name_of_removed(sentence.document.title) for sentence in kept}
    title = next(iter(titles.values()))
    where = f"{len(titles)} articles" if len(titles) > 1 else f"“{title}”" if title else "an untitled article"
    if len(kept) == 1:
        return f"1 sentence of {where} was kept out as a source because it tells its reader what to do."
    number = f"{len(kept)} sentences"
    return f"{number} of {where} were kept out as sources because they tell their reader what to do."


def gaps(answer: Answer) -> list[str]:
    """Return what an answer lacks, each as one line: the rest of a list, and what wasn't found."""
    lines = [f"Nothing was found about “{name}”." for name in answer.not_found]
    items = answer.items
    if items.shown < items.total:
        is_table = answer.sentences[-1].kind == "row"
        things = "matching rows of the table" if is_table else "items of the list"
        lines.append(f"The first {items.shown} of {items.total} {things}: the article has the rest.")
    return lines
