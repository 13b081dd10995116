"""Questions to start with, made from the articles and kept only where the library answers them.

No model writes them. Three forms of English sentences turn into questions by themselves: "The loan
agreement was signed in Ankara on 29 December 2017" asks when it was signed, "Türkiye signed the letter
in June 2024" asks when it did, and "The S-400 Triumf is a mobile missile system" asks what that is.
Where the articles hold too few of them, titles are offered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest

from rag.assistant import Assistant
from rag.documents import Document
from rag.errors import FootnoteError
from rag.library import Library
from rag.text.names import CAPITAL
from rag.text.vocabulary import MONTHS

WANTED = 4
# Enough articles to choose from; a large library is not read through for four questions.
_ARTICLES = 24
_TRIES_PER_ARTICLE = 3

_VERBS = {
    "adopted": "adopt", "announced": "announce", "approved": "approve", "became": "become",
    "began": "begin", "bought": "buy", "built": "build", "cancelled": "cancel", "declared": "declare",
    "developed": "develop", "died": "die", "imposed": "impose", "joined": "join", "launched": "launch",
    "opened": "open", "proposed": "propose", "published": "publish", "received": "receive",
    "signed": "sign", "sold": "sell", "took": "take", "won": "win",
}  # fmt: skip
_MONTH = "|".join(map(str.capitalize, MONTHS))
_DATE = rf"(?:in|on) (?:(?:\d{{1,2}} )?(?:{_MONTH}) )?\d{{4}}\b"
_NAME = rf"(?:The )?{CAPITAL}[\w’'-]*(?: [\w’'-]+){{0,4}}?"
_WHEN_WAS = re.compile(
    r"^(?P<subject>The [^,;:.()“”\"]{8,60}?) (?P<verb>was|were) (?P<done>\w+(?:ed|ned|lt|un|awn))"
    rf" (?!out|up|down|off|by)[^,;:.]*?\b{_DATE}"
)
_WHEN_DID = re.compile(
    rf"^(?P<subject>{_NAME}) (?P<verb>{'|'.join(_VERBS)}) (?P<object>[^,;:.()“”\"]{{8,80}}?) {_DATE}"
)
_WHAT_IS = re.compile(r"^(?P<subject>(?:The|A|An) [^,;:.()“”\"]{3,40}?) is (?:a|an|the) \w+ [^.]{20,}\.$")
# Words that lean on what was said before, and beginnings that are a time or a place.
_NAMED = re.compile(r"(?!The\b|An?\b)\b[^\W_a-z]")
_VAGUE = re.compile(
    r"\b(this|that|these|those|it|its|they|their|he|his|she|her|which|who|there|result|first|last|second|"
    r"same|other|main|only|was|were|has|had)\b|^(in|on|at|by|after|before|since|from|when|during|for|as)\b",
    re.IGNORECASE,
)


def starter_questions(library: Library, assistant: Assistant) -> list[str]:
    """Return up to four questions about different articles that the library answers, in a fixed order."""
    documents = _varied(library.documents())[:_ARTICLES]
    found: dict[str, str] = {}
    for make in (questions_of, titles_of):
        for document in documents:
            if len(found) < WANTED and document.id not in found:
                question = _first_answered(library, assistant, document, make)
                if question:
                    found[document.id] = question
    return list(found.values())


def questions_of(document: Document) -> list[str]:
    """Return the questions that the sentences of an English article answer, the more telling first."""
    if document.language not in ("en", ""):
        return []
    sentences = list(_sentences(document))
    made = [make(sentence) for make in (when_was, when_did, what_is) for sentence in sentences]
    return [question for question in made if question]


def titles_of(document: Document) -> list[str]:
    """Return what is offered for an article without such sentences."""
    return [document.title] if document.title else []


def when_was(sentence: str) -> str:
    """Return "When was the loan agreement signed?" for a sentence that says so, otherwise nothing."""
    match = _WHEN_WAS.match(sentence)
    if not match or not _names_something(match["subject"]):
        return ""
    return f"When {match['verb']} {_lower_article(match['subject'])} {match['done']}?"


def when_did(sentence: str) -> str:
    """Return "When did Türkiye sign the letter?" for a sentence that says so, otherwise nothing."""
    match = _WHEN_DID.match(sentence)
    if not match or not _names_something(match["subject"]) or not _names_something(match["object"]):
        return ""
    subject, verb = _lower_article(match["subject"]), _VERBS[match["verb"]]
    return f"When did {subject} {verb} {match['object']}?"


def what_is(sentence: str) -> str:
    """Return "What is the S-400 Triumf?" for a sentence that explains it, otherwise nothing."""
    match = _WHAT_IS.match(sentence)
    if not match or not _names_something(match["subject"]):
        return ""
    return f"What is {_lower_article(match['subject'])}?"


def _first_answered(
    library: Library, assistant: Assistant, document: Document, make: Callable[[Document], list[str]]
) -> str:
    try:
        for question in make(library.document(document.id))[:_TRIES_PER_ARTICLE]:
            citations = assistant.ask(question, mode="quote").citations
            if citations and citations[0].document.id == document.id:
                return question
    except FootnoteError:  # removed meanwhile, or a title that is no question: another article may do
        return ""
    return ""


def _varied(documents: Sequence[Document]) -> list[Document]:
    """Return the documents with the publishers taking turns, each one's newest first."""
    by_source: dict[str, list[Document]] = {}
    for document in sorted(documents, key=lambda d: (-(d.published.toordinal() if d.published else 0), d.id)):
        by_source.setdefault(document.source, []).append(document)
    rounds = zip_longest(*(by_source[source] for source in sorted(by_source)))
    return [document for one_round in rounds for document in one_round if document]


def _sentences(document: Document) -> Iterator[str]:
    for block in document.blocks:
        if block.kind in ("paragraph", "list_item"):
            yield from re.split(r"(?<=[.!?])\s+", document.text[block.start : block.end])


def _names_something(words: str) -> bool:
    """Whether words can stand alone: there is a name or a number in them, and nothing leans on others."""
    return bool(_NAMED.search(words)) and not _VAGUE.search(words)


def _lower_article(subject: str) -> str:
    return re.sub(r"^(The|A|An) ", lambda match: match[0].lower(), subject)
