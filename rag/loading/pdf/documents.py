"""PDF -> a document with page numbers: what stands on its pages, in reading order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import takewhile
from typing import Any

from rag.documents import NewDocument
from rag.loading.formats import Unreadable
from rag.loading.pdf.bullets import drawn_bullets
from rag.loading.pdf.characters import read_segments
from rag.loading.pdf.layout import Line, Segment, page_lines
from rag.loading.pdf.lines import Paragraph, continued, paragraphs, parts_of
from rag.loading.pdf.notes import without_note_numbers
from rag.text.canonical import build_text, letters, one_line

MOST_PAGES = 3_000
_SCANNED = (
    "has no text: it seems to be scanned; make a PDF with searchable text of it first (a scanner's OCR does)"
)
_PAGE_NUMBER = re.compile(
    r"\W*(?:(?:page|seite|sayfa|pagina|página|p\.|s\.)\s*)?(?:\d{1,4}|[ivxl]{1,6})"
    r"(?:\s*(?:/|of|von|de|sur)\s*\d{1,4})?\W*",
    re.IGNORECASE,
)
# The part of a page at its top and bottom where running heads stand.
_MARGIN = 0.12
_WIDE = 0.2
_REPEATED_PAGES = 3
# What programs write into the title of a file that nobody has named.
_NO_TITLE = re.compile(
    r"microsoft|untitled|unbenannt|\.(?:docx?|pdf|indd|tex|pptx?|odt|rtf|pages)$|^\W*$", re.I
)
# What stands before the title is no longer than this: a rubric, a logo's words.
_SHORT = 160


def read_pdf(data: bytes) -> NewDocument:
    """Return the text of a PDF; its blocks know their page.

    Raises
    ------
    Unreadable
        It needs a password, is damaged, has no text or too many pages.
    """
    # Imported here and not in every process: only the worker reads PDFs.
    import pypdfium2

    try:
        with pypdfium2.PdfDocument(data) as pdf:
            if len(pdf) > MOST_PAGES:
                raise Unreadable(
                    f"has {len(pdf):,} pages and the limit is {MOST_PAGES:,}: split it into parts"
                )
            about = pdf.get_metadata_dict()
            whole = _without_running_heads([_read_page(pdf, number) for number in range(len(pdf))])
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise Unreadable("is protected by a password: save a copy without one and add that") from error
        raise Unreadable("seems to be a damaged PDF: open it in a PDF viewer and save it again") from error
    pages = without_note_numbers(whole)
    if not any(character.isalnum() for lines in pages for line in lines for character in line.text):
        raise Unreadable(_SCANNED)
    found = [paragraph for page, lines in enumerate(pages, 1) for paragraph in paragraphs(lines, page)]
    title, found = _title(about.get("Title", ""), continued(found))
    text, blocks = build_text(parts_of(found))
    return NewDocument(
        text=text,
        title=title,
        author=_author(about.get("Author", "")),
        media_type="application/pdf",
        blocks=blocks,
    )


# ------------------------------------------------------------------------------------ its pages


def _read_page(pdf: Any, number: int) -> tuple[float, list[Line]]:
    """Return the height of a page and its lines, as it is read; what stands across its text comes last."""
    turned = {0: list[Segment]()}
    with closing(pdf[number]) as page:
        with closing(page.get_textpage()) as text:
            for turn, segment in read_segments(text.raw):
                turned.setdefault(turn, []).append(segment)
        turned[0] += drawn_bullets(page, turned[0])
        left, bottom, right, top = page.get_mediabox()
    corners = [(left, bottom), (bottom, -right), (-right, -top), (-top, left)]
    ways = sorted(turned, key=lambda turn: -sum(len(s.text) for s in turned[turn]))
    lines = list[Line]()
    for turn in ways:
        x, y = corners[turn]
        moved = [replace(s, x0=s.x0 - x, x1=s.x1 - x, y0=s.y0 - y, y1=s.y1 - y) for s in turned[turn]]
        before = max((line.column for line in lines), default=-1) + 1
        lines += [replace(line, column=line.column + before) for line in page_lines(moved)]
    return (right - left if ways and ways[0] % 2 else top - bottom), lines


# -------------------------------------------------------------------------------- running heads


def _without_running_heads(pages: list[tuple[float, list[Line]]]) -> list[list[Line]]:
    """Drop page numbers, and what stands at the edge of several pages alike but for its numbers."""
    edges = [_edges(height, lines) for height, lines in pages]
    alike = Counter(key for page in edges for key in {_edge_key(line) for line in page})
    counting = Counter(_numbering(line, number) for number, page in enumerate(edges) for line in page)

    def runs(line: Line, number: int) -> bool:
        numbering = _numbering(line, number)
        counted = numbering is not None and counting[numbering] >= _REPEATED_PAGES
        return counted or alike[_edge_key(line)] >= _REPEATED_PAGES or bool(_PAGE_NUMBER.fullmatch(line.text))

    return [
        # A page of one line is a title, or the number of a slide.
        [line for line in lines if len(lines) == 1 or line not in edge or not runs(line, number)]
        for number, ((_, lines), edge) in enumerate(zip(pages, edges, strict=True))
    ]


def _numbering(line: Line, number: int) -> tuple[int, int] | None:
    """Return where a line stands that begins or ends with its page's number, and which the first page has."""
    found = re.fullmatch(r"(\d{1,4})\s.{1,90}|.{1,90}\s(\d{1,4})", line.text)
    return (round(line.y0 / 8), int(found[1] or found[2]) - number) if found else None


def _edges(height: float, lines: Sequence[Line]) -> list[Line]:
    outer = [line for line in lines if line.y1 < _MARGIN * height or line.y0 > (1 - _MARGIN) * height > 0]
    if not lines or not height:
        return outer
    # Below a short text block the page's number may stand further in.
    ends = [min(lines, key=lambda line: line.y0), max(lines, key=lambda line: line.y1)]
    return outer + [
        e for e in ends if e not in outer and (e.y1 < _WIDE * height or e.y0 > (1 - _WIDE) * height)
    ]


def _edge_key(line: Line) -> tuple[str, int]:
    return re.sub(r"\d+", "#", line.text.casefold()), round(line.y0 / 8)


# ---------------------------------------------------------------------------------- its title


def _title(stated: str, found: list[Paragraph]) -> tuple[str, list[Paragraph]]:
    """Return the title, which is the file's own where its first page shows it, and what is left."""
    stated = one_line(stated)
    stated = "" if _NO_TITLE.search(stated) else stated
    first = [paragraph for paragraph in found if paragraph.page == 1][:12]
    known = letters(stated.casefold())
    shown = next((p for p in first if stated and letters(p.text.casefold()) == known), None)
    # The heading at the head of the first page in the largest letters.
    headings = [p for p in takewhile(lambda p: len(p.text) < _SHORT, first) if p.kind == "heading"]
    shown = shown or max(headings, key=lambda p: p.size, default=None)
    if shown is None or len(found) == 1:
        return stated, found
    return one_line(shown.text), [p for p in found if p is not shown]


def _author(stated: str) -> str:
    is_none = re.fullmatch(r"\W*+(?:anonymous|unknown|user|author|admin\w*+)?\W*+", stated, re.I)
    return "" if is_none else one_line(stated)
