"""How things are called on the screen: dates, sizes, numbers of things, names of sources."""

from __future__ import annotations

import re
from datetime import date
from pathlib import PurePosixPath

from rag import Answer, Citation, Document
from rag.documents import NO_ANSWER
from rag.ingest.folder import INNER, ROW
from rag.question.followups import ENGLISH_STARTS
from rag.text.canonical import one_line
from rag.text.names import names_and_numbers
from rag.text.words import fold, stem, stems, words

NO_ANSWER_AMONG_THESE = "The articles searched have no answer to this question."
_WORDS_NAMED = 5
# "Turk" stands for Türkiye, Turkey and Turkish, "Gree" for Greece and Greek.
_ROOT_LETTERS = 4
_TELL_NOTHING = frozenset(
    "long old far large big tall high deep fast often wide heavy soon want go get got make made take took use"
    " used happen happened mean work need come came written kind sort lot really exactly ever".split()
)
"""Words that say how something is asked; that a passage lacks them tells no reader anything."""
_NAME = re.compile(r"(?<!^)\b[^\W\d_a-z][^\W\d_]{2,}")
KINDS = {
    "text/markdown": "Markdown",
    "text/html": "HTML",
    "text/plain": "Text",
    "application/pdf": "PDF",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PowerPoint",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Workbook",
    "application/vnd.oasis.opendocument.text": "OpenDocument",
    "application/epub+zip": "EPUB",
    "application/rtf": "RTF",
    "message/rfc822": "Message",
    "application/vnd.ms-outlook": "Message",
    "text/csv": "CSV",
    "application/json": "JSON",
    "application/jsonl": "JSON Lines",
}


def day(value: date | None) -> str:
    """Return "12 October 2023", or nothing for no day."""
    return f"{value.day} {value:%B %Y}" if value else ""


def short_day(value: date | None) -> str:
    """Return "12 Oct 2023", or nothing for no day."""
    return f"{value.day} {value:%b %Y}" if value else ""


def count(number: int, thing: str, things: str = "") -> str:
    """Return "1 article", "15 articles"; `things` is a plural that isn't made by an "s"."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {things or thing + 's'}"


def size(number_of_bytes: int) -> str:
    """Return "25 MB", with a decimal below 10."""
    value, unit = float(number_of_bytes), "bytes"
    for larger in ("KB", "MB", "GB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.1f} {unit}" if value < 10 and unit != "bytes" else f"{value:,.0f} {unit}"


def kind(document: Document) -> str:
    """Return what kind of text a document was."""
    return KINDS.get(document.media_type, document.media_type.rpartition("/")[2].upper())


def file_name(document: Document) -> str:
    """Return the name of the file that a document came from; nothing for what was pasted or fetched."""
    scheme, _, name = document.key.partition(":")
    if scheme not in ("corpus", "folder", "upload"):
        return ""
    # Of what is in an archive or a message the name of that comes first: "news.zip › bridge.docx".
    names = (PurePosixPath(part).name for part in name.split(INNER) if not part.startswith(ROW))
    return one_line(" › ".join(names))


def title(document: Document) -> str:
    """Return a document's title, or what stands for it where there is none."""
    return document.title or file_name(document) or "Untitled article"


def origin(document: Document) -> list[str]:
    """Return publisher and day, as far as they are known."""
    return [part for part in (document.source, day(document.published)) if part]


def publisher(document: Document) -> str:
    """Return a document's publisher, or its title where none is known."""
    return document.source or title(document)


def source_name(citation: Citation) -> str:
    """Return the name of a footnote's link, "Source 2: title, date"."""
    parts = [title(citation.document), day(citation.document.published), page(citation)]
    return f"Source {citation.number}: " + ", ".join(part for part in parts if part)


def page(citation: Citation) -> str:
    """Return the page of a footnote's words, "page 7"; nothing where there are no pages."""
    return f"{page_word(citation.document)} {citation.page}" if citation.page is not None else ""


def page_word(document: Document) -> str:
    """Return what a page of a document is called."""
    return "slide" if kind(document) == "PowerPoint" else "page"


def declined(answer: Answer) -> str:
    """Return why there is no answer; of a limited search it can't be said that the collection has none."""
    return NO_ANSWER_AMONG_THESE if answer.limited_to and answer.text == NO_ANSWER else answer.text


def unmentioned(answer: Answer) -> str:
    """Return which words of a question are in none of the passages found, as one sentence.

    The words of a time or source that was preferred are left out: they stand beside the articles, not
    in them.
    """
    idle = _TELL_NOTHING.union(words(answer.preferring))
    named = _either([word for word in answer.missing if fold(word) not in idle])
    return f"None of the closest passages mentions {named}." if named else ""


def unsaid(answer: Answer, shown: str) -> str:
    """Return which names of an English question stand nowhere in its sources, as one sentence.

    A quote that fits a question in all but a name is the likeliest to mislead. Of the right answers on half
    of XQuAD (en) 2 % lack one; of the samples' answers on countries that they say nothing of, most do.

    Parameters
    ----------
    answer
        An answer that has quotes.
    shown
        Titles, quotes and the sentences around them.
    """
    question = answer.question.strip()
    if fold(question.split(" ")[0]) not in ENGLISH_STARTS:
        return ""  # German nouns have capitals too
    idle = set(words(" ".join([answer.preferring, *answer.not_found])))
    held = {one[:_ROOT_LETTERS] for one in stems(shown)}
    lacked = {one for one in names_and_numbers(question) if one[:_ROOT_LETTERS] not in held}
    told: list[str] = []
    end = 0
    for name in _NAME.finditer(question):
        if stem(name[0]) in lacked and fold(name[0]) not in idle:
            if told and question[end : name.start()] == " ":
                told[-1] += f" {name[0]}"
            else:
                told.append(name[0])
            end = name.end()
    named = _either(list(dict.fromkeys(told)))
    return f"None of these quotes mentions {named}: they may be about something else." if named else ""


def _either(names: list[str]) -> str:
    """Return "“a”, “b” or “c”"; nothing for no names."""
    *others, last = [f"“{name}”" for name in names[:_WORDS_NAMED]] or [""]
    return f"{', '.join(others)} or {last}" if others else last


def collection(documents: list[Document]) -> str:
    """Return one line on what the library holds: "15 articles, 2019 to 2026, 4 publishers"."""
    years = sorted({document.published.year for document in documents if document.published})
    publishers = {document.source for document in documents if document.source}
    parts = [count(len(documents), "article")]
    if years:
        parts.append(str(years[0]) if len(years) == 1 else f"{years[0]} to {years[-1]}")
    if publishers:
        parts.append(count(len(publishers), "publisher"))
    return ", ".join(parts)
