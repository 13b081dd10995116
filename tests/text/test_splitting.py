"""Passages and sentences: they cover the text, in order, word for word, and end where a reader would."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.documents import Block
from rag.text.blocks import find_blocks, tidy_plain
from rag.text.canonical import Part, build_text
from rag.text.splitting import (
    LONGEST_ITEM_WORDS,
    LONGEST_SENTENCE_WORDS,
    block_sentences,
    split_document,
    split_sentences,
)

# In the form of an article that was pasted from a web page: no marks, no blank lines, slips.
ARTICLE = """\
In a sign of growing ties, Turkey adn the United States are reportedly exploring the lifting of restrictions.
Turkey and US Discuss Lifting Defence Industry Restrictions
According to a Turkish source, the talks have focused on mutual interests in technology sharing.The key points \
of discussion included:
- Joint military projects to bolster NATO’s collective defense strategy.
- Economic benefits thru increased defense industry transactions. They may come late.
These limitations stem from various geopolitical tensions,differing security policies,and concerns. key factors \
include the historical context of U.S.-Turkey relations.
Area of Cooperation | Potential Outcomes |
---|---|
Joint Military Exercises | Improved interoperability |
Technology Sharing | Access to advanced military systems |"""

# Whatever a paragraph may hold, with ends of sentences more often than chance would have it.
texts = st.lists(
    st.text(max_size=12)
    | st.sampled_from(["One. Two", ".", "!” ", "U.S. ", "5. Mai", " a b c d", "。", "\n", "x;"]),
    max_size=40,
).map("".join)
kinds = st.sampled_from(
    ["heading", "paragraph", "paragraph", "list_item", "table_header", "table_row", "code"]
)
words = st.integers(1, 120).map(lambda n: " ".join(f"word{i}{'.' if i % 13 == 12 else ''}" for i in range(n)))
parts = st.lists(st.builds(Part, kinds, words | texts, st.just(0)), max_size=12)


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


def passages(parts: list[Part], passage_words: int = 40) -> list[str]:
    text, blocks = build_text(parts)
    return [text[piece.start : piece.end] for piece in split_document(text, blocks, passage_words)]


@given(texts)
def test_sentences_hold_every_character_once_in_order(text: str):
    spans = split_sentences(text)
    assert "".join("".join(text[start:end].split()) for start, end in spans) == "".join(text.split())
    assert all(before <= after for (_, before), (after, _) in pairwise(spans))


@given(texts)
def test_sentences_have_no_spaces_around_them_and_a_bearable_length(text: str):
    for sentence in sentences(text):
        assert sentence == sentence.strip()
        assert 1 <= len(sentence.split()) <= LONGEST_SENTENCE_WORDS


@given(parts, st.integers(40, 400))
def test_passages_hold_every_sentence_of_every_block_but_headings(parts: list[Part], passage_words: int):
    text, blocks = build_text(parts)
    pieces = split_document(text, blocks, passage_words)
    expected = [span for b in blocks if b.kind != "heading" for span in block_sentences(text, b)]
    assert [span for piece in pieces for span in piece.sentences] == expected
    assert all((p.start, p.end) == (p.sentences[0].start, p.sentences[-1].end) for p in pieces)
    assert all(before.end <= after.start for before, after in pairwise(pieces))


@given(parts, st.integers(40, 400))
def test_no_passage_holds_a_heading_and_each_names_the_one_above(parts: list[Part], passage_words: int):
    text, blocks = build_text(parts)
    headings = [block for block in blocks if block.kind == "heading"]
    for piece in split_document(text, blocks, passage_words):
        assert not [h for h in headings if piece.start < h.end and h.start < piece.end]
        above = [text[h.start : h.end] for h in headings if h.end <= piece.start]
        assert piece.heading == (above[-1] if above else "")


@given(st.integers(1, 60), st.integers(40, 200))
def test_passages_are_about_as_long_as_asked_for(sentence_count: int, passage_words: int):
    part = Part("paragraph", "Ten words are in this short sentence, all ten words. " * sentence_count)
    lengths = [len(passage.split()) for passage in passages([part], passage_words)]
    assert max(lengths) <= 5 / 3 * passage_words + 10
    assert len(lengths) == 1 or min(lengths) >= passage_words / 2


def test_a_passage_stays_on_its_page():
    text = "First page. Second page."
    blocks = (Block("paragraph", 0, 11, page=1), Block("paragraph", 12, 24, page=2))
    found = [(piece.page, text[piece.start : piece.end]) for piece in split_document(text, blocks)]
    assert found == [(1, "First page."), (2, "Second page.")]


def test_a_table_that_goes_on_keeps_its_header():
    rows = [Part("table_row", f"Ship {n} | launched in the year {1900 + n}") for n in range(30)]
    text, blocks = build_text([Part("table_header", "Name | Year"), *rows, Part("paragraph", "After it.")])
    first, *others = split_document(text, blocks, 40)
    assert text[first.start :].startswith("Name | Year\nShip 0")
    assert first.header == ""
    assert len(others) > 2
    assert {piece.header for piece in others if piece.sentences[0].kind == "table_row"} == {"Name | Year"}


def test_a_table_header_is_never_parted_from_its_first_row():
    table = [Part("table_header", "Name | Year"), *[Part("table_row", "Ship | 1900")] * 13]
    for words_before in range(1, 120):
        found = passages([Part("paragraph", "Word. " * words_before), *table])
        assert [passage for passage in found if "Name | Year\nShip | 1900" in passage]


def test_a_header_does_not_reach_over_what_follows_its_table():
    parts = [Part("table_header", "Name | Year"), Part("table_row", "Ship | 1900")]
    text, blocks = build_text([*parts, *[Part("paragraph", "A sentence that goes on a bit. " * 5)] * 5])
    assert {piece.header for piece in split_document(text, blocks, 40)} == {""}


def test_a_list_item_is_one_unit_unless_it_is_long():
    short, long = "Export Controls: Strict. They hinder. ", "Sanctions: They are many. "
    for item, count in ((short, 1), (long * (LONGEST_ITEM_WORDS // 4 + 1), LONGEST_ITEM_WORDS // 4 + 1)):
        text, blocks = build_text([Part("list_item", item)])
        assert len(block_sentences(text, blocks[0])) == count


def test_the_pasted_article():
    spans = [
        s
        for block in find_blocks(ARTICLE)
        if block.kind != "heading"
        for s in block_sentences(ARTICLE, block)
    ]
    assert [ARTICLE[span.start : span.end] for span in spans] == [
        "In a sign of growing ties, Turkey adn the United States are reportedly exploring the lifting of restrictions.",
        "According to a Turkish source, the talks have focused on mutual interests in technology sharing.",
        "The key points of discussion included:",
        "Joint military projects to bolster NATO’s collective defense strategy.",
        "Economic benefits thru increased defense industry transactions. They may come late.",
        "These limitations stem from various geopolitical tensions,differing security policies,and concerns. "
        "key factors include the historical context of U.S.-Turkey relations.",
        "Area of Cooperation | Potential Outcomes",
        "Joint Military Exercises | Improved interoperability",
        "Technology Sharing | Access to advanced military systems",
    ]


def test_the_pasted_article_in_passages():
    text, blocks = tidy_plain(ARTICLE)
    first, second = split_document(text, blocks)
    assert (first.heading, second.heading) == (
        "",
        "Turkey and US Discuss Lifting Defence Industry Restrictions",
    )
    assert text[second.start :].startswith("According to a Turkish source")
    assert text[: second.end].endswith("Access to advanced military systems")


@pytest.mark.parametrize(
    "text",
    [
        "Mr. Smith met Dr. J. R. Jones of Acme Inc. in St. Louis.",
        "The U.S. Department of State, i.e. the ministry, paid $3.5 billion, cf. No. 7.",
        "Am 5. Mai 2020 kam z. B. Herr Dr. Müller.",
        "Cumhuriyet 29. Ekim 1923 günü ilan edildi.",
        "See https://example.org/a.Html or write to a.Person@example.org today.",
        "He asked “why?” and left... then returned.",
    ],
)
def test_what_ends_no_sentence(text: str):
    assert sentences(text) == [text]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("They shared it.The key was lost.", ["They shared it.", "The key was lost."]),
        ("“It is over.” He left.[3] She stayed!", ["“It is over.”", "He left.[3]", "She stayed!"]),
        ("It left the U.S. The ship sank.", ["It left the U.S.", "The ship sank."]),
        ("It stayed at 30 °C. A valve broke.", ["It stayed at 30 °C.", "A valve broke."]),
        ("It was 1923. Then came 1924.", ["It was 1923.", "Then came 1924."]),
        ("船が来た。王は去った。", ["船が来た。", "王は去った。"]),
        ("وصلت السفينة؟ غادر الملك.", ["وصلت السفينة؟", "غادر الملك."]),
    ],
)
def test_what_ends_a_sentence(text: str, found: list[str]):
    assert sentences(text) == found


def test_a_long_paragraph_takes_no_longer_than_many_short_ones():
    started = time.perf_counter()
    assert len(sentences("The king of Ruritania said so on Monday. " * 20_000)) == 20_000
    assert time.perf_counter() - started < 20  # a search to the paragraph's start would take minutes


def test_a_sentence_without_end_is_cut_at_a_comma_where_there_is_one():
    text = "word " * 50 + "comma, " + "word " * 60
    first, second = sentences(text)
    assert first.endswith("word comma,")
    assert len(second.split()) == 60
