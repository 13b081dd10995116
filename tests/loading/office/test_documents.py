"""Word, OpenDocument, PowerPoint and EPUB files, made by the libraries or by hand."""

from __future__ import annotations

import zipfile
from io import BytesIO
from typing import Any

import docx
import pptx
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE

from rag.documents import NewDocument
from rag.loading.loaders import load_bytes

OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
TABLE = "urn:oasis:names:tc:opendocument:xmlns:table:1.0"


def load(name: str, data: bytes) -> NewDocument:
    loaded = load_bytes(name, data, "key")
    assert not loaded.failed, loaded.failed
    [document] = loaded.documents
    assert document.key == "key"
    return document


def failure(name: str, data: bytes) -> str:
    loaded = load_bytes(name, data, "key")
    assert not loaded.documents
    [error] = loaded.failed
    return error.reason


def outline(document: NewDocument) -> list[tuple[str, str]]:
    return [(b.kind, document.text[b.start : b.end]) for b in document.blocks]


def saved(file: Any) -> bytes:
    data = BytesIO()
    file.save(data)
    return data.getvalue()


def zipped(files: dict[str, str]) -> bytes:
    data = BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def word() -> Any:
    file = docx.Document()
    file.core_properties.title, file.core_properties.author = "", "Ada Thorburn"
    file.add_heading("The harbour bridge", 0)
    file.add_paragraph("It was opened in the spring of the year.")
    file.add_heading("Its figures", 1)
    file.add_paragraph("two towers", style="List Bullet")
    file.add_paragraph("six lanes", style="List Bullet")
    table = file.add_table(0, 2)
    for values in [("Bridge", "Length"), ("North", "310 m")]:
        for cell, value in zip(table.add_row().cells, values, strict=True):
            cell.text = value
    file.add_paragraph("A last word.")
    return file


def test_a_word_file_keeps_headings_lists_and_tables() -> None:
    document = load("bridge.docx", saved(word()))
    assert (document.title, document.author) == ("The harbour bridge", "Ada Thorburn")
    assert outline(document) == [
        ("paragraph", "It was opened in the spring of the year."),
        ("heading", "Its figures"),
        ("list_item", "two towers"),
        ("list_item", "six lanes"),
        ("table_header", "Bridge | Length"),
        ("table_row", "North | 310 m"),
        ("paragraph", "A last word."),
    ]


def test_the_notes_of_a_word_file_stand_at_its_end_and_deleted_words_nowhere() -> None:
    w = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    notes = (
        f'<w:footnotes xmlns:w="{w}"><w:footnote w:type="separator" w:id="0"><w:p/></w:footnote>'
        '<w:footnote w:id="1"><w:p><w:r><w:t>By the mayor.</w:t></w:r></w:p></w:footnote></w:footnotes>'
    )
    data, changed = BytesIO(saved(word())), BytesIO()
    with zipfile.ZipFile(data) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            content = old.read(name).decode() if name.endswith((".xml", ".rels")) else old.read(name)
            if name == "word/document.xml":
                marks = '<w:r><w:footnoteReference w:id="1"/></w:r><w:del><w:r><w:delText>Not this.</w:delText></w:r></w:del>'
                content = content.replace("A last word.</w:t></w:r>", f"A last word.</w:t></w:r>{marks}")
            if name == "word/_rels/document.xml.rels":
                kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
                relation = f'<Relationship Id="rIdNotes" Type="{kind}" Target="footnotes.xml"/>'
                content = content.replace("</Relationships>", relation + "</Relationships>")
            if name == "[Content_Types].xml":
                part = '<Override PartName="/word/footnotes.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"/>'
                content = content.replace("</Types>", part + "</Types>")
            new.writestr(name, content)
        new.writestr("word/footnotes.xml", notes)
    assert outline(load("bridge.docx", changed.getvalue()))[-2:] == [
        ("paragraph", "A last word.[1]"),
        ("paragraph", "[1] By the mayor."),
    ]


def test_a_word_file_under_another_name_is_one_all_the_same() -> None:
    assert load("bridge.txt", saved(word())).title == "The harbour bridge"


def test_entities_of_a_word_file_are_not_expanded() -> None:
    data, bomb = BytesIO(saved(word())), BytesIO()
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 20 if n else "x" * 50}">' for n in range(9))
    with zipfile.ZipFile(data) as old, zipfile.ZipFile(bomb, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "word/document.xml":
                content = content.replace(b"?>", f"?><!DOCTYPE d [{entities}]>".encode(), 1)
                content = content.replace(b"A last word.", b"A last &e8; word.")
            new.writestr(name, content)
    loaded = load_bytes("bridge.docx", bomb.getvalue(), "key")
    assert sum(len(d.text) for d in loaded.documents) < 1000
    assert len(loaded.documents) + len(loaded.failed) == 1


def odt(body: str, **files: str) -> bytes:
    content = (
        f'<office:document-content xmlns:office="{OFFICE}" xmlns:text="{TEXT}" xmlns:table="{TABLE}">'
        f"<office:body><office:text>{body}</office:text></office:body></office:document-content>"
    )
    manifest = files.pop("manifest", "<manifest/>")
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": content,
            "META-INF/manifest.xml": manifest,
        }
    )


