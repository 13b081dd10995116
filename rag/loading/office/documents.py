"""Word (DOCX), OpenDocument (ODT) and PowerPoint (PPTX) files -> documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any

from rag.documents import BlockKind, NewDocument
from rag.loading.archive import open_archive, read_member
from rag.loading.formats import Unreadable
from rag.loading.metadata import read_language, take_title
from rag.loading.office.safe_xml import local_name, parse_xml
from rag.text.canonical import Part, build_text, join_cells, one_line

_OPEN_XML = "application/vnd.openxmlformats-officedocument"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
# Word's own names for what it makes of an empty file.
_NO_TITLE = re.compile(
    r"(?:word|powerpoint|microsoft)\b.*|untitled.*|.*\.(?:docx?|pptx?|odt)|pre?sentation|document", re.I
)


def _stated_title(title: str | None) -> str:
    """Return a title as its file states it, "" where its program has written it."""
    title = one_line(title or "")
    return "" if _NO_TITLE.fullmatch(title) else title


def _document(
    parts: list[Part], title: str, author: str | None, language: str | None, media_type: str
) -> NewDocument:
    title, parts = take_title(title, parts)
    text, blocks = build_text(parts)
    if not any(map(str.isalnum, text)):
        raise Unreadable("has no text in it, only pictures or nothing: choose a file with text")
    return NewDocument(
        text=text,
        title=title,
        author=one_line(author or ""),
        language=read_language(language or ""),
        media_type=media_type,
        blocks=blocks,
    )


# ---------------------------------------------------------------------------------------- Word


def read_docx(data: bytes) -> NewDocument:
    """Return the text of a Word file, its footnotes at the end."""
    # Imported here and not in every process: only the worker reads them.
    import docx

    open_archive(data).close()
    document = docx.Document(BytesIO(data))
    parts = [*_docx_blocks(document.element.body, document), *_docx_notes(document)]
    about = document.core_properties
    title, media_type = _stated_title(about.title), f"{_OPEN_XML}.wordprocessingml.document"
    return _document(parts, title, about.author, about.language, media_type)


def _docx_blocks(container: Any, document: Any) -> Iterator[Part]:
    for element in container:
        if element.tag == f"{_W}p":
            yield from _docx_paragraph(element, document)
        elif element.tag == f"{_W}tbl":
            yield from _docx_table(element)
        # Content controls, insertions and the like stand around what is in them.
        elif element.tag in (f"{_W}sdt", f"{_W}sdtContent", f"{_W}ins", f"{_W}customXml"):
            yield from _docx_blocks(element, document)


def _docx_paragraph(element: Any, document: Any) -> Iterator[Part]:
    from docx.text.paragraph import Paragraph

    text = _docx_words(element)
    style = Paragraph(element, document).style
    level = _heading_level(style)
    listed = element.find(f"{_W}pPr/{_W}numPr") is not None or (
        style is not None and (style.name or "").startswith("List ")
    )
    if level:
        yield Part("heading", text, level)
    else:
        yield Part("list_item" if listed else "paragraph", text)
    # Text boxes hang on a paragraph.
    for box in element.iter(f"{_W}txbxContent"):
        if not any(local_name(parent) == "Fallback" for parent in box.iterancestors()):
            yield from _docx_blocks(box, document)


def _heading_level(style: Any) -> int:
    """Return the level of a heading's style or of one that it is based on, 0 for any other."""
    for _ in range(10):
        if style is None:
            return 0
        name = style.name or ""
        if name == "Title":
            return 1
        if found := re.fullmatch(r"[Hh]eading (\d)", name):
            return int(found[1])
        outline = style.element.find(f"{_W}pPr/{_W}outlineLvl")
        if outline is not None and outline.get(f"{_W}val", "9") in "012345":
            return int(outline.get(f"{_W}val")) + 1
        style = style.base_style
    return 0


