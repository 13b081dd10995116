"""Workbooks: sheets of figures are read as tables, sheets of articles as articles."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from io import BytesIO
from typing import Any

import pytest
import xlsxwriter

from app_pages.wording import file_name, kind
from rag import Library, Loaded, NewDocument
from rag.loading.loaders import load_bytes

TOWNS: list[list[Any]] = [["Town", 2022, 2023], ["Strelsau", 81_300, 82_150.5], ["Zenda", 9_400, 9_380]]


def workbook(sheets: dict[str, list[list[Any]]], hidden: tuple[str, ...] = ()) -> bytes:
    data = BytesIO()
    with xlsxwriter.Workbook(data, {"default_date_format": "yyyy-mm-dd", "in_memory": True}) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
            if name in hidden:
                sheet.hide()
    return data.getvalue()


def documents(data: bytes, name: str = "towns.xlsx") -> list[NewDocument]:
    loaded = load_bytes(name, data, "upload:" + name)
    assert not loaded.failed, loaded.failed
    return loaded.documents


def failure(loaded: Loaded) -> str:
    assert not loaded.documents
    [error] = loaded.failed
    return error.reason


def test_a_sheet_of_figures_is_a_table_with_its_header():
    [document] = documents(workbook({"Sheet1": TOWNS}))
    assert document.text == "Town | 2022 | 2023\nStrelsau | 81300 | 82150.5\nZenda | 9400 | 9380"
    assert [block.kind for block in document.blocks] == ["table_header", "table_row", "table_row"]
    assert (document.title, document.key) == ("Towns", "upload:towns.xlsx!/Sheet1")


def test_lines_above_and_below_are_text_and_empty_columns_are_none():
    above: list[list[Any]] = [["People in towns", ""], ["in persons", ""], []]
    rows = [*above, *([row[0], "", *row[1:]] for row in TOWNS), [], ["Source: the registers"]]
    [document] = documents(workbook({"Sheet1": rows}))
    kinds = [(block.kind, document.text[block.start : block.end]) for block in document.blocks]
    assert kinds[:3] == [
        ("heading", "People in towns"),
        ("paragraph", "in persons"),
        ("table_header", "Town | 2022 | 2023"),
    ]
    assert kinds[-1] == ("paragraph", "Source: the registers")


def test_two_tables_on_a_sheet_have_a_header_each_and_a_gap_within_a_table_changes_nothing():
    harbours: list[list[Any]] = [["Harbour", "Ships"], ["Quay", 12]]
    [document] = documents(workbook({"Sheet1": [*TOWNS, [], ["Hentzau", 400, 410], [], *harbours]}))
    headers = [document.text[b.start : b.end] for b in document.blocks if b.kind == "table_header"]
    assert headers == ["Town | 2022 | 2023", "Harbour | Ships"]
    assert document.text.index("Hentzau | 400 | 410") < document.text.index("Harbour")


def test_sheets_are_documents_of_their_own_and_hidden_ones_none(library: Library):
    days: list[list[Any]] = [["Day", "Ships"], [date(2024, 3, 5), 3], [datetime(2024, 3, 6, 14, 30), 4]]
    data = workbook({"People": TOWNS, "Ships": days, "Lists": TOWNS, "Empty": []}, hidden=("Lists",))
    people, ships = documents(data)
    assert (people.title, ships.title) == ("Towns: People", "Towns: Ships")
    assert "2024-03-05 | 3" in ships.text
    library.add([people, ships])
    held = sorted(library.documents(), key=lambda document: document.title)
    assert [file_name(document) for document in held] == ["towns.xlsx › People", "towns.xlsx › Ships"]
    assert kind(held[0]) == "Workbook"


def test_a_sheet_of_articles_gives_an_article_for_each_row():
    rows = [
        ["Headline", "Text", "Date", "Id"],
        ["The bridge", "It was opened in the spring.", "2024-03-05", 7],
        ["The ferry", "It stays free.", "", 8],
    ]
    bridge, ferry = documents(workbook({"News": rows}))
    assert (bridge.title, bridge.text, ferry.text) == (
        "The bridge",
        "It was opened in the spring.",
        "It stays free.",
    )
    assert bridge.published == date(2024, 3, 5)
    assert bridge.key.startswith("upload:towns.xlsx!/News!/row:")
    rows[1][1] = "It is shut again."
    assert documents(workbook({"News": rows}))[0].key == bridge.key


def test_an_opendocument_spreadsheet():
    cells = "".join(
        f'<table:table-row><table:table-cell office:value-type="string"><text:p>{a}</text:p></table:table-cell>'
        f'<table:table-cell office:value-type="string"><text:p>{b}</text:p></table:table-cell></table:table-row>'
        for a, b in (("Town", "River"), ("Strelsau", "Elbe"))
    )
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    content = (
        f"<office:document-content {spaces}><office:body><office:spreadsheet>"
        f'<table:table table:name="Rivers">{cells}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    data = BytesIO()
    mimetype = "application/vnd.oasis.opendocument.spreadsheet"
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in {
            "mimetype": mimetype,
            "META-INF/manifest.xml": "<manifest:manifest "
            'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
            "content.xml": content,
        }.items():
            archive.writestr(name, text)
    [document] = documents(data.getvalue(), "rivers.ods")
    assert document.text == "Town | River\nStrelsau | Elbe"


def test_what_is_too_large_names_the_sheet_and_the_others_go_in():
    loaded = load_bytes("a.xlsx", workbook({"Wide": [["x"] * 501], "Towns": TOWNS}), "k")
    assert [document.title for document in loaded.documents] == ["A: Towns"]
    [error] = loaded.failed
    assert error.path == "Wide"
    assert error.reason.startswith("Wide in a.xlsx has 1 rows and 501 columns, the limit is")


@pytest.mark.parametrize("cell", ["XFD1048576", "A1048576", "ZZ80000"])
def test_a_cell_far_away_is_named_and_harms_nothing(cell: str):
    data = BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Far")
        sheet.write("A1", "near")
        sheet.write(cell, "far")
    reason = failure(load_bytes("a.xlsx", data.getvalue(), "k"))
    assert "a.xlsx has" in reason
    assert "rows and" in reason
    assert "the limit is 50,000 rows and 500 columns" in reason


def test_entities_are_no_way_out_and_damage_is_a_sentence():
    data = workbook({"Sheet1": [["Town", "What"], ["Strelsau", "MARK"]]})
    with zipfile.ZipFile(BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    entity = b'<!DOCTYPE sst [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY y "yyyy">]><sst'
    strings = files["xl/sharedStrings.xml"].replace(b"<sst", entity, 1).replace(b"MARK", b"&x;&y;")
    changed = BytesIO()
    with zipfile.ZipFile(changed, "w") as archive:
        for name, content in (files | {"xl/sharedStrings.xml": strings}).items():
            archive.writestr(name, content)
    loaded = load_bytes("a.xlsx", changed.getvalue(), "k")
    assert not any("root" in document.text or "yyyy" in document.text for document in loaded.documents)
    assert len(loaded.documents) + len(loaded.failed) == 1
    assert "damaged" in failure(load_bytes("a.xlsx", data[:-100], "k"))
    assert "no words" in failure(load_bytes("a.xlsx", workbook({"Sheet1": []}), "k"))
