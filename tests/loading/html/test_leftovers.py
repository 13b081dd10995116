"""Lines around an article that are none of its own are left out, and its own stay."""

from __future__ import annotations

import pytest

from rag.loading.html.article import read_html
from rag.loading.html.leftovers import without_margins
from rag.text.canonical import Part

FIRST = "The harbour bridge was opened on Tuesday after four years of work on both banks of the river."
LAST = "It carries two lanes for cars and a wide path for people on foot and on bicycles."


def kept(*texts: str, author: str = "", strict: str = "") -> list[str]:
    parts = [Part("paragraph", text) for text in texts]
    return [part.text for part in without_margins(parts, "", author, strict)]


@pytest.mark.parametrize(
    "line",
    ["Read more: The tunnel is to follow", "RELATED STORIES", "» Lesen Sie auch: Der Tunnel", "Related | Ferries",
     "Te puede interesar: El túnel", "Ayrıca okuyun: Tünel"],
)  # fmt: skip
def test_a_line_that_leads_to_another_article_goes(line: str):
    assert kept(FIRST, line, LAST) == [FIRST, LAST]


@pytest.mark.parametrize(
    "line",
    [
        "Read more books, said the mayor.",
        "Related costs rose by a third.",
        "Watch the tide before you cross.",
    ],
)
def test_a_sentence_that_begins_like_one_stays(line: str):
    assert kept(FIRST, line, LAST) == [FIRST, line, LAST]


@pytest.mark.parametrize(
    "line",
    [
        "Follow us on Twitter and Instagram",
        "Sign up here for our weekly newsletter!",
        "© 2024 Harbour Gazette",
    ],
)
def test_a_call_at_the_end_goes_and_stays_elsewhere(line: str):
    assert kept(FIRST, LAST, line) == [FIRST, LAST]
    assert kept(FIRST, line, LAST) == [FIRST, line, LAST]


@pytest.mark.parametrize(
    "line", ["5 March 2024", "05.03.2024 12:46", "By Agnes Thorburn", "Agnes Thorburn, 5 March 2024"]
)
def test_the_day_and_the_author_before_the_text_go(line: str):
    assert kept(line, FIRST, LAST, author="Agnes Thorburn") == [FIRST, LAST]
    assert kept(FIRST, line, LAST, author="Agnes Thorburn") == [FIRST, line, LAST]


def test_a_first_sentence_with_a_day_stays():
    opened = "The bridge opened on 5 March 2024."
    assert kept(opened, LAST, author="Agnes Thorburn") == [opened, LAST]


def test_a_first_heading_goes_if_it_says_the_title_in_other_words():
    def read(heading: str, level: int) -> list[Part]:
        return without_margins([Part("heading", heading, level), body], title, "", "")

    title, body = "Port Ellis: the longest bridge in the north | Harbour Gazette", Part("paragraph", FIRST)
    assert read("The longest bridge of Port Ellis", 1) == [body]
    assert len(read("The longest bridge of Port Ellis", 2)) == 2
    assert len(read("Two towers and a ferry", 1)) == 2


def test_short_lines_at_the_ends_go_where_a_strict_reading_leaves_them_out():
    assert kept("Share", FIRST, "Quoted.", LAST, "More topics", strict=f"{FIRST} {LAST}") == [
        FIRST,
        "Quoted.",
        LAST,
    ]
    assert kept("A motto.", FIRST, LAST, strict=f"A motto.\n{FIRST} {LAST}") == ["A motto.", FIRST, LAST]


def test_a_page_of_nothing_else_stays_as_it_is():
    assert kept("Read more: The tunnel", "© 2024") == ["Read more: The tunnel", "© 2024"]
    assert kept("Share", "More", strict="else") == ["Share", "More"]


def test_a_page_is_read_without_them():
    last = f"{LAST} {FIRST}"
    page = f"""<html><body><article><p>5 March 2024</p><p>{FIRST} {LAST}</p><p><a href="/t">Read more: The tunnel</a></p>
    <p>{last}</p></article></body></html>"""
    assert read_html(page).text == f"{FIRST} {LAST}\n\n{last}"
