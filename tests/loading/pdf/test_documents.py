"""PDF files become text in reading order that knows its pages."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from app_pages.article.reading import blocks
from app_pages.wording import source_name
from rag import Assistant, Library, LocalEmbeddings, Settings
from rag.documents import Loaded, NewDocument
from rag.loading.formats import File
from rag.loading.loaders import load_bytes

Words = tuple[float, float, str] | tuple[float, float, str, float]
"""Where a line begins in points from the lower left, its words, and the size of its letters."""


def pdf(*pages: Sequence[Words], title: str = "") -> bytes:
    """Return a PDF whose pages have these lines."""
    count = len(pages)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {count}/Kids[{' '.join(f'{4 + 2 * n} 0 R' for n in range(count))}]>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ]
    for number, lines in enumerate(pages):
        content = b""
        for x, y, text, *size in lines:
            escaped = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)").encode("cp1252")
            content += b"BT /F1 %g Tf %g %g Td (%s) Tj ET\n" % (size[0] if size else 10, x, y, escaped)
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>/Contents %d 0 R>>"
            % (5 + 2 * number)
        )
        objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(content), content))
    objects.append(b"<</Title(%s)>>" % title.encode())
    data, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer<</Size %d/Root 1 0 R/Info %d 0 R>>" % (len(places) + 1, len(places))
    start = len(data)
    return data + b"xref\n0 %d\n0000000000 65535 f \n%s%s\nstartxref\n%d\n%%%%EOF" % (
        len(places) + 1,
        table,
        trailer,
        start,
    )


def column(x: float, top: float, lines: Sequence[str]) -> list[Words]:
    return [(x, top - 12 * number, line) for number, line in enumerate(lines)]


def load(data: bytes) -> NewDocument:
    loaded = load_bytes("report.pdf", data, "key")
    assert not loaded.failed, loaded.failed
    [document] = loaded.documents
    return document


def failure(loaded: Loaded) -> str:
    assert not loaded.documents
    [error] = loaded.failed
    assert error.reason.startswith("report.pdf ")
    assert error.reason.endswith(".")
    return error.reason


def shown(document: NewDocument) -> list[tuple[str, int | None, str]]:
    return [(b.kind, b.page, document.text[b.start : b.end]) for b in document.blocks]


LEFT = [
    "The harbour bridge was opened to traffic in",
    "the spring, after four years of work on its",
    "two towers. The king cut the ribbon at noon",
    "and walked over to the island with a crowd.",
    "Trams will follow in the next year when the",
]
RIGHT = [
    "rails are laid. Until then the ferry goes on",
    "every ten minutes, and it stays free for all",
    "who live on the island. The old wooden bridge",
    "is to be taken down, says the harbour master,",
    "before the ice of the winter comes again.",
]


def test_each_block_knows_its_page() -> None:
    document = load(
        pdf(
            [(72, 700, "The first page speaks of the bridge.")],
            [(72, 700, "The second page speaks of the ferry.")],
        )
    )
    assert shown(document) == [
        ("paragraph", 1, "The first page speaks of the bridge."),
        ("paragraph", 2, "The second page speaks of the ferry."),
    ]
    assert document.media_type == "application/pdf"


def test_columns_are_read_one_after_the_other_whatever_the_file_s_order() -> None:
    left, right = column(60, 600, LEFT), column(310, 600, RIGHT)
    mixed = [line for pair in zip(left, right, strict=True) for line in pair]
    document = load(pdf([(60, 650, "A bridge for the island, and what it means for the ferry", 20), *mixed]))
    assert document.title == "A bridge for the island, and what it means for the ferry"
    assert document.text == " ".join([*LEFT, *RIGHT])


def test_a_heading_below_the_columns_stays_with_its_text() -> None:
    below = [
        (60, 500, "What it cost", 14),
        (60, 480, "The bridge cost 84 million crowns, a third more than was planned."),
    ]
    document = load(pdf([*column(60, 600, LEFT), *column(310, 600, RIGHT), *below]))
    assert document.text.split("\n\n") == [" ".join([*LEFT, *RIGHT]), "What it cost", below[1][2]]


def test_hyphens_at_line_ends_are_undone_and_those_of_words_stay() -> None:
    lines = [
        "The minister spoke of the infra-",
        "structure in the north, of the well-known rail-",
        "way and of a well-",
        "known port.",
    ]
    document = load(pdf(column(72, 700, lines)))
    assert (
        "the infrastructure in the north, of the well-known railway and of a well-known port."
        in document.text
    )


def test_running_heads_and_page_numbers_are_dropped() -> None:
    pages = [
        [
            (72, 810, f"Harbour Gazette No. {n}"),
            (72, 500, f"Story {word} is told here in a few words."),
            (290, 40, f"Page {n} of 4"),
        ]
        for n, word in enumerate(["alpha", "beta", "gamma", "delta"], 1)
    ]
    document = load(pdf(*pages))
    assert [text for _, _, text in shown(document)] == [
        f"Story {word} is told here in a few words." for word in ["alpha", "beta", "gamma", "delta"]
    ]


def test_larger_letters_are_headings_and_the_largest_the_title() -> None:
    body = "A sentence of the text that goes on for a while, so that most letters are small."
    document = load(
        pdf(
            [
                (72, 760, "The bridge", 24),
                (72, 700, "How it was built", 16),
                (72, 670, body),
                (72, 640, "Its cost", 16),
                (72, 610, body),
            ]
        )
    )
    assert document.title == "The bridge"
    assert [(kind, text) for kind, _, text in shown(document)] == [
        ("heading", "How it was built"),
        ("paragraph", body),
        ("heading", "Its cost"),
        ("paragraph", body),
    ]


def test_a_table_without_lines_becomes_rows() -> None:
    rows = [("Bridge", "Opened", "Length"), ("North", "2019", "310 m"), ("South", "2024", "1,200 m")]
    lines = [
        (x, 700 - 20 * n, cell)
        for n, row in enumerate(rows)
        for x, cell in zip((72, 220, 380), row, strict=True)
    ]
    assert [(kind, text) for kind, _, text in shown(load(pdf(lines)))] == [
        ("table_header", "Bridge | Opened | Length"),
        ("table_row", "North | 2019 | 310 m"),
        ("table_row", "South | 2024 | 1,200 m"),
    ]


def test_a_sentence_over_two_pages_stays_whole_on_the_first() -> None:
    document = load(
        pdf(
            [(72, 100, "The ferry goes every ten minutes and stays")],
            [(72, 760, "free for all. The bridge is older than the ferry.")],
        )
    )
    assert shown(document) == [
        ("paragraph", 1, "The ferry goes every ten minutes and stays free for all."),
        ("paragraph", 2, "The bridge is older than the ferry."),
    ]


def test_a_title_that_nobody_wrote_is_none() -> None:
    page = [(72, 700, "The first page speaks of the bridge.")]
    assert load(pdf(page, title="Microsoft Word - a.doc")).title == "Report"
    assert load(pdf(page, title="The bridge in figures")).title == "The bridge in figures"


def test_scans_and_damaged_files_get_a_sentence() -> None:
    assert "seems to be scanned" in failure(load_bytes("report.pdf", pdf([]), "key"))
    assert "damaged" in failure(load_bytes("report.pdf", b"%PDF-1.7\n" + bytes(500), "key"))


def test_too_many_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    from rag.loading.dispatch import read_any

    monkeypatch.setattr("rag.loading.pdf.documents.MOST_PAGES", 2)
    page = [(72, 700, "A page.")]
    file = File("report.pdf", pdf(page, page, page), "key", 10**7)
    assert "has 3 pages and the limit is 2" in failure(read_any(file))


def test_a_footnote_and_the_article_name_the_page(settings: Settings, packaged: LocalEmbeddings) -> None:
    data = pdf(
        [(72, 700, "The lighthouse was built of granite in 1871 and has a red lamp.")],
        [(72, 700, "The harbour bridge was opened on 5 March 2024 by the mayor.")],
    )
    with Library.open(settings, packaged) as library:
        library.add(load_bytes("report.pdf", data, "upload:report.pdf").documents)
        [citation] = Assistant(library, settings).ask("When was the harbour bridge opened?").citations
        assert (citation.page, source_name(citation)) == (2, "Source 1: Report, page 2")
        document = library.document(citation.document.id)
        assert document.text[citation.start : citation.end] == citation.quote
        assert [block["page"] for block in blocks(document, [])] == [1, 2]


def test_bullets_that_stand_apart_are_no_cells_of_a_table() -> None:
    lines = [
        (72, 700, "What will follow on the opening of the bridge, as the harbour master says:"),
        *[(72, 680, "•", 12), (94, 680, "Trams, when the rails are laid.")],
        *[
            (72, 660, "•", 12),
            (94, 660, "A path for people on foot,"),
            (94, 648, "which is closed in storms."),
        ],
        *[(90, 630, "o"), (108, 630, "In winter too.")],
        *[(72, 610, "(a)"), (100, 610, "The ferry goes on.")],
    ]
    assert [(kind, text) for kind, _, text in shown(load(pdf(lines)))][1:] == [
        ("list_item", "Trams, when the rails are laid."),
        ("list_item", "A path for people on foot, which is closed in storms."),
        ("list_item", "In winter too."),
        ("list_item", "The ferry goes on."),
    ]


def test_a_caption_in_the_middle_of_a_sentence_comes_after_it() -> None:
    caption = "Figure 2: The towers, seen from the ferry."
    document = load(pdf([*column(60, 700, LEFT[:3]), (60, 640, caption), *column(60, 610, LEFT[3:])]))
    assert document.text.split("\n\n") == [" ".join(LEFT), caption]


def test_a_note_at_the_foot_of_a_page_doesn_t_cut_a_sentence() -> None:
    foot = (72, 60, "1 Named after the harbour, as the council had it.", 7)
    first = [
        (72, 810, "Harbour Gazette"),
        *column(72, 700, [*LEFT[:2], "two towers, with all of its infra-"]),
        foot,
    ]
    second = [(72, 810, "Harbour Gazette"), (72, 700, "structure. The ferry goes on for another year.")]
    others = [
        [(72, 810, "Harbour Gazette"), (72, 700, f"A page on {what} of the north.")]
        for what in ("trams", "boats")
    ]
    assert [text for _, _, text in shown(load(pdf(first, second, *others)))][:3] == [
        f"{LEFT[0]} {LEFT[1]} two towers, with all of its infrastructure.",
        "1 Named after the harbour, as the council had it.",
        "The ferry goes on for another year.",
    ]


def table(*rows: Sequence[Sequence[str]], step: float = 20) -> list[Words]:
    """Return the lines of a table; a cell of several lines begins above the other cells of its row."""
    lines, y = list[Words](), 700.0
    for row in rows:
        most = max(map(len, row))
        for x, cell in zip((72, 220, 380), row, strict=True):
            lines += [(x, y - 12 * (n + most - len(cell)), line) for n, line in enumerate(cell)]
        y -= step + 12 * (most - 1)
    return lines


def test_a_cell_of_several_lines_is_one_cell() -> None:
    lines = table(
        [["Bridge"], ["Opened"], ["Length"]],
        [["North"], ["2019"], ["310 m"]],
        [["West, which is the one", "with the long name"], ["2021"], ["77 m"]],
        [["East"], ["2022"], ["80 m with its", "ramps on both", "banks"]],
        [["South"], [""], ["1,200 m"]],
    )
    assert [text for _, _, text in shown(load(pdf(lines)))] == [
        "Bridge | Opened | Length",
        "North | 2019 | 310 m",
        "West, which is the one with the long name | 2021 | 77 m",
        "East | 2022 | 80 m with its ramps on both banks",
        "South |  | 1,200 m",
    ]


def test_rows_that_stand_as_close_as_lines_stay_rows() -> None:
    rows = [
        [["Bridge"], ["Opened"], ["Length"]],
        *([[name], [""], [f"{n}0 m"]] for n, name in enumerate("ABCD", 1)),
    ]
    assert len(shown(load(pdf(table(*rows, step=12))))) == 5
