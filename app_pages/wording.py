"""How things are called on the screen: dates, sizes, numbers of things, names of sources."""

from __future__ import annotations

from datetime import date

from rag import Citation, Document
from rag.service import count, file_name

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


def kind(document: Document) -> str:
    """Return what kind of text a document was."""
    return KINDS.get(document.media_type, document.media_type.rpartition("/")[2].upper())


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
