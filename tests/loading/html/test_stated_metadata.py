"""What a page states about itself in JSON-LD and meta tags goes before what its text suggests."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml.html import fromstring

from rag.loading.html.article import read_html
from rag.loading.html.stated_metadata import Stated, read_stated
from rag.loading.metadata import text_of_markup

TEXT = "The harbour bridge was opened on Tuesday after four years of work on both banks of the river."
ARTICLE = {
    "@context": "https://schema.org",
    "@type": "NewsArticle",
    "headline": "The bridge &amp; the <b>river</b>",
    "datePublished": "2024-03-05T23:30:00-05:00",
    "dateModified": "2025-01-01",
    "author": [{"@type": "Person", "name": "Agnes Thorburn"}, {"name": "https://example.org/me"}, "B. Quay"],
    "publisher": {"@type": "Organization", "name": "Harbour Gazette"},
}
STATED = Stated("The bridge & the river", "Agnes Thorburn, B. Quay", "Harbour Gazette", date(2024, 3, 5))


def head(content: str) -> Stated:
    return read_stated(fromstring(f"<html><head>{content}</head><body><p>{TEXT}</p></body></html>"))


def script(value: object) -> str:
    return f'<script type="application/ld+json">{json.dumps(value)}</script>'


@pytest.mark.parametrize(
    "value",
    [ARTICLE, [{"@type": "BreadcrumbList"}, ARTICLE], {"@graph": [{"@type": "WebSite", "name": "No"}, ARTICLE]},
     ARTICLE | {"@type": ["Thing", "NewsArticle"]}],
    ids=["alone", "in a list", "in a graph", "of two types"],
)  # fmt: skip
def test_the_article_of_json_ld_is_found(value: object):
    assert head(script(value)) == STATED


def test_line_ends_in_strings_and_cdata_marks_are_read_over():
    broken = (
        script(ARTICLE).replace("river", "river\n").replace("{", "<![CDATA[{", 1).replace("}</s", "}]]></s")
    )
    assert head(broken) == STATED


@pytest.mark.parametrize(
    "content", ["{", "[" * 100_000, '"text"', "null", '{"@type": "Article", "author": 7}']
)
def test_json_that_is_none_or_says_nothing_gives_nothing(content: str):
    assert head(f'<script type="application/ld+json">{content}</script>') == Stated()


def test_meta_tags_are_read_where_there_is_no_json():
    found = head(
        '<meta property="x:title dc:title" content="The bridge"><meta name="og:title" content="Second choice">'
        '<meta name="parsely-pub-date" content="2024-03-05T10:00:00Z"><meta property="dc:creator" content="A. T.">'
        '<meta property="og:site_name" content="Harbour Gazette">'
    )
    assert found == Stated("The bridge", "A. T.", "Harbour Gazette", date(2024, 3, 5))


def test_a_name_that_is_the_pages_title_goes_before_a_headline_that_is_not():
    listed = {"@type": "Article", "name": "List of bridges", "headline": "Wiki list article"}
    assert head("<title>List of bridges - Wiki</title>" + script(listed)).title == "List of bridges"


def test_a_day_to_come_is_no_day_of_publication():
    assert head(script(ARTICLE | {"datePublished": "2999-01-01"})).published is None


def test_the_document_takes_what_is_stated():
    page = f"""<html><head><title>Harbour Gazette</title>{script(ARTICLE)}</head><body>
    <article><h1>Good morning</h1><p>{TEXT}</p><p>Updated 6 April 2025. {TEXT}</p></article></body></html>"""
    found = read_html(page)
    assert Stated(found.title, found.author, found.source, found.published) == STATED


def test_of_several_first_headings_none_is_the_title():
    parts = "".join(f"<h1>{name}</h1><p>{TEXT}</p>" for name in ("Definitions", "Reasons"))
    page = f"<html><head><title>On bridges</title></head><body><article>{parts}</article></body></html>"
    assert read_html(page).title == "On bridges"


def test_an_items_first_paragraph_is_the_item():
    page = f"""<html><body><article><p>{TEXT}</p><ul><li><p>One of them.</p></li><li><p>Two.</p><p>More on two.</p></li>
    <li>Three: <p>with a paragraph.</p></li></ul><p>{TEXT} Again.</p></article></body></html>"""
    found = read_html(page)
    assert [(b.kind, found.text[b.start : b.end]) for b in found.blocks[1:-1]] == [
        ("list_item", "One of them."),
        ("list_item", "Two."),
        ("paragraph", "More on two."),
        ("list_item", "Three:"),
        ("paragraph", "with a paragraph."),
    ]


@given(st.text() | st.text(st.sampled_from("<>&;/!-?ab \"'[]")))
def test_any_text_can_be_read_as_markup(markup: str):
    assert "\n" not in text_of_markup(markup)
