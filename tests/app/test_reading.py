"""Places in articles: links, where their words are now, and the pieces that are marked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_pages.article import reading
from app_pages.links import (
    Span,
    article_link,
    citation_link,
    context,
    conversation_link,
    find_once,
    locate,
    parse_span,
)
from rag import Answer, Block, Citation, Document, Library, NewDocument, Sentence
from rag.conversations import Turn

TEXT = "The ship is in the harbour. The king eats bread.\n\nYear | Ships\n1871 | 12"
QUOTE = "The king eats bread."


@pytest.fixture
def article(library: Library) -> Document:
    (added,) = library.add([NewDocument(TEXT, title="Ships", key="ship")]).added
    return library.document(added.id)


def cite(document: Document, quote: str, number: int = 1) -> Citation:
    start = document.text.index(quote)
    return Citation(number, document, document.version, start, start + len(quote), quote)


def turn(number: int, *citations: Citation) -> Turn:
    sentences = tuple(Sentence(citation.quote, "quote", (citation,)) for citation in citations)
    answer = Answer(f"Question {number}?", sentences)
    return Turn(number, f"Question {number}?", answer, datetime(2026, 1, 1, tzinfo=UTC))


def marked(blocks: list[dict], place: int) -> str:
    pieces = [piece for block in blocks for cell in block["cells"] for piece in cell]
    return "".join(piece["text"] for piece in pieces if place in piece["places"])


def test_links_hold_document_version_span_and_conversation(article: Document):
    citation = cite(article, QUOTE)
    assert citation_link(citation, "c1") == f"/article?d={article.id}&v={article.version}&s=28-48&c=c1"
    assert article_link("d1") == "/article?d=d1"
    assert conversation_link("a&b") == "/?c=a%26b"
    assert conversation_link("") == "/"


@given(start=st.integers(0, 10**9 - 2), length=st.integers(1, 100))
def test_the_span_of_a_link_reads_back(start: int, length: int):
    end = min(start + length, 10**9 - 1)
    assert parse_span(f"{start}-{end}") == Span(start, end)


@pytest.mark.parametrize("text", ["", "5", "5-5", "5-1", "-1-5", "1-2-3", "a-b", "٣-٥", "1-9999999999"])
def test_what_is_no_span_is_none(text: str):
    assert parse_span(text) is None


def test_a_quote_is_found_only_where_it_stands_once():
    assert find_once("a ship, a king", "king") == Span(10, 14)
    assert find_once("a ship, a ship", "ship") is None
    assert find_once("aaa", "aa") is None
    assert find_once("a ship", "") is None


def test_an_older_citation_is_found_by_its_words(article: Document):
    citation = cite(article, QUOTE)
    moved = "News. " + article.text
    assert locate(citation, article.text, article.version) == Span(28, 48)
    assert locate(citation, moved, "newer") == Span(34, 54)
    assert locate(citation, "Nothing of it.", "newer") is None


def test_context_is_the_rest_of_the_paragraph_and_ends_at_sentences():
    text = "Far away. " * 30 + "It stands here. " + "Near by. " * 30
    block = Block("paragraph", 0, len(text))
    start = text.index("It stands")
    before, after = context(text, [block], Span(start, start + 15))
    assert before.startswith("… Far away. ")
    assert after.endswith("Near by. …")
    assert len(before) < 180
    assert len(after) < 180


def test_a_table_row_has_no_context(article: Document):
    row = cite(article, "1871 | 12")
    assert context(article.text, article.blocks, Span(row.start, row.end)) == ("", "")


def test_a_link_to_the_same_version_marks_its_span(article: Document):
    assert reading.resolve(article, article.version, "28-48", []) == reading.Target(Span(28, 48))
    assert reading.resolve(article, "", "", []) == reading.Target(None)


@pytest.mark.parametrize("span", ["0-9999", "48-28", "x"])
def test_a_link_that_names_no_place_says_so(article: Document, span: str):
    assert reading.resolve(article, article.version, span, []) == reading.Target(None, reading.NO_PLACE)


def test_a_changed_article_shows_where_the_words_are_now(article: Document):
    cited = [(turn(1), cite(article, QUOTE))]
    newer = replace(article, version="newer", text="News. " + article.text)
    target = reading.resolve(newer, article.version, "28-48", cited)
    assert target == reading.Target(Span(34, 54), reading.CHANGED_FOUND)


def test_words_that_are_gone_are_shown_as_they_were_quoted(article: Document):
    cited = [(turn(1), cite(article, QUOTE))]
    newer = replace(article, version="newer", text="The king sleeps.")
    target = reading.resolve(newer, article.version, "28-48", cited)
    assert target == reading.Target(None, reading.CHANGED_LOST, QUOTE)
    assert reading.resolve(newer, article.version, "28-48", []) == reading.Target(
        None, reading.CHANGED_UNKNOWN
    )


def test_words_that_the_conversation_does_not_hold_any_more_are_not_shown(article: Document):
    cited = [(turn(1), replace(cite(article, QUOTE), quote=""))]
    newer = replace(article, version="newer", text="News. " + article.text)
    assert reading.resolve(newer, article.version, "28-48", cited) == reading.Target(
        None, reading.CHANGED_BLANK
    )
    assert reading.places(newer, cited, None) == []


def test_places_stand_in_the_order_of_the_text_and_the_target_is_among_them(article: Document):
    turns = [turn(1, cite(article, QUOTE, 2)), turn(2, cite(article, "The ship", 1))]
    cited = reading.cited(turns, article.id)
    assert [citation.number for _, citation in cited] == [2, 1]
    places = reading.places(article, cited, Span(9, 11))
    assert [(p.id, p.span.start, p.number, p.turn) for p in places] == [
        (0, 0, 1, 2),
        (1, 9, 0, 0),
        (2, 28, 2, 1),
    ]
    assert reading.cited(turns, "another") == []


def test_a_cited_row_is_marked_in_each_of_its_cells(article: Document):
    places = reading.places(article, [(turn(1), cite(article, "1871 | 12"))], None)
    blocks = reading.blocks(article, places)
    assert marked(blocks, 0) == "187112"
    assert [len(block["cells"]) for block in blocks if block["kind"] == "table_row"] == [2, 2]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 20)), max_size=6))
def test_marking_leaves_the_text_as_it_is(spans: list[tuple[int, int]]):
    text = "The ship is in the harbour. 😀 The king eats bread."
    document = Document("d", "v", "k", "", "", "", None, "", "", "", datetime.now(UTC), 0, 0, 0, text)
    document = replace(document, blocks=(Block("paragraph", 4, 20), Block("paragraph", 30, len(text))))
    places = [reading.Place(n, Span(a, min(a + b, len(text)))) for n, (a, b) in enumerate(spans)]
    blocks = reading.blocks(document, places)
    assert "".join(piece["text"] for b in blocks for cell in b["cells"] for piece in cell) == text
    for place in places:
        assert marked(blocks, place.id) == text[place.span.start : place.span.end]


def test_only_addresses_of_the_web_become_links():
    assert reading.web_address(" https://example.org/a ") == "https://example.org/a"
    for address in ("javascript:alert(1)", "data:text/html,x", "//example.org", "https:", "http://[", ""):
        assert reading.web_address(address) == ""