def test_an_opendocument_text() -> None:
    document = load(
        "bridge.odt",
        odt(
            '<text:h text:outline-level="1">The bridge</text:h><text:p>It has<text:s/>two towers<text:note>'
            "<text:note-citation>1</text:note-citation><text:note-body><text:p>Of steel.</text:p></text:note-body>"
            "</text:note>.</text:p><text:list><text:list-item><text:p>six lanes</text:p></text:list-item></text:list>"
            "<table:table><table:table-row><table:table-cell><text:p>Bridge</text:p></table:table-cell><table:table-cell>"
            "<text:p>Length</text:p></table:table-cell></table:table-row><table:table-row><table:table-cell><text:p>North"
            "</text:p></table:table-cell><table:table-cell><text:p>310 m</text:p></table:table-cell></table:table-row>"
            "</table:table>"
        ),
    )
    assert document.title == "The bridge"
    assert outline(document) == [
        ("paragraph", "It has two towers[1]."),
        ("list_item", "six lanes"),
        ("table_header", "Bridge | Length"),
        ("table_row", "North | 310 m"),
        ("paragraph", "[1] Of steel."),
    ]


def test_files_with_a_password_say_so() -> None:
    assert "password" in failure("a.odt", odt("<x/>", manifest="<m><encryption-data/></m>"))
    office = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100) + "EncryptedPackage".encode("utf-16-le")
    assert (
        failure("a.docx", office)
        == "a.docx is protected by a password: save a copy without one and add that."
    )
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100) + "WordDocument".encode("utf-16-le")
    assert "save it as .docx" in failure("a.doc", old)


def test_slides_are_sections_with_their_number() -> None:
    show = pptx.Presentation()
    for title, text in [("The bridge", "Opened in spring"), ("The ferry", "Goes on every ten minutes")]:
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text, slide.placeholders[1].text = title, text
    slide.notes_slide.notes_text_frame.text = "Thank the crew."
    document = load("talk.pptx", saved(show))
    assert document.title == "The bridge"
    assert [(b.page, document.text[b.start : b.end]) for b in document.blocks] == [
        (1, "Slide 1: The bridge"),
        (1, "Opened in spring"),
        (2, "Slide 2: The ferry"),
        (2, "Goes on every ten minutes"),
        (2, "Notes: Thank the crew."),
    ]


def test_the_chapters_of_a_book_come_in_the_order_of_its_spine() -> None:
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        "<dc:title>The Island</dc:title><dc:creator>Ada Thorburn</dc:creator><dc:date>2024-03-05</dc:date>"
        "<dc:language>en</dc:language><dc:publisher>Harbour Press</dc:publisher></metadata><manifest>"
        '<item id="b" href="b.xhtml"/><item id="a" href="text/a.xhtml"/></manifest>'
        '<spine><itemref idref="a"/><itemref idref="b"/></spine></package>'
    )
    page = '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>t</title></head><body><h1>{}</h1><p>{}</p></body></html>'
    document = load(
        "island.epub",
        zipped(
            {
                "mimetype": "application/epub+zip",
                "META-INF/container.xml": '<c><rootfiles><rootfile full-path="OEBPS/p.opf"/></rootfiles></c>',
                "OEBPS/p.opf": package,
                "OEBPS/b.xhtml": page.format("The second chapter", "The ferry <em>comes</em> back."),
                "OEBPS/text/a.xhtml": page.format("The first chapter", "The ferry leaves."),
            }
        ),
    )
    assert (document.title, document.author, document.source) == (
        "The Island",
        "Ada Thorburn",
        "Harbour Press",
    )
    assert str(document.published) == "2024-03-05"
    assert outline(document) == [
        ("heading", "The first chapter"),
        ("paragraph", "The ferry leaves."),
        ("heading", "The second chapter"),
        ("paragraph", "The ferry comes back."),
    ]


def test_rich_text() -> None:
    rtf = rb"{\rtf1\ansi\ansicpg1254 The bridge of \'ddstanbul has two towers of steel.\par It is long.}"
    document = load("bridge.rtf", rtf)
    assert "The bridge of İstanbul has two towers of steel." in document.text


def test_the_figures_of_a_chart_become_a_table() -> None:
    figures = CategoryChartData()
    figures.categories = ["2019", "2024"]
    figures.add_series("Passengers", (9_300_125, 4100.5))
    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[5])
    slide.shapes.title.text = "The ferry"
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, 5_000_000, 3_000_000, figures)
    document = load("talk.pptx", saved(show))
    assert outline(document)[1:] == [
        ("table_header", "| Passengers"),
        ("table_row", "2019 | 9300125"),
        ("table_row", "2024 | 4100.5"),
    ]
