"""Characters of a PDF are read as people read them: to the left, turned, and without numbers of notes."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import matplotlib
import pytest
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from rag.documents import NewDocument
from rag.loading.loaders import load_bytes

FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
HEBREW = [
    "הגשר החדש בנמל נפתח ב-5 במרץ 2024 לאחר ארבע שנים של",
    "עבודה משני צידי הנהר, והוא נושא שני נתיבים.",
]


def load(draw: Callable[[Canvas], None], encrypt: StandardEncryption | None = None) -> NewDocument:
    """Return the document of a PDF of one page, drawn in a font with Hebrew and Arabic letters."""
    pdfmetrics.registerFont(TTFont("DejaVu", FONT))
    data = BytesIO()
    canvas = Canvas(data, pagesize=(595, 842), encrypt=encrypt)
    canvas.setFont("DejaVu", 11)
    draw(canvas)
    canvas.save()
    loaded = load_bytes("report.pdf", data.getvalue(), "key")
    assert not loaded.failed, loaded.failed
    [document] = loaded.documents
    return document


def read(draw: Callable[[Canvas], None], encrypt: StandardEncryption | None = None) -> list[str]:
    document = load(draw, encrypt)
    return [document.text[block.start : block.end] for block in document.blocks]


def as_drawn(line: str) -> str:
    """Return a line of Hebrew or Arabic from left to right, as programs draw it: numbers aren't turned."""
    words = (word if word[-1].isdigit() and word.isascii() else word[::-1] for word in line.split())
    return " ".join(reversed(list(words)))


def test_hebrew_is_read_from_the_right():
    def draw(canvas: Canvas) -> None:
        for number, line in enumerate(HEBREW):
            canvas.drawRightString(540, 700 - 15 * number, as_drawn(line).replace("5-ב", "5-ב"))

    assert read(draw) == [" ".join(HEBREW)]


def test_letters_in_the_shapes_of_arabic_become_letters():
    assert read(lambda canvas: canvas.drawRightString(540, 700, "ﺪﻳﺪﺠﻟﺍ ﺮﺴﺠﻟﺍ")) == ["الجسر الجديد"]


def test_english_words_in_hebrew_keep_their_order():
    line = "אורך Port Ellis Bridge הוא 1,200 מטר"
    drawn = "רטמ 1,200 אוה Port Ellis Bridge ךרוא"
    assert read(lambda canvas: canvas.drawRightString(540, 700, drawn)) == [line]


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
@pytest.mark.parametrize("page_angle", [0, 90])
def test_turned_text_is_read_as_lines(angle: int, page_angle: int):
    lines = [
        "The harbour bridge was opened to traffic in the spring,",
        "after four years of work on its two towers.",
    ]

    def draw(canvas: Canvas) -> None:
        canvas.setPageRotation(page_angle)
        canvas.translate(297, 421)
        canvas.rotate(angle)
        for number, line in enumerate(lines):
            canvas.drawString(-150, 20 - 14 * number, line)

    assert read(draw) == [" ".join(lines)]


def test_a_label_that_stands_across_comes_after_the_text():
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 700, "The harbour bridge was opened to traffic in the spring.")
        canvas.translate(30, 300)
        canvas.rotate(90)
        canvas.drawString(0, 0, "Harbour Gazette, No. 12")

    assert read(draw) == [
        "The harbour bridge was opened to traffic in the spring.",
        "Harbour Gazette, No. 12",
    ]


def draw_with_raised(canvas: Canvas, y: float, *pieces: str) -> None:
    """Draw words of which every other piece is small and raised."""
    x = 72.0
    for number, piece in enumerate(pieces):
        size, rise = (7, 4) if number % 2 else (11, 0)
        canvas.setFont("DejaVu", size)
        canvas.drawString(x, y + rise, piece)
        x += canvas.stringWidth(piece, "DejaVu", size)


def test_numbers_of_notes_are_no_words_of_the_text():
    def draw(canvas: Canvas) -> None:
        draw_with_raised(
            canvas, 700, "The bridge", "1", " was opened in 2024.", "2", " It has 310 m", "2", " of deck."
        )
        draw_with_raised(canvas, 80, "", "1", " Named after the harbour.")
        draw_with_raised(canvas, 60, "", "2", " By the mayor.")

    assert read(draw)[0] == "The bridge was opened in 2024. It has 310 m2 of deck."


def test_a_raised_number_without_a_note_stays():
    assert read(
        lambda canvas: draw_with_raised(canvas, 700, "The plant of type ZX", "4", " stands on the island.")
    ) == ["The plant of type ZX4 stands on the island."]


def test_a_file_that_opens_without_a_password_is_read():
    only_owner = StandardEncryption("", ownerPassword="harbour", canPrint=0)
    assert read(lambda canvas: canvas.drawString(72, 700, "The bridge is open."), only_owner) == [
        "The bridge is open."
    ]


def test_bullets_that_are_drawn_make_items():
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 720, "What will follow on the opening of the bridge:")
        for number, item in enumerate(["Trams, when the rails are laid", "The ferry goes on"]):
            canvas.circle(88, 703 - 16 * number, 2, stroke=0, fill=1)
            canvas.drawString(96, 700 - 16 * number, item)
        canvas.circle(300, 650, 2, stroke=0, fill=1)
        canvas.drawString(72, 600, "The old bridge stays.")

    assert read(draw)[1:] == ["Trams, when the rails are laid", "The ferry goes on", "The old bridge stays."]
    assert [block.kind for block in load(draw).blocks] == ["paragraph", "list_item", "list_item", "paragraph"]