def _docx_words(element: Any) -> str:
    """Return the words of a paragraph with links and insertions, without what was deleted."""
    words = ""
    for child in element:
        if child.tag in (f"{_W}t", f"{_M}t"):
            words += child.text or ""
        elif child.tag == f"{_W}footnoteReference":
            words += f"[{child.get(f'{_W}id')}]"
        elif child.tag in (f"{_W}tab", f"{_W}br", f"{_W}cr"):
            words += " "
        elif child.tag == f"{_W}noBreakHyphen":
            words += "-"
        elif child.tag not in (f"{_W}del", f"{_W}txbxContent", f"{_W}tabs"):
            words += _docx_words(child)
    return words


def _docx_table(table: Any) -> Iterator[Part]:
    rows = [row for row in table.iter(f"{_W}tr") if next(row.iterancestors(f"{_W}tbl")) is table]
    yield from table_parts(
        [
            [_docx_line(cell) for cell in row.iter(f"{_W}tc") if next(cell.iterancestors(f"{_W}tr")) is row]
            for row in rows
        ]
    )


def _docx_line(element: Any) -> str:
    """Return the words of all paragraphs of a cell or note."""
    return one_line(" ".join(_docx_words(p) for p in element.iter(f"{_W}p")))


def _docx_notes(document: Any) -> Iterator[Part]:
    for relation in document.part.rels.values():
        if not relation.is_external and relation.reltype.endswith("/footnotes"):
            root = parse_xml(relation.target_part.blob)
            for note in root.iter(f"{_W}footnote"):
                words = _docx_line(note)
                if words and note.get(f"{_W}type") in (None, "normal"):
                    yield Part("paragraph", f"[{note.get(f'{_W}id')}] {words}")


def table_parts(rows: list[list[str]], has_header: bool = True) -> Iterator[Part]:
    """Yield the rows of a table; the first is its header, and a table of one column is text."""
    rows = [row for row in rows if any(row)]
    if all(sum(map(bool, row)) < 2 for row in rows):
        yield from (Part("paragraph", cell) for row in rows for cell in row if cell)
        return
    for index, row in enumerate(rows):
        header = has_header and index == 0 and len(rows) > 1
        yield Part("table_header" if header else "table_row", join_cells(row))


# ------------------------------------------------------------------------------------ OpenDocument

_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_SKIPPED = ("tracked-changes", "annotation", "annotation-end", "sequence-decls", "forms", "tracked-change")


def read_odt(data: bytes) -> NewDocument:
    """Return the text of an OpenDocument text."""
    with open_archive(data) as archive:
        if b"encryption-data" in read_member(archive, "META-INF/manifest.xml"):
            raise Unreadable("is protected by a password: save a copy without one and add that")
        text = parse_xml(read_member(archive, "content.xml")).find(f".//{_OFFICE}text")
        meta = parse_xml(read_member(archive, "meta.xml")) if "meta.xml" in archive.namelist() else ()
    if text is None:
        raise Unreadable("holds no text document: save it as an OpenDocument text (.odt)")
    notes = list[Part]()
    parts = list(_odt_blocks(text, notes))
    facts = {local_name(e): e.text for about in meta for e in about if e.text and e.text.strip()}
    author = facts.get("initial-creator") or facts.get("creator")
    title, media_type = _stated_title(facts.get("title")), "application/vnd.oasis.opendocument.text"
    return _document([*parts, *notes], title, author, facts.get("language"), media_type)


def _odt_blocks(element: Any, notes: list[Part], kind: BlockKind = "paragraph") -> Iterator[Part]:
    for child in element:
        tag = local_name(child)
        if tag == "h":
            level = _odt_number(child, "outline-level")
            yield Part("heading", _odt_words(child, notes), level)
        elif tag == "p":
            yield Part(kind, _odt_words(child, notes))
            for box in child.iter():
                if local_name(box) == "text-box":
                    yield from _odt_blocks(box, notes)
        elif tag == "table":
            rows = [row for row in child.iter() if local_name(row) == "table-row"]
            yield from table_parts([_odt_row(row, notes) for row in rows])
        elif tag not in _SKIPPED:
            yield from _odt_blocks(child, notes, "list_item" if tag == "list-item" else kind)


def _odt_number(element: Any, attribute: str) -> int:
    """Return a number that an element states, 1 where it states none."""
    stated = next((value for name, value in element.attrib.items() if name.endswith(attribute)), "")
    return int(stated) if stated.isdecimal() else 1


def _odt_row(row: Any, notes: list[Part]) -> list[str]:
    cells = list[str]()
    for cell in row:
        if local_name(cell) in ("table-cell", "covered-table-cell"):
            paragraphs = (p for p in cell.iter() if local_name(p) in ("p", "h"))
            words = one_line(" ".join(_odt_words(p, notes) for p in paragraphs))
            # Empty cells are repeated to the edge of a sheet.
            cells += [words] * (min(_odt_number(cell, "number-columns-repeated"), 100) if words else 1)
    return cells


def _odt_words(element: Any, notes: list[Part]) -> str:
    words = element.text or ""
    for child in element:
        tag = local_name(child)
        if tag == "note":
            mark = "".join(next((e for e in child if local_name(e) == "note-citation"), child).itertext())
            body = next((e for e in child if local_name(e) == "note-body"), None)
            if body is not None:
                notes.append(Part("paragraph", f"[{mark}] {one_line(' '.join(body.itertext()))}"))
            words += f"[{mark}]"
        elif tag in ("s", "tab", "line-break"):
            words += " "
        elif tag not in (*_SKIPPED, "text-box", "image"):
            words += _odt_words(child, notes)
        words += child.tail or ""
    return words


# -------------------------------------------------------------------------------------- PowerPoint


def read_pptx(data: bytes) -> NewDocument:
    """Return the text of a presentation; a slide is a section with its number, and a page."""
    import pptx

    open_archive(data).close()
    show = pptx.Presentation(BytesIO(data))
    parts = list[Part]()
    first = ""
    for number, slide in enumerate(show.slides, 1):
        title = one_line(slide.shapes.title.text_frame.text) if slide.shapes.title is not None else ""
        first = first or title
        found = list(_shapes(slide.shapes, slide.shapes.title))
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            notes = one_line(slide.notes_slide.notes_text_frame.text)
            found += [Part("paragraph", f"Notes: {notes}")] if notes else []
        if found or title:
            heading = Part("heading", f"Slide {number}: {title}" if title else f"Slide {number}", 2)
            parts += [replace(part, page=number) for part in (heading, *found)]
    about = show.core_properties
    stated = _stated_title(about.title) or first
    return _document(parts, stated, about.author, about.language, f"{_OPEN_XML}.presentationml.presentation")


def _chart_rows(chart: Any) -> list[list[str]]:
    """Return the figures of a chart as a table, a column for each series."""
    series = list(chart.series)
    names = [one_line(str(label)) for label in chart.plots[0].categories] if len(chart.plots) else []
    values = [["" if value is None else f"{value:.15g}" for value in one.values] for one in series]
    return [
        ["", *(one_line(one.name or "") for one in series)],
        *([name, *row] for name, row in zip(names, zip(*values, strict=False), strict=False)),
    ]


def _shapes(shapes: Any, title: Any = None) -> Iterator[Part]:
    for shape in shapes:
        if title is not None and shape.shape_id == title.shape_id:
            continue
        if getattr(shape, "shapes", None) is not None:
            yield from _shapes(shape.shapes)
        elif getattr(shape, "has_table", False):
            yield from table_parts(
                [[one_line(cell.text_frame.text) for cell in row.cells] for row in shape.table.rows]
            )
        elif getattr(shape, "has_chart", False):
            yield from table_parts(_chart_rows(shape.chart))
        elif shape.has_text_frame:
            lines = [p for p in shape.text_frame.paragraphs if "".join(run.text for run in p.runs).strip()]
            kind: BlockKind = "list_item" if len(lines) > 1 else "paragraph"
            yield from (Part(kind, one_line(line.text)) for line in lines)
